/* SPDX-License-Identifier: Apache-2.0 */
#include "snappy.h"
#include "../../base/auto.h"
#include "varint.h"

struct unpack {
    const unsigned char *in;
    size_t n, at;
    struct kf_buf *out;
    size_t from, end; /* of what is unpacked, in `out` */
};

/* Little-endian, as many bytes as there are. */
static bool get(struct unpack *u, size_t bytes, uint64_t *out)
{
    *out = 0;
    if (bytes > u->n - u->at)
        return false;
    for (size_t i = 0; i < bytes; i++)
        *out |= (uint64_t)u->in[u->at++] << (8 * i);
    return true;
}

static int literal(struct unpack *u, unsigned tag)
{
    uint64_t length = tag >> 2;

    if (length >= 60 && !get(u, (size_t)length - 59, &length))
        return -KF_CORRUPT;
    if (length >= u->n - u->at || length >= u->end - u->out->n)
        return -KF_CORRUPT;
    if (!kf_buf_add(u->out, u->in + u->at, (size_t)length + 1))
        return -KF_NO_MEMORY;
    u->at += (size_t)length + 1;
    return 0;
}

/* Bytes from `back` before the end, which may run into what they make. */
static int copy(struct unpack *u, uint64_t back, uint64_t length)
{
    if (back == 0 || back > u->out->n - u->from || length > u->end - u->out->n)
        return -KF_CORRUPT;
    for (uint64_t i = 0; i < length; i++) {
        char c = u->out->data[u->out->n - back];

        if (!kf_buf_add(u->out, &c, 1))
            return -KF_NO_MEMORY;
    }
    return 0;
}

static int element(struct unpack *u)
{
    static const size_t widths[] = {0, 1, 2, 4};
    unsigned tag = u->in[u->at++], kind = tag & 3;
    uint64_t back, length = (tag >> 2) + 1;

    if (kind == 0)
        return literal(u, tag);
    if (!get(u, widths[kind], &back))
        return -KF_CORRUPT;
    if (kind == 1) {
        back |= (uint64_t)(tag >> 5) << 8;
        length = (tag >> 2 & 7) + 4;
    }
    return copy(u, back, length);
}

int kf_snappy_unpack(const unsigned char *in, size_t n, struct kf_buf *out)
{
    struct unpack u = {.in = in, .n = n, .out = out, .from = out->n};
    uint64_t length;

    if (!kf_varint(in, n, &u.at, &length) || length > out->max - out->n)
        return -KF_CORRUPT;
    u.end = u.from + (size_t)length;
    while (u.at < n)
        KF_TRY(element(&u));
    return out->n == u.end ? 0 : -KF_CORRUPT;
}
