/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ADAPT_KERAS1_SPLIT_H
#define KF_ADAPT_KERAS1_SPLIT_H

#include "keras1.h"

/*
 * A layer of Keras 1 that several layers of later Keras compute. The layer itself becomes the last
 * of them and keeps its name; the others are put in front, as Keras 1 would write them.
 */
struct kf_split {
    struct kf_adapt *adapt;
    struct kf_graph *graph;
    struct kf_layer *layer;
    size_t index;
};

int kf_split_no_memory(struct kf_split *split);

/** What a layer has for a variable; NULL: nothing. */
const struct kf_payload *kf_split_payload(const struct kf_layer *layer, const char *variable);

/** A layer in front of a graph's layer, and number `at` in the graph, that is called as that one
 * is, or with `args_of`, arguments call by call; the layer itself keeps its own input. */
int kf_split_beside(struct kf_split *split, const char *class_name, json_t *config, json_t *args_of,
                    struct kf_layer **out, size_t *at);

/** The same for a layer that merges what the layers `a` and `b` give, or the input of this one. */
int kf_split_merge(struct kf_split *split, const char *class_name, size_t a, size_t b, size_t *at);

/** The layer itself becomes a class without weights. */
int kf_split_become(struct kf_split *split, const char *class_name, const char *how);

/* keras1_curves.c: functions of each value whose parameters are weights. A row's function leaves
 * `done` false where other layers cannot stand in the layer's place. */
int kf_split_softplus(struct kf_split *split, bool *done);
int kf_split_srelu(struct kf_split *split, bool *done);

#endif
