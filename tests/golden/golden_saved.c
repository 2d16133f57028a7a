/* SPDX-License-Identifier: Apache-2.0 */
#include "golden.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tensor_bundle.pb-c.h>
#include <xxhash.h>

/* A tar of a SavedModel, and the tensors of the bundle in it. */

#define BLOCK 512

struct member {
    const uint8_t *bytes;
    size_t n;
};

/* A number as the sstable writes it. */
static uint64_t varint(const uint8_t **p)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        value |= (uint64_t)(**p & 0x7f) << shift;
        if (!(*(*p)++ & 0x80))
            break;
    }
    return value;
}

static const char *dtype_name(int type)
{
    static const char *const names[] = {
        [1] = "float32", [2] = "float64", [3] = "int32", [9] = "int64", [19] = "float16"};

    return type >= 0 && type < (int)(sizeof(names) / sizeof(names[0])) && names[type] ? names[type]
                                                                                      : "other";
}

static json_t *tensor(const char *key, size_t key_n, const uint8_t *value, size_t n,
                      const struct member *shard)
{
    Kf__Tf__BundleEntry *entry = kf__tf__bundle_entry__unpack(NULL, n, value);
    json_t *shape = json_array();
    XXH128_hash_t hash;
    json_t *made;

    if (!entry || (uint64_t)entry->offset + (uint64_t)entry->size > shard->n)
        return NULL;
    for (size_t i = 0; entry->shape && i < entry->shape->n_dim; i++)
        json_array_append_new(shape, json_integer(entry->shape->dim[i]->size));
    hash = XXH3_128bits(shard->bytes + entry->offset, (size_t)entry->size);
    made = json_pack("{s:s%, s:s, s:o, s:o}", "path", key, key_n, "dtype", dtype_name(entry->dtype),
                     "shape", shape, "xxh3_128",
                     json_sprintf("%016llx%016llx", (unsigned long long)hash.high64,
                                  (unsigned long long)hash.low64));
    kf__tf__bundle_entry__free_unpacked(entry, NULL);
    return made;
}

/* Entries of a block whose keys are whole; those of the index block are blocks themselves. */
static void walk(const struct member *index, uint64_t offset, uint64_t size, bool of_blocks,
                 const struct member *shard, json_t *out)
{
    const uint8_t *p = index->bytes + offset, *end = p + size - 8;

    while (p < end) {
        uint64_t key_n, value_n;
        const uint8_t *key, *value;

        varint(&p);
        key_n = varint(&p);
        value_n = varint(&p);
        key = p;
        value = p + key_n;
        p = value + value_n;
        if (of_blocks) {
            offset = varint(&value);
            size = varint(&value);
            walk(index, offset, size, false, shard, out);
        } else if (key_n) {
            json_array_append_new(out, tensor((const char *)key, key_n, value, value_n, shard));
        }
    }
}

static json_t *tensors(const struct member *index, const struct member *shard)
{
    const uint8_t *footer = index->bytes + index->n - 48;
    json_t *out = json_array();
    uint64_t offset, size;

    if (index->n < 48)
        return out;
    varint(&footer);
    varint(&footer);
    offset = varint(&footer);
    size = varint(&footer);
    walk(index, offset, size, true, shard, out);
    return out;
}

static json_t *read_members(const uint8_t *tar, size_t n)
{
    struct member index = {0}, shard = {0};
    json_t *names = json_array();

    for (size_t at = 0; at + BLOCK <= n && tar[at];) {
        const char *name = (const char *)tar + at;
        size_t size = strtoul((const char *)tar + at + 124, NULL, 8);

        json_array_append_new(names, json_stringn(name, strnlen(name, 100)));
        if (strstr(name, "variables.index"))
            index = (struct member){tar + at + BLOCK, size};
        else if (strstr(name, "variables.data"))
            shard = (struct member){tar + at + BLOCK, size};
        at += BLOCK + (size + BLOCK - 1) / BLOCK * BLOCK;
    }
    return json_pack("{s:{s:o, s:o}}", "tree", "members", names, "datasets",
                     tensors(&index, &shard));
}

json_t *golden_read_saved(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = NULL;
    json_t *read = NULL;
    long n;

    if (!file)
        return NULL;
    fseek(file, 0, SEEK_END);
    n = ftell(file);
    rewind(file);
    if (n >= BLOCK && (bytes = calloc(1, (size_t)n + 1)) &&
        fread(bytes, 1, (size_t)n, file) == (size_t)n && memcmp(bytes + 257, "ustar", 5) == 0)
        read = read_members(bytes, (size_t)n);
    free(bytes);
    fclose(file);
    return read;
}
