/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_CHECKPOINT_MODELS_H
#define KF_FORMAT_CHECKPOINT_MODELS_H

#include "../../base/buf.h"
#include "checkpoint.h"

/* A model among the objects of a checkpoint, and the edge that leads to it, "" for the root. */
struct kf_checkpoint_root {
    int node;
    const char *edge;
};

/* Models of a checkpoint: tf.train.Checkpoint(generator=..., discriminator=...) has two. */
struct kf_checkpoint_roots {
    struct kf_checkpoint_root *items;
    size_t n;
};

/** All nodes with layers that are not found below another one of them, by breadth. NO_MEMORY. */
int kf_checkpoint_models(struct kf_checkpoint_roots *out, const struct kf_checkpoint *cp,
                         struct kf_arena *arena, struct kf_report *rep);

/** "generator, discriminator"; some of them where there are many. */
void kf_checkpoint_models_name(const struct kf_checkpoint_roots *roots, struct kf_buf *text);

/** True for a model of Keras 3, whose edges are others. */
bool kf_checkpoint_is_keras3(const struct kf_checkpoint *cp, int node);

#endif
