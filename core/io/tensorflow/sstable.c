/* SPDX-License-Identifier: Apache-2.0 */
#include "sstable.h"
#include "../../base/alloc.h"
#include "../../base/auto.h"
#include "../../base/buf.h"
#include "snappy.h"
#include "varint.h"
#include <inttypes.h>
#include <string.h>

#define KEY_MAX   8192
#define KEYS_MAX  (UINT64_C(256) << 20)
#define BLOCK_MAX (UINT64_C(64) << 20)
#define TRAILER   5 /* behind a block: its compression, and a checksum */

struct handle {
    uint64_t at, size;
};

struct walk {
    const struct kf_source *src;
    const struct kf_crc32c *crc;
    int (*visit)(const struct kf_sstable_entry *entry, void *context);
    void *context;
    struct kf_report *rep;
    uint64_t left;     /* bytes of the file that blocks may still fill */
    uint64_t key_left; /* bytes that keys may still have */
};

static int corrupt(const struct walk *walk, const char *what)
{
    return kf_report_add(walk->rep, KF_CORRUPT, "", "%s is damaged: %s", walk->src->name, what);
}

static uint32_t load(const unsigned char *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool get_handle(const unsigned char *p, size_t n, size_t *at, struct handle *out)
{
    return kf_varint(p, n, at, &out->at) && kf_varint(p, n, at, &out->size);
}

/* A block as it was before compression, in `out`. */
static int unpack_block(const struct walk *walk, const unsigned char *raw, size_t n,
                        struct kf_buf *out)
{
    const unsigned char *trailer = raw + n;
    int r;

    if (kf_crc32c_mask(kf_crc32c(walk->crc, 0, raw, n + 1)) != load(trailer + 1))
        return corrupt(walk, "the checksum of a block is another one");
    if (trailer[0] > 1)
        return corrupt(walk, "a block is compressed in an unknown way");
    r = trailer[0] == 1 ? kf_snappy_unpack(raw, n, out)
                        : (kf_buf_add(out, raw, n) ? 0 : -KF_NO_MEMORY);
    if (r == -KF_NO_MEMORY)
        return kf_report_add(walk->rep, KF_NO_MEMORY, "", "out of memory");
    return r < 0 ? corrupt(walk, "a block cannot be unpacked") : 0;
}

static int load_block(struct walk *walk, const struct handle *handle, struct kf_buf *out)
{
    unsigned char *raw;
    int r;

    if (handle->size > BLOCK_MAX)
        return kf_report_add(walk->rep, KF_TOO_LARGE, "", "a block of %" PRIu64 " bytes",
                             handle->size);
    if (handle->size + TRAILER > walk->left)
        return corrupt(walk, "its blocks overlap, or lie outside");
    walk->left -= handle->size + TRAILER;
    raw = kf_alloc((size_t)handle->size + TRAILER);
    if (!raw)
        return kf_report_add(walk->rep, KF_NO_MEMORY, "", "out of memory");
    r = kf_source_read(walk->src, handle->at, raw, (size_t)handle->size + TRAILER, walk->rep);
    if (r >= 0)
        r = unpack_block(walk, raw, (size_t)handle->size, out);
    kf_free(raw);
    return r;
}

/* The next entry; its key replaces that in `key` behind the bytes that both share. */
static int next_entry(struct walk *walk, const unsigned char *p, size_t end, size_t *at,
                      struct kf_buf *key, struct kf_sstable_entry *out)
{
    uint64_t shared, unshared, size;

    if (!kf_varint(p, end, at, &shared) || !kf_varint(p, end, at, &unshared) ||
        !kf_varint(p, end, at, &size) || shared > key->n || unshared > end - *at ||
        size > end - *at - unshared)
        return corrupt(walk, "an entry lies outside its block");
    if (shared + unshared > KEY_MAX || shared + unshared > walk->key_left)
        return kf_report_add(walk->rep, KF_TOO_LARGE, "", "the names in %s are too long",
                             walk->src->name);
    walk->key_left -= shared + unshared;
    key->n = (size_t)shared;
    if (!kf_buf_add(key, p + *at, (size_t)unshared))
        return kf_report_add(walk->rep, KF_NO_MEMORY, "", "out of memory");
    *at += (size_t)unshared;
    *out = (struct kf_sstable_entry){
        .key = key->data, .key_n = key->n, .value = p + *at, .value_n = (size_t)size};
    *at += (size_t)size;
    return 0;
}

static int each_entry(struct walk *walk, const struct kf_buf *block,
                      int (*visit)(struct walk *walk, const struct kf_sstable_entry *entry))
{
    const unsigned char *p = (const unsigned char *)block->data;
    struct kf_buf key = {.max = KEY_MAX + 1};
    struct kf_sstable_entry entry = {0};
    uint64_t restarts;
    size_t end, at = 0;
    int r = 0;

    if (block->n < 4)
        return corrupt(walk, "a block is too short");
    restarts = load(p + block->n - 4);
    if (restarts > (block->n - 4) / 4)
        return corrupt(walk, "the restarts of a block lie outside");
    end = block->n - 4 - 4 * (size_t)restarts;
    while (r >= 0 && at < end) {
        r = next_entry(walk, p, end, &at, &key, &entry);
        if (r >= 0)
            r = visit(walk, &entry);
    }
    kf_buf_finish(&key);
    return r;
}

static int read_block(struct walk *walk, const struct handle *handle,
                      int (*visit)(struct walk *walk, const struct kf_sstable_entry *entry))
{
    struct kf_buf block = {.max = BLOCK_MAX};
    int r = load_block(walk, handle, &block);

    if (r >= 0)
        r = each_entry(walk, &block, visit);
    kf_buf_finish(&block);
    return r;
}

static int tell(struct walk *walk, const struct kf_sstable_entry *entry)
{
    return walk->visit(entry, walk->context);
}

static int read_listed(struct walk *walk, const struct kf_sstable_entry *entry)
{
    struct handle handle;
    size_t at = 0;

    if (!get_handle(entry->value, entry->value_n, &at, &handle))
        return corrupt(walk, "its index is no index");
    return read_block(walk, &handle, tell);
}

int kf_sstable_each(const struct kf_source *src, const struct kf_crc32c *crc,
                    int (*visit)(const struct kf_sstable_entry *entry, void *context),
                    void *context, struct kf_report *rep)
{
    static const unsigned char magic[] = {0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb};
    struct walk walk = {.src = src,
                        .crc = crc,
                        .visit = visit,
                        .context = context,
                        .rep = rep,
                        .left = src->size,
                        .key_left = KEYS_MAX};
    unsigned char footer[KF_SSTABLE_FOOTER];
    struct handle unused, index;
    size_t at = 0;

    if (src->size < sizeof(footer))
        return corrupt(&walk, "it is too short");
    KF_TRY(kf_source_read(src, src->size - sizeof(footer), footer, sizeof(footer), rep));
    if (memcmp(footer + sizeof(footer) - sizeof(magic), magic, sizeof(magic)) != 0)
        return corrupt(&walk, "it does not end as an index of a checkpoint does");
    if (!get_handle(footer, sizeof(footer), &at, &unused) ||
        !get_handle(footer, sizeof(footer), &at, &index))
        return corrupt(&walk, "its end does not say where its index stands");
    return read_block(&walk, &index, read_listed);
}
