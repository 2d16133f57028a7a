/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "archive.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NAME_MAX_BYTES 4096
#define READ_BYTES     (256 * 1024)
#define ZIP32_MAX      UINT64_C(0xffffffff)
#define FLAG_UTF8      0x0800
#define ENTRIES_MAX    0xffff

/* What the central directory needs to know about a member. */
struct entry {
    const struct archive_member *member;
    uint64_t at; /* offset of the local header */
    uint32_t crc;
};

static uint32_t crc_table[8][256];

/* Slicing by eight; the polynomial of ISO 3309, reflected. */
static void crc_fill(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;

        for (int bit = 0; bit < 8; bit++)
            c = c & 1 ? (c >> 1) ^ 0xedb88320U : c >> 1;
        crc_table[0][i] = c;
    }
    for (int t = 1; t < 8; t++)
        for (size_t i = 0; i < 256; i++) {
            uint32_t c = crc_table[t - 1][i];

            crc_table[t][i] = (c >> 8) ^ crc_table[0][c & 0xff];
        }
}

static uint32_t crc_add(uint32_t crc, const unsigned char *p, size_t n)
{
    for (; n >= 8; p += 8, n -= 8) {
        crc ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        crc = crc_table[7][crc & 0xff] ^ crc_table[6][crc >> 8 & 0xff] ^
              crc_table[5][crc >> 16 & 0xff] ^ crc_table[4][crc >> 24] ^ crc_table[3][p[4]] ^
              crc_table[2][p[5]] ^ crc_table[1][p[6]] ^ crc_table[0][p[7]];
    }
    for (; n > 0; p++, n--)
        crc = (crc >> 8) ^ crc_table[0][(crc ^ *p) & 0xff];
    return crc;
}

/* The CRC-32 of a member; false when its file ends early or cannot be read. */
static bool crc_of(const struct archive_member *m, uint32_t *out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    unsigned char *chunk;
    uint32_t crc = 0xffffffffU;
    uint64_t at = 0;
    ssize_t got = 0;

    pthread_once(&once, crc_fill);
    if (m->data) {
        *out = ~crc_add(crc, m->data, (size_t)m->size);
        return true;
    }
    chunk = malloc(READ_BYTES);
    while (chunk && at < m->size && (got = archive_read_file(m, at, chunk, READ_BYTES)) > 0) {
        crc = crc_add(crc, chunk, (size_t)got);
        at += (uint64_t)got;
    }
    free(chunk);
    *out = ~crc;
    return at == m->size;
}

/* A record under construction: little-endian numbers one after the other. */
struct record {
    unsigned char data[160 + NAME_MAX_BYTES];
    size_t n;
};

static void put(struct record *r, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        r->data[r->n++] = (unsigned char)(value >> (8 * i));
}

static void put_text(struct record *r, const char *text, size_t n)
{
    memcpy(r->data + r->n, text, n);
    r->n += n;
}

/* MS-DOS date in the high, time in the low 16 bits; UTC, two seconds fine. */
static uint32_t dos_time(int64_t when)
{
    time_t t = (time_t)when;
    struct tm tm;

    if (!gmtime_r(&t, &tm) || tm.tm_year < 80)
        return 0x00210000U;
    return (uint32_t)(tm.tm_year - 80) << 25 | (uint32_t)(tm.tm_mon + 1) << 21 |
           (uint32_t)tm.tm_mday << 16 | (uint32_t)tm.tm_hour << 11 | (uint32_t)tm.tm_min << 5 |
           (uint32_t)tm.tm_sec / 2;
}

/* The fields that a local and a central header share, sizes as 32 bits or all ones. */
static void put_common(struct record *r, const struct entry *e, uint32_t when, bool big)
{
    uint64_t size = big ? ZIP32_MAX : e->member->size;

    put(r, big ? 45 : 20, 2); /* version needed */
    put(r, FLAG_UTF8, 2);
    put(r, 0, 2); /* stored */
    put(r, when, 4);
    put(r, e->crc, 4);
    put(r, size, 4);
    put(r, size, 4);
    put(r, strlen(e->member->name), 2);
}

static bool add_local(struct archive *archive, struct entry *e, uint32_t when)
{
    const struct archive_member *m = e->member;
    bool big = m->size >= ZIP32_MAX;
    struct record r = {.n = 0};

    e->at = archive_size(archive);
    put(&r, 0x04034b50, 4);
    put_common(&r, e, when, big);
    put(&r, big ? 20 : 0, 2);
    put_text(&r, m->name, strlen(m->name));
    if (big) {
        put(&r, 1, 2);
        put(&r, 16, 2);
        put(&r, m->size, 8);
        put(&r, m->size, 8);
    }
    if (!archive_add_bytes(archive, r.data, r.n))
        return false;
    return m->data ? archive_add_bytes(archive, m->data, (size_t)m->size)
                   : archive_add_file(archive, m);
}

static bool add_central(struct archive *archive, const struct entry *e, uint32_t when)
{
    bool big = e->member->size >= ZIP32_MAX || e->at >= ZIP32_MAX;
    struct record r = {.n = 0};

    put(&r, 0x02014b50, 4);
    put(&r, 3 << 8 | 45, 2); /* made by: Unix, so that the mode below counts */
    put_common(&r, e, when, big);
    put(&r, big ? 28 : 0, 2);
    put(&r, 0, 6); /* no comment, disk 0, no internal attributes */
    put(&r, UINT64_C(0100644) << 16, 4);
    put(&r, big ? ZIP32_MAX : e->at, 4);
    put_text(&r, e->member->name, strlen(e->member->name));
    if (big) {
        put(&r, 1, 2);
        put(&r, 24, 2);
        put(&r, e->member->size, 8);
        put(&r, e->member->size, 8);
        put(&r, e->at, 8);
    }
    return archive_add_bytes(archive, r.data, r.n);
}

static bool add_end(struct archive *archive, size_t n, uint64_t at)
{
    uint64_t end = archive_size(archive);
    bool big = at >= ZIP32_MAX;
    struct record r = {.n = 0};

    if (big) {
        put(&r, 0x06064b50, 4);
        put(&r, 44, 8);
        put(&r, 45, 2);
        put(&r, 45, 2);
        put(&r, 0, 8);
        put(&r, n, 8);
        put(&r, n, 8);
        put(&r, end - at, 8);
        put(&r, at, 8);
        put(&r, 0x07064b50, 4);
        put(&r, 0, 4);
        put(&r, end, 8);
        put(&r, 1, 4);
    }
    put(&r, 0x06054b50, 4);
    put(&r, 0, 4);
    put(&r, n, 2);
    put(&r, n, 2);
    put(&r, end - at, 4);
    put(&r, big ? ZIP32_MAX : at, 4);
    put(&r, 0, 2);
    return archive_add_bytes(archive, r.data, r.n);
}

static bool add_all(struct archive *archive, struct entry *entries, size_t n, uint32_t when)
{
    uint64_t at;

    for (size_t i = 0; i < n; i++)
        if (strlen(entries[i].member->name) > NAME_MAX_BYTES ||
            !crc_of(entries[i].member, &entries[i].crc) || !add_local(archive, &entries[i], when))
            return false;
    at = archive_size(archive);
    for (size_t i = 0; i < n; i++)
        if (!add_central(archive, &entries[i], when))
            return false;
    return add_end(archive, n, at);
}

struct archive *archive_zip(const struct archive_member *members, size_t n, int64_t mtime)
{
    KF_AUTO(archive) archive = archive_create();
    struct entry *entries = n < ENTRIES_MAX ? calloc(n + 1, sizeof *entries) : NULL;
    bool ok = archive && entries;

    for (size_t i = 0; ok && i < n; i++)
        entries[i].member = &members[i];
    ok = ok && add_all(archive, entries, n, dos_time(mtime));
    free(entries);
    return ok ? archive_take(&archive) : NULL;
}
