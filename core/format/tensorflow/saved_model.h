/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_SAVED_MODEL_H
#define KF_FORMAT_SAVED_MODEL_H

#include "../../model/model.h"
#include <saved_model.pb-c.h>

/*
 * A SavedModel of TensorFlow, as a folder:
 *
 *   saved_model.pb            graphs, functions and signatures; the objects that have them
 *   keras_metadata.pb         from TensorFlow 2.5: for each object of Keras its config as JSON;
 *                             before that it stands in saved_model.pb itself
 *   variables/variables.*     a checkpoint (checkpoint.h) with an object graph of its own
 *   assets/...                files of tables; saved_model.json, where export_saved_model()
 *                             wrote it
 *   fingerprint.pb            nothing that is needed
 *
 * Both object graphs begin at the model and have the same edges, but number their nodes apart.
 *
 * Source: tensorflow/core/protobuf/saved_model.proto; keras/src/saving/legacy/saved_model/save.py,
 * load.py, json_utils.py (2.15)
 */
#define KF_SAVED_MODEL_INDEX    "variables/variables.index"
#define KF_SAVED_MODEL_METADATA "keras_metadata.pb"
#define KF_SAVED_MODEL_JSON     "assets/saved_model.json"

struct kf_saved_model {
    struct kf_model *model; /* what it becomes, and the files that it was given as */
    const struct kf_options *options;
    const Kf__Tf__MetaGraph *meta;
    const Kf__Tf__SavedObjectGraph *objects; /* NULL for one of TensorFlow 1 */
    const ProtobufCBinaryData **metadata;    /* of each object: JSON, or NULL */
    const char **identifiers;                /* of each object: "_tf_keras_layer", or NULL */
    bool has_metadata;                       /* of any object */
};

/**
 * Unpack saved_model.pb and what metadata there is, into the model's arena. A folder that lost the
 * former is given as its keras_metadata.pb, and has neither `meta` nor `objects`.
 *
 * Outcomes: CORRUPT, TOO_LARGE, READ_FAILED, NO_MEMORY.
 */
int kf_saved_model_open(struct kf_saved_model *out, struct kf_model *model,
                        const struct kf_options *options, struct kf_report *rep);

/** The file of that path in the folder, or NULL. */
const struct kf_input *kf_saved_model_file(const struct kf_model *model, const char *path);

/** The object along a path of edges from the model, "layer-0/_lookup_layer"; -1 for none. */
int kf_saved_model_object(const struct kf_saved_model *saved, const char *path);

/** The object that an edge of another one leads to, or -1. */
int kf_saved_model_child(const struct kf_saved_model *saved, int object, const char *edge);

/**
 * The metadata of an object, with its tuples and shapes as lists; a new reference.
 *
 * Outcomes: NULL with BAD_JSON, TOO_LARGE or NO_MEMORY.
 */
json_t *kf_saved_model_metadata(const struct kf_saved_model *saved, int object,
                                struct kf_report *rep);

/**
 * Put the vocabulary of a lookup layer, whose object stands at `path`, into its config: from the
 * constants or the asset that its table was made of. Does nothing for other layers.
 *
 * Outcomes: WEIGHTS_MISSING where there is none, CORRUPT, TOO_LARGE, NO_MEMORY.
 * Source: keras/src/layers/preprocessing/index_lookup.py (2.15)
 */
int kf_saved_model_vocabulary(const struct kf_saved_model *saved, struct kf_layer *layer,
                              const char *path, struct kf_report *rep);

/**
 * The names of all variables that the functions of the graph take: {name: true}, a new reference;
 * NULL when memory ran out, and empty where no function was saved.
 */
json_t *kf_saved_model_used(const struct kf_saved_model *saved, struct kf_report *rep);

/** Report operations that reach out of the graph when it runs: a finding for each kind. */
void kf_saved_model_unsafe(const struct kf_saved_model *saved, struct kf_report *rep);

/**
 * Refuse a SavedModel without a config, saying what it is instead: written for serving, of
 * TensorFlow 1, a tf.Module, of objects of Keras whose metadata was not written.
 */
int kf_saved_model_refuse(const struct kf_saved_model *saved, struct kf_report *rep);

/** Say so where fingerprint.pb is of other variables; a finding. */
void kf_saved_model_print(const struct kf_saved_model *saved, struct kf_report *rep);

/** Report the variables that its objects have, where no checkpoint can say it. */
void kf_saved_model_list(const struct kf_saved_model *saved, struct kf_report *rep);

#endif
