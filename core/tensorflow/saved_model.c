/* SPDX-License-Identifier: Apache-2.0 */
#include "saved_model.h"
#include "../base/alloc.h"
#include "../base/auto.h"
#include "../io/proto_write.h"
#include "../io/tensorflow/tensor_bundle.h"
#include "translate.h"
#include <string.h>

/* Versions of graphs: the producer that the tests run is younger, the consumer is not asked. */
#define PRODUCER     440
#define MIN_CONSUMER 12

#define SIGNATURE "serving_default"
/* What runs before anything else is told by a signature, too. */
#define FIRST "__saved_model_init_op"

static const char *placeholder(struct kf_tf *tf, const struct kf_onnx_tensor *input)
{
    const char *wanted = kf_arena_printf(tf->arena, SIGNATURE "_%s", input->name);
    struct kf_tf_node node;

    kf_tf_begin_named(tf, &node, "Placeholder",
                      wanted ? kf_tf_name(tf, wanted) : kf_tf_no_memory(tf));
    kf_tf_set_type(&node, "dtype", input->dtype);
    kf_tf_set_shape(&node, "shape", input->rank, input->dims);
    return kf_tf_end(&node);
}

int kf_tf_add_inputs(struct kf_tf *tf, const struct kf_onnx *onnx)
{
    tf->path = "";
    for (size_t i = 0; i < onnx->n_inputs; i++) {
        struct kf_tf_place *place = kf_arena_alloc(tf->arena, sizeof(*place));

        if (!place)
            return kf_report_add(tf->rep, KF_NO_MEMORY, "", "out of memory");
        onnx->inputs[i]->place = place;
        place->plain = placeholder(tf, onnx->inputs[i]);
        if (!place->plain)
            return kf_report_status(tf->rep);
    }
    return 0;
}

/* What restoring and saving have in common. */
struct saver {
    const char *file, *keys, *slices;
    int32_t *types;
    const char *restored, *saved, *all;
};

static bool add_lists(struct kf_tf *tf, struct saver *saver)
{
    size_t n = tf->n_variables;
    ProtobufCBinaryData model = {5, (uint8_t *)"model"};
    ProtobufCBinaryData *keys = kf_arena_alloc(tf->arena, n * sizeof(*keys));
    ProtobufCBinaryData *empty = kf_arena_alloc(tf->arena, n * sizeof(*empty));

    saver->types = kf_arena_alloc(tf->arena, n * sizeof(*saver->types));
    if (!keys || !empty || !saver->types)
        return kf_tf_no_memory(tf);
    for (size_t i = 0; i < n; i++) {
        keys[i].data = (uint8_t *)tf->variables[i].key;
        keys[i].len = strlen(tf->variables[i].key);
        saver->types[i] = kf_tensorflow_dtype(tf->variables[i].payload->dtype);
    }
    saver->file = kf_tf_texts(tf, "save/Const", &model, 0);
    saver->keys = kf_tf_texts(tf, "save/tensor_names", keys, n);
    saver->slices = kf_tf_texts(tf, "save/shape_and_slices", empty, n);
    return saver->file && saver->keys && saver->slices;
}

static const char *assign(struct kf_tf *tf, const struct kf_tf_variable *variable,
                          const char *value)
{
    struct kf_tf_node node;

    kf_tf_begin_named(tf, &node, "AssignVariableOp", kf_tf_name(tf, "save/Assign"));
    kf_tf_in(&node, variable->handle);
    kf_tf_in(&node, value);
    kf_tf_set_type(&node, "dtype", variable->payload->dtype);
    return kf_tf_end(&node);
}

static void begin_save(struct kf_tf *tf, struct kf_tf_node *node, const struct saver *saver,
                       const char *op, const char *name)
{
    kf_tf_begin_named(tf, node, op, kf_tf_name(tf, name));
    kf_tf_in(node, saver->file);
    kf_tf_in(node, saver->keys);
    kf_tf_in(node, saver->slices);
    kf_tf_set_types(node, "dtypes", saver->types, tf->n_variables);
}

static bool add_restore(struct kf_tf *tf, struct saver *saver)
{
    const char **assigned = kf_arena_alloc(tf->arena, tf->n_variables * sizeof(*assigned));
    struct kf_tf_node node;
    const char *values;

    if (!assigned)
        return kf_tf_no_memory(tf);
    begin_save(tf, &node, saver, "RestoreV2", "save/RestoreV2");
    values = kf_tf_end(&node);
    for (size_t i = 0; i < tf->n_variables; i++)
        assigned[i] = assign(tf, &tf->variables[i], kf_tf_output(tf, values, (unsigned)i));
    kf_tf_begin_named(tf, &node, "NoOp", kf_tf_name(tf, "save/restore_all"));
    for (size_t i = 0; i < tf->n_variables; i++)
        kf_tf_after(&node, assigned[i]);
    saver->all = kf_tf_end(&node);
    return saver->all != NULL;
}

/* Nobody saves again, but Python wants to know how it would be done. */
static bool add_save(struct kf_tf *tf, struct saver *saver)
{
    struct kf_tf_node node;

    begin_save(tf, &node, saver, "SaveV2", "save/SaveV2");
    for (size_t i = 0; i < tf->n_variables; i++)
        kf_tf_in(&node, tf->variables[i].read);
    saver->saved = kf_tf_end(&node);
    kf_tf_begin_named(tf, &node, "Identity", kf_tf_name(tf, "save/control_dependency"));
    kf_tf_in(&node, saver->file);
    kf_tf_after(&node, saver->saved);
    kf_tf_set_type_number(&node, "T", KF_TF_STRING);
    saver->saved = kf_tf_end(&node);
    return saver->saved != NULL;
}

/* Field 3 of MetaGraphDef. */
static bool put_saver(struct kf_buf *meta, struct kf_tf *tf, const struct saver *saver)
{
    Kf__Tf__SaverDef message = KF__TF__SAVER_DEF__INIT;

    message.filename_tensor_name = kf_arena_printf(tf->arena, "%s:0", saver->file);
    message.save_tensor_name = kf_arena_printf(tf->arena, "%s:0", saver->saved);
    message.restore_op_name = (char *)saver->all;
    message.version = 2;
    return message.filename_tensor_name && message.save_tensor_name &&
           kf_proto_put_message(meta, 3, &message.base);
}

/* Entries of a signature: what people call a tensor, and what the graph does. */
static Kf__Tf__Signature__Entry **entries(struct kf_tf *tf, struct kf_onnx_tensor *const *tensors,
                                          size_t n)
{
    Kf__Tf__Signature__Entry **list =
        kf_arena_alloc(tf->arena, (n + 1) * sizeof(Kf__Tf__Signature__Entry *));

    for (size_t i = 0; list && i < n; i++) {
        Kf__Tf__Signature__Entry *entry = kf_arena_alloc(tf->arena, sizeof(*entry));
        Kf__Tf__TensorInfo *info = kf_arena_alloc(tf->arena, sizeof(*info));
        const char *name = kf_tf_plain(tf, tensors[i]);

        if (!entry || !info || !name)
            return NULL;
        kf__tf__signature__entry__init(entry);
        kf__tf__tensor_info__init(info);
        info->name = kf_arena_printf(tf->arena, strchr(name, ':') ? "%s" : "%s:0", name);
        info->dtype = kf_tensorflow_dtype(tensors[i]->dtype);
        info->tensor_shape = kf_tf_shape_message(tf, tensors[i]->rank, tensors[i]->dims);
        if (!info->name || !info->tensor_shape)
            return NULL;
        entry->key = (char *)tensors[i]->name;
        entry->value = info;
        list[i] = entry;
    }
    return list;
}

/* A node that has all tables filled; NULL when there are none, or memory ran out. */
static const char *fill_tables(struct kf_tf *tf)
{
    struct kf_tf_node node;

    if (!tf->n_fillers)
        return NULL;
    kf_tf_begin_named(tf, &node, "NoOp", kf_tf_name(tf, "init"));
    for (size_t i = 0; i < tf->n_fillers; i++)
        kf_tf_after(&node, tf->fillers[i]);
    return kf_tf_end(&node);
}

/* Field 5 of MetaGraphDef. Source: tensorflow/cc/saved_model/loader_util.cc, GetInitOp (2.15) */
static bool put_first(struct kf_buf *meta, const char *first)
{
    Kf__Tf__MetaGraph__SignatureEntry named = KF__TF__META_GRAPH__SIGNATURE_ENTRY__INIT;
    Kf__Tf__Signature signature = KF__TF__SIGNATURE__INIT;
    Kf__Tf__Signature__Entry entry = KF__TF__SIGNATURE__ENTRY__INIT, *list[1] = {&entry};
    Kf__Tf__TensorInfo info = KF__TF__TENSOR_INFO__INIT;
    Kf__Tf__Shape shape = KF__TF__SHAPE__INIT;
    char key[] = FIRST;

    shape.unknown_rank = 1;
    info.name = (char *)first;
    info.tensor_shape = &shape;
    entry.key = key;
    entry.value = &info;
    signature.outputs = list;
    signature.n_outputs = 1;
    named.key = key;
    named.value = &signature;
    return kf_proto_put_message(meta, 5, &named.base);
}

/* MetaGraphDef without its graph and saver; first, as its first field is how it is told. */
static bool put_meta(struct kf_buf *meta, Kf__Tf__Signature__Entry **inputs, size_t n_inputs,
                     Kf__Tf__Signature__Entry **outputs, size_t n_outputs)
{
    Kf__Tf__MetaGraph message = KF__TF__META_GRAPH__INIT;
    Kf__Tf__MetaInfo info = KF__TF__META_INFO__INIT;
    Kf__Tf__Signature signature = KF__TF__SIGNATURE__INIT;
    Kf__Tf__MetaGraph__SignatureEntry entry = KF__TF__META_GRAPH__SIGNATURE_ENTRY__INIT;
    Kf__Tf__MetaGraph__SignatureEntry *list[1] = {&entry};
    char tag[] = "serve", key[] = SIGNATURE, method[] = "tensorflow/serving/predict";
    char *tags[1] = {tag};

    info.tags = tags;
    info.n_tags = 1;
    signature.inputs = inputs;
    signature.n_inputs = n_inputs;
    signature.outputs = outputs;
    signature.n_outputs = n_outputs;
    signature.method_name = method;
    entry.key = key;
    entry.value = &signature;
    message.meta_info = &info;
    message.signatures = list;
    message.n_signatures = 1;
    return kf_proto_pack(meta, &message.base);
}

static bool put_graph(struct kf_buf *meta, struct kf_tf *tf)
{
    Kf__Tf__Versions versions = KF__TF__VERSIONS__INIT;

    versions.producer = PRODUCER;
    versions.min_consumer = MIN_CONSUMER;
    return kf_proto_put_message(&tf->nodes, 4, &versions.base) &&
           kf_proto_put(meta, 2, tf->nodes.data, tf->nodes.n);
}

static bool make(struct kf_buf *out, struct kf_buf *meta, struct kf_tf *tf,
                 const struct kf_onnx *onnx)
{
    static const uint8_t schema[2] = {1 << 3, 1}; /* saved_model_schema_version */
    Kf__Tf__Signature__Entry **inputs = entries(tf, onnx->inputs, onnx->n_inputs);
    Kf__Tf__Signature__Entry **outputs = entries(tf, onnx->outputs, onnx->n_outputs);
    const char *first = fill_tables(tf);
    struct saver saver = {0};

    if (!inputs || !outputs || (tf->n_fillers && !first))
        return false;
    if (tf->n_variables &&
        (!add_lists(tf, &saver) || !add_restore(tf, &saver) || !add_save(tf, &saver)))
        return false;
    return put_meta(meta, inputs, onnx->n_inputs, outputs, onnx->n_outputs) &&
           (!first || put_first(meta, first)) &&
           (!tf->n_variables || put_saver(meta, tf, &saver)) && put_graph(meta, tf) &&
           kf_buf_add(out, schema, sizeof(schema)) && kf_proto_put(out, 2, meta->data, meta->n);
}

int kf_tf_saved_model(struct kf_buf *out, struct kf_tf *tf, const struct kf_onnx *onnx)
{
    struct kf_buf meta = {.max = out->max};
    bool made = make(out, &meta, tf, onnx);

    kf_buf_finish(&meta);
    if (made)
        return 0;
    KF_TRY(kf_report_status(tf->rep));
    return kf_report_add(tf->rep, KF_NO_MEMORY, "", "out of memory");
}
