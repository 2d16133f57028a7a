/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ADAPT_TFJS_GRU_H
#define KF_ADAPT_TFJS_GRU_H

/* Between tfjs_gru*.c only. */
#include "../../model/rewrite.h"
#include "tfjs.h"

/*
 * A GRU with reset_after, which TensorFlow.js has not, as an LSTM that is linear: each step is made
 * three times, and marked with which time it is. Of its three parts, each as wide as the GRU,
 *
 *   RESET   takes r * (U h + b) in the first time, by its input gate
 *   CANDIDATE  in the second sigmoid(2 a) of what the candidate is the tanh a of, times 2
 *   STATE   in the third z * h + (1 - z) * (candidate - 1), by its forget and input gates
 *
 * and is as it was in the others, the gates being shut or open by FAR: sigmoid gives 0 and 1 there.
 * A Dense in front makes the three out of each step, one behind takes the state out.
 */
enum kf_gru_part { RESET, CANDIDATE, STATE, N_PARTS };

#define KF_GRU_TIMES  3
#define KF_GRU_BIASES 2 /* for the kernel, and for the recurrent kernel */

struct kf_gru {
    struct kf_instead *one;
    const struct kf_layer *layer; /* the GRU, as long as it is one */
    struct kf_tensor like;        /* a variable of its own */
    uint64_t units, width;        /* of it, and of what it takes */
    bool back; /* it runs from the end, where the times come the other way round */
    const struct kf_payload *kernel, *recurrent, *bias; /* `bias` may be NULL */
    struct kf_patch list[32];
    size_t n;
};

/** One variable of a layer that stands in for it, made of patches in `payload`. */
int kf_gru_tensor(struct kf_gru *gru, struct kf_tensor *tensor, const char *name,
                  const struct kf_payload *payload, bool fits);

/** The three variables of the LSTM. */
int kf_gru_tensors(struct kf_gru *gru, struct kf_layer *layer);

#endif
