/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ONNX_WORDS_H
#define KF_ONNX_WORDS_H

#include "lookup.h"

/*
 * Nodes that compute with texts. ONNX has a Constant for texts and a LabelEncoder for tables, in
 * its domain ai.onnx.ml; the others, for runtimes that have `letters`, are called as in TensorFlow.
 */

/** False (reported) when the runtime looks texts up and does nothing else with them. */
bool kf_onnx_has_letters(struct kf_onnx_call *call);

/** The first input, which must be texts; NULL (reported) when it is not. */
struct kf_onnx_tensor *kf_onnx_texts(struct kf_onnx_call *call);

/** One text. */
struct kf_onnx_tensor *kf_onnx_word(struct kf_onnx_call *call, const json_t *value);

/**
 * The place of each text of `x` in `tokens`, from `first` on, and `other` for those without one;
 * `invert`: the token of each place of `x`.
 */
struct kf_onnx_tensor *kf_onnx_table(struct kf_onnx_call *call, struct kf_onnx_tensor *x,
                                     const json_t *tokens, int64_t first, bool invert,
                                     struct kf_onnx_tensor *other);

/**
 * The same with the operator of ONNX, which gives one value for all that are not in its table: the
 * place behind the mask's, or the token for what is unknown. The mask stands in the table, too.
 */
struct kf_onnx_tensor *kf_onnx_labels(struct kf_onnx_call *call,
                                      const struct kf_onnx_lookup *lookup,
                                      struct kf_onnx_tensor *x);

/**
 * One of `n` numbers for each text of `x`, or each whole number as text: by FarmHash, or by
 * SipHash with the layer's "salt". Source: tensorflow/core/kernels/string_to_hash_bucket_op.cc
 */
struct kf_onnx_tensor *kf_onnx_hash(struct kf_onnx_call *call, struct kf_onnx_tensor *x, int64_t n);

#endif
