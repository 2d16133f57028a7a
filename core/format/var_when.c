/* SPDX-License-Identifier: Apache-2.0 */
#include "var_when.h"
#include "../base/str.h"
#include "../io/text/json.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONDITION_MAX 64

/* "key=word" and "key!word"; false when it is neither. */
static bool compares(const char *condition, const json_t *config, bool *out)
{
    const char *sign = *condition ? strpbrk(condition + 1, "=!") : NULL;
    char key[CONDITION_MAX];

    if (!sign)
        return false;
    snprintf(key, sizeof(key), "%.*s", (int)(sign - condition), condition);
    *out = kf_streq(kf_json_str(config, key, NULL), sign + 1) == (*sign == '=');
    return true;
}

static bool holds(const char *condition, const json_t *config, enum kf_dialect dialect)
{
    const json_t *value;
    bool equal = false;

    if (!*condition)
        return true;
    if (compares(condition, config, &equal))
        return equal;
    value = json_object_get(config, condition + 1);
    switch (*condition) {
    case '2':
        return dialect != KF_DIALECT_KERAS3;
    case '+':
        return value == NULL || !json_is_false(value);
    case '-':
        return json_is_true(value);
    case '^':
        return !json_is_true(value);
    case '/':
        return json_is_false(value);
    case '!':
        return value == NULL || json_is_null(value);
    default:
        return value != NULL && !json_is_null(value);
    }
}

bool kf_var_when(const char *when, const json_t *config, enum kf_dialect dialect)
{
    bool all = true, any = false;

    for (;;) {
        size_t n = strcspn(when, "&|");
        char condition[CONDITION_MAX];

        snprintf(condition, sizeof(condition), "%.*s", (int)n, when);
        all = all && holds(condition, config, dialect);
        if (when[n] != '&') {
            any = any || all;
            all = true;
        }
        if (!when[n])
            return any;
        when += n + 1;
    }
}

void kf_var_mode(const json_t *config, char out[16])
{
    const json_t *dtype = json_object_get(config, "dtype");
    const json_t *policy = json_object_get(dtype, "config");
    const char *mode = kf_json_str(policy, "mode", ""), *block = strchr(mode, '/');
    bool blocks = kf_starts(mode, "int4/") && block && strtol(block + 1, NULL, 10) > 0;

    snprintf(out, 16, "%.*s%s", (int)strcspn(mode, "/"), mode, blocks ? "/" : "");
}
