/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ADAPT_OPS_H
#define KF_ADAPT_OPS_H

#include "../adapt.h"

/*
 * TensorFlow functions that stand in a Keras 2 graph as layers (TFOpLambda, SlicingOpLambda)
 * become operation nodes of Keras 3. A row of ops.def says which class computes the same and how
 * the arguments are read; what is more than a row is a function in op_forms.c, op_shapes.c or
 * op_images.c.
 */

/* Which dtypes of its first tensor the row holds for; Keras 3 promotes others otherwise. */
enum kf_op_takes {
    KF_TAKES_ANY,
    KF_TAKES_FLOAT,
    KF_TAKES_WIDE /* not int8, int16, uint8, uint16 and bool, which Keras 3 sums up as int32 */
};

/* The dtype of what comes out. */
enum kf_op_gives {
    KF_GIVES_SAME,   /* that of the first tensor */
    KF_GIVES_SECOND, /* that of the second argument */
    KF_GIVES_BOOL,
    KF_GIVES_INT,   /* int32 */
    KF_GIVES_REAL,  /* that of the first tensor, or float32 when that is an integer */
    KF_GIVES_NAMED, /* what the config key "dtype" says */
    KF_GIVES_MIXED  /* not the same for every output */
};

struct kf_op;

struct kf_op_row {
    const char *function, *target;
    int since;
    enum kf_op_takes takes;
    enum kf_op_gives gives;
    int (*form)(struct kf_op *op);
    const char *takes_args, *name;
};

/* What is known of the layers of one graph while its operations are rewritten. */
struct kf_op_state {
    enum kf_dtype dtype; /* of the layer's outputs, NONE when not known */
    const struct kf_op_row *row;
    const char *target; /* what the operation became */
    size_t n_added;     /* and with how many more operations in front of it */
    const char *why;    /* why the operation cannot be expressed, NULL when it can, "" when another
                           refusal says it already */
    bool batched;       /* every output's first size is the size of the batch */
    bool is_shape;      /* the shape of a tensor that is batched */
    bool is_batch;      /* the size of the batch, as a number */
    bool unnamed;       /* releases before 3.11 give the operation its name */
    bool alive;         /* an output of the graph or a layer needs it */
};

struct kf_ops {
    struct kf_adapt *adapt;
    struct kf_graph *graph;
    struct kf_op_state *states; /* by layer */
    size_t n_states, states_cap;
    json_t *names; /* those of the graph's layers; owned */
};

/* One call of one operation that is being rewritten. */
struct kf_op {
    struct kf_ops *ops;
    struct kf_layer *layer;
    const struct kf_call *call;  /* as the file has it */
    const struct kf_op_row *row; /* NULL when there is none */
    const char *target;          /* "numpy.Add"; a form may put another one */
    enum kf_dtype dtype;         /* of the first tensor, NONE when not known */
    json_t *args, *config;       /* the operation's; owned */
    size_t n_added;              /* nodes that a form made for it */
    const char *why;             /* set when it cannot be expressed */
};

/* ops.c */

/** Make all operation layers of a graph, and of the models in it, operation nodes of Keras 3. */
int kf_adapt_ops(struct kf_adapt *adapt, struct kf_graph *graph);

/* op_layers.c */

/**
 * Put a TFOpLambda or SlicingOpLambda in the place of each TensorFlowOpLayer, by the rows of
 * op_layers.def; what they do not say stays, for kf_adapt_ops() to refuse.
 */
int kf_adapt_op_layers(struct kf_adapt *adapt, struct kf_graph *graph);

/** Note why the operation cannot be expressed; 0, so that `return kf_op_refuse(...)` goes on. */
int kf_op_refuse(struct kf_op *op, const char *why);

/* op_args.c */

/** Read the call's arguments as the row says, into `args` and `config`. */
int kf_op_read(struct kf_op *op);

bool kf_op_has_refs(json_t *value);
/** A list of numbers or of such lists. */
bool kf_op_is_array(const json_t *value);

/* op_constants.c */

/** Find the operation's dtype, see that the row holds for it, and write the array constants. */
int kf_op_settle(struct kf_op *op);

/** Write an array constant as Keras 3 reads it: {"class_name": "__numpy__", ...}. */
int kf_op_constant(struct kf_op *op, json_t **out, json_t *value, enum kf_dtype dtype);

/** The dtype that TensorFlow gives a constant: float32, bool, int32 or, where it needs to, int64.
 */
enum kf_dtype kf_op_content(const json_t *value);

/* op_facts.c */
enum kf_dtype kf_op_dtype_named(const char *name);
/** The dtype of a layer's outputs, from its class and the dtype of the first input. */
enum kf_dtype kf_op_dtype(const struct kf_layer *layer, enum kf_dtype input);
/** Whether a layer's outputs begin with the batch when its inputs do. */
bool kf_op_keeps_batch(const struct kf_layer *layer);
/** Note what the outputs of an operation are; after its arguments were read. */
void kf_op_note(const struct kf_op *op, struct kf_op_state *state);
/** Note that a layer no operation can be made of is the shape of a tensor. */
void kf_op_note_shape(const struct kf_ops *ops, const struct kf_layer *layer,
                      struct kf_op_state *state);

/* op_nodes.c */

/**
 * Add an operation node that is called once.
 *
 * Takes `config` and `args`; NULL is out of memory. `out` gets a new ref to its output.
 */
int kf_op_node(struct kf_op *op, const char *target, json_t *config, json_t *args, json_t **out);

/** Make the layer itself `target` ("numpy.Add", "layers.Reshape") with this config, which is taken.
 */
int kf_op_become(struct kf_ops *ops, size_t index, const char *target, json_t *config);

/** Refuse layers whose name a release would give to an operation too; after kf_op_mark(). */
int kf_op_check_names(struct kf_ops *ops);

/** Mark the layers and what they and the outputs need; take operations out that nothing needs. */
int kf_op_mark(struct kf_ops *ops);
int kf_op_sweep(struct kf_ops *ops);

/* op_forms.c, op_shapes.c, op_images.c: what is more than a row. */
#define KF_OP_FORM(name) int kf_op_form_##name(struct kf_op *op);
KF_OP_FORM(plain)
KF_OP_FORM(add_n)
KF_OP_FORM(clip)
KF_OP_FORM(conv)
KF_OP_FORM(getitem)
KF_OP_FORM(l2_normalize)
KF_OP_FORM(like)
KF_OP_FORM(matmul)
KF_OP_FORM(norm)
KF_OP_FORM(pad)
KF_OP_FORM(pool)
KF_OP_FORM(reduce)
KF_OP_FORM(reshape)
KF_OP_FORM(resize)
KF_OP_FORM(reverse)
KF_OP_FORM(slice)
KF_OP_FORM(split)
KF_OP_FORM(squared_difference)
KF_OP_FORM(squeeze)
KF_OP_FORM(stack)
#undef KF_OP_FORM

#endif
