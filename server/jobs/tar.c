/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "archive.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 512
/* What eleven octal digits hold: 8 GiB - 1. */
#define USTAR_SIZE_MAX UINT64_C(077777777777)

/*
 * POSIX.1-1988 ustar header, one block. Numbers are octal text.
 * Source: POSIX.1-2017, pax, "ustar Interchange Format"
 */
struct ustar {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type;
    char link[100], magic[6], version[2], user[32], group[32], major[8], minor[8];
    char prefix[155], pad[12];
};
_Static_assert(sizeof(struct ustar) == BLOCK, "a header is one block");

static bool add_header(struct archive *archive, const char *name, char type, uint64_t size,
                       int64_t mtime)
{
    struct ustar h = {.type = type, .magic = "ustar", .version = {'0', '0'}};
    unsigned sum = 0;

    memcpy(h.name, name, strnlen(name, sizeof h.name));
    snprintf(h.mode, sizeof h.mode, "%07o", 0644U);
    snprintf(h.uid, sizeof h.uid, "%07o", 0U);
    snprintf(h.gid, sizeof h.gid, "%07o", 0U);
    snprintf(h.size, sizeof h.size, "%011" PRIo64, size <= USTAR_SIZE_MAX ? size : 0);
    snprintf(h.mtime, sizeof h.mtime, "%011" PRIo64, (uint64_t)mtime & USTAR_SIZE_MAX);
    memset(h.checksum, ' ', sizeof h.checksum);
    for (size_t i = 0; i < sizeof h; i++)
        sum += ((const unsigned char *)&h)[i];
    snprintf(h.checksum, sizeof h.checksum, "%06o", sum);
    return archive_add_bytes(archive, &h, sizeof h);
}

static bool add_padding(struct archive *archive, uint64_t size)
{
    static const char zeros[BLOCK];
    size_t n = (BLOCK - (size_t)(size % BLOCK)) % BLOCK;

    return n == 0 || archive_add_bytes(archive, zeros, n);
}

/* Append "<length> <key>=<value>\n", where the length counts itself. */
static void add_record(char *to, size_t max, const char *key, const char *value)
{
    size_t have = strlen(to), body = strlen(key) + strlen(value) + 3, digits = 1;

    while (snprintf(NULL, 0, "%zu", body + digits) > (int)digits)
        digits++;
    snprintf(to + have, max - have, "%zu %s=%s\n", body + digits, key, value);
}

/* A pax header says what ustar cannot: names beyond 100 bytes or ASCII, sizes beyond 8 GiB. */
static bool add_pax(struct archive *archive, const struct archive_member *m, int64_t mtime)
{
    char records[4400] = "", number[24];
    size_t n;

    add_record(records, sizeof records, "path", m->name);
    if (m->size > USTAR_SIZE_MAX) {
        snprintf(number, sizeof number, "%" PRIu64, m->size);
        add_record(records, sizeof records, "size", number);
    }
    n = strlen(records);
    return add_header(archive, "pax_header", 'x', n, mtime) &&
           archive_add_bytes(archive, records, n) && add_padding(archive, n);
}

static bool fits_ustar(const struct archive_member *m)
{
    if (strlen(m->name) > sizeof((struct ustar *)0)->name || m->size > USTAR_SIZE_MAX)
        return false;
    for (const char *c = m->name; *c; c++)
        if ((unsigned char)*c >= 0x80)
            return false;
    return true;
}

static bool add_member(struct archive *archive, const struct archive_member *m, int64_t mtime)
{
    if (!fits_ustar(m) && !add_pax(archive, m, mtime))
        return false;
    if (!add_header(archive, m->name, '0', m->size, mtime))
        return false;
    if (m->data ? !archive_add_bytes(archive, m->data, (size_t)m->size)
                : !archive_add_file(archive, m))
        return false;
    return add_padding(archive, m->size);
}

struct archive *archive_tar(const struct archive_member *members, size_t n, int64_t mtime)
{
    static const char end[2 * BLOCK];
    KF_AUTO(archive) archive = archive_create();

    if (!archive)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (!add_member(archive, &members[i], mtime))
            return NULL;
    if (!archive_add_bytes(archive, end, sizeof end))
        return NULL;
    return archive_take(&archive);
}
