/* SPDX-License-Identifier: Apache-2.0 */
#include "tar.h"
#include "../base/num.h"
#include "../base/str.h"
#include "paths.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK       512
#define HEADERS_MAX 100000
#define EXTRA_MAX   (64 << 10) /* bytes of a pax header or of GNU's long name */
#define EXTRAS_MAX  (64 << 20) /* of all of them together */

struct header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type;
    char link[100], magic[6], version[2], user[32], group[32], major[8], minor[8];
    char prefix[155], pad[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a header is one block");

struct walk {
    const struct kf_source *src;
    struct kf_arena *arena;
    struct kf_report *rep;
    uint64_t at; /* of the next header */
    size_t n_headers, n_links;
    uint64_t extras; /* bytes of extra headers so far */
    /* What an extra header says of the file that comes next. */
    const char *long_name;
    bool has_size;
    uint64_t size;
};

static int corrupt(const struct walk *walk, const char *what)
{
    return kf_report_add(walk->rep, KF_CORRUPT, "", "the tar %s", what);
}

/* Octal digits, or, as GNU writes what is too big for them, a number of 95 bits. */
static bool get_number(const char *field, size_t n, uint64_t *out)
{
    const unsigned char *p = (const unsigned char *)field;
    size_t i = 0;

    *out = 0;
    if (p[0] & 0x80) {
        for (i = 1; i + 8 < n; i++)
            if (p[i] != 0)
                return false;
        for (; i < n; i++)
            *out = *out << 8 | p[i];
        return p[0] == 0x80;
    }
    while (i < n && p[i] == ' ')
        i++;
    for (; i < n && p[i] >= '0' && p[i] <= '7'; i++)
        *out = *out << 3 | (uint64_t)(p[i] - '0');
    return i == n || p[i] == '\0' || p[i] == ' ';
}

/* The sum of the header's bytes, its own field as spaces; old programs added signed ones. */
static bool has_checksum(const struct header *h)
{
    const unsigned char *p = (const unsigned char *)h;
    size_t from = offsetof(struct header, checksum);
    uint64_t said;
    long sum = 0, signed_sum = 0;

    for (size_t i = 0; i < BLOCK; i++) {
        unsigned char c = i >= from && i < from + sizeof(h->checksum) ? ' ' : p[i];

        sum += c;
        signed_sum += (signed char)c;
    }
    return get_number(h->checksum, sizeof(h->checksum), &said) &&
           (said == (uint64_t)sum || (signed_sum >= 0 && said == (uint64_t)signed_sum));
}

static bool is_zero(const struct header *h)
{
    const char *p = (const char *)h;

    return p[0] == '\0' && memcmp(p, p + 1, BLOCK - 1) == 0;
}

/* The content of an extra header as text, with a NUL behind. */
static char *read_extra(struct walk *walk, uint64_t size)
{
    char *text;

    if (size > EXTRA_MAX || walk->extras + size > EXTRAS_MAX) {
        kf_report_add(walk->rep, KF_TOO_LARGE, "", "a tar with a name of %" PRIu64 " bytes", size);
        return NULL;
    }
    walk->extras += size;
    text = kf_arena_alloc(walk->arena, (size_t)size + 1);
    if (!text)
        kf_report_add(walk->rep, KF_NO_MEMORY, "", "no memory for a tar's names");
    else if (kf_source_read(walk->src, walk->at + BLOCK, text, (size_t)size, walk->rep) < 0)
        return NULL;
    return text;
}

/* One record of a pax header, "<length> <key>=<value>\n", the last byte of it already a NUL. */
static int take_record(struct walk *walk, const char *key, const char *value)
{
    char *end;

    if (kf_streq(key, "path"))
        walk->long_name = value;
    if (kf_starts(key, "GNU.sparse."))
        return kf_report_add(walk->rep, KF_UNSAFE, "",
                             "a file in the tar is sparse: pack it again without --sparse");
    if (!kf_streq(key, "size"))
        return 0;
    walk->size = strtoull(value, &end, 10);
    walk->has_size = true;
    return *value >= '0' && *value <= '9' && *end == '\0' ? 0 : corrupt(walk, "has a damaged size");
}

static int take_pax(struct walk *walk, uint64_t size)
{
    char *text = read_extra(walk, size), *at = text;

    if (!text)
        return kf_report_status(walk->rep);
    while (at < text + size) {
        size_t left = (size_t)(text + size - at);
        char *key, *equals;
        unsigned long n = strtoul(at, &key, 10);

        if (key == at || *key != ' ' || n > left || n < 2 || at[n - 1] != '\n' || key >= at + n)
            return corrupt(walk, "has a damaged pax header");
        at[n - 1] = '\0';
        equals = strchr(++key, '=');
        if (!equals)
            return corrupt(walk, "has a damaged pax header");
        *equals = '\0';
        KF_TRY(take_record(walk, key, equals + 1));
        at += n;
    }
    return 0;
}

/* The name that belongs to a header: an extra header's, or its own with its prefix. */
static const char *name_of(const struct walk *walk, const struct header *h)
{
    int n = (int)strnlen(h->name, sizeof(h->name));
    int prefix = (int)strnlen(h->prefix, sizeof(h->prefix));

    if (walk->long_name)
        return walk->long_name;
    if (prefix == 0 || memcmp(h->magic, "ustar", 6) != 0)
        return kf_arena_strndup(walk->arena, h->name, (size_t)n);
    return kf_arena_printf(walk->arena, "%.*s/%.*s", prefix, h->prefix, n, h->name);
}

static int visit_file(struct walk *walk, const struct header *h, uint64_t size,
                      int (*visit)(const struct kf_tar_file *file, void *context), void *context)
{
    struct kf_tar_file file = {.at = walk->at + BLOCK, .size = size};

    file.path = kf_bundle_path(walk->arena, name_of(walk, h));
    if (!file.path)
        return kf_report_add(walk->rep, KF_NO_MEMORY, "", "no memory for a tar's names");
    if (kf_bundle_climbs(file.path))
        return kf_report_add(walk->rep, KF_UNSAFE, file.path,
                             "the file's name leads out of its folder");
    /* Old archives have folders as files whose name ends in a slash. */
    return kf_ends(file.path, "/") || *file.path == '\0' ? 0 : visit(&file, context);
}

static int tell_link(struct walk *walk, const struct header *h)
{
    const char *path = kf_bundle_path(walk->arena, name_of(walk, h));

    if (!path)
        return kf_report_add(walk->rep, KF_NO_MEMORY, "", "no memory for a tar's names");
    if (walk->n_links++ == 0)
        kf_report_add(walk->rep, KF_FINDING, path, "a link in the archive is not followed");
    return 0;
}

/* Act by the type of a header; its content is `size` bytes. */
static int take(struct walk *walk, const struct header *h, uint64_t size,
                int (*visit)(const struct kf_tar_file *file, void *context), void *context)
{
    switch (h->type) {
    case 'x':
        return take_pax(walk, size);
    case 'L':
        walk->long_name = read_extra(walk, size);
        return walk->long_name ? 0 : kf_report_status(walk->rep);
    case '\0':
    case '0':
    case '7':
        return visit_file(walk, h, size, visit, context);
    case '1':
    case '2':
        return tell_link(walk, h);
    case '3':
    case '4':
    case '6':
        return kf_report_add(walk->rep, KF_UNSAFE, "", "the tar has a device or a pipe in it");
    case 'S':
        return kf_report_add(walk->rep, KF_UNSAFE, "",
                             "a file in the tar is sparse: pack it again without --sparse");
    default: /* folders, volume labels, what only its maker knows */
        return 0;
    }
}

/* The bytes behind a header: none behind links, folders and the like, whatever they say. */
static bool has_content(char type)
{
    return !strchr("123456", type) || type == '\0';
}

static int step(struct walk *walk, const struct header *h,
                int (*visit)(const struct kf_tar_file *file, void *context), void *context)
{
    bool extra = h->type == 'x' || h->type == 'L' || h->type == 'K' || h->type == 'g';
    uint64_t size;

    if (++walk->n_headers > HEADERS_MAX)
        return kf_report_add(walk->rep, KF_TOO_LARGE, "", "a tar of more than %d files",
                             HEADERS_MAX);
    if (!has_checksum(h) || !get_number(h->size, sizeof(h->size), &size))
        return corrupt(walk, "has a damaged header");
    if (!extra && walk->has_size)
        size = walk->size;
    if (!has_content(h->type))
        size = 0;
    if (size > walk->src->size - walk->at - BLOCK)
        return corrupt(walk, "is cut off");
    KF_TRY(take(walk, h, size, visit, context));
    if (!extra) {
        walk->long_name = NULL;
        walk->has_size = false;
    }
    walk->at += BLOCK + (size + BLOCK - 1) / BLOCK * BLOCK;
    return 0;
}

int kf_tar_each(const struct kf_source *src, struct kf_arena *arena,
                int (*visit)(const struct kf_tar_file *file, void *context), void *context,
                struct kf_report *rep)
{
    struct walk walk = {.src = src, .arena = arena, .rep = rep};
    struct header h;

    while (walk.at + BLOCK <= src->size) {
        KF_TRY(kf_source_read(src, walk.at, &h, sizeof(h), rep));
        if (is_zero(&h))
            return 0;
        KF_TRY(step(&walk, &h, visit, context));
    }
    /* A tar may end without its two blocks of zeros and its last padding, but not in a header. */
    return walk.at >= src->size ? 0 : corrupt(&walk, "is cut off");
}
