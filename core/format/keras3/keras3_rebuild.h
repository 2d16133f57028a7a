/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_KERAS3_REBUILD_H
#define KF_FORMAT_KERAS3_REBUILD_H

#include "../../model/model.h"

/*
 * The nodes that Keras 3 has after it called every layer of a config, for keras3_order.c. They
 * are more than the calls: a mask that a layer makes is computed by operations and handed to the
 * layers behind it as an argument, and a float of another dtype goes through a Cast.
 */
#define KF_NO_NODE SIZE_MAX

struct kf_rebuilt_node {
    size_t operation;        /* number of a layer in the graph; above those, what Keras adds */
    size_t inputs, n_inputs; /* its slice of kf_rebuilt.inputs */
    size_t masks, n_masks;   /* masks of its first outputs: a slice of kf_rebuilt.masks */
    enum kf_dtype dtype;     /* of its outputs */
};

struct kf_rebuilt {
    const struct kf_graph *graph;
    int keras;
    struct kf_report *rep;
    struct kf_arena *scratch; /* lives as long as this does */
    size_t *first;            /* node of each layer's first call */
    struct kf_rebuilt_node *nodes;
    size_t n_nodes, nodes_cap;
    size_t *inputs; /* nodes that nodes take their tensors from */
    size_t n_inputs, inputs_cap;
    size_t *masks; /* nodes that make masks, KF_NO_NODE for none */
    size_t n_masks, masks_cap;
    size_t n_operations;
};

/* A tensor: output of a node. */
struct kf_rebuilt_tensor {
    size_t node, output;
};

/* An argument of a call: one tensor or a structure of them, flattened. */
struct kf_rebuilt_argument {
    const char *key; /* NULL for a positional one */
    json_t *value;   /* as in the config; NULL for a mask that Keras fills in */
    struct kf_rebuilt_tensor *given, *converted;
    size_t n;
    bool one; /* a tensor, not a structure */
};

/** Make the nodes of all calls of `graph`. `rebuilt` is zeroed; finish it in any case. */
int kf_rebuild(struct kf_rebuilt *rebuilt, const struct kf_graph *graph, int keras,
               struct kf_report *rep);
void kf_rebuilt_finish(struct kf_rebuilt *rebuilt);

/** The tensor that a ref names; BAD_GRAPH when there is none. */
int kf_rebuilt_ref(struct kf_rebuilt *rebuilt, const json_t *ref, struct kf_rebuilt_tensor *out);

/* Between keras3_rebuild.c, keras3_call.c and keras3_masks.c. */

/** Add an operation of Keras's own with these inputs; KF_NO_NODE when memory ran out. */
size_t kf_rebuilt_add(struct kf_rebuilt *rebuilt, const size_t *inputs, size_t n,
                      enum kf_dtype dtype);

/** Give a node its inputs. */
int kf_rebuilt_inputs(struct kf_rebuilt *rebuilt, size_t node, const size_t *inputs, size_t n);

/** The node that makes the mask of a tensor, or KF_NO_NODE. */
size_t kf_rebuilt_mask(const struct kf_rebuilt *rebuilt, struct kf_rebuilt_tensor tensor);

/** Give the first `n` outputs of a node their masks. */
int kf_rebuilt_set_masks(struct kf_rebuilt *rebuilt, size_t node, const size_t *masks, size_t n);

/**
 * Call a layer: fill in the masks that its call() takes, wire the node, and put masks on its
 * outputs. `arguments` has room for KF_MASKS_MAX more than `n`; `copied` says that Keras copies
 * the arguments before it fills in masks.
 */
#define KF_MASKS_MAX 8
int kf_rebuilt_call(struct kf_rebuilt *rebuilt, const struct kf_layer *layer, size_t node,
                    struct kf_rebuilt_argument *arguments, size_t n, bool copied);

#endif
