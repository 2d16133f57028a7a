/* SPDX-License-Identifier: Apache-2.0 */
#include "golden.h"
#include <stdio.h>
#include <string.h>

static bool differ_in_list(const json_t *want, const json_t *got, char *where, size_t n)
{
    size_t size = json_array_size(want), i;
    json_t *one;

    json_array_foreach((json_t *)want, i, one)
    {
        int used = snprintf(where, n, "[%zu]", i);

        if (used >= (int)n || i >= json_array_size(got) ||
            golden_differ(one, json_array_get(got, i), where + used, n - (size_t)used))
            return true;
    }
    snprintf(where, n, "[%zu]", size);
    return json_array_size(got) != size;
}

static bool differ_in_members(const json_t *want, const json_t *got, char *where, size_t n)
{
    const char *key;
    json_t *one;

    json_object_foreach((json_t *)want, key, one)
    {
        const json_t *other = json_object_get(got, key);
        int used = snprintf(where, n, ".%s", key);

        if (used >= (int)n || !other || golden_differ(one, other, where + used, n - (size_t)used))
            return true;
    }
    json_object_foreach((json_t *)got, key, one)
    {
        snprintf(where, n, ".%s", key);
        if (!json_object_get(want, key))
            return true;
    }
    return false;
}

bool golden_differ(const json_t *want, const json_t *got, char *where, size_t n)
{
    where[0] = '\0';
    if (json_is_array(want) && json_is_array(got))
        return differ_in_list(want, got, where, n);
    if (json_is_object(want) && json_is_object(got))
        return differ_in_members(want, got, where, n);
    return !json_equal(want, got);
}
