/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_LAYER_VARS_H
#define KF_FORMAT_LAYER_VARS_H

#include "../model/model.h"

/* A row of parts.def. */
struct kf_part_row {
    const char *class_name, *config_key, *attribute;
    bool many;
    const char *fallback, *name;
};

/** The rows of a class, in order; `*n_out` is 0 for a class that holds no layers. */
const struct kf_part_row *kf_part_rows(const char *class_name, size_t *n_out);

/** The class that a name in a config means: aliases.def, or the name itself. */
const char *kf_class_alias(const char *name, struct kf_report *rep);

/** True when vars.def knows the class. */
bool kf_vars_known(const char *class_name);

/**
 * Make the own tensors of a layer from its class and config, without payloads.
 *
 * A class that vars.def (keras1_vars.def, for a model of that dialect) does not know gets none.
 */
int kf_vars_make(struct kf_model *model, struct kf_layer *layer, struct kf_report *rep);

/** The same as Keras 2 and 3 have them, whatever the model's dialect; what was there is left. */
int kf_vars_make_keras2(struct kf_model *model, struct kf_layer *layer, struct kf_report *rep);

/** Check rank and last axis of a tensor against its class and config. WEIGHT_SHAPE. */
int kf_vars_check(const struct kf_layer *layer, const struct kf_tensor *tensor,
                  struct kf_report *rep);

#endif
