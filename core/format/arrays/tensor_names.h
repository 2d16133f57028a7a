/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_ARRAYS_TENSOR_NAMES_H
#define KF_FORMAT_ARRAYS_TENSOR_NAMES_H

#include "../../model/model.h"

/*
 * What the tensors of a model are called where a file holds nothing but named tensors:
 *
 *   <path of the layer>/<variable>     "outer/dense_1/kernel", "bidirectional/forward_lstm/bias"
 *   <group>/vars/<n>                   of a .weights.h5 that came without its architecture
 *   the name that the file has         of other weights without one, ":0" taken off
 *
 * A name that was given before gets "_1", "_2" behind it.
 */
struct kf_tensor_name {
    const char *name;
    const char *owner;      /* path of the layer, for people */
    bool numbered;          /* "_1" stands behind it */
    struct kf_layer *layer; /* NULL for weights without layers */
    struct kf_tensor *tensor;
};

struct kf_tensor_names {
    struct kf_tensor_name *items;
    size_t n, cap;
};

/**
 * Name all tensors of a model into a zeroed `out`, in the order of model.get_weights(); the names
 * stand in the model's arena. The caller finishes `out`, on failure too. NO_MEMORY.
 *
 * Source: Model.weights of keras/src/engine/training.py (2.15), Layer.weights of
 * keras/src/layers/layer.py (3.15.1)
 */
int kf_tensor_names(struct kf_tensor_names *out, struct kf_model *model, struct kf_report *rep);

/** Fill the report's table: a row for each name, in their order; and count the layers. NO_MEMORY.
 */
int kf_tensor_names_plan(const struct kf_tensor_names *names, struct kf_model *model,
                         struct kf_report *rep);
void kf_tensor_names_finish(struct kf_tensor_names *names);

#endif
