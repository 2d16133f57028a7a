/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "core/model/constant.h"
#include "core/model/numbers.h"
#include "core/model/rewrite.h"
#include "core/model/rewrite_order.h"

#include "payload_floats.h"

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

static void signs_are_taken_off(void **unused)
{
    static const float in[4] = {-1.5f, 2, -0.0f, -1e-40f}, want[4] = {1.5f, 2, 0, 1e-40f};
    static const float filled[4] = {-1, -1, -1, -1};
    struct kf_arena *arena = kf_arena_create();
    struct kf_payload inner = floats(in, 4, 0);
    const struct kf_payload *out;
    float got[4];
    bool fits;

    (void)unused;
    out = kf_rewrite_absolute(arena, &inner, &fits);
    assert_true(fits);
    pull_all(out, got);
    assert_memory_equal(got, want, sizeof(want));
    pull_all(kf_filled(arena, out, -1), got);
    assert_memory_equal(got, filled, sizeof(filled));
    inner.dtype = KF_DTYPE_INT32;
    assert_null(kf_rewrite_absolute(arena, &inner, &fits));
    assert_false(fits);
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

static void joined_rows_stand_side_by_side(void **unused)
{
    static const float a[4] = {1, 2, 3, 4}, b[2] = {5, 6};
    static const float want[6] = {1, 2, 5, 3, 4, 6};
    struct kf_arena *arena = kf_arena_create();
    struct kf_payload one = floats(a, 2, 2), two = floats(b, 2, 1);
    const struct kf_payload *pieces[] = {&one, &two}, *out;
    struct kf_report rep;
    float got[6];
    bool fits;

    (void)unused;
    out = kf_rewrite_join(arena, pieces, 2, &fits);
    assert_true(fits);
    assert_int_equal(out->dims[1], 3);
    pull_all(out, got);
    assert_memory_equal(got, want, sizeof(want));
    kf_report_init(&rep);
    assert_int_equal(out->pull(out, 8, got, 12, &rep), 0); /* across a row and two pieces */
    assert_memory_equal(got, want + 2, 12);
    kf_report_finish(&rep);
    kf_arena_destroy(arena);
}

static void join_refuses_pieces_of_other_heights(void **unused)
{
    static const float a[6] = {0};
    struct kf_arena *arena = kf_arena_create();
    struct kf_payload one = floats(a, 2, 2), two = floats(a, 3, 2), flat = floats(a, 4, 0);
    const struct kf_payload *uneven[] = {&one, &two}, *ranks[] = {&one, &flat};
    bool fits = true;

    (void)unused;
    assert_null(kf_rewrite_join(arena, uneven, 2, &fits));
    assert_false(fits);
    assert_null(kf_rewrite_join(arena, ranks, 2, &fits));
    assert_false(fits);
    kf_arena_destroy(arena);
}

static void transposed_axes_change_places(void **unused)
{
    /* (2, 1, 3) as (3, 2, 1): out[k][i][0] = in[i][0][k] */
    static const float in[6] = {0, 1, 2, 10, 11, 12}, want[6] = {0, 10, 1, 11, 2, 12};
    static const unsigned axes[] = {2, 0, 1};
    struct kf_arena *arena = kf_arena_create();
    struct kf_payload inner = {
        .dtype = KF_DTYPE_FLOAT32, .rank = 3, .dims = {2, 1, 3}, .pull = pull_memory, .state = in};
    const struct kf_payload *out;
    float got[6];
    bool fits;

    (void)unused;
    out = kf_rewrite_transpose(arena, &inner, axes, 3, &fits);
    assert_true(fits);
    assert_int_equal(out->dims[0], 3);
    assert_int_equal(out->dims[1], 2);
    assert_int_equal(out->dims[2], 1);
    pull_all(out, got);
    assert_memory_equal(got, want, sizeof(want));
    out = kf_rewrite_squeeze(arena, out, 2, &fits);
    assert_true(fits);
    assert_int_equal(out->rank, 2);
    pull_all(out, got);
    assert_memory_equal(got, want, sizeof(want));
    assert_null(kf_rewrite_squeeze(arena, out, 0, &fits));
    assert_false(fits);
    assert_null(kf_rewrite_transpose(arena, out, axes, 3, &fits));
    assert_false(fits);
    kf_arena_destroy(arena);
}

/* Rows of any length, that fit into a read many at a time or not at all, in each size. */
static void rows_of_any_length_become_columns(void **unused)
{
    static const uint64_t lengths[] = {2, 3, 8, 9, 33, 127, 700, 2100};
    static const enum kf_dtype dtypes[] = {KF_DTYPE_INT8, KF_DTYPE_FLOAT16, KF_DTYPE_FLOAT32,
                                           KF_DTYPE_FLOAT64};
    static unsigned char in[8 * 3 * 21 * 2100], got[sizeof in];

    (void)unused;
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (unsigned char)(i * 2654435761U >> 11);
    for (size_t i = 0; i < 4 * sizeof lengths / sizeof lengths[0]; i++) {
        const uint64_t row = lengths[i / 4], rows = 21, size = kf_dtype_size(dtypes[i % 4]);
        struct kf_arena *arena = kf_arena_create();
        struct kf_payload inner = {.dtype = dtypes[i % 4],
                                   .rank = 3,
                                   .dims = {3, rows, row},
                                   .pull = pull_memory,
                                   .state = in};
        bool fits;
        const struct kf_payload *out =
            kf_rewrite_transpose(arena, &inner, (unsigned[]){0, 2, 1}, 3, &fits);

        pull_all(out, got);
        for (uint64_t at = 0; at < 3 * rows * row; at++) {
            uint64_t a = at / (rows * row), b = at / row % rows, c = at % row;

            assert_memory_equal(got + ((a * row + c) * rows + b) * size, in + at * size, size);
        }
        kf_arena_destroy(arena);
    }
}

static void deviations_become_variances(void **unused)
{
    static const float in[2] = {2, 0.5F};
    struct kf_arena *arena = kf_arena_create();
    struct kf_payload inner = floats(in, 2, 0);
    const struct kf_payload *out;
    float got[2];
    bool fits;

    (void)unused;
    out = kf_rewrite_square(arena, &inner, 0.25, &fits);
    assert_true(fits);
    pull_all(out, got);
    assert_float_equal(got[0], 4.8125F, 1e-6);
    assert_float_equal(got[1], 0.3125F, 1e-6);
    kf_arena_destroy(arena);
}

/* Where CuDNN keeps what LSTM and GRU have at (row, gate, unit) of a (rows, gates * units) kernel.
 */
static uint64_t cudnn_place(enum kf_gate_layout layout, uint64_t rows, uint64_t gates,
                            uint64_t units, uint64_t row, uint64_t gate, uint64_t unit)
{
    uint64_t flat = unit * rows + row; /* within the matrix of the gate */

    if (layout == KF_GATE_TRANSPOSED)
        return unit * gates * units + gate * units + row;
    return flat / units * gates * units + gate * units + flat % units;
}

static void check_large_gates(enum kf_gate_layout layout, uint64_t rows, uint64_t gates,
                              uint64_t units)
{
    uint64_t n = rows * gates * units, bytes = n * sizeof(float);
    float *in = malloc(bytes), *got = malloc(bytes);
    struct kf_arena *arena = kf_arena_create();
    struct kf_payload inner = floats(in, rows, gates * units);
    const struct kf_payload *out;
    struct kf_report rep;
    bool fits;

    kf_report_init(&rep);
    for (uint64_t i = 0; i < n; i++)
        in[i] = (float)i; /* below 2^24: exact */
    out = kf_rewrite_gates(arena, &inner, (unsigned)gates, layout, &fits);
    assert_non_null(out);
    for (uint64_t at = 0, piece; at < bytes; at += piece) {
        piece = bytes - at < 1000004 ? bytes - at : 1000004;
        assert_int_equal(out->pull(out, at, (char *)got + at, (size_t)piece, &rep), 0);
    }
    for (uint64_t i = 0; i < n; i++) {
        uint64_t column = i % (gates * units);
        uint64_t from = cudnn_place(layout, rows, gates, units, i / (gates * units), column / units,
                                    column % units);

        if (got[i] != in[from])
            assert_int_equal(i, SIZE_MAX);
    }
    kf_arena_destroy(arena);
    kf_report_finish(&rep);
    free(in);
    free(got);
}

static void kernels_larger_than_a_tile_are_turned_too(void **unused)
{
    (void)unused;
    check_large_gates(KF_GATE_TRANSPOSED, 1200, 4, 1200);
    check_large_gates(KF_GATE_COLUMNS, 2001, 3, 1100);
}

static void count(void *user, const void *bytes, size_t n)
{
    (void)bytes;
    *(uint64_t *)user += n;
}

/* The same by way of the file that it is written to piece by piece, in tiles of a tenth of it. */
static void check_spread(const struct kf_payload *out, const char *want, struct kf_report *rep)
{
    char piece[30000];
    uint64_t bytes = kf_payload_bytes(out), seen = 0;
    struct kf_sink sink = {.fd = memfd_create("spread", MFD_CLOEXEC), .base = 3};
    struct kf_scratch scratch = {&sink, 5, count, &seen};

    assert_true(sink.fd >= 0);
    assert_int_equal(kf_order_spread(out, bytes / 10 + 8, &scratch, rep), 0);
    assert_int_equal(seen, bytes);
    for (uint64_t at = 0, n; at < bytes; at += n) {
        n = bytes - at < sizeof(piece) ? bytes - at : sizeof(piece);
        assert_int_equal(out->pull(out, at, piece, (size_t)n, rep), 0);
        assert_memory_equal(piece, want + at, n);
        memset(piece, 0x55, sizeof(piece)); /* what was pulled may be written over */
        assert_int_equal(kf_sink_write(&sink, 5 + at, piece, (size_t)n, "", rep), 0);
    }
    kf_rewrite_spread_end(out);
    assert_int_equal(out->pull(out, 0, piece, kf_dtype_size(out->dtype), rep), 0);
    assert_memory_equal(piece, want, kf_dtype_size(out->dtype));
    kf_sink_finish(&sink);
}

/* Each order of four axes, in elements of each size: whole lines, strips and short ones. */
static void check_order(const uint64_t *dims, const unsigned *axes, enum kf_dtype dtype)
{
    uint64_t n = dims[0] * dims[1] * dims[2] * dims[3];
    size_t size = kf_dtype_size(dtype);
    char *in = malloc(n * size), *got = malloc(n * size);
    struct kf_arena *arena = kf_arena_create();
    struct kf_payload inner = {
        .dtype = dtype, .rank = 4, .pull = pull_memory, .file_at = KF_NOWHERE, .state = in};
    const struct kf_payload *out;
    struct kf_report rep;
    bool fits;

    kf_report_init(&rep);
    memcpy(inner.dims, dims, 4 * sizeof(*dims));
    for (uint64_t i = 0; i < n * size; i++)
        in[i] = (char)(i * 31 + i / 251);
    out = kf_rewrite_transpose(arena, &inner, axes, 4, &fits);
    assert_non_null(out);
    assert_int_equal(out->pull(out, 0, got, n * size, &rep), 0);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t index[4], from = 0, rest = i;

        for (unsigned axis = 4; axis-- > 0; rest /= dims[axes[axis]])
            index[axes[axis]] = rest % dims[axes[axis]];
        for (unsigned axis = 0; axis < 4; axis++)
            from = from * dims[axis] + index[axis];
        if (memcmp(got + i * size, in + from * size, size) != 0)
            assert_int_equal(i, SIZE_MAX);
    }
    if (axes[3] != 3) /* else rows stay rows, and are pulled one by one */
        check_spread(out, got, &rep);
    kf_arena_destroy(arena);
    kf_report_finish(&rep);
    free(in);
    free(got);
}

static void axes_of_all_orders_change_places(void **unused)
{
    static const enum kf_dtype dtypes[] = {KF_DTYPE_INT8, KF_DTYPE_FLOAT16, KF_DTYPE_FLOAT32,
                                           KF_DTYPE_FLOAT64};
    static const uint64_t shapes[][4] = {
        {3, 18, 5, 530}, {2, 3, 33, 1100}, {40, 3, 2, 7}, {1, 257, 1, 512}, {5, 1, 1, 3}};

    (void)unused;
    for (unsigned code = 0; code < 256; code++) {
        const unsigned axes[4] = {code & 3, code >> 2 & 3, code >> 4 & 3, code >> 6};

        if ((1u << axes[0] | 1u << axes[1] | 1u << axes[2] | 1u << axes[3]) != 0xf)
            continue;
        for (size_t i = 0; i < 4; i++)
            for (size_t j = 0; j < 5; j++)
                check_order(shapes[j], axes, dtypes[i]);
    }
}

static void flatten_joins_the_last_axes(void **unused)
{
    static const float in[6] = {1, 2, 3, 4, 5, 6};
    struct kf_arena *arena = kf_arena_create();
    struct kf_payload inner = floats(in, 2, 3), vector = floats(in, 6, 0);
    const struct kf_payload *out;
    float got[6];
    bool fits;

    (void)unused;
    out = kf_rewrite_flatten(arena, &inner, &fits);
    assert_true(fits);
    assert_int_equal(out->rank, 1);
    assert_int_equal(out->dims[0], 6);
    pull_all(out, got);
    assert_memory_equal(got, in, sizeof(in));
    assert_null(kf_rewrite_flatten(arena, &vector, &fits));
    assert_false(fits);
    kf_arena_destroy(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scale_touches_only_masked_gates),
        cmocka_unit_test(scale_refuses_what_gates_do_not_divide),
        cmocka_unit_test(gates_in_columns_become_rows),
        cmocka_unit_test(gates_are_transposed_each),
        cmocka_unit_test(halves_are_added),
        cmocka_unit_test(signs_are_taken_off),
        cmocka_unit_test(half_precision_rounds_like_numpy),
        cmocka_unit_test(joined_rows_stand_side_by_side),
        cmocka_unit_test(join_refuses_pieces_of_other_heights),
        cmocka_unit_test(transposed_axes_change_places),
        cmocka_unit_test(rows_of_any_length_become_columns),
        cmocka_unit_test(axes_of_all_orders_change_places),
        cmocka_unit_test(kernels_larger_than_a_tile_are_turned_too),
        cmocka_unit_test(deviations_become_variances),
        cmocka_unit_test(flatten_joins_the_last_axes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
