/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "config.h"
#include "config_rows.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MASK       "***"
#define VALUE_SIZE 4200

/* Put the mask in the place of `n` bytes of a text which has room for it. */
static void mask_part(char *from, size_t n)
{
    memmove(from + strlen(MASK), from + n, strlen(from + n) + 1);
    memcpy(from, MASK, strlen(MASK));
}

/* The password in "scheme://user:password@host", and what is behind "password=". */
static void mask(char *text)
{
    char *word = strstr(text, "password="), *user = strstr(text, "://"), *colon, *at;

    if (word)
        mask_part(word + strlen("password="), strcspn(word + strlen("password="), "& "));
    colon = user ? strchr(user + strlen("://"), ':') : NULL;
    at = strrchr(text, '@');
    if (colon && at && colon < at)
        mask_part(colon + 1, (size_t)(at - colon - 1));
}

/* A number with the largest unit that leaves it whole. */
static void tell_number(char out[VALUE_SIZE], uint64_t n, const struct config_row *row)
{
    static const char *const bytes[] = {"", "KiB", "MiB", "GiB", "TiB"};
    static const char *const times[] = {"s", "m", "h"};
    const char *const *units = row->kind == CONFIG_BYTES ? bytes : times;
    size_t most = row->kind == CONFIG_BYTES ? 4 : 2, i = 0;
    uint64_t step = row->kind == CONFIG_BYTES ? 1024 : 60;

    while (row->kind != CONFIG_COUNT && n > 0 && i < most && n % step == 0) {
        n /= step;
        i++;
    }
    snprintf(out, VALUE_SIZE, "%" PRIu64 "%s", n, row->kind == CONFIG_COUNT ? "" : units[i]);
}

static void tell_word(char out[VALUE_SIZE], uint64_t at, const char *words)
{
    for (; at > 0; at--)
        words += strcspn(words, " ") + 1;
    snprintf(out, VALUE_SIZE, "%.*s", (int)strcspn(words, " "), words);
}

static void tell(char out[VALUE_SIZE], const struct config *config, const struct config_row *row)
{
    const void *from = (const char *)config + row->offset;

    if (config_row_is_text(row))
        snprintf(out, VALUE_SIZE, "%s", *(char *const *)from);
    else if (row->kind == CONFIG_SWITCH)
        snprintf(out, VALUE_SIZE, "%d", *(const bool *)from);
    else if (row->kind == CONFIG_CHOICE)
        tell_word(out, *(const uint64_t *)from, row->words);
    else
        tell_number(out, *(const uint64_t *)from, row);
    if (row->kind == CONFIG_SECRET)
        mask(out);
}

json_t *config_show(const struct config *config)
{
    static const char *const sources[] = {"default", "file", "environment", "flag"};
    json_t *all = json_object();
    const struct config_row *row;

    for (size_t i = 0; (row = config_row_at(i)); i++) {
        char value[VALUE_SIZE], name[CONFIG_NAME_SIZE];

        tell(value, config, row);
        config_row_name(name, row, true);
        json_object_set_new(
            all, name,
            json_pack("{s:s, s:s}", "value", value, "source", sources[config->sources[i]]));
    }
    return all;
}

void config_print_docs(void)
{
    const struct config_row *row;

    puts("| Environment | Default | Is |\n|---|---|---|");
    for (size_t i = 0; (row = config_row_at(i)); i++) {
        char name[CONFIG_NAME_SIZE];

        config_row_name(name, row, true);
        printf("| `%s` | %s%s%s | %s |\n", name, row->initial[0] != '\0' ? "`" : "", row->initial,
               row->initial[0] != '\0' ? "`" : "", row->help);
    }
}
