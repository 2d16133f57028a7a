/* SPDX-License-Identifier: Apache-2.0 */
#include "core_test.h"

#include "core/io/zip/npy.h"

static struct kf_arena *arena;
static struct kf_report rep;

static int setup(void **unused)
{
    (void)unused;
    arena = kf_arena_create();
    kf_report_init(&rep);
    return arena ? 0 : -1;
}

static int teardown(void **unused)
{
    (void)unused;
    kf_report_finish(&rep);
    kf_arena_destroy(arena);
    return 0;
}

/* A file of version `major` with this header and these elements. */
static struct kf_source make_npy(unsigned major, const char *header, const void *data, size_t n)
{
    unsigned char file[1024] = "\x93NUMPY";
    size_t length = strlen(header), wide = major == 1 ? 2 : 4;

    file[6] = (unsigned char)major;
    file[8] = (unsigned char)length;
    file[9] = (unsigned char)(length >> 8);
    memcpy(file + 8 + wide, header, length);
    memcpy(file + 8 + wide + length, data, n);
    return make_source(file, 8 + wide + length + n);
}

static const unsigned char bytes[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

/* Element `i` of an int16 payload, as a number. */
static int element(const struct kf_payload *payload, size_t i)
{
    unsigned char two[2];

    assert_int_equal(payload->pull(payload, 2 * i, two, 2, &rep), 0);
    return two[0] | two[1] << 8;
}

static void every_version_is_read(void **unused)
{
    (void)unused;
    for (unsigned major = 1; major <= 3; major++) {
        struct kf_source src = make_npy(
            major, "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }\n", bytes, 12);
        const struct kf_payload *payload;

        assert_int_equal(kf_npy_payload(&payload, &src, arena, &rep), 0);
        assert_int_equal(payload->dtype, KF_DTYPE_INT16);
        assert_int_equal(payload->rank, 2);
        assert_int_equal(payload->dims[0], 2);
        assert_int_equal(payload->dims[1], 3);
        assert_int_equal(element(payload, 1), 0x0302);
        close(src.fd);
    }
}

static void headers_are_read_back(void **unused)
{
    static const enum kf_dtype kinds[] = {KF_DTYPE_FLOAT16, KF_DTYPE_BFLOAT16, KF_DTYPE_INT16};

    (void)unused;
    for (unsigned rank = 0; rank <= KF_RANK_MAX; rank++) {
        struct kf_payload made = {.dtype = kinds[rank % 3], .rank = rank};
        char file[KF_NPY_HEADER_MAX + 12];
        const struct kf_payload *payload;
        struct kf_source src;
        size_t n;

        for (unsigned i = 0; i < rank; i++)
            made.dims[i] = i == 0 ? 6 : 1;
        n = kf_npy_header(file, &made);
        assert_int_equal(n % 64, 0);
        memcpy(file + n, bytes, 12);
        src = make_source(file, n + (rank ? 12 : 2));
        assert_int_equal(kf_npy_payload(&payload, &src, arena, &rep), 0);
        assert_int_equal(payload->dtype, made.dtype);
        assert_int_equal(payload->rank, rank);
        assert_memory_equal(payload->dims, made.dims, rank * sizeof(*made.dims));
        assert_int_equal(element(payload, 0), 0x0100);
        close(src.fd);
    }
}

static void orders_are_made_one(void **unused)
{
    static const char *const headers[] = {
        "{'shape': (3, 2), 'fortran_order': True, 'descr': '<i2'}",
        "{'descr':'>i2','fortran_order':False,'shape':(6,)}",
    };
    static const int wanted[][6] = {{0x0100, 0x0706, 0x0302, 0x0908, 0x0504, 0x0b0a},
                                    {0x0001, 0x0203, 0x0405, 0x0607, 0x0809, 0x0a0b}};

    (void)unused;
    for (size_t k = 0; k < 2; k++) {
        struct kf_source src = make_npy(1, headers[k], bytes, 12);
        const struct kf_payload *payload;

        assert_int_equal(kf_npy_payload(&payload, &src, arena, &rep), 0);
        assert_int_equal(payload->dims[0], k ? 6 : 3);
        for (size_t i = 0; i < 6; i++)
            assert_int_equal(element(payload, i), wanted[k][i]);
        close(src.fd);
    }
}

static void a_number_has_no_axes(void **unused)
{
    struct kf_source src =
        make_npy(1, "{'descr': '|u1', 'fortran_order': False, 'shape': ()}", bytes + 7, 1);
    const struct kf_payload *payload;

    (void)unused;
    assert_int_equal(kf_npy_payload(&payload, &src, arena, &rep), 0);
    assert_int_equal(payload->rank, 0);
    close(src.fd);
}

static void what_is_no_array_is_refused(void **unused)
{
    static const struct {
        const char *header;
        enum kf_code code;
    } wrong[] = {
        {"", KF_CORRUPT},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3}", KF_CORRUPT},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (2, -3)}", KF_CORRUPT},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (2, 4)}", KF_CORRUPT},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (0, 3)}", KF_CORRUPT},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (9223372036854775807, 4)}", KF_CORRUPT},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': 6}", KF_CORRUPT},
        {"{'descr': '<i2', 'fortran_order': None, 'shape': (6,)}", KF_CORRUPT},
        {"{'descr': [('a', '<i2')], 'fortran_order': False, 'shape': (6,)}", KF_CORRUPT},
        {"{'fortran_order': False, 'shape': (6,)}", KF_CORRUPT},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (6,)}", KF_UNSAFE},
        {"{'descr': '<U3', 'fortran_order': False, 'shape': (1,)}", KF_VALUE_NO_EQUAL},
        {"{'descr': '|V4', 'fortran_order': False, 'shape': (6,)}", KF_VALUE_NO_EQUAL},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct kf_source src = make_npy(1, wrong[i].header, bytes, 12);
        const struct kf_payload *payload;

        assert_int_equal(kf_npy_payload(&payload, &src, arena, &rep), -(int)wrong[i].code);
        assert_reported(&rep, wrong[i].code);
        close(src.fd);
    }
}

/* Cut anywhere, and nothing is read behind the end. */
static void a_torn_file_is_refused(void **unused)
{
    struct kf_source src =
        make_npy(1, "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3)}", bytes, 12);
    const struct kf_payload *payload;
    uint64_t size = src.size;

    (void)unused;
    for (src.size = 0; src.size < size; src.size++)
        assert_int_equal(kf_npy_payload(&payload, &src, arena, &rep), -KF_CORRUPT);
    close(src.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_version_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(headers_are_read_back, setup, teardown),
        cmocka_unit_test_setup_teardown(orders_are_made_one, setup, teardown),
        cmocka_unit_test_setup_teardown(a_number_has_no_axes, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_array_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_torn_file_is_refused, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
