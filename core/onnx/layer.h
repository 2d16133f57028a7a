/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ONNX_LAYER_H
#define KF_ONNX_LAYER_H

#include "ops.h"

/*
 * What a call of a layer is given and gives. A value is a tensor of Keras; in the ONNX graph it
 * stands as Keras has it (`plain`), with the last axis moved behind the batch as convolutions of
 * ONNX want it (`moved`), or both: whoever needs the other form gets it by one Transpose, made
 * once. So a chain of convolutions has one at its beginning and one at its end.
 */
struct kf_onnx_value {
    struct kf_onnx_tensor *plain, *moved; /* both NULL where it could not be made */
    struct kf_onnx_tensor *mask;          /* truths (batch, steps), or NULL */
};

struct kf_onnx_scope;
struct kf_onnx_call;

/* A row of layers.def or operations.def. */
struct kf_onnx_row {
    const char *class_name;
    void (*form)(struct kf_onnx_call *call);
    const char *op, *rule;
    const char *names; /* of an operation's arguments, space-separated; NULL for a layer */
};

struct kf_onnx_call {
    struct kf_onnx *onnx;
    const struct kf_onnx_row *row;
    const struct kf_layer *layer;
    const char *op;                    /* the row's: what makes layers of one form differ */
    const struct kf_onnx_scope *scope; /* where refs lead; NULL in a Sequential */
    json_t *args, *kwargs;             /* NULL in a Sequential */
    struct kf_onnx_value **in;         /* tensors of the first argument, in the compute dtype */
    size_t n_in;
    enum kf_dtype dtype; /* what the layer computes in */
    struct kf_onnx_value **out;
    size_t n_out;
    unsigned depth; /* of models in models */
};

/* build.c */

/** Apply a layer that stands in no graph (of a wrapper) to values; its results are in `call`. */
int kf_onnx_apply(struct kf_onnx_call *call, const struct kf_onnx_call *owner,
                  const struct kf_layer *layer, struct kf_onnx_value **in, size_t n_in);

/** Run a whole model: what it is given stands in `call`, and what it gives. */
int kf_onnx_run_model(struct kf_onnx_call *call, const struct kf_graph *graph);

/** The value that a ref names; NULL where it could not be made. */
struct kf_onnx_value *kf_onnx_resolve(const struct kf_onnx_call *call, const json_t *ref);

/* rows.c */

/** A layer or cell whose parts are the cells: a row KF_ONNX_CELLS of layers.def. */
bool kf_onnx_holds_cells(const struct kf_layer *layer);

/* call.c */

/** Report what has no equal; the call gives nothing. */
void kf_onnx_refuse(struct kf_onnx_call *call, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

struct kf_onnx_value *kf_onnx_value_new(struct kf_onnx *onnx, struct kf_onnx_tensor *plain,
                                        struct kf_onnx_tensor *moved);
/** A value's tensor as Keras has it, or with the last axis moved; made where it is not there. */
struct kf_onnx_tensor *kf_onnx_plain(struct kf_onnx *onnx, struct kf_onnx_value *value);
struct kf_onnx_tensor *kf_onnx_moved(struct kf_onnx *onnx, struct kf_onnx_value *value);
/** What is there of a value; `*moved` says whether its last axis stands behind the batch. */
struct kf_onnx_tensor *kf_onnx_either(const struct kf_onnx_value *value, bool *moved);
/** Where an axis, from 0 on, of a tensor of `rank` axes stands in its moved form. */
int kf_onnx_moved_axis(int axis, unsigned rank);

/** The next output of the call. */
void kf_onnx_give(struct kf_onnx_call *call, struct kf_onnx_tensor *plain);
void kf_onnx_give_value(struct kf_onnx_call *call, struct kf_onnx_value *value);
/** ... in the form that `moved` says. */
void kf_onnx_give_as(struct kf_onnx_call *call, struct kf_onnx_tensor *tensor, bool moved);

/** The first input as Keras has it, NULL when there is none. */
struct kf_onnx_tensor *kf_onnx_input(struct kf_onnx_call *call);

/** A value in the dtype that the layer computes in, where it holds floats. */
struct kf_onnx_value *kf_onnx_computed(struct kf_onnx_call *call, struct kf_onnx_value *value);

/** An argument by its place or name; NULL when it is not given or null. */
json_t *kf_onnx_argument(const struct kf_onnx_call *call, size_t place, const char *name);
/** ... that is one tensor, in the compute dtype. */
struct kf_onnx_value *kf_onnx_argument_value(struct kf_onnx_call *call, size_t place,
                                             const char *name);
/** The mask that a layer is given, or that its first input has. */
struct kf_onnx_tensor *kf_onnx_mask(struct kf_onnx_call *call, size_t place);

/** A weight of the layer, in the compute dtype; WEIGHTS_MISSING when there is none. */
struct kf_onnx_tensor *kf_onnx_weight(struct kf_onnx_call *call, const char *variable);
/** ... with its axes in another order. */
struct kf_onnx_tensor *kf_onnx_weight_moved(struct kf_onnx_call *call, const char *variable,
                                            const unsigned *axes, unsigned n);
/** ... or what `make` makes of its payload, which `done` says. */
struct kf_onnx_tensor *kf_onnx_weight_made(
    struct kf_onnx_call *call, const char *variable, const char *done,
    const struct kf_payload *(*make)(struct kf_arena *arena, const struct kf_payload *payload,
                                     const void *how, bool *fits),
    const void *how);
bool kf_onnx_has_weight(const struct kf_onnx_call *call, const char *variable);

/* Config keys; what is no number that fits is reported and gives the fallback. */
int64_t kf_onnx_number(struct kf_onnx_call *call, const char *key, int64_t fallback);
double kf_onnx_real(struct kf_onnx_call *call, const char *key, double fallback);
const char *kf_onnx_text(const struct kf_onnx_call *call, const char *key, const char *fallback);
bool kf_onnx_flag(const struct kf_onnx_call *call, const char *key, bool fallback);
/** A number, or a list of `n` numbers, as `n` numbers; false (reported) when it is neither. */
bool kf_onnx_sizes(struct kf_onnx_call *call, const char *key, int64_t fallback, int64_t *out,
                   unsigned n);
/** A number or a list of up to KF_ONNX_RANK_MAX of them; how many, 0 for none. */
size_t kf_onnx_numbers(struct kf_onnx_call *call, const json_t *value, int64_t *out);

/* layers_core.c */

/** An equation for a first tensor of `rank` axes, letters in the place of "..."; NULL for no
 * memory. */
const char *kf_onnx_spelt_out(struct kf_onnx *onnx, const char *equation, size_t rank);
/** Einsum of two tensors; an equation that does not fit is refused. */
struct kf_onnx_tensor *kf_onnx_einsum(struct kf_onnx_call *call, const char *equation,
                                      struct kf_onnx_tensor *x, struct kf_onnx_tensor *y);

/** What a layer gives that is looked up by its tokens, whole numbers of any kind. */
struct kf_onnx_tensor *kf_onnx_looked_up(struct kf_onnx_call *call, struct kf_onnx_tensor *table);
/** A ReversibleEmbedding is called for the way back; `*fits` is false where it has no equal. */
bool kf_onnx_is_reverse(struct kf_onnx_call *call, bool *fits);
/** Give the logits of a ReversibleEmbedding, capped as its config says. */
void kf_onnx_give_logits(struct kf_onnx_call *call, struct kf_onnx_tensor *x);

/* dtypes.c */

/** True for a layer that is quantized: its policy has a mode, which is `mode`, or any for NULL. */
bool kf_onnx_is_quantized(const struct kf_layer *layer, const char *mode);

/** What a layer computes in; NONE when it has no equal, which is reported. */
enum kf_dtype kf_onnx_compute_dtype(struct kf_onnx *onnx, const struct kf_layer *layer);
/** What Keras makes of two dtypes that meet. */
enum kf_dtype kf_onnx_promote(enum kf_dtype a, enum kf_dtype b);
enum kf_dtype kf_onnx_dtype_named(const char *name);

/* activations.c */

/** Apply an activation of a config: a name, or an object of a function or layer. */
struct kf_onnx_tensor *kf_onnx_activate(struct kf_onnx_call *call, const json_t *activation,
                                        struct kf_onnx_tensor *x, bool moved);

/* masks.c */

/** Put masks on what a call gives, as compute_mask() of its class does. */
void kf_onnx_pass_masks(struct kf_onnx_call *call);

/** Give the input of a model that is called with a mask that one. */
void kf_onnx_feed_mask(struct kf_onnx_call *call);

/* The functions of the rows. */
#define KF_ONNX_LAYER(class_name, form, op) void kf_onnx_form_##form(struct kf_onnx_call *call);
#define KF_ONNX_INT8(class_name, form)      void kf_onnx_form_##form(struct kf_onnx_call *call);
#include "layers.def"

#endif
