/* SPDX-License-Identifier: Apache-2.0 */
#include "checksum.h"
#include "crc_fold.h"
#include <endian.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SLICES 16

/* CRCs that take the lowest bit first, or digests of OpenSSL. */
static const struct kind {
    const char *name;
    unsigned bytes;  /* of a CRC */
    uint64_t poly;   /* of a CRC, its lowest power in the highest bit */
    const char *evp; /* name of a digest */
} kinds[] = {
    {"crc64nvme", 8, UINT64_C(0x9a6c9329ac4bc9b5), NULL},
    {"crc32", 4, 0xedb88320, NULL},
    {"crc32c", 4, 0x82f63b78, NULL},
    {"sha256", 0, 0, "SHA256"},
    {"sha1", 0, 0, "SHA1"},
};

struct checksum {
    const struct kind *kind;
    EVP_MD_CTX *evp;
    uint64_t crc, table[SLICES][256];
    struct crc_fold fold;
    bool folds; /* this processor can */
};

void checksum_destroy(struct checksum *sum)
{
    if (!sum)
        return;
    EVP_MD_CTX_free(sum->evp);
    free(sum);
}

static uint64_t all_ones(const struct kind *kind)
{
    return UINT64_MAX >> (64 - 8 * kind->bytes);
}

/* table[k][b]: what byte b becomes when k more bytes have gone through. */
static void fill_table(struct checksum *sum)
{
    for (unsigned b = 0; b < 256; b++) {
        uint64_t crc = b;

        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ sum->kind->poly : crc >> 1;
        sum->table[0][b] = crc;
    }
    for (unsigned k = 1; k < SLICES; k++)
        for (unsigned b = 0; b < 256; b++) {
            uint64_t before = sum->table[k - 1][b];

            sum->table[k][b] = before >> 8 ^ sum->table[0][before & 0xff];
        }
}

struct checksum *checksum_create(const char *name)
{
    KF_AUTO(checksum) sum = calloc(1, sizeof *sum);

    for (size_t i = 0; sum && i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].name, name) == 0)
            sum->kind = &kinds[i];
    if (!sum || !sum->kind)
        return NULL;
    if (sum->kind->evp) {
        sum->evp = EVP_MD_CTX_new();
        if (!sum->evp ||
            EVP_DigestInit_ex(sum->evp, EVP_get_digestbyname(sum->kind->evp), NULL) != 1)
            return NULL;
    } else {
        fill_table(sum);
        sum->folds = crc_fold_prepare(&sum->fold, sum->kind->poly);
        sum->crc = all_ones(sum->kind);
    }
    return checksum_take(&sum);
}

static uint64_t load(const unsigned char *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof value);
    return le64toh(value);
}

/* Eight bytes, the lowest of which has the most others behind it: written out, for it is what
 * takes the time. */
#define FROM(k, word, shift) sum->table[k][(word) >> (shift)&0xff]
#define EIGHT(k, word)                                                                             \
    (FROM((k) + 7, word, 0) ^ FROM((k) + 6, word, 8) ^ FROM((k) + 5, word, 16) ^                   \
     FROM((k) + 4, word, 24) ^ FROM((k) + 3, word, 32) ^ FROM((k) + 2, word, 40) ^                 \
     FROM((k) + 1, word, 48) ^ FROM(k, word, 56))

static void add_by_table(struct checksum *sum, const unsigned char *at, size_t n)
{
    uint64_t crc = sum->crc;

    for (; n >= SLICES; n -= SLICES, at += SLICES) {
        uint64_t first = crc ^ load(at), second = load(at + 8);

        crc = EIGHT(8, first) ^ EIGHT(0, second);
    }
    for (; n > 0; n--, at++)
        crc = crc >> 8 ^ sum->table[0][(crc ^ *at) & 0xff];
    sum->crc = crc;
}

static void add_crc(struct checksum *sum, const unsigned char *at, size_t n)
{
    size_t folded = sum->folds && n >= CRC_FOLD_LEAST ? n / CRC_FOLD_REST * CRC_FOLD_REST : 0;
    unsigned char rest[CRC_FOLD_REST];

    if (folded > 0) {
        crc_fold(&sum->fold, sum->crc, at, folded, rest);
        sum->crc = 0;
        add_by_table(sum, rest, sizeof rest);
    }
    add_by_table(sum, at + folded, n - folded);
}

bool checksum_add(struct checksum *sum, const void *data, size_t n)
{
    if (sum->evp)
        return EVP_DigestUpdate(sum->evp, data, n) == 1;
    add_crc(sum, data, n);
    return true;
}

bool checksum_is(struct checksum *sum, const char *value)
{
    unsigned char bytes[EVP_MAX_MD_SIZE], text[2 * EVP_MAX_MD_SIZE];
    unsigned n = sum->kind->bytes;
    uint64_t crc = sum->crc ^ (n > 0 ? all_ones(sum->kind) : 0);

    for (unsigned i = 0; i < n; i++)
        bytes[i] = (unsigned char)(crc >> 8 * (n - 1 - i));
    if (sum->evp && EVP_DigestFinal_ex(sum->evp, bytes, &n) != 1)
        return false;
    EVP_EncodeBlock(text, bytes, (int)n);
    return strcmp((const char *)text, value) == 0;
}
