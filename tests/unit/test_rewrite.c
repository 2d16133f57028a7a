/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/model/numbers.h"
#include "core/model/rewrite.h"

/* A payload over floats in memory. */
static int pull_memory(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                       struct kf_report *rep)
{
    (void)rep;
    memcpy(to, (const char *)payload->state + at, n);
    return 0;
}

static struct kf_payload floats(const float *values, uint64_t rows, uint64_t columns)
{
    struct kf_payload payload = {.dtype = KF_DTYPE_FLOAT32,
                                 .rank = columns ? 2 : 1,
                                 .dims = {rows, columns},
                                 .pull = pull_memory,
                                 .file_at = KF_NOWHERE,
                                 .state = values};
    return payload;
}

static void pull_all(const struct kf_payload *payload, float *to)
{
    struct kf_report rep;

    kf_report_init(&rep);
    assert_int_equal(payload->pull(payload, 0, to, (size_t)kf_payload_bytes(payload), &rep), 0);
    kf_report_finish(&rep);
}

static void scale_touches_only_masked_gates(void **unused)
{
    static const float in[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct kf_arena *arena = kf_arena_create();
    struct kf_payload inner = floats(in, 2, 4);
    const struct kf_payload *out;
    float got[8];
    bool fits;

    (void)unused;
    out = kf_rewrite_scale(arena, &inner, 4, 11, 2.0, &fits);
    assert_true(fits);
    pull_all(out, got);
    for (int i = 0; i < 8; i++) {
        float want = i % 4 == 2 ? in[i] : 2 * in[i];

        assert_float_equal(got[i], want, 0);
    }
    kf_arena_destroy(arena);
}

static void scale_refuses_what_gates_do_not_divide(void **unused)
{
    static const float in[6] = {0};
    struct kf_arena *arena = kf_arena_create();
    struct kf_payload inner = floats(in, 2, 3);
    bool fits = true;

    (void)unused;
    assert_null(kf_rewrite_scale(arena, &inner, 4, 1, 2.0, &fits));
    assert_false(fits);
    kf_arena_destroy(arena);
}

/* kernel.T.reshape(kernel.shape, order="F") of NumPy, gate by gate. */
static void gates_in_columns_become_rows(void **unused)
{
    static const float in[12] = {0, 2, 4, 10, 12, 14, 1, 3, 5, 11, 13, 15};
    static const float want[12] = {0, 4, 3, 10, 14, 13, 2, 1, 5, 12, 11, 15};
    struct kf_arena *arena = kf_arena_create();
    struct kf_payload inner = floats(in, 2, 6);
    const struct kf_payload *out;
    float got[12];
    bool fits;

    (void)unused;
    out = kf_rewrite_gates(arena, &inner, 2, KF_GATE_COLUMNS, &fits);
    assert_true(fits);
    pull_all(out, got);
    assert_memory_equal(got, want, sizeof(want));
    kf_arena_destroy(arena);
}

static void gates_are_transposed_each(void **unused)
{
    static const float in[8] = {1, 2, 5, 6, 3, 4, 7, 8};
    static const float want[8] = {1, 3, 5, 7, 2, 4, 6, 8};
    struct kf_arena *arena = kf_arena_create();
    struct kf_payload inner = floats(in, 2, 4);
    const struct kf_payload *out;
    float got[8];
    bool fits;

    (void)unused;
    out = kf_rewrite_gates(arena, &inner, 2, KF_GATE_TRANSPOSED, &fits);
    assert_true(fits);
    pull_all(out, got);
    assert_memory_equal(got, want, sizeof(want));
    kf_arena_destroy(arena);
}

static void halves_are_added(void **unused)
{
    static const float in[6] = {1, 2, 3, 10, 20, 30};
    static const float want[3] = {11, 22, 33};
    struct kf_arena *arena = kf_arena_create();
    struct kf_payload inner = floats(in, 6, 0);
    const struct kf_payload *out;
    float got[3];
    bool fits;

    (void)unused;
    out = kf_rewrite_sum_halves(arena, &inner, &fits);
    assert_true(fits);
    assert_int_equal(out->dims[0], 3);
    pull_all(out, got);
    assert_memory_equal(got, want, sizeof(want));
    kf_arena_destroy(arena);
}

static void half_precision_rounds_like_numpy(void **unused)
{
    static const struct {
        double value;
        uint16_t bits;
    } cases[] = {{1.0, 0x3c00},   {-2.5, 0xc100},           {65504, 0x7bff},
                 {65520, 0x7c00}, {6.103515625e-5, 0x0400}, {5.96e-8, 0x0001},
                 {0.1, 0x2e66},   {1.0009765625, 0x3c01},   {1.00048828125, 0x3c00},
                 {2047.9, 0x6800}};
    uint16_t bits;

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        kf_number_write(KF_DTYPE_FLOAT16, &bits, cases[i].value);
        assert_int_equal(bits, cases[i].bits);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scale_touches_only_masked_gates),
        cmocka_unit_test(scale_refuses_what_gates_do_not_divide),
        cmocka_unit_test(gates_in_columns_become_rows),
        cmocka_unit_test(gates_are_transposed_each),
        cmocka_unit_test(halves_are_added),
        cmocka_unit_test(half_precision_rounds_like_numpy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
