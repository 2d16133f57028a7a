/* SPDX-License-Identifier: Apache-2.0 */
#include "core/onnx/blocks.h"
#include "core/onnx/fold.h"
#include "core/onnx/layer.h"
#include "core_test.h"
#include <math.h>
#include <string.h>

/* Weights that stand in memory. */
static int pull_floats(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                       struct kf_report *rep)
{
    (void)rep;
    memcpy(to, (const char *)payload->state + at, n);
    return 0;
}

static struct kf_payload floats(const float *values, uint64_t n)
{
    return (struct kf_payload){.dtype = KF_DTYPE_FLOAT32,
                               .rank = 1,
                               .dims = {n},
                               .pull = pull_floats,
                               .file_at = KF_NOWHERE,
                               .state = values};
}

static void gates_are_put_in_order_and_the_rest_is_zeros(void **state)
{
    static const float values[] = {0, 1, 2, 3, 4, 5, 6, 7};
    static const float wanted[] = {0, 1, 6, 7, 2, 3, 4, 5, 0, 0, 0, 0, 0, 0, 0, 0};
    const struct kf_onnx_blocks how = {.n = 4, .order = {0, 3, 1, 2}, .rank = 2, .dims = {1, 16}};
    struct kf_payload inner = floats(values, 8);
    KF_AUTO(kf_arena) arena = kf_arena_create();
    const struct kf_payload *made;
    float whole[16], piece[5];
    struct kf_report rep;
    bool fits;

    (void)state;
    kf_report_init(&rep);
    made = kf_onnx_put_blocks(arena, &inner, &how, &fits);
    assert_non_null(made);
    assert_int_equal(made->pull(made, 0, whole, sizeof(whole), &rep), 0);
    assert_memory_equal(whole, wanted, sizeof(wanted));
    assert_int_equal(made->pull(made, 5 * sizeof(float), piece, sizeof(piece), &rep), 0);
    assert_memory_equal(piece, wanted + 5, sizeof(piece));
    kf_report_finish(&rep);
}

static void blocks_that_do_not_divide_do_not_fit(void **state)
{
    static const float values[6] = {0};
    const struct kf_onnx_blocks four = {.n = 4, .rank = 1, .dims = {12}};
    const struct kf_onnx_blocks small = {.n = 2, .order = {1, 0}, .rank = 1, .dims = {4}};
    struct kf_payload inner = floats(values, 6);
    KF_AUTO(kf_arena) arena = kf_arena_create();
    bool fits = true;

    (void)state;
    assert_null(kf_onnx_put_blocks(arena, &inner, &four, &fits));
    assert_false(fits);
    assert_null(kf_onnx_put_blocks(arena, &inner, &small, &fits));
    assert_false(fits);
}

static void normalization_is_a_scale_and_a_shift(void **state)
{
    static const float gamma[] = {2, 3}, mean[] = {1, -2}, variance[] = {3, 15};
    struct kf_payload payloads[3] = {floats(gamma, 2), floats(mean, 2), floats(variance, 2)};
    const struct kf_onnx_folded folded = {
        .gamma = &payloads[0], .mean = &payloads[1], .variance = &payloads[2], .epsilon = 1};
    KF_AUTO(kf_arena) arena = kf_arena_create();
    const struct kf_payload *scale = kf_onnx_fold_scale(arena, &folded);
    const struct kf_payload *shift = kf_onnx_fold_shift(arena, &folded);
    struct kf_report rep;
    float got[2];

    (void)state;
    kf_report_init(&rep);
    assert_int_equal(scale->pull(scale, 0, got, sizeof(got), &rep), 0);
    assert_true(fabsf(got[0] - 1) < 1e-6F && fabsf(got[1] - 0.75F) < 1e-6F);
    assert_int_equal(shift->pull(shift, 0, got, sizeof(got), &rep), 0);
    assert_true(fabsf(got[0] + 1) < 1e-6F && fabsf(got[1] - 1.5F) < 1e-6F);
    kf_report_finish(&rep);
}

static void dtypes_meet_as_in_keras(void **state)
{
    (void)state;
    assert_int_equal(kf_onnx_promote(KF_DTYPE_NONE, KF_DTYPE_BOOL), KF_DTYPE_BOOL);
    assert_int_equal(kf_onnx_promote(KF_DTYPE_BOOL, KF_DTYPE_INT8), KF_DTYPE_INT8);
    assert_int_equal(kf_onnx_promote(KF_DTYPE_INT64, KF_DTYPE_FLOAT16), KF_DTYPE_FLOAT16);
    assert_int_equal(kf_onnx_promote(KF_DTYPE_FLOAT16, KF_DTYPE_BFLOAT16), KF_DTYPE_FLOAT32);
    assert_int_equal(kf_onnx_promote(KF_DTYPE_UINT8, KF_DTYPE_INT8), KF_DTYPE_INT16);
    assert_int_equal(kf_onnx_promote(KF_DTYPE_INT32, KF_DTYPE_UINT32), KF_DTYPE_INT64);
    assert_int_equal(kf_onnx_promote(KF_DTYPE_UINT64, KF_DTYPE_INT8), KF_DTYPE_FLOAT32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gates_are_put_in_order_and_the_rest_is_zeros),
        cmocka_unit_test(blocks_that_do_not_divide_do_not_fit),
        cmocka_unit_test(normalization_is_a_scale_and_a_shift),
        cmocka_unit_test(dtypes_meet_as_in_keras),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
