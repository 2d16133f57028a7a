/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ADAPT_ADAPT_H
#define KF_ADAPT_ADAPT_H

#include "../model/classes.h"
#include "../model/model.h"

/* Who computes what is written. */
enum kf_runner { KF_RUNS_KERAS, KF_RUNS_OTHERS, KF_RUNS_NOBODY };

/**
 * Bring a model from its dialect to `dialect`, for the target release `keras`, or for others than
 * Keras in the words of that release.
 *
 * Everything that changes is reported; what has no equal is refused by name, all of it and not
 * only the first. Values are rewritten by wrapping payloads, nothing is pulled.
 *
 * Outcomes: 0, or the negative code of the first refusal.
 */
int kf_adapt(struct kf_model *model, enum kf_dialect dialect, int keras, enum kf_runner runner,
             const struct kf_options *options, struct kf_report *rep);

/**
 * The same for weights alone (model->loose). What they do not tell and would change the numbers is
 * refused with ARCHITECTURE_MISSING, or by `guess` taken as it mostly is.
 */
int kf_adapt_loose(struct kf_model *model, enum kf_dialect dialect,
                   const struct kf_options *options, struct kf_report *rep);

/**
 * Settle the models, nested ones too, of a class of the user's, whose code no file holds: custom
 * lets them be where the target `holds_classes`, and `guess` takes them for what their layers make.
 *
 * Outcomes: CUSTOM_CLASS, all of them and not only the first; NO_MEMORY.
 */
int kf_adapt_users(struct kf_model *model, bool holds_classes, const struct kf_options *options,
                   struct kf_report *rep);

/* Whose tables of rows hold, by what takes the configs in the end. */
enum kf_rules { KF_RULES_KERAS3, KF_RULES_KERAS3_KERAS2, KF_RULES_KERAS2 };

/* What the steps of an adaptation share. */
struct kf_adapt {
    struct kf_model *model;
    const struct kf_options *options;
    struct kf_report *rep;
    int since;   /* target release as major * 100 + minor, as the tables count */
    bool native; /* the file speaks the target's dialect: only the release may be another one */
    enum kf_backend backend; /* whose kernels the tensors hold now, as far as it was said */
    enum kf_rules rules;
    enum kf_runner runner;
    bool was_astray; /* biases that went astray in the Keras that wrote the file are looked for */
    bool trained;    /* what compile() was told is adapted already */
};

/** Report that memory ran out; -KF_NO_MEMORY. */
int kf_adapt_no_memory(struct kf_adapt *adapt, const char *where);

/* Convolutions in a file of Theano mean other numbers to Keras 2.0-2.3 than to tf.keras 2.15: say
 * so. */
void kf_adapt_note_theano(struct kf_adapt *adapt);

/* keras1.c: from KERAS1 to KERAS2. */
int kf_adapt_keras1(struct kf_adapt *adapt);

/* rules.c: the rows of one layer's config; its class may change. */
int kf_rules_apply(struct kf_adapt *adapt, struct kf_layer *layer);
/** Whether a row left a key that Keras does not take, for a runtime that does what it says. */
bool kf_rules_leave(const struct kf_adapt *adapt, const char *class_name, const char *key);
/** rules_gone.c: why a class has no equal (`rule_out` is its row), or NULL when it has one or is
 * none. */
const char *kf_rules_gone(const struct kf_adapt *adapt, const char *class_name,
                          const char **rule_out);

/** True for values that Keras does not tell apart: 0 and 0.0. */
bool kf_rules_same(const json_t *a, const json_t *b);

/* source_notes.c: say what the release that wrote the model computed otherwise than 2.15. */
int kf_adapt_source_notes(struct kf_adapt *adapt, struct kf_graph *graph);

/* keras3_keys.c: config keys of a layer, an initializer or an operation that the target release of
 * Keras 3 does not take, or calls otherwise; only `class_name`, `path` and `config` are used. */
int kf_keras3_keys(struct kf_adapt *adapt, struct kf_layer *layer);
/* The release that wrote a file of Keras 3, as rows name it; the newest where nothing says it. */
int kf_keras3_written(const struct kf_adapt *adapt);
/* ... and the class that in the target computes what this one does in the release that wrote it. */
int kf_keras3_becomes(struct kf_adapt *adapt, struct kf_layer *layer);
/** Why a layer of Keras 3 cannot be moved (`rule_out` is its row), or NULL. */
const char *kf_keras3_foreign(const char *class_name, const char **rule_out);
/* ... and a dtype policy that it does not know, or reads otherwise. */
int kf_keras3_policy(struct kf_adapt *adapt, const struct kf_layer *layer, const json_t *policy);
/* ... and arguments of the calls of an operation. */
int kf_keras3_arguments(struct kf_adapt *adapt, struct kf_layer *operation);

/* pruned.c: layers of TensorFlow Model Optimization that prune the layer inside. */
int kf_adapt_pruned(struct kf_adapt *adapt, struct kf_graph *graph);

/* late_functions.c: true, and said, for a function that is the user's own: the file is older than
 * the one of Keras of that name. */
bool kf_adapt_late_function(struct kf_adapt *adapt, const struct kf_layer *layer, const char *key,
                            const char *text);

/* objects.c: what stands inside a layer's config, and its dtype. */
int kf_objects_apply(struct kf_adapt *adapt, struct kf_layer *layer);

/* layers.c: all layers of the tree, their classes, configs and parts. */
int kf_adapt_layers(struct kf_adapt *adapt, struct kf_graph *graph);
/** A class that Keras does not have: carried untouched or refused, as the user says. */
int kf_adapt_custom(struct kf_adapt *adapt, struct kf_layer *layer);
/** The class of Keras 3 that a layer is of; NULL for one that Keras does not have or that is the
 * user's own. */
const struct kf_class *kf_adapt_class(const struct kf_layer *layer);
/** Refuse a config key that the class does not take; all of them. */
int kf_adapt_keys(struct kf_adapt *adapt, struct kf_layer *layer, const struct kf_class *found);
/** Refuse a class that came after the target release. */
int kf_adapt_age(struct kf_adapt *adapt, struct kf_layer *layer, const struct kf_class *found);
/** Put module, class and registered name of a part, number `index`, into its owner's config. */
int kf_adapt_write_part(struct kf_adapt *adapt, struct kf_layer *owner, struct kf_layer *part,
                        size_t index);

/* keras3_release.c: what one release of Keras 3 does not share with another. */
int kf_adapt_keras3_release(struct kf_adapt *adapt);

/* names.c: names that the target does not take. */
int kf_adapt_names(struct kf_adapt *adapt, struct kf_graph *graph);

/* A layer and where it stands; without a graph, inside a wrapper. */
struct kf_at {
    struct kf_graph *graph;
    size_t index;
    struct kf_layer *layer;
};

/* A difference that is a shape and not a key. */
struct kf_shape_row {
    const char *classes; /* words, "*" is any class */
    int (*apply)(struct kf_adapt *adapt, const struct kf_at *at);
};

/* calls.c: how the layers are called, and layers that one layer becomes. */
int kf_apply_shapes(struct kf_adapt *adapt, const struct kf_shape_row *rows, size_t n,
                    const struct kf_at *at);
int kf_adapt_calls(struct kf_adapt *adapt, struct kf_graph *graph);
/** The InputLayer that feeds a layer's first call, or NULL. */
struct kf_layer *kf_adapt_input_of(const struct kf_at *at);
/** Refuse a layer that is called with what is no tensor, in a list or, if `alone`, beside none;
 * `why` goes on "a constant, which". */
int kf_adapt_constant_input(struct kf_adapt *adapt, const struct kf_layer *layer, bool alone,
                            const char *rule, const char *why);
/** Refuse a layer that joins tensors and is called with one, as every layer of a Sequential but its
 * first is: no Keras builds it. `graph` is NULL inside a wrapper. */
int kf_adapt_lone_input(struct kf_adapt *adapt, const struct kf_graph *graph, size_t index,
                        const struct kf_layer *layer, const char *rule);

/* insert.c: a layer of `class_name` in front of layer `index`, which keeps all its calls. */
int kf_insert_before(struct kf_adapt *adapt, struct kf_graph *graph, size_t index,
                     const char *class_name, json_t *config, struct kf_layer **out);
/** ... and one that is there already. */
int kf_insert_layer(struct kf_adapt *adapt, struct kf_graph *graph, size_t index,
                    struct kf_layer *before);
/** "<name>_<class>", with a number where the graph has that; NULL when memory ran out. */
const char *kf_free_name(struct kf_adapt *adapt, const struct kf_graph *graph, const char *name,
                         const char *class_name);

/* The activation hard_sigmoid with the slope of Keras 2, in the words of Keras 3: for others alone.
 */
#define KF_HARD_SIGMOID2 "hard_sigmoid of Keras 2"

/* tensors.c: variables of layers whose activation has another slope. */
int kf_adapt_gates(struct kf_adapt *adapt, struct kf_layer *layer);

/* tensors.c: variables that are stored otherwise. */
int kf_adapt_tensors(struct kf_adapt *adapt, struct kf_layer *layer);
/** Whether Theano applies a kernel of the layer's class the other way round than TensorFlow. */
bool kf_adapt_convolves(const struct kf_layer *layer);

/* lookups.c */

/**
 * The bins that adapt() of a Discretization learnt, out of its variable into the config, bit for
 * bit as Keras 2 computes them; for any target, as no Keras restores them from the variable.
 *
 * Outcomes: WEIGHT_SHAPE, WEIGHTS_MISSING when it was never adapted, TOO_LARGE, NO_MEMORY.
 * Source: keras/src/layers/preprocessing/discretization.py, get_bin_boundaries, compress (2.15)
 */
int kf_adapt_bins(struct kf_adapt *adapt, struct kf_layer *layer);

/** Tell a lookup layer the size of the vocabulary in its file, which gives its output's width. */
int kf_adapt_lookup(struct kf_adapt *adapt, struct kf_layer *layer);

/* masks.c: masks that Keras 3 would compute otherwise. */
int kf_adapt_masks(struct kf_adapt *adapt, struct kf_graph *graph);

/** Write into the input's shape what the weights of a Normalization tell: an adapted one is built
 * only on an input whose kept axes have a known size. */
int kf_adapt_normalization(struct kf_adapt *adapt, const struct kf_at *at);

/* keras2_local.c: locally connected layers, as others; keras2_losses.c: losses in the graph go;
 * keras2_merge.c: the Merge of Keras 1 that Keras 2.0-2.2 still have. */
int kf_adapt_local(struct kf_adapt *adapt, struct kf_graph *graph);
int kf_adapt_graph_losses(struct kf_adapt *adapt, struct kf_graph *graph);
int kf_adapt_merges(struct kf_adapt *adapt, struct kf_graph *graph);

/* keras3_keras2.c: from Keras 3 down to Keras 2. */
int kf_adapt_keras3_keras2(struct kf_adapt *adapt);

/* keras2_calls.c: layers that Keras 2 wrote and does not load again as they stand. */
int kf_adapt_keras2_calls(struct kf_adapt *adapt, struct kf_graph *graph);

/* keras2_fit.c: what the target release of Keras 2 has, and what it has not. */
int kf_adapt_keras2_release(struct kf_adapt *adapt);

/* keras2_objects.c: what stands inside a layer's config. */
int kf_keras2_objects_fit(struct kf_adapt *adapt, struct kf_layer *layer);

#endif
