/* SPDX-License-Identifier: Apache-2.0 */
#include "core_test.h"
#include <io/histogram.h>
#include <math.h>

static uint64_t total(const struct kf_histogram *histogram)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < histogram->n; i++)
        sum += histogram->counts[i];
    return sum;
}

static struct kf_histogram spread_of(enum kf_dtype dtype, const void *data, size_t n)
{
    struct kf_spread spread;
    struct kf_histogram out;

    kf_spread_init(&spread);
    kf_spread_update(&spread, dtype, data, n);
    kf_spread_finish(&spread, &out);
    return out;
}

/* The bin of a value, by the histogram's own words. */
static unsigned bin_of(const struct kf_histogram *histogram, double value)
{
    return (unsigned)floor((value - histogram->low) / histogram->width);
}

static void nothing_has_no_bins(void **state)
{
    struct kf_histogram out = spread_of(KF_DTYPE_FLOAT32, "", 0);

    (void)state;
    assert_int_equal(out.n, 0);
    assert_true(out.mean == 0 && out.least == 0 && out.greatest == 0);
}

static void values_stand_in_their_bins(void **state)
{
    double values[1000];
    struct kf_histogram out;
    uint64_t counts[KF_HISTOGRAM_BINS] = {0};

    (void)state;
    for (int i = 0; i < 1000; i++)
        values[i] = sin(i) * sin(i) * sin(i) * 0.3 - 0.05;
    out = spread_of(KF_DTYPE_FLOAT64, values, sizeof values);
    assert_in_range(out.n, KF_HISTOGRAM_BINS / 2, KF_HISTOGRAM_BINS);
    assert_int_equal(total(&out), 1000);
    assert_true(out.least >= out.low && out.greatest < out.low + out.width * out.n);
    for (int i = 0; i < 1000; i++)
        counts[bin_of(&out, values[i])]++;
    assert_memory_equal(counts, out.counts, sizeof counts);
}

static void the_order_of_values_does_not_matter(void **state)
{
    float up[512], down[512];
    struct kf_histogram a, b;

    (void)state;
    for (int i = 0; i < 512; i++)
        up[i] = down[511 - i] = ldexpf(i % 2 ? -1.0F : 1.5F, i / 16 - 20);
    a = spread_of(KF_DTYPE_FLOAT32, up, sizeof up);
    b = spread_of(KF_DTYPE_FLOAT32, down, sizeof down);
    assert_true(a.n == b.n && a.low == b.low && a.width == b.width);
    assert_memory_equal(a.counts, b.counts, sizeof a.counts);
}

static void what_is_not_finite_is_told_apart(void **state)
{
    const float values[] = {0.5F, NAN, INFINITY, -INFINITY, 0.25F};
    struct kf_histogram out = spread_of(KF_DTYPE_FLOAT32, values, sizeof values);

    (void)state;
    assert_int_equal(out.not_finite, 3);
    assert_int_equal(total(&out), 2);
    assert_true(out.mean == 0.375);
}

static void every_type_is_read(void **state)
{
    const int8_t small[] = {-128, 127};
    const uint64_t large[] = {UINT64_MAX, 0};
    const uint16_t half[] = {0x3c00, 0xbc00, 0x0001, 0x7c00}; /* 1, -1, 2^-24, infinity */
    const uint16_t upper[] = {0x3f80, 0xc000};                /* 1, -2 */
    struct kf_histogram out = spread_of(KF_DTYPE_INT8, small, sizeof small);

    (void)state;
    assert_true(out.least == -128 && out.greatest == 127);
    out = spread_of(KF_DTYPE_UINT64, large, sizeof large);
    assert_true(out.greatest == 0x1p64 && total(&out) == 2);
    out = spread_of(KF_DTYPE_FLOAT16, half, sizeof half);
    assert_true(out.least == -1 && out.greatest == 1 && out.not_finite == 1);
    assert_true(out.mean == 0x1p-24 / 3);
    out = spread_of(KF_DTYPE_BFLOAT16, upper, sizeof upper);
    assert_true(out.least == -2 && out.greatest == 1);
}

static void extremes_give_numbers(void **state)
{
    const double values[] = {0, 0x1p-1074, -1.7e308, 1.7e308, 1.7e308};
    struct kf_histogram out = spread_of(KF_DTYPE_FLOAT64, values, sizeof values);

    (void)state;
    assert_int_equal(total(&out), 5);
    assert_true(isfinite(out.low) && isfinite(out.width) && isfinite(out.mean));
    assert_true(out.least == -1.7e308 && out.greatest == 1.7e308);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_has_no_bins),
        cmocka_unit_test(values_stand_in_their_bins),
        cmocka_unit_test(the_order_of_values_does_not_matter),
        cmocka_unit_test(what_is_not_finite_is_told_apart),
        cmocka_unit_test(every_type_is_read),
        cmocka_unit_test(extremes_give_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
