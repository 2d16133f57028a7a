/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ONNX_OPERATION_H
#define KF_ONNX_OPERATION_H

#include "layer.h"

/* operations.c */

/** The row of an operation of Keras 3; NULL when the table has none. */
const struct kf_onnx_row *kf_onnx_operation(const char *class_name);

/** An argument of an operation by its name: of the call, or of the config; NULL for none. */
json_t *kf_onnx_operand_json(const struct kf_onnx_call *call, const char *name);

/** True when an argument is a tensor of the graph. */
bool kf_onnx_is_tensor(const json_t *value);

/**
 * An argument as a tensor: one of the graph, or a constant in `dtype` (NONE: the dtype that it has
 * by itself). NULL when it is not given, or when it is nothing like that, which is reported.
 */
struct kf_onnx_tensor *kf_onnx_operand(struct kf_onnx_call *call, const json_t *value,
                                       enum kf_dtype dtype);

/** The tensor that the operation works on, its first argument. */
struct kf_onnx_tensor *kf_onnx_operand_first(struct kf_onnx_call *call);

/** ... in the form that is there: `*moved` says whether its last axis stands behind the batch. */
struct kf_onnx_tensor *kf_onnx_operand_either(struct kf_onnx_call *call, bool *moved);

/** ... in floats: whole numbers and truths become such where the result is none. */
struct kf_onnx_tensor *kf_onnx_operand_real(struct kf_onnx_call *call);
struct kf_onnx_tensor *kf_onnx_operand_either_real(struct kf_onnx_call *call, bool *moved);
struct kf_onnx_tensor *kf_onnx_as_real(struct kf_onnx *onnx, struct kf_onnx_tensor *x);

/** A number of the call or the config. */
double kf_onnx_operand_number(const struct kf_onnx_call *call, const char *name, double fallback);

/** x1 and x2 in one dtype; false when one of them could not be made. */
bool kf_onnx_operand_pair(struct kf_onnx_call *call, struct kf_onnx_tensor **out);

/** ... with the last axis of both moved, `*moved`, where that costs no Transpose. */
bool kf_onnx_operand_pair_either(struct kf_onnx_call *call, struct kf_onnx_tensor **out,
                                 bool *moved);

/** One axis of the call or the config; -1 (reported) when there is none. */
int kf_onnx_operand_axis(struct kf_onnx_call *call, const struct kf_onnx_tensor *x,
                         const char *name, int64_t fallback);

/** The tensors of a list, in one dtype; NULL when one could not be made. */
struct kf_onnx_tensor **kf_onnx_operand_list(struct kf_onnx_call *call, const char *name,
                                             size_t *n);

/** The tensors and constants of arguments that meet, all in the dtype that Keras gives them. */
bool kf_onnx_operands(struct kf_onnx_call *call, json_t *const *values, size_t n,
                      struct kf_onnx_tensor **out);

bool kf_onnx_operands_either(struct kf_onnx_call *call, json_t *const *values, size_t n,
                             struct kf_onnx_tensor **out, bool *moved);

/** Axes of an argument, from 0 on: all of them for none; how many, 0 when they are not axes. */
size_t kf_onnx_operand_axes(struct kf_onnx_call *call, const struct kf_onnx_tensor *x,
                            const char *name, int64_t *axes);

/* operations_constant.c */

/** {"value", "dtype"} of a constant that is kept as an array; NULL for anything else. */
const json_t *kf_onnx_array(const json_t *value);
/** The dtype that numbers have by themselves; truths and whole numbers are told from others. */
enum kf_dtype kf_onnx_natural_dtype(const json_t *value);
/** An argument that is no tensor of the graph, as a constant. */
struct kf_onnx_tensor *kf_onnx_operand_constant(struct kf_onnx_call *call, const json_t *value,
                                                enum kf_dtype dtype);
/** The sizes of such a one; false when it is no array. */
bool kf_onnx_operand_sizes(const json_t *value, int64_t *dims, unsigned *rank);

/* operations_windows.c */

/* Where windows of `size` stand that begin every `step`: (n, size), or the other way. */
struct kf_onnx_windows {
    int64_t n, size, step, dilation;
    bool turned;
};

/** How many of them find room in `length`; false (refused) for none. */
bool kf_onnx_windows_count(struct kf_onnx_call *call, struct kf_onnx_windows *windows,
                           int64_t length);
/** The places that they see, as int64. */
struct kf_onnx_tensor *kf_onnx_windows_places(struct kf_onnx *onnx,
                                              const struct kf_onnx_windows *windows);

#define KF_ONNX_OPERATION(class_name, form, op, names)                                             \
    void kf_onnx_form_##form(struct kf_onnx_call *call);
#include "operations.def"
#undef KF_ONNX_OPERATION

#endif
