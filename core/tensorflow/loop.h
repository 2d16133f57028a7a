/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_TENSORFLOW_LOOP_H
#define KF_TENSORFLOW_LOOP_H

#include "ops.h"

/*
 * A loop of a graph without functions, that goes over the steps of a sequence: variables go round
 * through Merge, Switch and NextIteration, and what else is used inside is brought in by Enter.
 *
 * Source: tensorflow/core/ops/control_flow_ops.cc; tensorflow/python/ops/control_flow_ops.py,
 * WhileContext (2.15)
 */
#define KF_TF_LOOP_VARIABLES 4

struct kf_tf_loop_variable {
    int type;           /* DataType of TensorFlow */
    const char *before; /* in: what it begins with */
    const char *next;   /* in: what a step makes of it */
    const char *now;    /* out: inside */
    const char *after;  /* out: behind the loop */
    const char *merge, *next_name, *switched;
};

struct kf_tf_loop {
    struct kf_tf *tf;
    const char *frame;
    const char *step; /* inside: int32, the number of the step, from 0 on */
    struct kf_tf_loop_variable counter, variables[KF_TF_LOOP_VARIABLES];
    size_t n;
};

/** Begin a loop of `steps` (a number, int32) with its n variables; false when it failed. */
bool kf_tf_loop_begin(struct kf_tf_loop *loop, struct kf_tf *tf, const char *steps);
/** A tensor from outside, inside. */
const char *kf_tf_loop_enter(struct kf_tf_loop *loop, const char *tensor, int type, bool constant);
/** End it: `next` of each variable is there, `after` comes to be. */
bool kf_tf_loop_end(struct kf_tf_loop *loop);

#endif
