/* SPDX-License-Identifier: Apache-2.0 */
#include "message.h"
#include "../base/str.h"
#include "../io/proto_write.h"
#include "ops.h"
#include <onnx.pb-c.h>
#include <stdio.h>
#include <string.h>

#define PRODUCER "kferry"

/* TensorProto.DataLocation: in a file beside the model. */
#define BESIDE 1

/* What a TensorProto says of a weight is never so long. */
#define WEIGHT_MAX ((size_t)1 << 20)

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
    message.domain = (char *)node->domain;
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

bool kf_onnx_put_around(struct kf_buf *buf, const struct kf_onnx *onnx, const char *name)
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

/* True when an operator of the domain is used. */
static bool uses_domain(const struct kf_onnx *onnx, const char *domain)
{
    for (size_t i = 0; i < onnx->n_nodes; i++)
        if (onnx->nodes[i]->used && kf_streq(onnx->nodes[i]->domain, domain))
            return true;
    return false;
}

/* Each opset belongs to a version of the format. */
bool kf_onnx_put_model(struct kf_buf *buf, const struct kf_onnx *onnx)
{
    static const int ir_versions[] = {7, 7, 8, 8, 8, 8, 9, 9, 10}; /* of opset 13 to 21 */
    Onnx__ModelProto message = ONNX__MODEL_PROTO__INIT;
    Onnx__OperatorSetIdProto opset = ONNX__OPERATOR_SET_ID_PROTO__INIT, labels = opset;
    Onnx__OperatorSetIdProto *list[2] = {&opset, &labels};
    char producer[] = PRODUCER, domain[] = "", other[] = KF_ONNX_ML;
    uint8_t bytes[128];
    size_t n;

    opset.domain = domain;
    opset.version = onnx->opset;
    opset.has_version = 1;
    labels.domain = other;
    labels.version = KF_ONNX_ML_VERSION;
    labels.has_version = 1;
    message.ir_version = ir_versions[onnx->opset - 13];
    message.has_ir_version = 1;
    message.producer_name = producer;
    message.opset_import = list;
    message.n_opset_import = uses_domain(onnx, KF_ONNX_ML) ? 2 : 1;
    n = onnx__model_proto__get_packed_size(&message);
    return n <= sizeof(bytes) && kf_buf_add(buf, bytes, onnx__model_proto__pack(&message, bytes));
}

/* What a TensorProto says of a weight, without the weight. */
static bool put_about(struct kf_buf *buf, const struct kf_onnx_tensor *tensor,
                      Onnx__StringStringEntryProto **place, size_t n_place)
{
    Onnx__TensorProto message = ONNX__TENSOR_PROTO__INIT;
    int64_t dims[KF_ONNX_RANK_MAX];

    memcpy(dims, tensor->dims, sizeof(dims));
    message.dims = dims;
    message.n_dims = tensor->rank;
    message.data_type = kf_onnx_dtype(tensor->dtype);
    message.has_data_type = 1;
    message.name = (char *)tensor->name;
    message.external_data = place;
    message.n_external_data = n_place;
    message.data_location = n_place ? BESIDE : 0;
    message.has_data_location = n_place > 0;
    return kf_proto_pack(buf, &message.base);
}

bool kf_onnx_put_weight_head(struct kf_buf *buf, const struct kf_onnx_tensor *tensor)
{
    struct kf_buf about = {.max = WEIGHT_MAX};
    uint64_t n = kf_payload_bytes(tensor->payload);
    uint8_t head[20], raw[20];
    size_t n_raw = kf_proto_head(raw, 9, n);
    bool good = put_about(&about, tensor, NULL, 0);

    good = good && kf_buf_add(buf, head, kf_proto_head(head, 5, about.n + n_raw + n)) &&
           kf_buf_add(buf, about.data, about.n) && kf_buf_add(buf, raw, n_raw);
    kf_buf_finish(&about);
    return good;
}

bool kf_onnx_put_weight_place(struct kf_buf *buf, const struct kf_onnx_tensor *tensor,
                              const char *file, uint64_t at)
{
    Onnx__StringStringEntryProto entries[3], *list[3];
    char offset[24], length[24];
    const char *texts[3][2] = {{"location", file}, {"offset", offset}, {"length", length}};
    struct kf_buf about = {.max = WEIGHT_MAX};
    bool good;

    snprintf(offset, sizeof(offset), "%llu", (unsigned long long)at);
    snprintf(length, sizeof(length), "%llu", (unsigned long long)kf_payload_bytes(tensor->payload));
    for (unsigned i = 0; i < 3; i++) {
        onnx__string_string_entry_proto__init(&entries[i]);
        entries[i].key = (char *)texts[i][0];
        entries[i].value = (char *)texts[i][1];
        list[i] = &entries[i];
    }
    good = put_about(&about, tensor, list, 3) && kf_proto_put(buf, 5, about.data, about.n);
    kf_buf_finish(&about);
    return good;
}
