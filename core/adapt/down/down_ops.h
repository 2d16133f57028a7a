/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ADAPT_DOWN_OPS_H
#define KF_ADAPT_DOWN_OPS_H

#include "../shapes/flow_shapes.h"
#include "down_forms.h"
#include "keras3_keras2.h"

/* Dtypes of the tensors for which a row holds, and of what comes out; see down_ops.def. */
enum kf_down_takes {
    KF_DOWN_ANY,
    KF_DOWN_FLOAT,
    KF_DOWN_REAL,
    KF_DOWN_WIDE,
    KF_DOWN_INTEGER,
    KF_DOWN_SINGLE,
    KF_DOWN_COMPLEX
};
enum kf_down_gives {
    KF_DOWN_SAME,
    KF_DOWN_BOOL,
    KF_DOWN_INT,
    KF_DOWN_NAMED,
    KF_DOWN_PLACED,
    KF_DOWN_PAIRS,
    KF_DOWN_HALF
};

struct kf_down_op;

struct kf_down_row {
    const char *class_name, *function;
    enum kf_down_takes takes;
    enum kf_down_gives gives;
    int (*form)(struct kf_down_op *op);
    const char *tensors, *keys, *name;
};

/* Of a layer's first output and of its others, NONE when not known. */
struct kf_down_dtypes {
    enum kf_dtype first, others;
};

/* The operations of one graph. */
struct kf_down_ops {
    struct kf_adapt *adapt;
    struct kf_graph *graph;
    struct kf_down_dtypes *dtypes; /* of each layer */
    size_t n_dtypes, dtypes_cap;
    struct kf_shape *shapes; /* what each layer gives, as far as flow.def tells */
    size_t n_shapes;
};

/* An operation on its way to a TFOpLambda. */
struct kf_down_op {
    struct kf_down_ops *ops;
    struct kf_layer *layer;
    const struct kf_down_row *row;
    const char *function;
    json_t *first;  /* the positional argument; owned */
    json_t *kwargs; /* by the function's parameters; owned */
    enum kf_dtype dtype;
    const char *why; /* set when it cannot be expressed */
};

/** Note why the operation cannot be expressed; 0, so that `return kf_down_refuse(...)` goes on. */
int kf_down_refuse(struct kf_down_op *op, const char *why);

/* down_op_dtypes.c */

bool kf_down_is_floating(enum kf_dtype dtype);

/** What Keras 3 makes of two dtypes, NONE being any; NONE where it makes none that TensorFlow has.
 */
enum kf_dtype kf_down_promoted(enum kf_dtype a, enum kf_dtype b);

/* down_op_args.c */

/** Read the operation's config and call as the row says, into `first` and `kwargs`. */
int kf_down_read(struct kf_down_op *op);

/** The dtype of an argument: of a ref, of an array; NONE for a plain number. */
enum kf_dtype kf_down_dtype(const struct kf_down_ops *ops, const json_t *value);

/** A constant in the dtype of the tensors beside it, as TensorFlow takes it; a new reference. */
json_t *kf_down_numbers(enum kf_dtype dtype, json_t *value);

/** An argument of the operation's call by place or name, borrowed; NULL where it has none. */
json_t *kf_down_argument(const struct kf_down_op *op, size_t index, const char *key);

/* down_op_shapes.c */

#define KF_DOWN_NOT_TOLD "how many axes its tensors have is not in the file"

/** The shape that the file says beside a tensor; false where it says none. */
bool kf_down_said_shape(const json_t *ref, struct kf_shape *out);

/** Note which shape a layer gives, from those of what a call has, of which `first` is. */
void kf_down_note_shape(struct kf_down_ops *ops, size_t index, size_t call, struct kf_shape *first);

/** Write the noted shapes beside the tensors of a layer's call for which the file says none. */
int kf_down_tell_shapes(struct kf_down_ops *ops, struct kf_layer *layer);

/** How many axes an argument has, a tensor by what the file says of it; 0 where it is not told. */
size_t kf_down_rank(const json_t *argument);

/** The size of an argument's axis, from the end where that is negative; -1 for free or not told. */
json_int_t kf_down_size(const json_t *argument, json_int_t axis);

/** An axis counted from the front; the rank where there is no such axis. */
size_t kf_down_axis(json_int_t axis, size_t rank);

#define KF_DOWN_NO_SIZE "how large its images are is not in the file"
/** The operation's images with their channels behind, `moved` if they were in front, and what comes
 * out with its channels in front again. Takes "data_format" out of the keywords. */
int kf_down_channels_last(struct kf_down_op *op, size_t rank, bool *moved);
int kf_down_channels_back(struct kf_down_op *op, size_t rank);

/* The forms, in the other down_op_*.c */

/** The operation's argument as its function takes it, a new ref or value; takes the other one. */
int kf_down_set_first(struct kf_down_op *op, json_t *first);

/** Set what the function is called with by name; takes `value`. */
int kf_down_set(struct kf_down_op *op, const char *parameter, json_t *value);

/** A function in front of the operation: its argument is what that makes of it. Takes `kwargs`. */
int kf_down_before(struct kf_down_op *op, const char *function, json_t *kwargs);

/** The operation's tensor with its axes in another order, as TensorFlow's transpose takes it. */
int kf_down_set_order(struct kf_down_op *op, const size_t *order, size_t rank);

/** What the recipe of this name makes of the operation. */
int kf_down_recipe(struct kf_down_op *op, const char *name);

/** A TFOpLambda in front of the operation. Takes the two; `out` is a new ref to its output. */
int kf_down_function(struct kf_down_op *op, const char *function, json_t *first, json_t *kwargs,
                     json_t **out);

#endif
