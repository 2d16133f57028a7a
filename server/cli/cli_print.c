/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 8
#define WIDTH_MAX   48

void cli_print(FILE *out, const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        bool c1 = c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0;

        fputc(*c < 0x20 || *c == 0x7f || c1 ? '?' : *c, out);
        c += c1;
    }
}

void cli_print_lines(FILE *out, const json_t *strings)
{
    for (size_t i = 0; i < json_array_size(strings); i++) {
        cli_print(out, json_string_value(json_array_get(strings, i)));
        fputc('\n', out);
    }
}

/* A scalar as people write it, malloc'ed; NULL for lists, objects and null. */
static char *text_of(const json_t *value)
{
    if (json_is_string(value))
        return strdup(json_string_value(value));
    if (json_is_boolean(value))
        return strdup(json_is_true(value) ? "yes" : "no");
    if (json_is_number(value))
        return json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
    return NULL;
}

void cli_print_members(FILE *out, const json_t *object)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)object, name, value)
    {
        char *text = text_of(value);

        if (text) {
            fprintf(out, "  %-16s ", name);
            cli_print(out, text);
            fputc('\n', out);
        }
        free(text);
    }
}

/* A table's head: the members of its first row. */
struct columns {
    const char *names[COLUMNS_MAX];
    size_t widths[COLUMNS_MAX], n;
};

static size_t width_of(const json_t *value)
{
    char *text = text_of(value);
    size_t n = text ? strlen(text) : 0;

    free(text);
    return n < WIDTH_MAX ? n : WIDTH_MAX;
}

static void measure(struct columns *columns, const json_t *rows, size_t n_rows)
{
    const char *name;
    json_t *value;

    columns->n = 0;
    json_object_foreach(json_array_get(rows, 0), name, value)
    {
        size_t n = strlen(name);

        if (columns->n == COLUMNS_MAX || json_is_array(value) || json_is_object(value))
            continue;
        for (size_t i = 0; i < n_rows; i++) {
            size_t w = width_of(json_object_get(json_array_get(rows, i), name));

            n = w > n ? w : n;
        }
        columns->names[columns->n] = name;
        columns->widths[columns->n++] = n;
    }
}

static void print_cell(FILE *out, const char *text, size_t width)
{
    size_t n = strlen(text);

    fputs("  ", out);
    cli_print(out, text);
    for (; n < width; n++)
        fputc(' ', out);
}

static void print_row(FILE *out, const struct columns *columns, const json_t *row)
{
    for (size_t i = 0; i < columns->n; i++) {
        char *text = row ? text_of(json_object_get(row, columns->names[i])) : NULL;
        size_t width = i + 1 < columns->n ? columns->widths[i] : 0;

        print_cell(out, row ? (text ? text : "") : columns->names[i], width);
        free(text);
    }
    fputc('\n', out);
}

void cli_print_table(FILE *out, const json_t *rows, size_t max)
{
    size_t n = json_array_size(rows), shown = n < max ? n : max;
    struct columns columns;

    if (n == 0)
        return;
    measure(&columns, rows, shown);
    print_row(out, &columns, NULL);
    for (size_t i = 0; i < shown; i++)
        print_row(out, &columns, json_array_get(rows, i));
    if (n > shown)
        fprintf(out, "  ... and %zu more; --json has all\n", n - shown);
}
