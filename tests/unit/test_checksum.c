/* SPDX-License-Identifier: Apache-2.0
 *
 * The published check values of "123456789", and the same taken in pieces.
 */
#include "remote/checksum.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define N_OF(list) (sizeof(list) / sizeof((list)[0]))

/* `value` is that of "123456789", the others are those of the bytes below. */
static const struct {
    const char *name, *value, *of_many, *of_squares;
} rows[] = {
    {"crc64nvme", "rosUhgp5mIg=", "6/qKcLNrnSU=", "mk1hsHVePyo="},
    {"crc32", "y/Q5Jg==", "C85lLw==", "eHz3Fw=="},
    {"crc32c", "4waSgw==", "ssV1XA==", "WaoWKg=="},
    {"sha1", "98O8HYCOBHMq32eZZczDTKeuNEE=", "nTJVnwK1dw1D59XfFtaUoR/xhBA=",
     "um0v38f6Ug6r/uylw4ADJXVp/ps="},
    {"sha256",
     "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=", "6CG/LF174F5Z9Nqg/rLkNrchCDakT52Khj2l32R2RzY=",
     "zmuP0IyALNJcQsCUL/PoL5g/4Rzizpg7m6hW2/27m2U="},
};

static void check_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(rows); i++)
        for (size_t cut = 0; cut <= 9; cut++) {
            KF_AUTO(checksum) sum = checksum_create(rows[i].name);

            assert_non_null(sum);
            assert_true(checksum_add(sum, "123456789", cut));
            assert_true(checksum_add(sum, &"123456789"[cut], 9 - cut));
            assert_true(checksum_is(sum, rows[i].value));
        }
}

/* Eight bytes at a time are the same as one at a time, wherever that begins. */
static void many_bytes(void **state)
{
    static unsigned char data[1000];

    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i * 7 + i / 3);
    for (size_t i = 0; i < N_OF(rows); i++) {
        KF_AUTO(checksum) one = checksum_create(rows[i].name);
        KF_AUTO(checksum) all = checksum_create(rows[i].name);

        for (size_t k = 0; k < sizeof data; k++)
            assert_true(checksum_add(one, data + k, 1));
        assert_true(checksum_add(all, data, sizeof data));
        assert_true(checksum_is(one, rows[i].of_many));
        assert_true(checksum_is(all, rows[i].of_many));
    }
}

/* Long pieces are taken in another way than single bytes: of every length, wherever they begin. */
static void pieces(void **state)
{
    static unsigned char data[400];

    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i * i + i / 5);
    for (size_t i = 0; i < N_OF(rows); i++)
        for (size_t cut = 0; cut <= sizeof data; cut++) {
            KF_AUTO(checksum) sum = checksum_create(rows[i].name);

            assert_true(checksum_add(sum, data, cut));
            assert_true(checksum_add(sum, data + cut, sizeof data - cut));
            assert_true(checksum_is(sum, rows[i].of_squares));
        }
}

static void another_value(void **state)
{
    KF_AUTO(checksum) sum = checksum_create("crc64nvme");

    (void)state;
    assert_true(checksum_add(sum, "123456780", 9));
    assert_false(checksum_is(sum, rows[0].value));
}

static void unknown_name(void **state)
{
    (void)state;
    assert_null(checksum_create("md5"));
    assert_null(checksum_create(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_values),  cmocka_unit_test(many_bytes),   cmocka_unit_test(pieces),
        cmocka_unit_test(another_value), cmocka_unit_test(unknown_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
