/* SPDX-License-Identifier: Apache-2.0 */
#include "vocabulary.h"
#include "../base/buf.h"
#include "../base/num.h"
#include "../base/str.h"
#include "../io/text/json.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Far above any word, or n-gram of words. */
#define LINE_MAX_ ((size_t)1 << 20)

struct lines {
    const struct kf_layer *layer;
    struct kf_report *rep;
    struct kf_buf line; /* the one at hand */
    uint64_t number;    /* of lines before it */
    bool numbers;       /* each is a whole number */
    bool odd;           /* see kf_vocabulary_check() */
    json_t *list;       /* what they go to, or NULL */
    uint64_t room;      /* bytes that the list may still take */
};

static int bad_line(struct lines *lines, const char *what)
{
    return kf_report_add(lines->rep, KF_CORRUPT, lines->layer->path,
                         "line %" PRIu64 " of the vocabulary %s", lines->number + 1, what);
}

static int too_large(struct lines *lines, const char *what)
{
    return kf_report_add(lines->rep, KF_TOO_LARGE, lines->layer->path, "the vocabulary has %s",
                         what);
}

static bool is_utf8(const char *text, size_t n)
{
    for (size_t len; n > 0; text += len, n -= len) {
        len = kf_utf8_char(text, n);
        if (len == 0)
            return false;
    }
    return true;
}

static bool is_number(const char *text, size_t n, long long *out)
{
    char *end;

    errno = 0;
    *out = strtoll(text, &end, 10);
    return n > 0 && end == text + n && errno == 0;
}

static int append(struct lines *lines, long long number)
{
    uint64_t cost = lines->line.n + 3; /* quotes and a comma */

    if (cost > lines->room)
        return too_large(lines, "more entries than a config may hold");
    lines->room -= cost;
    return kf_json_append(lines->list,
                          lines->numbers ? json_integer(number)
                                         : json_stringn(lines->line.data, lines->line.n),
                          lines->rep);
}

/* Line ends of str.splitlines() that are none of a file's: \v, \f, \x1c-\x1e, U+0085, U+2028 and
 * U+2029. */
static bool has_odd_end(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *at = text + i;

        if (*at == '\v' || *at == '\f' || (*at >= 0x1c && *at <= 0x1e) ||
            (n - i > 1 && memcmp(at, "\xc2\x85", 2) == 0) ||
            (n - i > 2 && memcmp(at, "\xe2\x80", 2) == 0 && ((unsigned char)at[2] & 0xfe) == 0xa8))
            return true;
    }
    return false;
}

static int end_line(struct lines *lines)
{
    long long number = 0;

    if (!kf_buf_puts(&lines->line, "")) /* even an empty line has text now */
        return kf_report_add(lines->rep, KF_NO_MEMORY, lines->layer->path, "out of memory");
    if (!is_utf8(lines->line.data, lines->line.n))
        return bad_line(lines, "is not UTF-8");
    if (lines->numbers && !is_number(lines->line.data, lines->line.n, &number))
        return bad_line(lines, "is no whole number");
    if (lines->list)
        KF_TRY(append(lines, number));
    lines->odd = lines->odd || has_odd_end(lines->line.data, lines->line.n);
    lines->line.n = 0;
    lines->number++;
    return 0;
}

static int add_text(struct lines *lines, const char *text, size_t n)
{
    if (n > LINE_MAX_ - lines->line.n)
        return too_large(lines, "a line too long for any word");
    if (!kf_buf_add(&lines->line, text, n))
        return kf_report_add(lines->rep, KF_NO_MEMORY, lines->layer->path, "out of memory");
    return 0;
}

/* "\r\n", "\n" and "\r" end a line, as Python's universal newlines do; `*cr` says that the text
 * before ended in "\r". */
static int add_piece(struct lines *lines, const char *piece, size_t n, bool *cr)
{
    size_t at = 0;

    while (at < n) {
        size_t end = at;

        while (end < n && piece[end] != '\n' && piece[end] != '\r')
            end++;
        if (end > at)
            *cr = false;
        KF_TRY(add_text(lines, piece + at, end - at));
        if (end < n && !(*cr && piece[end] == '\n'))
            KF_TRY(end_line(lines));
        *cr = end < n && piece[end] == '\r';
        at = end + 1;
    }
    return 0;
}

static int read_lines(struct lines *lines, const struct kf_payload *text)
{
    char piece[16384];
    uint64_t n = kf_payload_bytes(text);
    bool cr = false;

    for (uint64_t at = 0; at < n; at += sizeof(piece)) {
        size_t size = (size_t)kf_min(n - at, sizeof(piece));

        KF_TRY(text->pull(text, at, piece, size, lines->rep));
        KF_TRY(add_piece(lines, piece, size, &cr));
    }
    lines->odd = lines->odd || lines->line.n == 0;
    return end_line(lines);
}

static int read_text(struct lines *lines, const struct kf_payload *text)
{
    int r;

    lines->line.max = LINE_MAX_;
    lines->numbers = strcmp(lines->layer->class_name, "IntegerLookup") == 0;
    r = read_lines(lines, text);
    kf_buf_finish(&lines->line);
    return r;
}

int kf_vocabulary_check(const struct kf_layer *layer, const struct kf_payload *text,
                        struct kf_asset *out, struct kf_report *rep)
{
    struct lines lines = {.layer = layer, .rep = rep};

    KF_TRY(read_text(&lines, text));
    out->n_lines = lines.number;
    out->odd_lines = lines.odd;
    return 0;
}

int kf_vocabulary_list(json_t **out, const struct kf_layer *layer, const struct kf_payload *text,
                       uint64_t bytes_max, struct kf_report *rep)
{
    json_auto_t *list = json_array();
    struct lines lines = {.layer = layer, .rep = rep, .list = list, .room = bytes_max};

    if (!list)
        return kf_report_add(rep, KF_NO_MEMORY, layer->path, "out of memory");
    KF_TRY(read_text(&lines, text));
    *out = json_incref(list);
    return 0;
}

int kf_vocabulary_given(struct kf_layer *layer, struct kf_report *rep)
{
    if (!json_is_false(json_object_get(layer->config, "has_input_vocabulary")))
        return 0;
    return kf_json_set(layer->config, "has_input_vocabulary", json_true(), rep);
}
