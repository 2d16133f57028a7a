/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_KERAS3_PATHS_H
#define KF_FORMAT_KERAS3_PATHS_H

#include "../../model/model.h"

/*
 * Groups of saving_lib, the layout of model.weights.h5 and of .weights.h5:
 *
 *   layers/<name>              a layer of the model; <name> is its class in snake case, the second
 *                              of a class with _1 behind it, and so on, in the order of
 * model.layers <group>/layers/<name>      a layer of a model that is a layer <group>/<attribute>
 * the layer that a wrapper wraps <group>/<attribute>/<name> a member of a list of layers
 *   <group>/vars/<i>           variable number i of the object; of a part that is no layer of the
 *                              model's tree, <group>/<subpath>/vars/<i>
 *
 * Keras 2.12-2.14 say "_layer_checkpoint_dependencies" for "layers", and 2.12 and 2.13 count a
 * layer that has weights twice: dense, dense_2, dense_4. See saving_lib.def.
 */

/**
 * Set layer->group of every layer of the tree, without a slash in front. What Keras drops when
 * it rebuilds the model keeps NULL.
 *
 * Outcomes: BAD_GRAPH, GRAPH_NO_EQUAL, NO_MEMORY.
 * Source: keras/src/saving/saving_lib.py, _save_state, _save_container_state (2.13.1, 2.14.0,
 * 2.15.0, 3.0.5, 3.15.1); keras/src/engine/functional.py, _layer_checkpoint_dependencies (2.13.1)
 */
int kf_keras3_paths(struct kf_model *model, int keras, struct kf_report *rep);

/** What the class of a layer calls itself, which is not always the name in the config. */
const char *kf_keras3_class_of(const struct kf_layer *layer);

/**
 * The group of a tensor's variable without its "/vars", in the arena; NULL when memory ran out.
 *
 * Source: keras/src/layers/attention/multi_head_attention.py: private attributes before 3.0.3
 */
const char *kf_keras3_tensor_group(struct kf_arena *arena, const struct kf_layer *layer,
                                   const struct kf_tensor *tensor, int keras);

#endif
