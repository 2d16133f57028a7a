/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_CHECKPOINT_H
#define KF_FORMAT_CHECKPOINT_H

#include "../../io/tensorflow/tensor_bundle.h"
#include "../../model/model.h"

/*
 * A checkpoint of TensorFlow 2, and the variables of a SavedModel: a TensorBundle that has a graph
 * of the objects that were saved beside their tensors.
 *
 *   node 0     what was saved; edges have the names of its attributes, cycles are common
 *   variable   a node with the attribute VARIABLE_VALUE: the name of its tensor in the bundle
 *   slot       what an optimizer keeps of a variable; its node names both, and the slot
 *
 * The name of a tensor is one of many paths to it; whose it is only the edges say. What Saver of
 * TensorFlow 1 wrote has no objects, and the names of the variables alone.
 *
 * Source: tensorflow/core/protobuf/trackable_object_graph.proto,
 * tensorflow/python/checkpoint/graph_view.py, save_util.py (2.15)
 */
#define KF_OBJECT_GRAPH "_CHECKPOINTABLE_OBJECT_GRAPH"

struct kf_checkpoint {
    struct kf_tensor_bundle *bundle;
    const Kf__Tf__TrackableObjectGraph *graph; /* NULL for one that has names alone */
    const struct kf_payload **taken; /* of each entry of the bundle: what it was bound as */
};

/**
 * Open the index `index` among the files that the model was given as, into its arena.
 *
 * Outcomes: CORRUPT, VARIABLES_MISSING, TOO_LARGE, NO_MEMORY; files that are missing are all named,
 *           and `out->bundle` is set where the index could be read.
 */
int kf_checkpoint_open(struct kf_checkpoint *out, struct kf_model *model,
                       const struct kf_source *index, const struct kf_limits *limits,
                       struct kf_report *rep);

/** The node that an edge of `node` leads to, or -1. */
int kf_checkpoint_child(const struct kf_checkpoint *cp, int node, const char *edge);

/** The same along several edges, "a/b"; an edge that is not there may have a "_" before it. */
int kf_checkpoint_path(const struct kf_checkpoint *cp, int node, const char *path);

/** The tensor of a node and its name in the program that made it; NULL for no variable. */
const struct kf_bundle_entry *kf_checkpoint_value(const struct kf_checkpoint *cp, int node,
                                                  const char **name);

/** The payload of an entry, which is made once. Outcomes as kf_tensor_bundle_payload(). */
int kf_checkpoint_payload(struct kf_checkpoint *cp, const struct kf_bundle_entry *entry,
                          const struct kf_payload **out, struct kf_report *rep);
/** The same where it was made before, else NULL. */
const struct kf_payload *kf_checkpoint_taken(const struct kf_checkpoint *cp,
                                             const struct kf_bundle_entry *entry);

/** Take a tensor as that of a layer, which its shape must fit. WEIGHT_SHAPE, CORRUPT, ... */
int kf_checkpoint_take(struct kf_checkpoint *cp, struct kf_layer *layer, struct kf_tensor *tensor,
                       const struct kf_bundle_entry *entry, const char *name,
                       struct kf_report *rep);

/** True for a tensor that belongs to no model: slots of an optimizer, metrics, counters. */
bool kf_checkpoint_is_aside(const char *key);

/** Report what variables there are, and those that a graph needs, if there is one; a finding. */
void kf_checkpoint_list(const struct kf_checkpoint *cp, struct kf_graph *graph,
                        struct kf_report *rep);

#endif
