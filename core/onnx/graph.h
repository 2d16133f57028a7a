/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ONNX_GRAPH_H
#define KF_ONNX_GRAPH_H

#include "../base/arena.h"
#include "../model/model.h"
#include <protobuf-c/protobuf-c.h>

/*
 * An ONNX graph in the making: nodes in the order in which they run, and tensors whose dtype and
 * shape are known as soon as a node gives them. Everything stands in the model's arena.
 *
 * Whoever makes nodes need not look at each step: a NULL tensor is one that could not be made, the
 * reason is in the report, and every function here that is given one gives NULL.
 */

/* Axes of a tensor, at most: what ONNX Runtime's transpositions take. */
#define KF_ONNX_RANK_MAX 12
/* A size that is not known before the model runs. */
#define KF_ONNX_FREE (-1)

struct kf_onnx_tensor {
    const char *name;
    enum kf_dtype dtype;
    unsigned rank;
    int64_t dims[KF_ONNX_RANK_MAX];   /* elements, KF_ONNX_FREE where it is not known */
    const struct kf_payload *payload; /* of a weight or a constant, else NULL */
    const struct kf_payload *given;   /* of a weight: as Keras has it */
    const void *bytes;                /* of a constant */
    const char *done;                 /* what was done to a weight on the way, NULL for nothing */
    bool fixed;                       /* its name is that of an input or output of the model */
    bool used;
    size_t first_use, last_use; /* of a weight: the numbers of what went into it, 0 for none */
    void *place;                /* what a translation into another language keeps of it */
};

/* The domain of operators for tables of labels, in the version that knows texts and whole numbers.
 */
#define KF_ONNX_ML         "ai.onnx.ml"
#define KF_ONNX_ML_VERSION 2

struct kf_onnx_node {
    const char *op, *name;
    const char *domain; /* of an operator that is not one of ONNX itself, else NULL */
    struct kf_onnx_tensor **in, **out;
    size_t n_in, n_out;
    void **attributes; /* Onnx__AttributeProto */
    size_t n_attributes;
    bool used;
};

/* A weight of the Keras model and the initializer that it went into. */
struct kf_onnx_use {
    const struct kf_layer *layer;
    const struct kf_tensor *tensor;
    struct kf_onnx_tensor *target;
    size_t next; /* the number of the next one of that target, from 1; 0 behind the last */
};

/* What was made of something before, so that a shared layer has its weights once. */
struct kf_onnx_memo {
    const void *of;
    const char *what;
    struct kf_onnx_tensor *tensor;
};

/* What a graph of operators is made for, where runtimes differ. */
struct kf_onnx_runtime {
    const char *name;           /* for people: "ONNX" */
    const char *interpolations; /* of images that it computes as Keras does, space-separated */
    bool bfloat16;              /* its operators take it */
    bool letters;               /* they take texts apart, and have hashes for them */
    bool beyond;                /* it has operators that ONNX lacks, or got after the opset */
    bool layer_names; /* outputs are called after their layers alone, and apart from inputs */
};

struct kf_onnx {
    struct kf_arena *arena;
    struct kf_report *rep;
    const struct kf_options *options;
    int opset;
    const struct kf_onnx_runtime *runtime;
    const char *path;              /* of the layer in hand: nodes are named after it */
    struct kf_onnx_tensor *absent; /* stands for an input that a node does not get */
    struct kf_onnx_node **nodes;
    size_t n_nodes, nodes_cap;
    struct kf_onnx_tensor **weights; /* initializers: weights and constants */
    size_t n_weights, weights_cap;
    struct kf_onnx_use *uses;
    size_t n_uses, uses_cap;
    struct kf_onnx_memo *memos; /* open addressing; memos_cap is a power of two */
    size_t n_memos, memos_cap;
    struct kf_onnx_tensor **inputs, **outputs; /* of the model, in the arena */
    size_t n_inputs, n_outputs;
    size_t n_calls; /* of layers, so far */
    json_t *taken;  /* names of weights */
};

void kf_onnx_finish(struct kf_onnx *onnx);

/** Report that memory ran out; NULL for whoever returns a tensor. */
void *kf_onnx_no_memory(struct kf_onnx *onnx);
/** Zeroed memory of the arena; NULL when it ran out, which is reported. */
void *kf_onnx_alloc(struct kf_onnx *onnx, size_t n);

/** A copy in the arena, which may be of nothing; NULL when memory ran out, which is reported. */
void *kf_onnx_copy(struct kf_onnx *onnx, const void *from, size_t n);

/** A new tensor; NULL when memory ran out or it has too many axes, which is reported. */
struct kf_onnx_tensor *kf_onnx_tensor_new(struct kf_onnx *onnx, const char *name,
                                          enum kf_dtype dtype, unsigned rank, const int64_t *dims);

/** Add a node behind the others; NULL when an input is NULL or memory ran out. */
struct kf_onnx_node *kf_onnx_node_new(struct kf_onnx *onnx, const char *op,
                                      struct kf_onnx_tensor *const *in, size_t n);
/** The next output of a node. */
struct kf_onnx_tensor *kf_onnx_output(struct kf_onnx *onnx, struct kf_onnx_node *node,
                                      enum kf_dtype dtype, unsigned rank, const int64_t *dims);

/* No operator has more. */
#define KF_ONNX_ATTRIBUTES_MAX 12

/* Attributes (attributes.c); nothing happens for a node that is NULL. Texts are borrowed. */
void kf_onnx_set_int(struct kf_onnx *onnx, struct kf_onnx_node *node, const char *name,
                     int64_t value);
void kf_onnx_set_ints(struct kf_onnx *onnx, struct kf_onnx_node *node, const char *name,
                      const int64_t *values, size_t n);
void kf_onnx_set_float(struct kf_onnx *onnx, struct kf_onnx_node *node, const char *name,
                       double value);
void kf_onnx_set_floats(struct kf_onnx *onnx, struct kf_onnx_node *node, const char *name,
                        const float *values, size_t n);
void kf_onnx_set_text(struct kf_onnx *onnx, struct kf_onnx_node *node, const char *name,
                      const char *value);
void kf_onnx_set_texts(struct kf_onnx *onnx, struct kf_onnx_node *node, const char *name,
                       const char *const *values, size_t n);

/* Attributes as they were set. */
int64_t kf_onnx_get_int(const struct kf_onnx_node *node, const char *name, int64_t fallback);
double kf_onnx_get_float(const struct kf_onnx_node *node, const char *name, double fallback);
/** NULL, and no number of them, where there are none. */
const int64_t *kf_onnx_get_ints(const struct kf_onnx_node *node, const char *name, size_t *n);
const float *kf_onnx_get_floats(const struct kf_onnx_node *node, const char *name, size_t *n);
ProtobufCBinaryData *kf_onnx_get_texts(const struct kf_onnx_node *node, const char *name,
                                       size_t *n);
/** A text in the arena; NULL where there is none, or no memory. */
const char *kf_onnx_get_text(struct kf_arena *arena, const struct kf_onnx_node *node,
                             const char *name);
/** A text, or text `index` of a list, is `text`; false where there is none. */
bool kf_onnx_is_text(const struct kf_onnx_node *node, const char *name, size_t index,
                     const char *text);

/** An initializer with the bytes of `payload`, whose name is "<path>/<what>". */
struct kf_onnx_tensor *kf_onnx_initializer(struct kf_onnx *onnx, const struct kf_payload *payload,
                                           const char *what);
/** The same out of memory: `n` elements at `bytes`, which are copied. */
struct kf_onnx_tensor *kf_onnx_constant(struct kf_onnx *onnx, enum kf_dtype dtype, unsigned rank,
                                        const int64_t *dims, const void *bytes);

/** Note that a weight went into `target`, for the report's table. */
void kf_onnx_note_use(struct kf_onnx *onnx, const struct kf_layer *layer,
                      const struct kf_tensor *tensor, struct kf_onnx_tensor *target);

/** What was made of `of` under the name of `what`, or NULL. */
struct kf_onnx_tensor *kf_onnx_recall(const struct kf_onnx *onnx, const void *of, const char *what);
void kf_onnx_remember(struct kf_onnx *onnx, const void *of, const char *what,
                      struct kf_onnx_tensor *tensor);

/** Mark what the outputs need; the rest is not written. */
void kf_onnx_mark_used(struct kf_onnx *onnx);

#endif
