/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/model/lora.h"
#include "core/model/rewrite.h"

#include "payload_floats.h"

static void a_slice_goes_and_the_rest_stays(void **unused)
{
    static const float in[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, want[4] = {2, 3, 8, 9};
    struct kf_arena *arena = kf_arena_create();
    struct kf_payload inner = floats(in, 2, 3);
    const struct kf_payload *out;
    struct kf_report rep;
    float got[4];
    bool fits;

    (void)unused;
    inner.rank = 3;
    inner.dims[2] = 2;
    out = kf_rewrite_slice(arena, &inner, 1, 1, &fits);
    assert_true(fits);
    assert_int_equal(out->rank, 2);
    assert_int_equal(out->dims[1], 2);
    pull_all(out, got);
    assert_memory_equal(got, want, sizeof(want));
    kf_report_init(&rep);
    assert_int_equal(out->pull(out, 4, got, 8, &rep), 0);
    kf_report_finish(&rep);
    assert_memory_equal(got, want + 1, 8);
    assert_null(kf_rewrite_slice(arena, &inner, 1, 3, &fits));
    assert_false(fits);
    kf_arena_destroy(arena);
}

static void axes_come_and_go_with_the_same_bytes(void **unused)
{
    static const float in[6] = {1, 2, 3, 4, 5, 6};
    struct kf_arena *arena = kf_arena_create();
    struct kf_payload inner = floats(in, 3, 2);
    const struct kf_payload *out;
    float got[6];
    bool fits;

    (void)unused;
    out = kf_rewrite_widen(arena, &inner, 1, &fits);
    assert_true(fits);
    assert_int_equal(out->rank, 3);
    assert_int_equal(out->dims[0], 3);
    assert_int_equal(out->dims[1], 1);
    assert_int_equal(out->dims[2], 2);
    out = kf_rewrite_rows(arena, out, &fits);
    assert_true(fits);
    assert_int_equal(out->rank, 2);
    assert_int_equal(out->dims[0], 3);
    pull_all(out, got);
    assert_memory_equal(got, in, sizeof(in));
    assert_null(kf_rewrite_rows(arena, &inner, &fits));
    assert_false(fits);
    assert_null(kf_rewrite_widen(arena, &inner, 3, &fits));
    assert_false(fits);
    kf_arena_destroy(arena);
}

static void small_values_are_raised(void **unused)
{
    static const float in[3] = {-1, 0.5F, 2}, want[3] = {1, 1, 2};
    struct kf_arena *arena = kf_arena_create();
    struct kf_payload inner = floats(in, 3, 0);
    float got[3];
    bool fits;

    (void)unused;
    pull_all(kf_rewrite_at_least(arena, &inner, 1, &fits), got);
    assert_true(fits);
    assert_memory_equal(got, want, sizeof(want));
    kf_arena_destroy(arena);
}

static void patches_add_up(void **unused)
{
    static const float in[6] = {1, 2, 3, 4, 5, 6};
    static const float want[12] = {10, 0, 4, 6, 0, 10, 10, 12, 0, 0, 0, 0};
    struct kf_arena *arena = kf_arena_create();
    struct kf_payload inner = floats(in, 2, 3), half = floats(in, 1, 6);
    const struct kf_patch patches[] = {
        {.rows = 2, .column = 2, .columns = 2, .of = &inner, .of_column = 1, .scale = 2},
        {.rows = 2, .columns = 2, .add = 10, .diagonal = true}};
    const uint64_t dims[] = {3, 4};
    const struct kf_payload *out;
    float got[12];
    bool fits;

    (void)unused;
    out = kf_rewrite_patch(arena, &inner, dims, 2, patches, 2, &fits);
    assert_true(fits);
    assert_int_equal(out->dims[0], 3);
    pull_all(out, got);
    assert_memory_equal(got, want, sizeof(want));
    half.dtype = KF_DTYPE_FLOAT16;
    assert_null(kf_rewrite_patch(arena, &half, dims, 2, patches, 2, &fits));
    assert_false(fits);
    kf_arena_destroy(arena);
}

static void the_product_of_lora_is_added(void **unused)
{
    static const float in[6] = {1, 2, 3, 4, 5, 6}, a[2] = {1, 2}, b[3] = {1, 0, -1};
    static const float want[6] = {1.5F, 2, 2.5F, 5, 5, 5};
    struct kf_arena *arena = kf_arena_create();
    struct kf_payload inner = floats(in, 2, 3), left = floats(a, 2, 1), right = floats(b, 1, 3);
    const struct kf_payload *out;
    struct kf_report rep;
    float got[6];

    (void)unused;
    kf_report_init(&rep);
    assert_int_equal(kf_lora_merged(&out, arena, &inner, &left, &right, 0.5, &rep), 0);
    pull_all(out, got);
    assert_memory_equal(got, want, sizeof(want));
    assert_int_equal(out->pull(out, 12, got, 8, &rep), 0);
    assert_memory_equal(got, want + 3, 8);
    assert_int_equal(kf_lora_merged(&out, arena, &inner, &right, &left, 0.5, &rep), 0);
    assert_null(out);
    kf_report_finish(&rep);
    kf_arena_destroy(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slice_goes_and_the_rest_stays),
        cmocka_unit_test(axes_come_and_go_with_the_same_bytes),
        cmocka_unit_test(small_values_are_raised),
        cmocka_unit_test(patches_add_up),
        cmocka_unit_test(the_product_of_lora_is_added),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
