/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_SAVING_LIB_READ_H
#define KF_FORMAT_SAVING_LIB_READ_H

#include "../../io/h5/h5.h"
#include "../../model/model.h"

/*
 * Weights as saving_lib of Keras 2.12 and later keeps them, in model.weights.h5 of a .keras and in
 * a .weights.h5:
 *
 *   <root>/vars                         the model's own variables; a model made of layers has none
 *   <root>/<container>/<name>           a layer; below a model that is a layer the same again
 *   <layer>/<attribute>[/<name>]        a layer that another one holds
 *   <layer>/[<attribute>/]vars/<i>      a variable; a few have a name instead of a number
 *   <root>/optimizer, <root>/metrics    training state
 *
 * The container and how its members are numbered differ by release: saving_lib.def. The members
 * are named by class, in the order of the layers of the model that was saved: that of its config,
 * or the one that Keras made of the calls (keras3_order.h). From 3.6 on "vars" has an attribute
 * "name", the layer's, which tells the two apart. A file from Windows may have whole paths as
 * names of groups, with backslashes.
 */

/**
 * Give each tensor of the model's tree its payload out of the groups below `root` (absolute, ""
 * is the file itself), set layer->found and model->has_optimizer_state.
 *
 * The graph is the one of the file's own config, still in the file's order; tensors are made
 * (kf_vars_make). Layers of classes that vars.def does not know get what their groups hold.
 * `keras` is the release that wrote the file as KF_KERAS(), tf_keras as 2.16-2.21; 0 when nobody
 * knows, then the groups tell.
 *
 * Outcomes: WEIGHTS_MISSING, WEIGHT_COUNT for what no layer takes, WEIGHT_SHAPE,
 * MAPPING_AMBIGUOUS when the file says two things, CUSTOM_CLASS, CORRUPT, TOO_LARGE, NO_MEMORY.
 * Source: keras/src/saving/saving_lib.py, _load_state, _load_container_state (2.12.0-3.15.1)
 */
int kf_saving_lib_bind(struct kf_model *model, struct kf_h5 *h5, const char *root, int keras,
                       struct kf_report *rep);

#endif
