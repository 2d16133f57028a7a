/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_ARRAYS_ARRAYS_H
#define KF_FORMAT_ARRAYS_ARRAYS_H

#include "tensor_names.h"

/* A file of named arrays, as those who bind them to a model see it. */
struct kf_arrays {
    size_t n;
    const char *suffix; /* behind every name: ".npy", or "" */
    bool numbered;      /* they are arr_0, arr_1, ... in the order of model.get_weights() */
    const char *(*name)(const struct kf_arrays *arrays, size_t index); /* in the file's order */
    bool (*has)(const struct kf_arrays *arrays, const char *name);
    int (*payload)(const struct kf_arrays *arrays, const char *name, const struct kf_payload **out,
                   struct kf_report *rep);
    /* What the arrays of the model's tensors are called there; NULL: as kf_tensor_names() says. */
    int (*names)(struct kf_tensor_names *out, struct kf_model *model, struct kf_report *rep);
    void *state;
};

/**
 * Give each tensor of the model's graph the array that is called as tensor_names.h says, or with
 * the layer's name instead of its path; ":0" may stand behind both. A layer of a class that nobody
 * knows gets the arrays below its path, in their order.
 *
 * Outcomes: WEIGHTS_MISSING, WEIGHT_COUNT for arrays that no layer takes, MAPPING_AMBIGUOUS for one
 * that two do, CUSTOM_CLASS, WEIGHT_SHAPE, what reading an array reports, NO_MEMORY.
 */
int kf_arrays_bind(struct kf_model *model, const struct kf_arrays *arrays, struct kf_report *rep);

/** Take the arrays under their names, for a model without an architecture: fills model->loose. */
int kf_arrays_loose(struct kf_model *model, const struct kf_arrays *arrays, struct kf_report *rep);

#endif
