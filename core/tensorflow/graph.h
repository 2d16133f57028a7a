/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_TENSORFLOW_GRAPH_H
#define KF_TENSORFLOW_GRAPH_H

#include "../base/buf.h"
#include "../model/model.h"
#include <graph_def.pb-c.h>

/*
 * A graph of TensorFlow in the making: a GraphDef whose nodes are packed as soon as they are made.
 * A tensor is what a node calls it, "name" or "name:1", in the arena.
 *
 * Whoever makes nodes need not look at each step: a NULL tensor is one that could not be made, the
 * reason is in the report, and a node that is given one gives NULL.
 */

/* A weight that stands in the variables. */
struct kf_tf_variable {
    const char *key, *handle; /* in the bundle, in the graph */
    const struct kf_payload *payload;
    const char *read; /* the node that reads it */
};

struct kf_tf {
    struct kf_arena *arena;
    struct kf_report *rep;
    const char *path;   /* of the layer in hand: nodes are named after it */
    const char *within; /* a node of the loop that constants are made in, NULL outside */
    struct kf_buf nodes;
    json_t *taken; /* names of nodes in small letters, and the number that comes next */
    struct kf_tf_variable *variables;
    size_t n_variables, variables_cap;
    const char **fillers; /* nodes that fill tables, before anything else runs */
    size_t n_fillers, fillers_cap;
};

/** Report that memory ran out; NULL for whoever returns a tensor. */
void *kf_tf_no_memory(struct kf_tf *tf);

/** "<wanted>", or with a number behind it where that is taken, in letters that names may have. */
const char *kf_tf_name(struct kf_tf *tf, const char *wanted);

/* No operator has more. */
#define KF_TF_ATTRIBUTES_MAX 12

/* A node on its way: what goes into it is made before it is begun. */
struct kf_tf_node {
    struct kf_tf *tf;
    Kf__Tf__NodeDef message;
    Kf__Tf__NodeDef__Attr attributes[KF_TF_ATTRIBUTES_MAX], *list[KF_TF_ATTRIBUTES_MAX];
    Kf__Tf__AttrDef values[KF_TF_ATTRIBUTES_MAX];
    Kf__Tf__AttrList lists[KF_TF_ATTRIBUTES_MAX];
    Kf__Tf__Shape shape;
    size_t in_cap;
    bool failed;
};

/** Begin a node of `op` named after the layer in hand. */
void kf_tf_begin(struct kf_tf *tf, struct kf_tf_node *node, const char *op);
/** ... of this very name. */
void kf_tf_begin_named(struct kf_tf *tf, struct kf_tf_node *node, const char *op, const char *name);
void kf_tf_in(struct kf_tf_node *node, const char *tensor);
/** What must have run before. */
void kf_tf_after(struct kf_tf_node *node, const char *name);

/* Attributes. Keys, texts and lists are borrowed until the end. */
void kf_tf_set_type(struct kf_tf_node *node, const char *key, enum kf_dtype dtype);
/** ... a type that no tensor of Keras has, by its number in types.proto. */
void kf_tf_set_type_number(struct kf_tf_node *node, const char *key, int type);
void kf_tf_set_types(struct kf_tf_node *node, const char *key, int32_t *types, size_t n);
void kf_tf_set_int(struct kf_tf_node *node, const char *key, int64_t value);
void kf_tf_set_ints(struct kf_tf_node *node, const char *key, int64_t *values, size_t n);
void kf_tf_set_float(struct kf_tf_node *node, const char *key, double value);
void kf_tf_set_bool(struct kf_tf_node *node, const char *key, bool value);
void kf_tf_set_text(struct kf_tf_node *node, const char *key, const char *value);
void kf_tf_set_texts(struct kf_tf_node *node, const char *key, ProtobufCBinaryData *texts,
                     size_t n);
/** One a node; sizes below 0 are not known. */
void kf_tf_set_shape(struct kf_tf_node *node, const char *key, unsigned rank, const int64_t *dims);

/** Put the node into the graph: its name, which is its first output; NULL when it failed. */
const char *kf_tf_end(struct kf_tf_node *node);
/** Another output of a node. */
const char *kf_tf_output(struct kf_tf *tf, const char *name, unsigned index);

/** The shape of a message, made in the arena; NULL when memory ran out. */
Kf__Tf__Shape *kf_tf_shape_message(struct kf_tf *tf, unsigned rank, const int64_t *dims);

/** A constant out of `n` bytes, which are copied. */
const char *kf_tf_constant(struct kf_tf *tf, enum kf_dtype dtype, unsigned rank,
                           const int64_t *dims, const void *bytes, size_t n);

/** A list of texts, or for `n` 0 the first of them alone; called `name`, or after the layer. */
const char *kf_tf_texts(struct kf_tf *tf, const char *name, ProtobufCBinaryData *list, size_t n);

/** Read a variable that is made for `payload`, called `key` in the bundle. */
const char *kf_tf_variable(struct kf_tf *tf, const char *key, const struct kf_payload *payload);

#endif
