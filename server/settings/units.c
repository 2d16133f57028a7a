/* SPDX-License-Identifier: Apache-2.0 */
#include "units.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit byte_units[] = {{"", 1},
                                         {"KiB", INT64_C(1) << 10},
                                         {"MiB", INT64_C(1) << 20},
                                         {"GiB", INT64_C(1) << 30},
                                         {"TiB", INT64_C(1) << 40},
                                         {NULL, 0}};
static const struct unit time_units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {NULL, 0}};
static const struct unit no_units[] = {{"", 1}, {NULL, 0}};

static const struct {
    const struct unit *units;
    const char *told;
} kinds[] = {
    [UNITS_NONE] = {no_units, "a number"},
    [UNITS_BYTES] = {byte_units, "a size as 256MiB or 4GiB"},
    [UNITS_SECONDS] = {time_units, "a time as 30s, 5m or 1h"},
};

bool units_read(int64_t *out, const char *text, enum units units)
{
    const struct unit *unit = kinds[units].units;
    char *end;
    long long n;

    if (!isdigit((unsigned char)*text))
        return false;
    errno = 0;
    n = strtoll(text, &end, 10);
    for (; unit->name; unit++)
        if (strcmp(unit->name, end) == 0) {
            *out = n * (n <= INT64_MAX / unit->factor ? unit->factor : 0);
            return errno == 0 && n <= INT64_MAX / unit->factor;
        }
    return false;
}

const char *units_told(enum units units)
{
    return kinds[units].told;
}
