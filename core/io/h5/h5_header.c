/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/alloc.h"
#include "../../base/num.h"
#include "h5_private.h"
#include <string.h>

/*
 * Object headers, read without HDF5: attributes and heaps are looked at before it may be.
 *
 *   header 1     version 1 (1), reserved 1, messages 2, references 4, size 4, padding 4
 *   message      type 2, size 2, flags 1, reserved 3
 *   header 2     "OHDR", version 1 (2), flags 1, times 16 (flag 0x20), limits 4 (flag 0x10), size
 *                of 1, 2, 4 or 8 bytes (flags & 3); more blocks: "OCHK", messages, checksum 4
 *   message      type 1, size 2, flags 1, order 2 (header flag 0x04)
 *
 * Source: HDF5 File Format Specification 3.0, IV.A
 */

/* Headers of real files have a few blocks; the lists of large models a few megabytes. */
#define BLOCKS_MAX 4096
#define BYTES_MAX  ((uint64_t)64 << 20)

struct range {
    uint64_t at, n;
};

struct walk {
    struct kf_h5 *h5;
    struct kf_report *rep;
    const struct kf_h5_visitor *visitor;
    bool new_form, ordered;      /* header 2, with creation order */
    unsigned n_messages, n_said; /* of header 1 */
    bool odd;                    /* a message that continues the header has flags, which none has */
    struct range *blocks;        /* still to be read */
    size_t n_blocks, cap, i_block;
    uint64_t bytes;
};

uint64_t kf_h5_get(const char *p, size_t n)
{
    uint64_t value = 0;

    while (n-- > 0)
        value = value << 8 | (unsigned char)p[n];
    return value;
}

static int corrupt(const struct walk *walk, const char *what)
{
    return kf_report_add(walk->rep, KF_CORRUPT, "", "%s", what);
}

static int add_block(struct walk *walk, uint64_t at, uint64_t n)
{
    walk->bytes += kf_min(n, BYTES_MAX);
    if (walk->n_blocks >= BLOCKS_MAX || walk->bytes > BYTES_MAX)
        return kf_report_add(walk->rep, KF_TOO_LARGE, "", "an endless object header");
    if (!kf_grow(&walk->blocks, &walk->cap, walk->n_blocks + 1, sizeof(*walk->blocks)))
        return kf_report_add(walk->rep, KF_NO_MEMORY, "", "no memory for an object header");
    walk->blocks[walk->n_blocks++] = (struct range){at, n};
    return 0;
}

static int visit_messages(struct walk *walk, const char *p, size_t n)
{
    size_t head = !walk->new_form ? 8 : walk->ordered ? 6 : 4;
    int status = 0;

    while (n >= head && status == 0) {
        unsigned type = (unsigned)kf_h5_get(p, walk->new_form ? 1 : 2);
        size_t size = (size_t)kf_h5_get(p + (walk->new_form ? 1 : 2), 2);
        unsigned flags = (unsigned char)p[walk->new_form ? 3 : 4];

        if (size > n - head)
            return corrupt(walk, "an object header's message longer than its block");
        walk->n_messages++;
        walk->odd = walk->odd || (type == KF_H5_MESSAGE_CONTINUE && flags != 0);
        if (type == KF_H5_MESSAGE_CONTINUE && size >= 16)
            status = add_block(walk, kf_h5_get(p + head, 8), kf_h5_get(p + head + 8, 8));
        else
            status = walk->visitor->visit(walk->visitor->context, type, flags, p + head, size);
        p += head + size;
        n -= head + size;
    }
    return status;
}

/* Read one block; the visitor that stops the walk keeps it. */
static int visit_block(struct walk *walk, struct range range, char **block_out)
{
    struct kf_h5 *h5 = walk->h5;
    size_t sign = walk->new_form && walk->i_block > 1 ? 4 : 0;
    int status = 0;
    uint64_t at;
    char *block;

    if (!kf_add(range.at, h5->base, &at) || range.n > h5->src.size || range.n < 2 * sign)
        return corrupt(walk, "an object header outside the file");
    block = kf_alloc((size_t)range.n);
    if (!block)
        return kf_report_add(walk->rep, KF_NO_MEMORY, "", "no memory for an object header");
    status = kf_h5_read(h5, at, block, (size_t)range.n, walk->rep);
    if (status == 0 && sign > 0 && memcmp(block, "OCHK", 4) != 0)
        status = corrupt(walk, "an object header without its signature");
    if (status == 0)
        status = visit_messages(walk, block + sign, (size_t)range.n - 2 * sign);
    if (status > 0)
        *block_out = block;
    else
        kf_free(block);
    return status;
}

static int first_block(struct walk *walk, uint64_t address)
{
    char head[40] = {0};
    size_t size_at, n;
    uint64_t at;

    if (!kf_add(address, walk->h5->base, &at) || at >= walk->h5->src.size)
        return corrupt(walk, "an object header outside the file");
    n = (size_t)kf_min(sizeof(head), walk->h5->src.size - at);
    KF_TRY(kf_h5_read(walk->h5, at, head, n, walk->rep));
    walk->n_said = (unsigned)kf_h5_get(head + 2, 2);
    if (memcmp(head, "OHDR", 4) != 0)
        return head[0] == 1 ? add_block(walk, address + 16, kf_h5_get(head + 8, 4))
                            : corrupt(walk, "an object header of an unknown version");
    walk->new_form = true;
    walk->ordered = head[5] & 0x04;
    size_at = 6u + (head[5] & 0x20 ? 16u : 0u) + (head[5] & 0x10 ? 4u : 0u);
    n = (size_t)1 << (head[5] & 3);
    return add_block(walk, address + size_at + n, kf_h5_get(head + size_at, n));
}

int kf_h5_messages(struct kf_h5 *h5, uint64_t address, const struct kf_h5_visitor *visitor,
                   char **block_out, struct kf_report *rep)
{
    struct walk walk = {.h5 = h5, .rep = rep, .visitor = visitor};
    int status = first_block(&walk, address);

    *block_out = NULL;
    while (status == 0 && walk.i_block < walk.n_blocks) {
        struct range range = walk.blocks[walk.i_block++];

        status = visit_block(&walk, range, block_out);
    }
    kf_free(walk.blocks);
    if (visitor->plain_out)
        *visitor->plain_out = !walk.new_form && !walk.odd && walk.n_messages == walk.n_said;
    return status;
}
