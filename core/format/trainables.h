/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_TRAINABLES_H
#define KF_FORMAT_TRAINABLES_H

#include "../model/optimizer.h"

/**
 * The variables that training changes, in the order of model.trainable_variables of the Keras that
 * wrote the model: what its optimizer's variables are counted along. `out` is zeroed before.
 *
 * Keras 2 leaves out what stands in something frozen, Keras 3 from 3.2 on only what is frozen
 * itself, and before 3.2 nothing. Keras before 2.0.6 sorts them by name.
 *
 * Outcomes: NO_MEMORY.
 * Source: 2.15 keras/src/engine/base_layer.py and training.py, trainable_weights; keras/src/
 * layers/layer.py, trainable_variables, _track_variable (3.0.5, 3.2.0, 3.15.1); 2.0.5
 * keras/engine/training.py, _make_train_function
 */
int kf_trainables(struct kf_trainables *out, const struct kf_model *model, struct kf_report *rep);

/**
 * The same for a model that was settled for a release of Keras 2, as that makes it again.
 *
 * Outcomes: NO_MEMORY.
 */
int kf_trainables_settled(struct kf_trainables *out, const struct kf_model *model,
                          struct kf_report *rep);

/**
 * The same for a model of Keras 3 as the release `keras` makes it again from its config.
 *
 * Outcomes: what kf_keras3_order() reports, NO_MEMORY.
 */
int kf_trainables_rebuilt(struct kf_trainables *out, const struct kf_model *model, int keras,
                          struct kf_report *rep);

#endif
