/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/alloc.h"
#include "../base/num.h"
#include "h5_private.h"
#include <string.h>

/*
 * Attributes, read from the object header that holds them. HDF5's own reading of variable-length
 * strings trusts lengths in the file (see h5_heap.c), and every name of a model is such a string.
 *
 *   header 1     version 1 (1), reserved 1, messages 2, references 4, size 4, padding 4
 *   message      type 2, size 2, flags 1, reserved 3
 *   header 2     "OHDR", version 1 (2), flags 1, times 16 (flag 0x20), limits 4 (flag 0x10), size
 *                of 1, 2, 4 or 8 bytes (flags & 3); more blocks: "OCHK", messages, checksum 4
 *   message      type 1, size 2, flags 1, order 2 (header flag 0x04)
 *
 * Source: HDF5 File Format Specification 3.0, IV.A
 */
#define MESSAGE_ATTRIBUTE 0x0c
#define MESSAGE_CONTINUE  0x10
#define MESSAGE_DENSE     0x15
#define MESSAGE_SHARED    0x02 /* flag: the message stands elsewhere */
#define CLASS_STRING      3
#define CLASS_VLEN        9
#define NO_ADDRESS        UINT64_MAX

/* Headers of real files have a few blocks; the lists of large models a few megabytes. */
#define BLOCKS_MAX 4096
#define BYTES_MAX  ((uint64_t)64 << 20)

struct range {
    uint64_t at, n;
};

struct search {
    struct kf_h5 *h5;
    struct kf_report *rep;
    const char *name;
    struct kf_h5_attr *out;
    bool new_form, ordered; /* header 2, with creation order */
    struct range *blocks;   /* still to be read */
    size_t n_blocks, cap, i_block;
    uint64_t bytes;
};

static uint64_t get(const char *p, size_t n)
{
    uint64_t value = 0;

    while (n-- > 0)
        value = value << 8 | (unsigned char)p[n];
    return value;
}

static int corrupt(const struct search *search, const char *what)
{
    return kf_report_add(search->rep, KF_CORRUPT, search->name, "%s", what);
}

static int add_block(struct search *search, uint64_t at, uint64_t n)
{
    search->bytes += kf_min(n, BYTES_MAX);
    if (search->n_blocks >= BLOCKS_MAX || search->bytes > BYTES_MAX)
        return kf_report_add(search->rep, KF_TOO_LARGE, search->name, "an endless object header");
    if (!kf_grow(&search->blocks, &search->cap, search->n_blocks + 1, sizeof(*search->blocks)))
        return kf_report_add(search->rep, KF_NO_MEMORY, "", "no memory for an object header");
    search->blocks[search->n_blocks++] = (struct range){at, n};
    return 0;
}

/* Size and kind of an element. */
static bool parse_type(struct kf_h5_attr *out, const char *p, size_t n)
{
    int class = n >= 8 ? p[0] & 0x0f : 0;

    if (n < 8)
        return false;
    out->size = get(p + 4, 4);
    out->vlen = class == CLASS_VLEN && (p[1] & 0x0f) == 1;
    out->text = class == CLASS_STRING || out->vlen;
    out->spaces = class == CLASS_STRING && (p[1] & 0x0f) == 2;
    return !out->vlen || out->size == 16;
}

/* Number of elements; a null dataspace has none. */
static bool parse_space(struct kf_h5_attr *out, const char *p, size_t n)
{
    size_t rank, dims;

    if (n < 4 || (p[0] != 1 && p[0] != 2))
        return false;
    rank = (unsigned char)p[1];
    dims = p[0] == 1 ? 8 : 4;
    out->n = p[0] == 2 && p[3] == 2 ? 0 : 1;
    if (rank > KF_RANK_MAX || (rank > 0 && n < dims + rank * 8))
        return false;
    for (size_t i = 0; i < rank; i++)
        if (!kf_mul(out->n, get(p + dims + i * 8, 8), &out->n))
            return false;
    return true;
}

/* `p` is an attribute message of `n` bytes; version 1 pads each part to 8. */
static int parse_attribute(struct search *search, const char *p, size_t n)
{
    struct kf_h5_attr *out = search->out;
    size_t head = n > 0 && p[0] == 3 ? 9 : 8, pad = n > 0 && p[0] == 1 ? 7 : 0;
    size_t name, type, space, at;
    uint64_t bytes;

    if (n < head || p[0] < 1 || p[0] > 3)
        return corrupt(search, "an attribute of an unknown form");
    name = ((size_t)get(p + 2, 2) + pad) & ~pad;
    type = ((size_t)get(p + 4, 2) + pad) & ~pad;
    space = ((size_t)get(p + 6, 2) + pad) & ~pad;
    at = head + name + type + space;
    if (at > n)
        return corrupt(search, "an attribute longer than its message");
    if (strnlen(p + head, name) != strlen(search->name) ||
        memcmp(p + head, search->name, strlen(search->name)) != 0)
        return 0;
    out->found = true;
    out->n = 1;
    if (p[0] > 1 && (p[1] & 3)) /* its type or extent is shared: no list of names, no text */
        return 0;
    if (!parse_type(out, p + head + name, type) ||
        !parse_space(out, p + head + name + type, space) || !kf_mul(out->n, out->size, &bytes) ||
        bytes > n - at)
        return corrupt(search, "an attribute that is not as long as it says");
    out->data = p + at;
    return 0;
}

static int visit(struct search *search, unsigned type, unsigned flags, const char *p, size_t n)
{
    size_t skip;

    if (type == MESSAGE_CONTINUE && n >= 16)
        return add_block(search, get(p, 8), get(p + 8, 8));
    if (type == MESSAGE_DENSE && n >= 2) {
        skip = p[1] & 1 ? 4 : 2;
        if (n >= skip + 8 && get(p + skip, 8) != NO_ADDRESS)
            search->out->dense = true;
    }
    if (type == MESSAGE_ATTRIBUTE && (flags & MESSAGE_SHARED))
        search->out->dense = true;
    else if (type == MESSAGE_ATTRIBUTE)
        return parse_attribute(search, p, n);
    return 0;
}

static int visit_messages(struct search *search, const char *p, size_t n)
{
    size_t head = !search->new_form ? 8 : search->ordered ? 6 : 4;

    while (n >= head && !search->out->found) {
        unsigned type = (unsigned)get(p, search->new_form ? 1 : 2);
        size_t size = (size_t)get(p + (search->new_form ? 1 : 2), 2);
        unsigned flags = (unsigned char)p[search->new_form ? 3 : 4];

        if (size > n - head)
            return corrupt(search, "an object header's message longer than its block");
        KF_TRY(visit(search, type, flags, p + head, size));
        p += head + size;
        n -= head + size;
    }
    return 0;
}

/* Read one block; the attribute, when found in it, keeps it. */
static int search_block(struct search *search, struct range range)
{
    struct kf_h5 *h5 = search->h5;
    size_t sign = search->new_form && search->i_block > 1 ? 4 : 0;
    int status = 0;
    uint64_t at;
    char *block;

    if (!kf_add(range.at, h5->base, &at) || range.n > h5->src.size || range.n < 2 * sign)
        return corrupt(search, "an object header outside the file");
    block = kf_alloc((size_t)range.n);
    if (!block)
        return kf_report_add(search->rep, KF_NO_MEMORY, "", "no memory for an object header");
    status = kf_source_read(&h5->src, at, block, (size_t)range.n, search->rep);
    if (status == 0 && sign > 0 && memcmp(block, "OCHK", 4) != 0)
        status = corrupt(search, "an object header without its signature");
    if (status == 0)
        status = visit_messages(search, block + sign, (size_t)range.n - 2 * sign);
    if (search->out->found)
        search->out->block = block;
    else
        kf_free(block);
    return status;
}

static int first_block(struct search *search, uint64_t address)
{
    char head[40] = {0};
    size_t size_at, n;
    uint64_t at;

    if (!kf_add(address, search->h5->base, &at) || at >= search->h5->src.size)
        return corrupt(search, "an object header outside the file");
    n = (size_t)kf_min(sizeof(head), search->h5->src.size - at);
    KF_TRY(kf_source_read(&search->h5->src, at, head, n, search->rep));
    if (memcmp(head, "OHDR", 4) != 0)
        return head[0] == 1 ? add_block(search, address + 16, get(head + 8, 4))
                            : corrupt(search, "an object header of an unknown version");
    search->new_form = true;
    search->ordered = head[5] & 0x04;
    size_at = 6u + (head[5] & 0x20 ? 16u : 0u) + (head[5] & 0x10 ? 4u : 0u);
    n = (size_t)1 << (head[5] & 3);
    return add_block(search, address + size_at + n, get(head + size_at, n));
}

int kf_h5_attr_find(struct kf_h5_attr *out, struct kf_h5 *h5, uint64_t address, const char *name,
                    struct kf_report *rep)
{
    struct search search = {.h5 = h5, .rep = rep, .name = name, .out = out};
    int status;

    *out = (struct kf_h5_attr){0};
    status = first_block(&search, address);
    while (status == 0 && !out->found && search.i_block < search.n_blocks) {
        struct range range = search.blocks[search.i_block++];

        status = search_block(&search, range);
    }
    kf_free(search.blocks);
    if (status < 0)
        kf_h5_attr_finish(out);
    return status;
}

void kf_h5_attr_finish(struct kf_h5_attr *attr)
{
    kf_free(attr->block);
    *attr = (struct kf_h5_attr){0};
}
