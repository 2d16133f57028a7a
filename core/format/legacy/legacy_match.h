/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_LEGACY_MATCH_H
#define KF_FORMAT_LEGACY_MATCH_H

#include "../../io/h5/h5.h"
#include "../../model/model.h"

/* A group of a legacy weights file, as it lists itself. */
struct kf_legacy_group {
    const char *name, *path;
    const char **weights; /* weight_names */
    const int *ranks;     /* axes of each, where they are known; else NULL, and the file has them */
    size_t n;
    bool taken;
};

/** The groups below `root` ("" or "/model_weights"), in the order of layer_names; in the arena. */
int kf_legacy_groups(struct kf_legacy_group **out, size_t *n_out, struct kf_model *model,
                     struct kf_h5 *h5, const char *root, struct kf_report *rep);

/**
 * Find the group of every layer of the model's graph: out[i] for layer i, NULL for a layer that
 * has none and needs none. By name where each has its own, else as Keras itself loads such a file,
 * one by one in the order of both; where both do and do not say the same, `guess` takes the names;
 * where that does not fit and `guess` is set, the first that fits by names and shapes. What was not
 * found by name is listed in the report.
 *
 * Every layer with weights gets a group and every group with weights a layer, or it is refused.
 *
 * Outcomes: WEIGHTS_MISSING, WEIGHT_COUNT, MAPPING_AMBIGUOUS, NO_MEMORY.
 * Source: tf.keras 2.15 keras/src/saving/legacy/hdf5_format.py, load_weights_from_hdf5_group
 */
int kf_legacy_match(struct kf_legacy_group ***out, struct kf_model *model, struct kf_h5 *h5,
                    const char *root, bool guess, struct kf_report *rep);

/** "kernel" of "dense_1/kernel:0" is the variable "kernel" or "query/kernel". */
bool kf_legacy_names(const char *name, const char *variable);

/** True for a layer of a class whose variables nobody knows. */
bool kf_legacy_is_opaque(const struct kf_layer *layer);

/**
 * Report that the file has `n` weights for a layer that wants `wanted`: WEIGHT_COUNT, or
 * CUSTOM_CLASS where it holds a layer that is opaque, which may own any of them.
 */
int kf_legacy_report_count(struct kf_report *rep, const struct kf_layer *layer,
                           bool (*is_opaque)(const struct kf_layer *layer), size_t wanted,
                           size_t n);

#endif
