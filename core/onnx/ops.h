/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ONNX_OPS_H
#define KF_ONNX_OPS_H

#include "graph.h"

/*
 * Nodes of ONNX, each with the shape that comes out of it. All return the (first) output, or NULL
 * where an input is NULL or memory ran out. Axes count from the front, or from the end below 0.
 *
 * Source: github.com/onnx/onnx, docs/Operators.md, opset 13 to 21
 */

/* Constants. */
struct kf_onnx_tensor *kf_onnx_scalar(struct kf_onnx *onnx, enum kf_dtype dtype, double value);
/** A list of whole numbers as int64, which is what shapes, axes and places are. */
struct kf_onnx_tensor *kf_onnx_list(struct kf_onnx *onnx, const int64_t *values, size_t n);

/* One in, the same shape out. */
struct kf_onnx_tensor *kf_onnx_unary(struct kf_onnx *onnx, const char *op,
                                     struct kf_onnx_tensor *x);
/** ... with a floating point attribute. */
struct kf_onnx_tensor *kf_onnx_unary_with(struct kf_onnx *onnx, const char *op,
                                          struct kf_onnx_tensor *x, const char *name, double value);
/** ... giving truths. */
struct kf_onnx_tensor *kf_onnx_test(struct kf_onnx *onnx, const char *op, struct kf_onnx_tensor *x);
/** What is above 0, of whole numbers too. */
struct kf_onnx_tensor *kf_onnx_relu(struct kf_onnx *onnx, struct kf_onnx_tensor *x);
/** Whole numbers that are too narrow for the operators of arithmetic become int32. */
struct kf_onnx_tensor *kf_onnx_counted(struct kf_onnx *onnx, struct kf_onnx_tensor *x);
struct kf_onnx_tensor *kf_onnx_cast(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                    enum kf_dtype dtype);

/* Formulas (formula.c). */

/** What ONNX Runtime computes in the place of an operator that it has not in the dtype of `x`; NULL
 * where it has it. */
const char *kf_onnx_formula_of(const struct kf_onnx *onnx, const char *op,
                               const struct kf_onnx_tensor *x);
/** Its result of `a`, and of `b` and `c`, which may be NULL when it does not name them. */
struct kf_onnx_tensor *kf_onnx_formula(struct kf_onnx *onnx, const char *text,
                                       struct kf_onnx_tensor *a, struct kf_onnx_tensor *b,
                                       struct kf_onnx_tensor *c);

/* Two in, broadcast. */
struct kf_onnx_tensor *kf_onnx_binary(struct kf_onnx *onnx, const char *op,
                                      struct kf_onnx_tensor *x, struct kf_onnx_tensor *y);
/** ... with a number of the first's dtype as the second. */
struct kf_onnx_tensor *kf_onnx_binary_with(struct kf_onnx *onnx, const char *op,
                                           struct kf_onnx_tensor *x, double value);
struct kf_onnx_tensor *kf_onnx_compare(struct kf_onnx *onnx, const char *op,
                                       struct kf_onnx_tensor *x, struct kf_onnx_tensor *y);
struct kf_onnx_tensor *kf_onnx_where(struct kf_onnx *onnx, struct kf_onnx_tensor *condition,
                                     struct kf_onnx_tensor *x, struct kf_onnx_tensor *y);
/** Numbers no smaller than `low` and no larger than `high`; infinite for no bound. */
struct kf_onnx_tensor *kf_onnx_clip(struct kf_onnx *onnx, struct kf_onnx_tensor *x, double low,
                                    double high);
struct kf_onnx_tensor *kf_onnx_matmul(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                      struct kf_onnx_tensor *y);

/* Shapes. */
struct kf_onnx_tensor *kf_onnx_transpose(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                         const unsigned *axes);
/** Sizes as ONNX has them: 0 for the size of that axis of `x`, -1 for what is left. */
struct kf_onnx_tensor *kf_onnx_reshape(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                       const int64_t *dims, unsigned n);
/** The shape that `shape`, a computed list, says; `dims` is what is known of it. */
struct kf_onnx_tensor *kf_onnx_reshape_to(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                          struct kf_onnx_tensor *shape, const int64_t *dims,
                                          unsigned n);
struct kf_onnx_tensor *kf_onnx_expand(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                      struct kf_onnx_tensor *shape, const int64_t *dims,
                                      unsigned n);
/** Put axes of size 1 where the result has them. */
struct kf_onnx_tensor *kf_onnx_unsqueeze(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                         const int64_t *axes, size_t n);
struct kf_onnx_tensor *kf_onnx_squeeze(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                       const int64_t *axes, size_t n);
/** The sizes of `x` as a list. */
struct kf_onnx_tensor *kf_onnx_shape(struct kf_onnx *onnx, struct kf_onnx_tensor *x);
/** The size of one axis, as a list of one. */
struct kf_onnx_tensor *kf_onnx_size(struct kf_onnx *onnx, struct kf_onnx_tensor *x, int axis);

/* Parts. */
struct kf_onnx_tensor *kf_onnx_concat(struct kf_onnx *onnx, struct kf_onnx_tensor *const *x,
                                      size_t n, int axis);
#define KF_ONNX_END INT64_MAX
struct kf_onnx_tensor *kf_onnx_slice(struct kf_onnx *onnx, struct kf_onnx_tensor *x, int axis,
                                     int64_t start, int64_t end, int64_t step);
/** Cut in pieces of `sizes` along an axis: the node, whose outputs they are. */
struct kf_onnx_node *kf_onnx_split(struct kf_onnx *onnx, struct kf_onnx_tensor *x, int axis,
                                   const int64_t *sizes, size_t n);
/** `pads`: what each axis gets in front, then what each gets behind. */
struct kf_onnx_tensor *kf_onnx_pad(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                   const int64_t *pads, const char *mode,
                                   struct kf_onnx_tensor *value);
struct kf_onnx_tensor *kf_onnx_gather(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                      struct kf_onnx_tensor *places, int axis);

/* Along axes. */
struct kf_onnx_tensor *kf_onnx_reduce(struct kf_onnx *onnx, const char *op,
                                      struct kf_onnx_tensor *x, const int64_t *axes, size_t n,
                                      bool keep);
struct kf_onnx_tensor *kf_onnx_along(struct kf_onnx *onnx, const char *op, struct kf_onnx_tensor *x,
                                     int axis);
struct kf_onnx_tensor *kf_onnx_cumsum(struct kf_onnx *onnx, struct kf_onnx_tensor *x, int axis,
                                      bool reverse);

/** 0, 1, ... n - 1 as int64. */
struct kf_onnx_tensor *kf_onnx_range(struct kf_onnx *onnx, int64_t n);
/** Truths (..., n): where a number of `x` is its own place. */
struct kf_onnx_tensor *kf_onnx_hot(struct kf_onnx *onnx, struct kf_onnx_tensor *x, int64_t n);

/** An axis as a number from 0 on; one that is not there is reported and gives -1. */
int kf_onnx_axis(struct kf_onnx *onnx, const struct kf_onnx_tensor *x, int64_t axis);

/** The number that TensorProto.DataType has for a dtype. */
int kf_onnx_dtype(enum kf_dtype dtype);

#endif
