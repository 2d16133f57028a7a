/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ONNX_LOOKUP_H
#define KF_ONNX_LOOKUP_H

#include "layer.h"

/* What a lookup layer knows. */
struct kf_onnx_lookup {
    bool words, invert; /* its tokens are texts; it gives tokens for places */
    json_t *mask;       /* the token that stands for nothing, or NULL */
    json_t *other;      /* the one that stands for what is not in the vocabulary */
    int64_t n_others;   /* places for that */
    /* What is read: */
    json_t *tokens; /* without those in front that stand for what is not in it; to be released */
    const char *mode;
    int64_t n_masks; /* places in front for the mask */
    bool hashes;     /* what is not in the vocabulary is shared out by a hash */
    bool special;    /* the vocabulary of the file has those in front, too */
};

/** Read the rest of what a layer knows; false (reported) when it does what no operator does. */
bool kf_onnx_lookup_read(struct kf_onnx_call *call, struct kf_onnx_lookup *lookup);

/** Where the mask goes: outside of all places where it is not one itself. */
int64_t kf_onnx_masked_place(const struct kf_onnx_lookup *lookup);

/** What the layer makes of tokens. */
struct kf_onnx_tensor *kf_onnx_looked(struct kf_onnx_call *call,
                                      const struct kf_onnx_lookup *lookup,
                                      struct kf_onnx_tensor *x);

/**
 * Places as they are, or what the mode makes of them: `n` zeros and ones, or how often each is
 * there, with `weights` for the places or NULL. A place outside stands for nothing.
 *
 * Source: keras/src/utils/numerical_utils.py, encode_categorical_inputs (3.15.1)
 */
struct kf_onnx_tensor *kf_onnx_encoded(struct kf_onnx_call *call, struct kf_onnx_tensor *x,
                                       const char *mode, int64_t n, struct kf_onnx_tensor *weights);

#endif
