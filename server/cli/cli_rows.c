/* SPDX-License-Identifier: Apache-2.0 */
#include "cli_rows.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char *const lists[CLI_ROWS_LISTS] = {"renamed_tensors", "tensors"};

/* How far a text of JSON was read: whether in a string, and how deep in lists and objects. */
struct place {
    bool in_string, escaped;
    unsigned depth;
};

/* Takes the next character; true where it belongs to a string. */
static bool step(struct place *place, int c)
{
    bool was = place->in_string;

    if (was) {
        place->in_string = c != '"' || place->escaped;
        place->escaped = c == '\\' && !place->escaped;
        return true;
    }
    place->in_string = c == '"';
    place->depth += c == '{' || c == '[';
    place->depth -= c == '}' || c == ']';
    return place->in_string;
}

/* The report on its way to the parser. */
struct filter {
    struct cli_rows *rows;
    struct place place;
    long at;
    char key[32]; /* the last string, or as much of it as there is room for */
    size_t n;
    int list; /* whose rows are left out, or -1 */
};

/* Keeps what a string says. */
static void note(struct filter *filter, bool began, int c)
{
    if (began)
        filter->n = 0;
    else if (c != '"' && filter->n + 1 < sizeof filter->key)
        filter->key[filter->n++] = (char)c;
    filter->key[filter->n] = '\0';
}

static int find_list(const char *key)
{
    for (int i = 0; i < CLI_ROWS_LISTS; i++)
        if (strcmp(key, lists[i]) == 0)
            return i;
    return -1;
}

/* Whether the parser gets the next character. */
static bool passes(struct filter *filter, int c)
{
    struct cli_rows *rows = filter->rows;
    bool was = filter->place.in_string, inside = filter->list >= 0;

    filter->at++;
    if (step(&filter->place, c)) {
        note(filter, !was, c);
        return !inside;
    }
    if (inside && filter->place.depth == 1) {
        rows->end[filter->list] = filter->at - 1;
        filter->list = -1;
        return true;
    }
    if (!inside && c == '[' && filter->place.depth == 2) {
        filter->list = find_list(filter->key);
        if (filter->list >= 0)
            rows->at[filter->list] = filter->at;
    }
    return !inside;
}

static size_t feed(void *buffer, size_t max, void *data)
{
    struct filter *filter = data;
    char *out = buffer;
    size_t n = 0;
    int c;

    while (n < max && (c = getc_unlocked(filter->rows->file)) != EOF)
        if (passes(filter, c))
            out[n++] = (char)c;
    return n;
}

json_t *cli_rows_load(struct cli_rows *rows, const char *path)
{
    struct filter filter = {.rows = rows, .list = -1};
    json_error_t error;
    json_t *report;

    *rows = (struct cli_rows){.file = fopen(path, "re")};
    if (!rows->file)
        return NULL;
    report = json_load_callback(feed, &filter, 0, &error);
    if (!report)
        cli_rows_finish(rows);
    return report;
}

static void new_line(FILE *out, unsigned depth)
{
    putc_unlocked('\n', out);
    for (unsigned i = 0; i < depth; i++)
        fputs("  ", out);
}

/* The rows at [at, end), which are compact, as they stand in a list of an object. */
static int write_rows(FILE *from, long at, long end, FILE *out)
{
    struct place place = {.depth = 2};
    bool fresh = true; /* what comes next begins a line, or ends the list or object at once */
    int c = 0;

    if (fseek(from, at, SEEK_SET) < 0)
        return -1;
    for (; at < end && (c = getc_unlocked(from)) != EOF; at++) {
        bool text = step(&place, c), ends = !text && (c == '}' || c == ']');

        if (fresh != ends)
            new_line(out, place.depth - (!text && (c == '{' || c == '[')));
        fresh = !text && (c == '{' || c == '[' || c == ',');
        putc_unlocked(c, out);
        if (!text && c == ':')
            putc_unlocked(' ', out);
    }
    new_line(out, 1);
    return c == EOF || ferror(out) ? -1 : 0;
}

int cli_rows_write(const struct cli_rows *rows, const json_t *report, FILE *out)
{
    char *text = json_dumps(report, JSON_INDENT(2)), *rest = text;
    int bad = text ? 0 : -1;

    for (int i = 0; bad == 0 && i < CLI_ROWS_LISTS; i++) {
        char mark[48], *found; /* no string has a line feed in it */

        snprintf(mark, sizeof mark, "\n  \"%s\": [", lists[i]);
        found = strstr(rest, mark);
        if (!found || rows->at[i] == rows->end[i])
            continue;
        found += strlen(mark);
        bad |= fwrite(rest, 1, (size_t)(found - rest), out) != (size_t)(found - rest) ? -1 : 0;
        bad |= write_rows(rows->file, rows->at[i], rows->end[i], out);
        rest = found;
    }
    if (bad == 0)
        bad = fputs(rest, out) == EOF ? -1 : 0;
    free(text);
    return bad;
}

void cli_rows_finish(struct cli_rows *rows)
{
    if (rows->file)
        fclose(rows->file);
    rows->file = NULL;
}
