/* SPDX-License-Identifier: Apache-2.0 */
#include "saved_model_mend.h"
#include "../../base/auto.h"
#include "../../io/tensorflow/varint.h"

/* The way from a SavedModel to an object, by field numbers, and what goes. */
static const uint64_t path[] = {2 /* meta_graphs */, 7 /* object_graph_def */, 1 /* nodes */};
#define OBJECT         (sizeof(path) / sizeof(path[0]))
#define SLOT_VARIABLES 3

/* One field of a message: `bytes` are those of its value. */
struct field {
    uint64_t number;
    unsigned wire;
    const unsigned char *bytes;
    size_t n;
};

static bool next_field(const unsigned char *p, size_t end, size_t *at, struct field *out)
{
    uint64_t key, n = 0;
    size_t from;

    if (!kf_varint(p, end, at, &key))
        return false;
    *out = (struct field){.number = key >> 3, .wire = key & 7};
    from = *at;
    if (out->wire == 0 && !kf_varint(p, end, at, &n))
        return false;
    if (out->wire == 2) {
        if (!kf_varint(p, end, at, &n) || n > end - *at)
            return false;
        from = *at;
    } else if (out->wire == 1 || out->wire == 5) {
        n = out->wire == 1 ? 8 : 4;
        if (n > end - *at)
            return false;
    } else if (out->wire != 0) {
        return false;
    }
    if (out->wire != 0)
        *at += (size_t)n;
    out->bytes = p + from;
    out->n = *at - from;
    return out->number > 0;
}

static bool put_varint(struct kf_buf *out, uint64_t value)
{
    unsigned char byte;

    for (; value >= 0x80; value >>= 7) {
        byte = (unsigned char)(value | 0x80);
        if (!kf_buf_add(out, &byte, 1))
            return false;
    }
    byte = (unsigned char)value;
    return kf_buf_add(out, &byte, 1);
}

static int mend(const unsigned char *p, size_t n, size_t depth, struct kf_buf *out, size_t *gone);

/* A field on the way: mended, or as it was where nothing below it changed. */
static int mend_field(const struct field *field, const unsigned char *from, size_t n, size_t depth,
                      struct kf_buf *out, size_t *gone)
{
    struct kf_buf inner = {.max = out->max};
    size_t before = *gone;
    int r = mend(field->bytes, field->n, depth + 1, &inner, gone);

    if (r >= 0 &&
        (*gone == before ? !kf_buf_add(out, from, n)
                         : !put_varint(out, path[depth] << 3 | 2) || !put_varint(out, inner.n) ||
                               !kf_buf_add(out, inner.data, inner.n)))
        r = -KF_NO_MEMORY;
    kf_buf_finish(&inner);
    return r;
}

static int mend(const unsigned char *p, size_t n, size_t depth, struct kf_buf *out, size_t *gone)
{
    struct field field;

    if (!kf_buf_add(out, "", 0))
        return -KF_NO_MEMORY;
    for (size_t at = 0, from = 0; at < n; from = at) {
        if (!next_field(p, n, &at, &field))
            return -KF_CORRUPT;
        if (depth < OBJECT && field.number == path[depth] && field.wire == 2)
            KF_TRY(mend_field(&field, p + from, at - from, depth, out, gone));
        else if (depth == OBJECT && field.number == SLOT_VARIABLES && field.wire == 2)
            ++*gone;
        else if (!kf_buf_add(out, p + from, at - from))
            return -KF_NO_MEMORY;
    }
    return 0;
}

int kf_saved_model_mend(const void *bytes, size_t n, struct kf_buf *out, size_t *gone)
{
    *gone = 0;
    return mend(bytes, n, 0, out, gone);
}
