/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_CHECKPOINT_BIND_H
#define KF_FORMAT_CHECKPOINT_BIND_H

#include "checkpoint.h"

/*
 * Where the layers of a model stand below its object, by the Keras that saved it:
 *
 *   Keras 2   layer-<i>: a functional model counts all of config.layers, a Sequential its layers
 *             without the InputLayer
 *   Keras 3   _operations/<i>: all of config.layers, nodes that are no layer too; a Sequential has
 *             them below _functional
 *
 * Below a layer edges are called as its attributes: kernel, cell, forward_layer, cells/<i>.
 */

struct kf_checkpoint_visit {
    /* Called with a layer and its object, once its tensors are bound. */
    int (*layer)(void *context, struct kf_layer *layer, const char *path, struct kf_report *rep);
    /* Does what the model was traced to take a variable of that name? */
    bool (*takes)(void *context, const char *name, struct kf_report *rep);
    void *context;
};

/**
 * Give each tensor of the model's tree its payload along the edges below the node `root`. `visit`
 * may be NULL; it gets every layer and part with its path of edges below the root.
 *
 * What is not found is reported for every layer; so are variables of the model that no layer has,
 * unless what it was traced to takes those of its layers and none else: then they are left out.
 *
 * Outcomes: WEIGHTS_MISSING, WEIGHT_COUNT, WEIGHT_SHAPE, CUSTOM_CLASS, CORRUPT, NO_MEMORY.
 * Source: keras/src/engine/functional.py and sequential.py, _trackable_children (2.15);
 * keras/src/backend/tensorflow/trackable.py (3.15.1)
 */
int kf_checkpoint_bind(struct kf_checkpoint *cp, struct kf_model *model, int root,
                       const struct kf_checkpoint_visit *visit, struct kf_report *rep);

/** Whether that would go well; payloads are bound on the way, and nothing is reported. */
bool kf_checkpoint_fits(struct kf_checkpoint *cp, struct kf_model *model, int root);

/**
 * checkpoint_rest.c: what is left below the node `root` once the tensors are bound, so that the
 * file would hold another model than its config. `visit` may be NULL.
 *
 * Outcomes: WEIGHT_COUNT, NO_MEMORY.
 */
int kf_checkpoint_rest(struct kf_checkpoint *cp, const struct kf_model *model, int root,
                       const struct kf_checkpoint_visit *visit, struct kf_report *rep);

/**
 * Give each tensor of the model's tree its payload by the names of the variables, for what has no
 * layers among its objects: "dense/kernel" is the kernel of the layer dense. A slash more before
 * it, "sequential/dense/kernel", and the parts of a layer in between are fine.
 *
 * Outcomes: MAPPING_AMBIGUOUS where none or several of the names fit, WEIGHT_COUNT for variables
 * that no layer has, WEIGHT_SHAPE, CORRUPT, NO_MEMORY.
 */
int kf_checkpoint_bind_names(struct kf_checkpoint *cp, struct kf_model *model,
                             struct kf_report *rep);

/**
 * Take the variables under their names, whatever they are of: fills model->loose. What optimizers
 * and training loops keep is left out.
 *
 * Outcomes: CORRUPT, NO_MEMORY.
 */
int kf_checkpoint_loose(struct kf_checkpoint *cp, struct kf_model *model, struct kf_report *rep);

/** True for an edge that leads to what is no weight of the model: an optimizer, random states. */
bool kf_checkpoint_leads_aside(const char *edge);

/**
 * The same for an architecture that the user gives: along edges where the checkpoint has the layers
 * of a model of its generation, and then what an optimizer kept, else by names. Of several models
 * it is the one that fits; where several do, the first by `guess`.
 *
 * Outcomes: as above, and MAPPING_AMBIGUOUS.
 */
int kf_checkpoint_bind_given(struct kf_checkpoint *cp, struct kf_model *model,
                             const struct kf_options *options, struct kf_report *rep);

#endif
