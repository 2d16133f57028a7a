/* SPDX-License-Identifier: Apache-2.0
 *
 * In how many pieces an object goes: as the settings say, or by how near the storage is.
 */
#include "remote/remote_private.h"
#include "remote/s3_parts.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

static void far_until_known(void **state)
{
    const struct remote remote = {0};

    (void)state;
    assert_int_equal(s3_range_size(&remote), 16 * MIB);
    assert_int_equal(s3_part_size(&remote, GIB), 64 * MIB);
}

static void near_and_far_again(void **state)
{
    struct remote remote = {0};

    (void)state;
    s3_parts_learn(&remote, 16 * MIB, 62);
    assert_int_equal(s3_part_size(&remote, GIB), 4 * GIB);
    s3_parts_learn(&remote, 16 * MIB, 63);
    assert_int_equal(s3_part_size(&remote, GIB), 64 * MIB);
    s3_parts_learn(&remote, 16 * MIB, 0);
    assert_int_equal(s3_part_size(&remote, GIB), 4 * GIB);
}

/* How long little takes says nothing of how much a connection carries. */
static void little_tells_nothing(void **state)
{
    struct remote remote = {0};

    (void)state;
    s3_parts_learn(&remote, 16 * MIB - 1, 1);
    assert_int_equal(s3_part_size(&remote, GIB), 64 * MIB);
    s3_parts_learn(&remote, 16 * MIB, 1);
    s3_parts_learn(&remote, 1, 1000);
    assert_int_equal(s3_part_size(&remote, GIB), 4 * GIB);
}

static void settings_hold(void **state)
{
    struct remote remote = {.set.part = 5 * MIB};

    (void)state;
    s3_parts_learn(&remote, 16 * MIB, 1);
    assert_int_equal(s3_range_size(&remote), 5 * MIB);
    assert_int_equal(s3_part_size(&remote, GIB), 5 * MIB);
    remote.set.part = 64 * MIB;
    assert_int_equal(s3_range_size(&remote), 16 * MIB);
}

/* S3 counts parts up to 10,000. */
static void never_too_many(void **state)
{
    const struct remote remote = {.set.part = 5 * MIB};

    (void)state;
    assert_int_equal(s3_part_size(&remote, 9000 * 5 * MIB), 5 * MIB);
    assert_int_equal(s3_part_size(&remote, 9000 * 5 * MIB + 1), 10 * MIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(far_until_known),      cmocka_unit_test(near_and_far_again),
        cmocka_unit_test(little_tells_nothing), cmocka_unit_test(settings_hold),
        cmocka_unit_test(never_too_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
