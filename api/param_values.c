/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"
#include "nearest.h"
#include "param_row.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN       48
#define SIZES_MAX   (32 * 64) /* ranks times inputs */
#define SIZE_DIGITS 9

static void *member(struct kf_request *req, const struct kf_param *row)
{
    return (char *)req + row->offset;
}

/* Position of `value` among the space-separated `words`, or -1. */
static int find_word(const char *words, const char *value)
{
    size_t n = strlen(value);

    for (int i = 0; *words; i++) {
        size_t len = strcspn(words, " ");

        if (len == n && memcmp(words, value, n) == 0)
            return i;
        words += len + (words[len] == ' ');
    }
    return -1;
}

static int count_words(const char *words)
{
    int n = 1;

    for (; *words; words++)
        n += *words == ' ';
    return n;
}

void kf_param_list_formats(char *out, size_t max, const struct kf_format_info *(*at)(size_t index))
{
    size_t n = 0;

    out[0] = '\0';
    for (size_t i = 0; at(i) && n < max; i++)
        n += (size_t)snprintf(out + n, max - n, "%s%s", i ? ", " : "", at(i)->name);
}

static int set_format(const char **out, const struct kf_param *row, const char *value,
                      const struct kf_format_info *(*at)(size_t index), struct kf_param_error *err)
{
    struct kf_nearest nearest;
    char shown[SHOWN], names[128];

    kf_nearest_init(&nearest, value);
    for (size_t i = 0; at(i); i++) {
        if (strcmp(at(i)->name, value) == 0) {
            *out = at(i)->name;
            return 0;
        }
        kf_nearest_offer(&nearest, at(i)->name);
    }
    kf_show(shown, sizeof shown, value);
    if (nearest.best)
        return kf_param_fail(err, row->name, "%s cannot be \"%s\": did you mean \"%s\"?", row->name,
                             shown, nearest.best);
    kf_param_list_formats(names, sizeof names, at);
    return kf_param_fail(err, row->name, "%s cannot be \"%s\"; there are: %s", row->name, shown,
                         names);
}

static int set_word(struct kf_request *req, const struct kf_param *row, const char *value,
                    struct kf_param_error *err)
{
    int word = find_word(row->values, value);
    char shown[SHOWN];

    if (word < 0) {
        kf_show(shown, sizeof shown, value);
        return kf_param_fail(err, row->name, "%s cannot be \"%s\"; it may be: %s", row->name, shown,
                             row->values);
    }
    if (row->kind == PARAM_SWITCH)
        *(bool *)member(req, row) = word == count_words(row->values) - 1;
    else if (row->kind == PARAM_NUMBER)
        *(int *)member(req, row) = (int)strtol(value, NULL, 10);
    else
        *(unsigned *)member(req, row) = (unsigned)word;
    return 0;
}

/* Step over "None" or a size; NULL when neither stands there. */
static const char *skip_size(const char *text)
{
    size_t digits = strspn(text, "0123456789");

    if (strncmp(text, "None", 4) == 0)
        return text + 4;
    return digits > 0 && digits <= SIZE_DIGITS && *text != '0' ? text + digits : NULL;
}

static int set_shape(const char **out, const struct kf_param *row, const char *text,
                     struct kf_param_error *err)
{
    const char *at = text;

    for (size_t i = 0; i < SIZES_MAX; i++) {
        at = skip_size(at);
        if (!at || (*at != '\0' && *at != ',' && *at != ';'))
            break;
        if (*at++ == '\0') {
            *out = text;
            return 0;
        }
    }
    return kf_param_fail(
        err, row->name,
        "%s takes the sizes of each input without the batch, None where free, as in "
        "\"28,28,1\" or, for two inputs, \"None,7;3\"",
        row->name);
}

int kf_param_apply(struct kf_request *req, const struct kf_param *row, const char *text,
                   struct kf_param_error *err)
{
    void *to = member(req, row);

    switch (row->kind) {
    case PARAM_WRITER:
        return set_format(to, row, text, kf_writer_info, err);
    case PARAM_READER:
        return strcmp(text, "auto") == 0 ? 0 : set_format(to, row, text, kf_reader_info, err);
    case PARAM_CHOICE:
    case PARAM_NUMBER:
    case PARAM_SWITCH:
        return set_word(req, row, text, err);
    case PARAM_SHAPE:
        return set_shape(to, row, text, err);
    case PARAM_FILENAME:
        *(const char **)to = text;
        return 0;
    case PARAM_RELEASE:
        return 0;
    case PARAM_FILE:
        return kf_param_fail(
            err, row->name,
            "%s is a file: send it as the part \"%s\" of a form, beside the part \"file\"",
            row->name, row->name);
    }
    return 0;
}

/* Copy word `at` of a list with spaces between; NULL when it has none. */
static const char *copy_word(const char *words, size_t at, char *room, size_t size)
{
    for (; at > 0 && *words; at--) {
        words += strcspn(words, " ");
        words += *words == ' ';
    }
    snprintf(room, size, "%.*s", (int)strcspn(words, " "), words);
    return *words ? room : NULL;
}

const char *kf_param_word(size_t index, size_t at, char *room, size_t size)
{
    const struct kf_param *row = kf_param_at(index);
    const struct kf_format_info *info = NULL;

    if (!row)
        return NULL;
    switch (row->kind) {
    case PARAM_CHOICE:
    case PARAM_SWITCH:
        return copy_word(row->values, at, room, size);
    case PARAM_WRITER:
        info = kf_writer_info(at);
        break;
    case PARAM_READER:
        info = kf_reader_info(at);
        break;
    default:
        break;
    }
    return info ? info->name : NULL;
}
