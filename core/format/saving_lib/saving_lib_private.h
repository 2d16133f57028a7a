/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_SAVING_LIB_PRIVATE_H
#define KF_FORMAT_SAVING_LIB_PRIVATE_H

/* Between the saving_lib*.c files only. */
#include "container.h"
#include "saving_lib_read.h"

struct kf_saving_lib {
    struct kf_model *model;
    struct kf_h5 *h5;
    const char *root;
    int keras;
    struct kf_report *rep;
    const struct kf_container *container;
    json_t *taken;    /* paths of datasets that tensors got; owned */
    size_t n_missing; /* while looking for the container: layers without their group */
    size_t n_renamed; /* layers that the file calls otherwise, the first one and its name there */
    const struct kf_layer *renamed;
    const char *renamed_to;
    json_t *names, *counts; /* of the graph whose names are compared; see saving_lib_names.c */
};

/** Report that memory ran out; -KF_NO_MEMORY. */
int kf_saving_lib_no_memory(struct kf_saving_lib *lib);

/** "<above>/<name>" in the model's arena; NULL is reported. */
const char *kf_saving_lib_join(struct kf_saving_lib *lib, const char *above, const char *name);

/** The payload of the dataset at `path`, which nobody else gets. */
int kf_saving_lib_take(struct kf_saving_lib *lib, const char *path, struct kf_tensor *tensor);

/* saving_lib_opaque.c */

/** True for a layer of a class whose variables nobody knows: it has those of its group. */
bool kf_saving_lib_opaque(const struct kf_layer *layer);
/** Give it all that its group holds. */
int kf_saving_lib_bind_opaque(struct kf_saving_lib *lib, struct kf_layer *layer, const char *group);

/* saving_lib_names.c */

/** Find the container whose members the model's layers are. */
int kf_saving_lib_choose(struct kf_saving_lib *lib);

/**
 * Call visit with each layer of a graph, and its group; not with those that have none. `order` has
 * the numbers of all layers of the graph; NULL is that of the config.
 */
int kf_saving_lib_each(struct kf_saving_lib *lib, const struct kf_graph *graph, const char *group,
                       const size_t *order,
                       int (*visit)(struct kf_saving_lib *lib, struct kf_layer *layer,
                                    const char *group));

/**
 * The order in which the file has the layers of a graph, by the names that it gives them: that of
 * the config (NULL), or the one that Keras makes of the calls. MAPPING_AMBIGUOUS for any other.
 */
int kf_saving_lib_order(struct kf_saving_lib *lib, const struct kf_graph *graph, const char *group,
                        const size_t **out);

/* saving_lib_rest.c */

/** Set `*out` to whether there is a dataset at `path` or below. */
int kf_saving_lib_holds(struct kf_saving_lib *lib, const char *path, bool *out);

/** See that every dataset was taken, or is training state. WEIGHT_COUNT, CUSTOM_CLASS. */
int kf_saving_lib_check_rest(struct kf_saving_lib *lib);

#endif
