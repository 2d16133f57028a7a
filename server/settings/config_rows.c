/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "config_rows.h"
#include "config.h"
#include "nearest.h"
#include "units.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN 64

static const struct config_row rows[] = {
#define KF_CONFIG(member, kind, initial, least, most, words, help)                                 \
    {#member, CONFIG_##kind, offsetof(struct config, member), initial, least, most, words, help},
#include "config.def"
#undef KF_CONFIG
};
#define N_ROWS (sizeof rows / sizeof rows[0])
_Static_assert(N_ROWS <= CONFIG_ROWS_MAX, "a source for each row");

int config_fail(struct config_error *error, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(error->text, sizeof error->text, fmt, args);
    va_end(args);
    return -1;
}

const struct config_row *config_row_at(size_t index)
{
    return index < N_ROWS ? &rows[index] : NULL;
}

void config_row_name(char out[CONFIG_NAME_SIZE], const struct config_row *row, bool environment)
{
    size_t i;

    snprintf(out, CONFIG_NAME_SIZE, "%s%s", environment ? "KFERRY_" : "", row->member);
    for (i = 0; out[i]; i++)
        if (environment)
            out[i] = (char)toupper((unsigned char)out[i]);
        else if (out[i] == '_')
            out[i] = '-';
}

static enum units units_of(const struct config_row *row)
{
    if (row->kind == CONFIG_COUNT)
        return UNITS_NONE;
    return row->kind == CONFIG_BYTES ? UNITS_BYTES : UNITS_SECONDS;
}

/* "auto" is 0 until settle() knows better; no row that takes it may be 0. */
static int set_number(void *to, const struct config_row *row, const char *text, const char *name,
                      struct config_error *error)
{
    char shown[SHOWN];
    int64_t n = 0;

    if (strcmp(text, "auto") == 0 && strcmp(row->initial, text) == 0) {
        *(uint64_t *)to = 0;
        return 0;
    }
    kf_show(shown, sizeof shown, text);
    if (!units_read(&n, text, units_of(row)))
        return config_fail(error, "%s is \"%s\", but must be %s", name, shown,
                           units_told(units_of(row)));
    if (n < row->least || n > row->most)
        return config_fail(error, "%s is \"%s\", but must be from %" PRId64 " to %" PRId64, name,
                           shown, row->least, row->most);
    *(uint64_t *)to = (uint64_t)n;
    return 0;
}

static int set_text(void *to, const struct config_row *row, const char *text, const char *name,
                    struct config_error *error)
{
    char *copy;

    if ((int64_t)strlen(text) < row->least || (int64_t)strlen(text) > row->most)
        return config_fail(error, "%s is empty or too long", name);
    copy = strdup(text);
    if (!copy)
        return config_fail(error, "out of memory");
    free(*(char **)to);
    *(char **)to = copy;
    return 0;
}

static int set_word(void *to, const struct config_row *row, const char *text, const char *name,
                    struct config_error *error)
{
    char words[128], shown[SHOWN], *rest = words, *word;
    unsigned at = 0;

    snprintf(words, sizeof words, "%s", row->words);
    for (; (word = strsep(&rest, " ")); at++)
        if (strcmp(word, text) == 0)
            break;
    kf_show(shown, sizeof shown, text);
    if (!word)
        return config_fail(error, "%s is \"%s\", but must be one of: %s", name, shown, row->words);
    if (row->kind == CONFIG_SWITCH)
        *(bool *)to = at == 1;
    else
        *(uint64_t *)to = at;
    return 0;
}

int config_row_set(struct config *config, const struct config_row *row, const char *text,
                   const char *name, enum config_source source, struct config_error *error)
{
    void *to = (char *)config + row->offset;

    config->sources[row - rows] = (uint8_t)source;
    switch (row->kind) {
    case CONFIG_TEXT:
    case CONFIG_SECRET:
        return set_text(to, row, text, name, error);
    case CONFIG_CHOICE:
    case CONFIG_SWITCH:
        return set_word(to, row, text, name, error);
    default:
        return set_number(to, row, text, name, error);
    }
}

bool config_describe(size_t index, const char **name, const char **value, const char **help)
{
    if (index >= N_ROWS)
        return false;
    *name = rows[index].member;
    *value = rows[index].initial;
    *help = rows[index].help;
    return true;
}
