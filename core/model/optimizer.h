/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_MODEL_OPTIMIZER_H
#define KF_MODEL_OPTIMIZER_H

#include "model.h"

/*
 * Training, as a model carries it.
 *
 * model->training is the compile config with the keys of Keras 3, whoever wrote it:
 *
 *   optimizer         object {"class_name", "config" [, "module", "registered_name"]}
 *   loss              string, object, or list or dict of them, one an output
 *   loss_weights, metrics, weighted_metrics, run_eagerly, steps_per_execution, jit_compile
 *
 * A legacy .h5 calls the first one optimizer_config; its reader renames it. Objects stand in the
 * language of model->dialect.
 *
 * The state of the optimizer stands in the tensors it belongs to and in model->optimizer.
 */
enum kf_family { KF_FAMILY_OLD, KF_FAMILY_LEGACY, KF_FAMILY_NEW, KF_FAMILY_KERAS3 };

#define KF_SLOTS_MAX 8 /* of one variable: no optimizer has more than five */

/* A variable that training changes, and the layer it stands in. */
struct kf_trainable {
    struct kf_layer *layer;
    struct kf_tensor *tensor;
};

struct kf_trainables {
    struct kf_trainable *items; /* in the optimizer's order */
    size_t n, cap;
};

/** Add one; -KF_NO_MEMORY (unreported) or 0. */
int kf_trainables_add(struct kf_trainables *list, struct kf_layer *layer, struct kf_tensor *tensor);
void kf_trainables_finish(struct kf_trainables *list);

/* What an optimizer is: its class and config, behind the wrapper for loss scaling. */
struct kf_optimizer_kind {
    const char *class_name; /* without "Custom>" */
    json_t *config;         /* borrowed */
    enum kf_family family;
    const json_t *scaler; /* config of the LossScaleOptimizer it stands in, or NULL; borrowed */
};

/** Read the optimizer of the model's compile config; false when there is none or it is no object.
 */
bool kf_optimizer_kind(struct kf_optimizer_kind *out, const struct kf_model *model);

/* One variable of an optimizer, in its order. */
struct kf_optimizer_var {
    const char *slot;                    /* static */
    const struct kf_trainable *variable; /* NULL for a scalar of the optimizer itself */
    bool placeholder;                    /* a scalar that nobody looks at */
    bool unused;                         /* any shape, of no use */
};

struct kf_optimizer_layout {
    struct kf_optimizer_var *vars;
    size_t n, cap;
    size_t n_scaler;  /* the first ones: of the LossScaleOptimizer that it stands in */
    const char *rule; /* the row's name */
};

/**
 * Lay out the variables of an optimizer by row number `nth` of its class and family; a row of
 * Keras 3 is the newest one up to `since` (3 * 100 + minor), then `nth` must be 0.
 *
 * Returns 1, 0 when there is no such row, or -KF_NO_MEMORY (unreported). `out` is zeroed before.
 */
int kf_optimizer_layout(struct kf_optimizer_layout *out, const struct kf_optimizer_kind *kind,
                        int since, size_t nth, const struct kf_trainables *list);
void kf_optimizer_layout_finish(struct kf_optimizer_layout *layout);

/** True when `payload` has the shape of this variable of the optimizer. */
bool kf_optimizer_fits(const struct kf_optimizer_var *var, const struct kf_payload *payload);

/** The slot of that name of a tensor, or NULL. */
struct kf_slot *kf_slot_find(const struct kf_tensor *tensor, const char *name);
/** The optimizer's own scalar of that name, or NULL. */
struct kf_slot *kf_scalar_find(const struct kf_model *model, const char *name);

/** Give the state up: it is not written, and the report will say why. The first reason stays. */
void kf_optimizer_lose(struct kf_model *model, const char *why);

#endif
