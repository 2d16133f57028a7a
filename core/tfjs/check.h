/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_TFJS_CHECK_H
#define KF_TFJS_CHECK_H

#include "../model/model.h"

/* A graph that is looked at: axes of what each of its layers gives, 0 where nobody knows. */
struct kf_tfjs_look {
    struct kf_report *rep;
    bool made_there; /* by TensorFlow.js: what it lacks is not in it, what it computes otherwise is
                      */
    const struct kf_graph *graph;
    int *ranks;
    bool *masked; /* layers that a mask has come to, or that make one */
    bool masks;   /* any of them */
    bool free;    /* some axis beside the batch is of a size that is not written down */
};

void kf_tfjs_refuse(struct kf_tfjs_look *look, const struct kf_layer *layer, const char *why);

/* masks.c */

/** Whether what a layer takes has a mask, or is made of what had one. */
bool kf_tfjs_gets_mask(struct kf_tfjs_look *look, size_t index);
/** A mask that comes to a layer, or is made by it or by what is in it. */
void kf_tfjs_check_mask(struct kf_tfjs_look *look, size_t index);

#endif
