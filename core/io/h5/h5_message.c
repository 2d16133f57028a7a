/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/alloc.h"
#include "../../base/num.h"
#include "h5_private.h"
#include <string.h>

/*
 * Attributes, taken from the object header that holds them. HDF5's own reading of variable-length
 * strings trusts lengths in the file (see h5_heap.c), and every name of a model is such a string.
 *
 * Source: HDF5 File Format Specification 3.0, IV.A.2.d, IV.A.2.m
 */
#define CLASS_STRING 3
#define CLASS_VLEN   9

struct search {
    struct kf_report *rep;
    const char *name;
    struct kf_h5_attr *out;
};

static int corrupt(const struct search *search, const char *what)
{
    return kf_report_add(search->rep, KF_CORRUPT, search->name, "%s", what);
}

/* Size and kind of an element. */
static bool parse_type(struct kf_h5_attr *out, const char *p, size_t n)
{
    int class = n >= 8 ? p[0] & 0x0f : 0;

    if (n < 8)
        return false;
    out->size = kf_h5_get(p + 4, 4);
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
        if (!kf_mul(out->n, kf_h5_get(p + dims + i * 8, 8), &out->n))
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
    name = ((size_t)kf_h5_get(p + 2, 2) + pad) & ~pad;
    type = ((size_t)kf_h5_get(p + 4, 2) + pad) & ~pad;
    space = ((size_t)kf_h5_get(p + 6, 2) + pad) & ~pad;
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

/* kf_h5_messages()'s visitor; 1 stops at the attribute. */
static int visit(void *context, unsigned type, unsigned flags, const char *p, size_t n)
{
    struct search *search = context;
    size_t skip;

    if (type == KF_H5_MESSAGE_ATTR_INFO && n >= 2) {
        skip = p[1] & 1 ? 4 : 2;
        if (n >= skip + 8 && kf_h5_get(p + skip, 8) != KF_H5_UNDEFINED)
            search->out->dense = true;
    }
    if (type != KF_H5_MESSAGE_ATTR)
        return 0;
    if (flags & KF_H5_MESSAGE_SHARED)
        search->out->dense = true;
    else
        KF_TRY(parse_attribute(search, p, n));
    return search->out->found;
}

int kf_h5_attr_find(struct kf_h5_attr *out, struct kf_h5 *h5, uint64_t address, const char *name,
                    struct kf_report *rep)
{
    struct search search = {.rep = rep, .name = name, .out = out};
    const struct kf_h5_visitor visitor = {.visit = visit, .context = &search};
    int status;

    *out = (struct kf_h5_attr){0};
    if (address == KF_NOWHERE)
        return 0; /* h5_split.c made the group: the file has none */
    status = kf_h5_messages(h5, address, &visitor, &out->block, rep);
    if (status < 0)
        kf_h5_attr_finish(out);
    return status < 0 ? status : 0;
}

void kf_h5_attr_finish(struct kf_h5_attr *attr)
{
    kf_free(attr->block);
    *attr = (struct kf_h5_attr){0};
}
