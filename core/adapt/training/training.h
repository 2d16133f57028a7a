/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ADAPT_TRAINING_H
#define KF_ADAPT_TRAINING_H

#include "../../model/optimizer.h"
#include "../adapt.h"

/*
 * The compile config and the optimizer's state, up from Keras 2 to Keras 3 and down again, and from
 * one release to another. What has no equal is reported as lost and left out: it never makes the
 * model worse, nor its file one that does not load. An optimizer or a loss that is lost takes the
 * whole compile config with it.
 */

/** Adapt model->training to the target and decide about the state; first of all steps, while names
 * are old. A second call does nothing. */
int kf_adapt_training(struct kf_adapt *adapt);

/** True for a target of Keras 2. */
bool kf_training_down(const struct kf_adapt *adapt);

/* The outputs of the model as compile() sees them. */
struct kf_outputs {
    const char **names; /* of the layers that make them, in order */
    size_t n;
    bool dict; /* the model gives a dict: compile() speaks of its keys */
};

/* down_optimizer.c: the optimizer for a release of Keras 2. */
int kf_down_optimizer(struct kf_adapt *adapt, json_t **out, const char *key, json_t *optimizer,
                      const struct kf_outputs *outputs);

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

/** The class of that name in the target release, NULL when it has none. */
const struct kf_class *kf_training_class(const struct kf_adapt *adapt, const char *module,
                                         const char *name);

enum kf_key { KF_KEY_TAKEN, KF_KEY_IDLE, KF_KEY_UNKNOWN };

/** What the target's class makes of a key of a loss or metric; a key that is left out is reported.
 */
enum kf_key kf_training_key(struct kf_adapt *adapt, const struct kf_class *found, const char *where,
                            const char *key, const json_t *value);

/** The name a function of losses or metrics has in Keras 3: aliases are resolved. */
const char *kf_loss_name(struct kf_adapt *adapt, const char *name);

/** The name of a function: "f", or {"class_name": "function", "config": "f"}; else NULL. */
const char *kf_function_name(const json_t *value);

/** Say that on TensorFlow the two majors take other steps where a row of an Embedding is used more
 * than once, with an optimizer of which that is true; at `path`. */
int kf_training_differs(struct kf_adapt *adapt, const char *path, const char *optimizer);
/** The first trainable Embedding of the model, or NULL. */
const struct kf_layer *kf_training_embedding(struct kf_adapt *adapt);
/** The row of an optimizer of keras.optimizers.legacy that moves an Embedding's rows otherwise than
 * any other optimizer does, with this config; or NULL. */
const char *kf_training_lazy(const char *class_name, const json_t *config);
/** The row of an older optimizer whose epsilon stands behind the square root; or NULL. */
const char *kf_training_epsilon(const char *class_name, const json_t *config);
#define KF_EPSILON_DEFAULT 1e-7 /* K.epsilon(), which a null stands for */
/* Up to here the square is so small that it shows in no step that moves a weight. */
#define KF_EPSILON_MAX 1e-6

/** {"module", "class_name", "config", "registered_name": null}; takes the config's reference. */
json_t *kf_training_object(const char *module, const char *class_name, json_t *config);

/* Rows of training.def that hold for all optimizers. */
enum kf_era {
#define KF_ERA(what, since, source) KF_ERA_##what,
#include "training.def"
};

/** The release from which on it is so, as the tables count. */
int kf_training_era(enum kf_era what);

#endif
