/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_TENSORFLOW_OPS_H
#define KF_TENSORFLOW_OPS_H

#include "graph.h"

/*
 * Nodes of TensorFlow by what they do. All return the first output, or NULL where an input is NULL
 * or memory ran out. Axes count from the front.
 *
 * Source: tensorflow/core/ops/{array,math,nn}_ops.cc (2.15)
 */

/* Constants. */
const char *kf_tf_scalar(struct kf_tf *tf, enum kf_dtype dtype, double value);
/** A list of whole numbers as int64, which is what shapes and axes are. */
const char *kf_tf_list(struct kf_tf *tf, const int64_t *values, size_t n);

/* Element by element; `dtype` is that of what goes in. */
const char *kf_tf_unary(struct kf_tf *tf, const char *op, enum kf_dtype dtype, const char *x);
const char *kf_tf_binary(struct kf_tf *tf, const char *op, enum kf_dtype dtype, const char *x,
                         const char *y);
/** ... with a number as the second. */
const char *kf_tf_with(struct kf_tf *tf, const char *op, enum kf_dtype dtype, const char *x,
                       double y);
/** An operator of truths, which has no type. */
const char *kf_tf_logical(struct kf_tf *tf, const char *op, const char *x, const char *y);
const char *kf_tf_cast(struct kf_tf *tf, const char *x, enum kf_dtype from, enum kf_dtype to);
const char *kf_tf_select(struct kf_tf *tf, enum kf_dtype dtype, const char *condition,
                         const char *x, const char *y);

/* Shapes. */
const char *kf_tf_shape_of(struct kf_tf *tf, enum kf_dtype dtype, const char *x);
/** The size of one axis, as a list of one. */
const char *kf_tf_size(struct kf_tf *tf, enum kf_dtype dtype, const char *x, unsigned axis);
const char *kf_tf_reshape(struct kf_tf *tf, enum kf_dtype dtype, const char *x, const char *shape);
const char *kf_tf_transpose(struct kf_tf *tf, enum kf_dtype dtype, const char *x,
                            const int64_t *axes, unsigned n);
const char *kf_tf_expand(struct kf_tf *tf, enum kf_dtype dtype, const char *x, int64_t axis);
const char *kf_tf_squeeze(struct kf_tf *tf, enum kf_dtype dtype, const char *x, const int64_t *axes,
                          size_t n);
/** Stretch to a shape that is computed. */
const char *kf_tf_broadcast(struct kf_tf *tf, enum kf_dtype dtype, const char *x,
                            const char *shape);

/* Parts. */
const char *kf_tf_concat(struct kf_tf *tf, enum kf_dtype dtype, const char *const *x, size_t n,
                         int64_t axis);
/** What Python's x[start:end:step] takes of each axis; where `whole` is set, all of it. */
struct kf_tf_range {
    int64_t start, end, step;
    bool from_start, to_end; /* begin at the first one, go on to the last */
};
const char *kf_tf_slice(struct kf_tf *tf, enum kf_dtype dtype, const char *x,
                        const struct kf_tf_range *ranges, unsigned rank);
const char *kf_tf_gather(struct kf_tf *tf, enum kf_dtype dtype, const char *x, const char *places,
                         enum kf_dtype of_places, int64_t axis, int64_t batch_axes);
/** `pads`: for each axis what it gets in front and behind. */
const char *kf_tf_pad(struct kf_tf *tf, enum kf_dtype dtype, const char *x, const int64_t *pads,
                      unsigned rank, const char *value);

const char *kf_tf_reduce(struct kf_tf *tf, const char *op, enum kf_dtype dtype, const char *x,
                         const int64_t *axes, size_t n, bool keep);

#endif
