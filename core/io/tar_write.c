/* SPDX-License-Identifier: Apache-2.0 */
#include "tar_write.h"
#include "../base/auto.h"
#include <stdio.h>
#include <string.h>

#define BLOCK      512
#define NAME_BYTES 100

/* Where the fields of a header stand. */
enum {
    NAME = 0,
    MODE = 100,
    UID = 108,
    GID = 116,
    SIZE = 124,
    MTIME = 136,
    SUM = 148,
    TYPE = 156,
    MAGIC = 257
};

static void put_size(unsigned char *field, uint64_t size)
{
    char octal[16];

    if (size < (uint64_t)1 << 33) {
        snprintf(octal, sizeof(octal), "%011llo", (unsigned long long)size);
        memcpy(field, octal, 11);
        return;
    }
    field[0] = 0x80;
    for (int i = 0; i < 8; i++)
        field[11 - i] = (unsigned char)(size >> (8 * i));
}

static int put_header(struct kf_spool *tar, const char *name, char type, uint64_t size,
                      struct kf_report *rep)
{
    unsigned char header[BLOCK] = {0};
    unsigned sum = 0;
    size_t n = strlen(name);
    char octal[16];

    memcpy(header + NAME, name, n < NAME_BYTES ? n : NAME_BYTES);
    memcpy(header + MODE, "0000644", 8);
    memcpy(header + UID, "0000000", 8);
    memcpy(header + GID, "0000000", 8);
    put_size(header + SIZE, size);
    memcpy(header + MTIME, "00000000000", 12);
    memset(header + SUM, ' ', 8);
    header[TYPE] = (unsigned char)type;
    memcpy(header + MAGIC,
           "ustar\0"
           "00",
           8);
    for (size_t i = 0; i < BLOCK; i++)
        sum += header[i];
    snprintf(octal, sizeof(octal), "%06o", sum & 0777777);
    memcpy(header + SUM, octal, 7);
    return kf_spool_write(tar, header, sizeof(header), rep);
}

/* Up to the next block. */
int kf_tar_fill(struct kf_spool *tar, uint64_t size, struct kf_report *rep)
{
    static const char zeros[BLOCK];

    return size % BLOCK ? kf_spool_write(tar, zeros, BLOCK - (size_t)(size % BLOCK), rep) : 0;
}

/* "<length> path=<name>\n", where the length counts itself. */
static int put_long_name(struct kf_spool *tar, const char *name, struct kf_report *rep)
{
    char record[4200];
    int n, counted = 0;

    do {
        n = counted;
        counted = snprintf(record, sizeof(record), "%d path=%s\n", n, name);
    } while (counted != n && counted < (int)sizeof(record));
    if (counted >= (int)sizeof(record))
        return kf_report_add(rep, KF_TOO_LARGE, "", "the name of a file is too long");
    KF_TRY(put_header(tar, "pax", 'x', (uint64_t)n, rep));
    KF_TRY(kf_spool_write(tar, record, (size_t)n, rep));
    return kf_tar_fill(tar, (uint64_t)n, rep);
}

int kf_tar_begin(struct kf_spool *tar, const char *name, uint64_t size, struct kf_report *rep)
{
    if (strlen(name) > NAME_BYTES)
        KF_TRY(put_long_name(tar, name, rep));
    return put_header(tar, name, '0', size, rep);
}

int kf_tar_put(struct kf_spool *tar, const char *name, const void *bytes, size_t n,
               struct kf_report *rep)
{
    KF_TRY(kf_tar_begin(tar, name, n, rep));
    KF_TRY(kf_spool_write(tar, bytes, n, rep));
    return kf_tar_fill(tar, n, rep);
}

int kf_tar_end(struct kf_spool *tar, struct kf_report *rep)
{
    static const char zeros[2 * BLOCK];

    return kf_spool_write(tar, zeros, sizeof(zeros), rep);
}
