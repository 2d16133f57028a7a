/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ADAPT_TRAINING_H
#define KF_ADAPT_TRAINING_H

#include "../model/optimizer.h"
#include "adapt.h"

/*
 * The compile config and the optimizer's state, from Keras 2 to Keras 3. What has no equal is
 * reported as lost and left out: it never makes the model worse, nor its file one that does not
 * load. An optimizer or a loss that is lost takes the whole compile config with it.
 */

/** Adapt model->training and decide about the state; first of all steps, while names are old. */
int kf_adapt_training(struct kf_adapt *adapt);

/** Leave all of it out, and say so: what a model for Keras 2 comes to. */
int kf_adapt_drop_training(struct kf_adapt *adapt);

/* The outputs of the model as compile() sees them. */
struct kf_outputs {
    const char **names; /* of the layers that make them, in order */
    size_t n;
    bool dict; /* the model gives a dict: compile() speaks of its keys */
};

/* Each makes the new value of the part `key` of the config, a new reference; NULL when it is lost,
 * which is reported. A metric that is lost is left out of its list. */
int kf_adapt_optimizer(struct kf_adapt *adapt, json_t **out, const char *key, json_t *optimizer,
                       const struct kf_outputs *outputs);
int kf_adapt_losses(struct kf_adapt *adapt, json_t **out, const char *key, json_t *loss,
                    const struct kf_outputs *outputs);
int kf_adapt_loss_weights(struct kf_adapt *adapt, json_t **out, const char *key, json_t *weights,
                          const struct kf_outputs *outputs);
int kf_adapt_metrics(struct kf_adapt *adapt, json_t **out, const char *key, json_t *metrics,
                     const struct kf_outputs *outputs);

/* Report a change, or a loss, of the compile config at "compile/<where>". */
int kf_training_change(struct kf_adapt *adapt, const char *where, const char *key,
                       const json_t *before, const json_t *after, const char *why);
int kf_training_lost(struct kf_adapt *adapt, const char *where, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

enum kf_key { KF_KEY_TAKEN, KF_KEY_IDLE, KF_KEY_UNKNOWN };

/** What the target's class makes of a key of a loss or metric; a key that is left out is reported.
 */
enum kf_key kf_training_key(struct kf_adapt *adapt, const struct kf_class *found, const char *where,
                            const char *key, const json_t *value);

/** The name a function of losses or metrics has in Keras 3: aliases are resolved. */
const char *kf_loss_name(struct kf_adapt *adapt, const char *name);

/** The name of a function: "f", or {"class_name": "function", "config": "f"}; else NULL. */
const char *kf_function_name(const json_t *value);

/** {"module", "class_name", "config", "registered_name": null}; takes the config's reference. */
json_t *kf_keras3_object(const char *module, const char *class_name, json_t *config);

#endif
