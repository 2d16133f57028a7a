/* SPDX-License-Identifier: Apache-2.0 */
#include "graph.h"
#include "../base/alloc.h"
#include "../base/str.h"
#include "../io/proto_write.h"
#include "../io/tensorflow/tensor_bundle.h"
#include <ctype.h>
#include <string.h>

/* DT_RESOURCE: the handle of a variable. */
#define RESOURCE 20

void *kf_tf_no_memory(struct kf_tf *tf)
{
    kf_report_add(tf->rep, KF_NO_MEMORY, tf->path ? tf->path : "", "out of memory");
    return NULL;
}

/*
 * Names of nodes begin with a letter, a digit or a dot, and go on with these and a few others.
 *
 * Source: tensorflow/core/framework/node_def_util.cc, IsValidNodeName (2.15)
 */
static char *clean(struct kf_tf *tf, const char *wanted)
{
    char *name =
        kf_arena_printf(tf->arena, "%s%s", isalnum((unsigned char)*wanted) ? "" : ".", wanted);

    for (char *c = name; c && *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("._/-", *c))
            *c = '_';
    return name;
}

/* Python takes names that differ in their case alone for one. */
static char *folded(struct kf_tf *tf, const char *name)
{
    char *made = kf_arena_strdup(tf->arena, name);

    for (char *c = made; c && *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return made;
}

const char *kf_tf_name(struct kf_tf *tf, const char *wanted)
{
    const char *base = clean(tf, wanted), *name = base;
    char *key = base ? folded(tf, base) : NULL, *first = key;
    json_int_t n = key ? json_integer_value(json_object_get(tf->taken, key)) : 0;

    while (key && json_object_get(tf->taken, key)) {
        name = kf_arena_printf(tf->arena, "%s_%lld", base, (long long)n++);
        key = name ? folded(tf, name) : NULL;
    }
    if (!key || json_object_set_new(tf->taken, key, json_integer(1)) < 0 ||
        (key != first && json_object_set_new(tf->taken, first, json_integer(n)) < 0))
        return kf_tf_no_memory(tf);
    return name;
}

void kf_tf_begin_named(struct kf_tf *tf, struct kf_tf_node *node, const char *op, const char *name)
{
    memset(node, 0, sizeof(*node));
    node->tf = tf;
    kf__tf__node_def__init(&node->message);
    node->message.op = (char *)op;
    node->message.name = (char *)name;
    node->message.attr = node->list;
    node->failed = !name;
}

void kf_tf_begin(struct kf_tf *tf, struct kf_tf_node *node, const char *op)
{
    const char *name = kf_arena_printf(tf->arena, "%s/%s", tf->path, op);

    kf_tf_begin_named(tf, node, op, name ? kf_tf_name(tf, name) : kf_tf_no_memory(tf));
}

void kf_tf_in(struct kf_tf_node *node, const char *tensor)
{
    Kf__Tf__NodeDef *message = &node->message;

    if (!tensor) {
        node->failed = true;
        return;
    }
    if (message->n_input == node->in_cap) {
        size_t cap = node->in_cap ? node->in_cap * 2 : 4;
        char **more = kf_arena_alloc(node->tf->arena, cap * sizeof(*more));

        if (!more) {
            node->failed = true;
            kf_tf_no_memory(node->tf);
            return;
        }
        if (message->n_input)
            memcpy(more, message->input, message->n_input * sizeof(*more));
        message->input = more;
        node->in_cap = cap;
    }
    message->input[message->n_input++] = (char *)tensor;
}

void kf_tf_after(struct kf_tf_node *node, const char *name)
{
    kf_tf_in(node, name ? kf_arena_printf(node->tf->arena, "^%s", name) : NULL);
}

static Kf__Tf__AttrDef *attribute(struct kf_tf_node *node, const char *key,
                                  Kf__Tf__AttrDef__ValueCase kind)
{
    size_t n = node->message.n_attr;

    if (n == KF_TF_ATTRIBUTES_MAX) {
        node->failed = true;
        n--;
    }
    kf__tf__node_def__attr__init(&node->attributes[n]);
    kf__tf__attr_def__init(&node->values[n]);
    node->attributes[n].key = (char *)key;
    node->attributes[n].value = &node->values[n];
    node->values[n].value_case = kind;
    node->list[n] = &node->attributes[n];
    node->message.n_attr = n + 1;
    return &node->values[n];
}

void kf_tf_set_type_number(struct kf_tf_node *node, const char *key, int type)
{
    attribute(node, key, KF__TF__ATTR_DEF__VALUE_TYPE)->type = type;
}

void kf_tf_set_type(struct kf_tf_node *node, const char *key, enum kf_dtype dtype)
{
    kf_tf_set_type_number(node, key, kf_tensorflow_dtype(dtype));
}

static Kf__Tf__AttrList *list_attribute(struct kf_tf_node *node, const char *key)
{
    Kf__Tf__AttrDef *made = attribute(node, key, KF__TF__ATTR_DEF__VALUE_LIST);

    made->list = &node->lists[node->message.n_attr - 1];
    kf__tf__attr_list__init(made->list);
    return made->list;
}

void kf_tf_set_types(struct kf_tf_node *node, const char *key, int32_t *types, size_t n)
{
    Kf__Tf__AttrList *list = list_attribute(node, key);

    list->type = types;
    list->n_type = n;
}

void kf_tf_set_int(struct kf_tf_node *node, const char *key, int64_t value)
{
    attribute(node, key, KF__TF__ATTR_DEF__VALUE_I)->i = value;
}

void kf_tf_set_ints(struct kf_tf_node *node, const char *key, int64_t *values, size_t n)
{
    Kf__Tf__AttrList *list = list_attribute(node, key);

    list->i = values;
    list->n_i = n;
}

void kf_tf_set_float(struct kf_tf_node *node, const char *key, double value)
{
    attribute(node, key, KF__TF__ATTR_DEF__VALUE_F)->f = (float)value;
}

void kf_tf_set_bool(struct kf_tf_node *node, const char *key, bool value)
{
    attribute(node, key, KF__TF__ATTR_DEF__VALUE_B)->b = value;
}

void kf_tf_set_text(struct kf_tf_node *node, const char *key, const char *value)
{
    attribute(node, key, KF__TF__ATTR_DEF__VALUE_S)->s =
        (ProtobufCBinaryData){strlen(value), (uint8_t *)value};
}

void kf_tf_set_texts(struct kf_tf_node *node, const char *key, ProtobufCBinaryData *texts, size_t n)
{
    Kf__Tf__AttrList *list = list_attribute(node, key);

    list->s = texts;
    list->n_s = n;
}

Kf__Tf__Shape *kf_tf_shape_message(struct kf_tf *tf, unsigned rank, const int64_t *dims)
{
    Kf__Tf__Shape *shape = kf_arena_alloc(tf->arena, sizeof(*shape));
    Kf__Tf__Shape__Dim *sizes = kf_arena_alloc(tf->arena, (rank + 1) * sizeof(*sizes));
    Kf__Tf__Shape__Dim **list =
        kf_arena_alloc(tf->arena, (rank + 1) * sizeof(Kf__Tf__Shape__Dim *));

    if (!shape || !sizes || !list)
        return kf_tf_no_memory(tf);
    kf__tf__shape__init(shape);
    for (unsigned i = 0; i < rank; i++) {
        kf__tf__shape__dim__init(&sizes[i]);
        sizes[i].size = dims[i] < 0 ? -1 : dims[i];
        list[i] = &sizes[i];
    }
    shape->dim = list;
    shape->n_dim = rank;
    return shape;
}

void kf_tf_set_shape(struct kf_tf_node *node, const char *key, unsigned rank, const int64_t *dims)
{
    Kf__Tf__AttrDef *made = attribute(node, key, KF__TF__ATTR_DEF__VALUE_SHAPE);

    made->shape = kf_tf_shape_message(node->tf, rank, dims);
    node->failed |= !made->shape;
}

const char *kf_tf_end(struct kf_tf_node *node)
{
    if (node->failed)
        return NULL;
    if (!kf_proto_put_message(&node->tf->nodes, 1, &node->message.base)) /* of GraphDef */
        return kf_tf_no_memory(node->tf);
    return node->message.name;
}

const char *kf_tf_output(struct kf_tf *tf, const char *name, unsigned index)
{
    const char *made = name && index ? kf_arena_printf(tf->arena, "%s:%u", name, index) : name;

    return made || !name ? made : kf_tf_no_memory(tf);
}

static void set_tensor(struct kf_tf_node *node, const char *key, Kf__Tf__Tensor *tensor)
{
    attribute(node, key, KF__TF__ATTR_DEF__VALUE_TENSOR)->tensor = tensor;
}

const char *kf_tf_constant(struct kf_tf *tf, enum kf_dtype dtype, unsigned rank,
                           const int64_t *dims, const void *bytes, size_t n)
{
    Kf__Tf__Tensor tensor = KF__TF__TENSOR__INIT;
    struct kf_tf_node node;

    tensor.dtype = kf_tensorflow_dtype(dtype);
    tensor.tensor_shape = kf_tf_shape_message(tf, rank, dims);
    tensor.tensor_content = (ProtobufCBinaryData){n, (uint8_t *)bytes};
    if (!tensor.tensor_shape)
        return NULL;
    kf_tf_begin(tf, &node, "Const");
    kf_tf_set_type(&node, "dtype", dtype);
    set_tensor(&node, "value", &tensor);
    if (tf->within)
        kf_tf_after(&node, tf->within);
    return kf_tf_end(&node);
}

const char *kf_tf_texts(struct kf_tf *tf, const char *name, ProtobufCBinaryData *list, size_t n)
{
    Kf__Tf__Tensor tensor = KF__TF__TENSOR__INIT;
    int64_t dims[1] = {(int64_t)n};
    struct kf_tf_node node;

    tensor.dtype = KF_TF_STRING;
    tensor.tensor_shape = kf_tf_shape_message(tf, n == 0 ? 0 : 1, dims);
    tensor.string_val = list;
    tensor.n_string_val = n ? n : 1;
    if (!tensor.tensor_shape)
        return NULL;
    if (name)
        kf_tf_begin_named(tf, &node, "Const", kf_tf_name(tf, name));
    else
        kf_tf_begin(tf, &node, "Const");
    kf_tf_set_type_number(&node, "dtype", KF_TF_STRING);
    set_tensor(&node, "value", &tensor);
    if (tf->within)
        kf_tf_after(&node, tf->within);
    return kf_tf_end(&node);
}

static const char *make_handle(struct kf_tf *tf, const char *key, const struct kf_payload *payload)
{
    int64_t dims[KF_RANK_MAX];
    struct kf_tf_node node;

    for (unsigned i = 0; i < payload->rank; i++)
        dims[i] = (int64_t)payload->dims[i];
    kf_tf_begin_named(tf, &node, "VarHandleOp", kf_tf_name(tf, key));
    kf_tf_set_type(&node, "dtype", payload->dtype);
    kf_tf_set_shape(&node, "shape", payload->rank, dims);
    /* Without it all variables of a session are one. */
    kf_tf_set_text(&node, "shared_name", node.failed ? "" : node.message.name);
    return kf_tf_end(&node);
}

const char *kf_tf_variable(struct kf_tf *tf, const char *key, const struct kf_payload *payload)
{
    const char *handle = make_handle(tf, key, payload), *name;
    struct kf_tf_node node;

    name = handle ? kf_arena_printf(tf->arena, "%s/Read", handle) : NULL;
    if (!handle)
        return NULL;
    if (!name ||
        !kf_grow(&tf->variables, &tf->variables_cap, tf->n_variables + 1, sizeof(*tf->variables)))
        return kf_tf_no_memory(tf);
    kf_tf_begin_named(tf, &node, "ReadVariableOp", kf_tf_name(tf, name));
    kf_tf_in(&node, handle);
    kf_tf_set_type(&node, "dtype", payload->dtype);
    name = kf_tf_end(&node);
    tf->variables[tf->n_variables++] = (struct kf_tf_variable){handle, handle, payload, name};
    return name;
}
