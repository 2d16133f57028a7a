/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/num.h"
#include "detect.h"
#include <string.h>

/*
 * Protocol buffers have no magic: a file is what its first fields fit, all the way to its end.
 *
 *   SavedModel     1 schema version = 1, 2 meta graph (which begins with field 1, a message)
 *   SavedMetadata  1 node *, each with 4 identifier "_tf_keras_..."
 *   GraphDef       1 node *, each with 1 name and 2 operation
 *   ModelProto     1 IR version, 2 producer's name, ..., 7 graph, 8 opset (ONNX)
 */
enum wire { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };

struct field {
    uint64_t number, value; /* `value` of a varint */
    enum wire wire;
    uint64_t at, n; /* bytes of the others, in the source */
};

/* What a file of a kind may have many of; the rest is taken on trust. */
#define FIELDS_MAX 2000

static bool get_varint(const unsigned char *p, size_t n, size_t *at, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; shift < 64 && *at < n; shift += 7) {
        *out |= (uint64_t)(p[*at] & 0x7f) << shift;
        if (!(p[(*at)++] & 0x80))
            return true;
    }
    return false;
}

/* The field at `*at`, which moves behind it; false when there is none that fits before `end`. */
static bool next_field(const struct kf_look *look, uint64_t *at, uint64_t end, struct field *out)
{
    unsigned char p[20];
    size_t n = (size_t)kf_min(sizeof(p), end - *at), used = 0;
    uint64_t key;

    if (n == 0 || kf_source_read(look->src, *at, p, n, look->rep) < 0 ||
        !get_varint(p, n, &used, &key))
        return false;
    *out = (struct field){.number = key >> 3, .wire = (enum wire)(key & 7)};
    if (out->wire == VARINT ? !get_varint(p, n, &used, &out->value)
                            : out->wire == BYTES && !get_varint(p, n, &used, &out->n))
        return false;
    if (out->wire == FIXED64 || out->wire == FIXED32)
        out->n = out->wire == FIXED64 ? 8 : 4;
    else if (out->wire != VARINT && out->wire != BYTES)
        return false;
    out->at = *at + used;
    if (out->number == 0 || out->at > end || out->n > end - out->at)
        return false;
    *at = out->at + out->n;
    return true;
}

/* True when a message of fields up to `most` fills [at, end), as far as it is looked at. */
static bool fills(const struct kf_look *look, uint64_t at, uint64_t end, uint64_t most)
{
    struct field field;

    for (int i = 0; i < FIELDS_MAX && at < end; i++)
        if (!next_field(look, &at, end, &field) || field.number > most)
            return false;
    return true;
}

/* Field `number` of the message [at, end), as bytes. */
static bool find(const struct kf_look *look, uint64_t at, uint64_t end, uint64_t number,
                 struct field *out)
{
    while (at < end && next_field(look, &at, end, out))
        if (out->number == number && out->wire == BYTES)
            return true;
    return false;
}

static bool begins(const struct kf_look *look, const struct field *field, const char *text)
{
    char head[16];
    size_t n = strlen(text);

    return field->n >= n && n <= sizeof(head) &&
           kf_source_read(look->src, field->at, head, n, look->rep) == 0 &&
           memcmp(head, text, n) == 0;
}

static bool is_saved_model(const struct kf_look *look, const struct field *first, uint64_t at)
{
    struct field graph, info;

    return first->number == 1 && first->wire == VARINT && first->value == 1 &&
           next_field(look, &at, look->src->size, &graph) && graph.number == 2 &&
           graph.wire == BYTES && next_field(look, &graph.at, graph.at + graph.n, &info) &&
           info.number == 1 && info.wire == BYTES;
}

static bool is_metadata(const struct kf_look *look, const struct field *first)
{
    struct field name;

    return first->number == 1 && first->wire == BYTES &&
           find(look, first->at, first->at + first->n, 4, &name) &&
           begins(look, &name, "_tf_keras");
}

/* A node's operation begins with a capital, or with _ for TensorFlow's own. */
static bool is_graph(const struct kf_look *look, const struct field *first)
{
    struct field name, op;
    char c = '\0';

    return first->number == 1 && first->wire == BYTES &&
           find(look, first->at, first->at + first->n, 1, &name) &&
           find(look, first->at, first->at + first->n, 2, &op) && op.n > 0 &&
           kf_source_read(look->src, op.at, &c, 1, look->rep) == 0 &&
           ((c >= 'A' && c <= 'Z') || c == '_');
}

static bool is_onnx(const struct kf_look *look, const struct field *first, uint64_t at)
{
    struct field graph, opset;

    return first->number == 1 && first->wire == VARINT && first->value > 0 && first->value < 100 &&
           find(look, at, look->src->size, 7, &graph) && find(look, at, look->src->size, 8, &opset);
}

int kf_look_proto(struct kf_look *look, enum kf_kind_id *out)
{
    struct field first;
    uint64_t at = 0;

    if (!next_field(look, &at, look->src->size, &first) || !fills(look, 0, look->src->size, 32))
        return 0;
    if (is_saved_model(look, &first, at))
        *out = KF_FILE_SAVED_MODEL;
    else if (is_metadata(look, &first))
        *out = KF_FILE_KERAS_METADATA;
    else if (is_graph(look, &first))
        *out = KF_FILE_FROZEN_GRAPH;
    else if (is_onnx(look, &first, at))
        *out = KF_FILE_ONNX;
    if (*out != KF_FILE_UNKNOWN)
        kf_report_evidence(look->rep, "its protocol buffer fields fit");
    return 0;
}
