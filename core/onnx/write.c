/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/alloc.h"
#include "../base/buf.h"
#include "../base/num.h"
#include "../format/info.h"
#include "../format/tensor_rows.h"
#include "../format/writer.h"
#include "../io/checksum.h"
#include "../io/proto_write.h"
#include "../io/spool.h"
#include "build.h"
#include "ops.h"
#include <kf/progress.h>
#include <onnx.pb-c.h>
#include <string.h>

/*
 * An ONNX model is one message, ModelProto, with the graph in it and the weights in that. It is
 * framed by hand, so that a weight goes from the source to the file in pieces: what stands before
 * a message in the file is its length, and that is computed from the shapes.
 *
 *   ModelProto    ir_version, producer_name, opset_import; 7 graph
 *   GraphProto    1 node..., 2 name, 5 initializer..., 11 input..., 12 output...
 *   TensorProto   dims, data_type, name; 9 raw_data, little-endian and row-major
 */
#define PRODUCER "kferry"

/* A message of protocol buffers is never larger, and readers refuse one that is. */
#define MESSAGE_MAX ((UINT64_C(1) << 31) - 1)
/* What stands around the weights: a node of a few hundred bytes for each of a million. */
#define AROUND_MAX (UINT64_C(1) << 29)

#define PIECE ((size_t)1 << 20)

extern const struct kf_writer kf_write_onnx;

static enum kf_dialect dialect(int keras)
{
    (void)keras;
    return KF_DIALECT_KERAS3;
}

static char **names_of(struct kf_arena *arena, struct kf_onnx_tensor *const *tensors, size_t n)
{
    char **names = kf_arena_alloc(arena, (n + 1) * sizeof(*names));

    for (size_t i = 0; names && i < n; i++)
        names[i] = (char *)tensors[i]->name;
    return names;
}

static bool add_node(struct kf_buf *buf, struct kf_arena *arena, const struct kf_onnx_node *node)
{
    Onnx__NodeProto message = ONNX__NODE_PROTO__INIT;

    message.input = names_of(arena, node->in, node->n_in);
    message.output = names_of(arena, node->out, node->n_out);
    message.n_input = node->n_in;
    message.n_output = node->n_out;
    message.name = (char *)node->name;
    message.op_type = (char *)node->op;
    message.attribute = (Onnx__AttributeProto **)node->attributes;
    message.n_attribute = node->n_attributes;
    return message.input && message.output && kf_proto_put_message(buf, 1, &message.base);
}

/* The free axes of inputs have names: N is the batch. */
static bool fill_dims(Onnx__DimensionProto *dims, Onnx__DimensionProto **list,
                      struct kf_arena *arena, const struct kf_onnx_tensor *tensor, bool named)
{
    for (unsigned i = 0; i < tensor->rank; i++) {
        onnx__dimension_proto__init(&dims[i]);
        list[i] = &dims[i];
        if (tensor->dims[i] != KF_ONNX_FREE) {
            dims[i].dim_value = tensor->dims[i];
            dims[i].has_dim_value = 1;
        } else if (named) {
            dims[i].dim_param = i == 0 ? kf_arena_strdup(arena, "N")
                                       : kf_arena_printf(arena, "%s_%u", tensor->name, i);
            if (!dims[i].dim_param)
                return false;
        }
    }
    return true;
}

static bool add_value(struct kf_buf *buf, struct kf_arena *arena, unsigned number,
                      const struct kf_onnx_tensor *tensor, bool named)
{
    Onnx__ValueInfoProto message = ONNX__VALUE_INFO_PROTO__INIT;
    Onnx__TypeProto type = ONNX__TYPE_PROTO__INIT;
    Onnx__TensorTypeProto of = ONNX__TENSOR_TYPE_PROTO__INIT;
    Onnx__TensorShapeProto shape = ONNX__TENSOR_SHAPE_PROTO__INIT;
    Onnx__DimensionProto dims[KF_ONNX_RANK_MAX], *list[KF_ONNX_RANK_MAX];

    if (!fill_dims(dims, list, arena, tensor, named))
        return false;
    shape.dim = list;
    shape.n_dim = tensor->rank;
    of.elem_type = kf_onnx_dtype(tensor->dtype);
    of.has_elem_type = 1;
    of.shape = &shape;
    type.tensor_type = &of;
    message.name = (char *)tensor->name;
    message.type = &type;
    return kf_proto_put_message(buf, number, &message.base);
}

/* All of GraphProto but the weights. */
static bool add_around(struct kf_buf *buf, const struct kf_onnx *onnx, const char *name)
{
    bool good = kf_proto_put(buf, 2, name, strlen(name));

    for (size_t i = 0; good && i < onnx->n_nodes; i++)
        good = !onnx->nodes[i]->used || add_node(buf, onnx->arena, onnx->nodes[i]);
    for (size_t i = 0; good && i < onnx->n_inputs; i++)
        good = add_value(buf, onnx->arena, 11, onnx->inputs[i], true);
    for (size_t i = 0; good && i < onnx->n_outputs; i++)
        good = add_value(buf, onnx->arena, 12, onnx->outputs[i], false);
    return good;
}

/* ModelProto without its graph; each opset belongs to a version of the format. */
static bool add_model(struct kf_buf *buf, const struct kf_onnx *onnx)
{
    static const int ir_versions[] = {7, 7, 8, 8, 8, 8, 9, 9, 10}; /* of opset 13 to 21 */
    Onnx__ModelProto message = ONNX__MODEL_PROTO__INIT;
    Onnx__OperatorSetIdProto opset = ONNX__OPERATOR_SET_ID_PROTO__INIT, *list[1] = {&opset};
    char producer[] = PRODUCER, domain[] = "";
    uint8_t bytes[128];
    size_t n;

    opset.domain = domain;
    opset.version = onnx->opset;
    opset.has_version = 1;
    message.ir_version = ir_versions[onnx->opset - 13];
    message.has_ir_version = 1;
    message.producer_name = producer;
    message.opset_import = list;
    message.n_opset_import = 1;
    n = onnx__model_proto__get_packed_size(&message);
    return n <= sizeof(bytes) && kf_buf_add(buf, bytes, onnx__model_proto__pack(&message, bytes));
}

/* TensorProto up to the bytes of its weight: what it says, then the head of raw_data. */
static bool add_tensor_head(struct kf_buf *buf, const struct kf_onnx_tensor *tensor)
{
    Onnx__TensorProto message = ONNX__TENSOR_PROTO__INIT;
    uint64_t n = kf_payload_bytes(tensor->payload);
    int64_t dims[KF_ONNX_RANK_MAX];
    uint8_t about[1024 + 16 * KF_ONNX_RANK_MAX], head[20], raw[20];
    size_t n_about, n_raw = kf_proto_head(raw, 9, n);

    memcpy(dims, tensor->dims, sizeof(dims));
    message.dims = dims;
    message.n_dims = tensor->rank;
    message.data_type = kf_onnx_dtype(tensor->dtype);
    message.has_data_type = 1;
    message.name = (char *)tensor->name;
    n_about = onnx__tensor_proto__get_packed_size(&message);
    if (n_about > sizeof(about))
        return false;
    onnx__tensor_proto__pack(&message, about);
    return kf_buf_add(buf, head, kf_proto_head(head, 5, n_about + n_raw + n)) &&
           kf_buf_add(buf, about, n_about) && kf_buf_add(buf, raw, n_raw);
}

/* The file: where it goes, and what has been computed of it. */
struct out {
    struct kf_onnx *onnx;
    const struct kf_options *options;
    struct kf_report *rep;
    struct kf_spool file;
    struct kf_buf text; /* heads on their way */
    char *piece;
};

static int no_memory(struct kf_report *rep)
{
    return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
}

/* Bytes of GraphProto: what stands around the weights, and they. */
static int graph_size(struct out *out, uint64_t *size)
{
    for (size_t i = 0; i < out->onnx->n_weights; i++) {
        const struct kf_onnx_tensor *tensor = out->onnx->weights[i];

        if (!tensor->used)
            continue;
        out->text.n = 0;
        if (!add_tensor_head(&out->text, tensor))
            return no_memory(out->rep);
        if (!kf_add(*size, out->text.n, size) ||
            !kf_add(*size, kf_payload_bytes(tensor->payload), size))
            return kf_report_add(out->rep, KF_TOO_LARGE, "", "the weights have no size");
    }
    return 0;
}

static int check_size(const struct kf_onnx *onnx, struct kf_report *rep)
{
    struct out out = {.onnx = (struct kf_onnx *)onnx, .rep = rep, .text = {.max = AROUND_MAX}};
    uint64_t size = AROUND_MAX / 16;
    int r = graph_size(&out, &size);

    kf_buf_finish(&out.text);
    KF_TRY(r);
    if (size <= MESSAGE_MAX)
        return 0;
    return kf_report_add(rep, KF_NO_EQUAL, "",
                         "the weights have %llu bytes, and an ONNX model in one file has less than "
                         "2 GiB",
                         (unsigned long long)size);
}

static const struct kf_onnx_runtime runtime = {
    .name = "ONNX",
    .interpolations = "nearest bilinear",
};

static int init(struct kf_onnx *onnx, const struct kf_options *options, struct kf_report *rep)
{
    *onnx = (struct kf_onnx){
        .rep = rep,
        .options = options,
        .opset = options->opset ? options->opset : 17,
        .runtime = &runtime,
    };
    return 0;
}

/* A row of the report's table for each weight of Keras, and where it went. */
static int add_rows(const struct kf_onnx *onnx, struct kf_report *rep)
{
    for (size_t i = 0; i < onnx->n_uses; i++) {
        const struct kf_onnx_use *use = &onnx->uses[i];
        const struct kf_onnx_tensor *target = use->target;

        KF_TRY(kf_weight_row(rep, use->tensor, use->layer->path, target->name, target->payload,
                             target->done));
    }
    return 0;
}

static int plan(struct kf_model *model, int keras, const struct kf_options *options,
                struct kf_report *rep)
{
    struct kf_onnx onnx;
    int r = init(&onnx, options, rep);

    (void)keras;
    kf_report_set(&rep->target.format, kf_write_onnx.info->name);
    r = r < 0 ? r : kf_layers_count(model->graph, rep);
    r = r < 0 ? r : kf_onnx_build(&onnx, model);
    r = r < 0 ? r : add_rows(&onnx, rep);
    r = r < 0 ? r : check_size(&onnx, rep);
    kf_onnx_finish(&onnx);
    return r;
}

/* Pull a payload in pieces, write it and hash it. */
static int write_payload(struct out *out, const struct kf_payload *payload, struct kf_checksum *sum)
{
    struct kf_hasher hasher;
    uint64_t end = kf_payload_bytes(payload);

    kf_hasher_init(&hasher, out->options->checksum);
    for (uint64_t at = 0; at < end; at += PIECE) {
        size_t n = (size_t)kf_min(end - at, PIECE);

        KF_TRY(payload->pull(payload, at, out->piece, n, out->rep));
        kf_hasher_update(&hasher, out->piece, n);
        KF_TRY(kf_spool_write(&out->file, out->piece, n, out->rep));
        kf_progress_bytes(out->rep, n);
    }
    kf_hasher_finish(&hasher, sum);
    return 0;
}

/* The checksums of the rows of what went into a weight. */
static int settle_rows(struct out *out, const struct kf_onnx_tensor *tensor,
                       const struct kf_checksum *after)
{
    for (size_t i = 0; i < out->onnx->n_uses && i < out->rep->n_tensors; i++) {
        const struct kf_onnx_use *use = &out->onnx->uses[i];

        if (use->target != tensor)
            continue;
        KF_TRY(kf_weight_settle(out->rep, i, use->tensor, tensor->payload, after,
                                out->options->checksum));
        kf_progress_tensor(out->rep);
    }
    return 0;
}

static int write_weight(struct out *out, const struct kf_onnx_tensor *tensor)
{
    struct kf_checksum after = {0};

    out->text.n = 0;
    if (!add_tensor_head(&out->text, tensor))
        return no_memory(out->rep);
    KF_TRY(kf_spool_write(&out->file, out->text.data, out->text.n, out->rep));
    KF_TRY(write_payload(out, tensor->payload, &after));
    return settle_rows(out, tensor, &after);
}

static int write_graph(struct out *out, const char *name)
{
    struct kf_buf around = {.max = AROUND_MAX};
    bool made = add_around(&around, out->onnx, name);
    uint64_t size = around.n;
    uint8_t head[20];
    int r = made ? graph_size(out, &size) : no_memory(out->rep);

    if (r >= 0)
        r = kf_spool_write(&out->file, head, kf_proto_head(head, 7, size), out->rep);
    if (r >= 0)
        r = kf_spool_write(&out->file, around.data, around.n, out->rep);
    kf_buf_finish(&around);
    for (size_t i = 0; r >= 0 && i < out->onnx->n_weights; i++)
        if (out->onnx->weights[i]->used)
            r = write_weight(out, out->onnx->weights[i]);
    return r;
}

static int write_model(struct out *out, const char *path, const char *name)
{
    out->piece = kf_alloc(PIECE);
    if (!out->piece || !add_model(&out->text, out->onnx))
        return no_memory(out->rep);
    KF_TRY(kf_spool_create_named(&out->file, path, MESSAGE_MAX, out->rep));
    KF_TRY(kf_spool_write(&out->file, out->text.data, out->text.n, out->rep));
    return write_graph(out, name);
}

static int write_onnx(const char *path, struct kf_model *model, int keras,
                      const struct kf_options *options, struct kf_report *rep)
{
    struct kf_onnx onnx;
    struct out out = {.onnx = &onnx,
                      .options = options,
                      .rep = rep,
                      .file = KF_SPOOL_NONE,
                      .text = {.max = AROUND_MAX}};
    int r = init(&onnx, options, rep);

    (void)keras;
    r = r < 0 ? r : kf_onnx_build(&onnx, model);
    r = r < 0 ? r : write_model(&out, path, model->graph->name ? model->graph->name : "model");
    kf_spool_finish(&out.file);
    kf_buf_finish(&out.text);
    kf_free(out.piece);
    kf_onnx_finish(&onnx);
    return r;
}

const struct kf_writer kf_write_onnx = {
    .info = &kf_info_write_onnx,
    .speaks = KF_KERAS(3, 15, 1),
    .takes = KF_TAKES_MODEL,
    .dialect = dialect,
    .plan = plan,
    .write = write_onnx,
};
