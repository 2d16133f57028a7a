/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ADAPT_MASKS_H
#define KF_ADAPT_MASKS_H

#include "../adapt.h"

/* A mask is the AND of atoms: masks that layers made, numbered by call. */
struct kf_mask {
    size_t *atoms; /* sorted, in the model's arena */
    size_t n;
    bool differs; /* Keras 3 has another one, or none, or one where Keras 2 has none */
};

struct kf_atom {
    struct kf_ref at;              /* where the mask can be computed from */
    const struct kf_layer *source; /* and by which layer: of a model in this graph, or of it */
    bool opaque;                   /* it comes out of, or into, another model */
    struct kf_mask *parts;         /* or it is these masks, end to end; in the model's arena */
    size_t n_parts;
    bool any; /* of its one part: whether any along the last axis is set */
    struct kf_ref node;
    bool made;
};

struct kf_masks {
    struct kf_adapt *adapt;
    struct kf_graph *graph;
    size_t n_layers;    /* before nodes were added, whose masks nobody asks for */
    struct kf_mask *of; /* by call number */
    size_t *first;      /* number of a layer's first call */
    struct kf_atom *atoms;
    size_t at;   /* number of the call that is looked at */
    bool closed; /* nothing can be put into the graph */
};

/* What goes into a call. */
struct kf_mask_inputs {
    struct kf_masks *masks;
    struct kf_mask all; /* AND of the masks there are */
    const struct kf_mask *one;
    size_t n, n_masked;
    bool equal, differs;
};

/* What is known of the mask that leaves a graph by its only output. */
struct kf_mask_leaving {
    bool differs;
    bool none;                     /* no mask leaves it in Keras 2 */
    bool through;                  /* it is that of an input, as it came */
    const struct kf_layer *source; /* it is that layer's, of an input as it came; or NULL */
    size_t input;                  /* which input */
};

/* mask_sets.c */

/** The mask of a tensor, NULL for what is no tensor. */
struct kf_mask *kf_mask_of(const struct kf_masks *masks, const json_t *value);

/** A new mask that only the call that is looked at makes; opaque unless `from` is a tensor. */
int kf_mask_new(struct kf_masks *masks, struct kf_mask *out, const json_t *from);

/** The mask that `source` makes of the tensor `from`. */
int kf_mask_source(struct kf_masks *masks, struct kf_mask *out, const json_t *from,
                   const struct kf_layer *source);

/** A mask that is made of others: end to end, or `any` of one. `parts` is in the arena. */
int kf_mask_of_parts(struct kf_masks *masks, struct kf_mask *out, struct kf_mask *parts, size_t n,
                     bool any);

/** Axes of a mask with the batch, 0 where that is not known. */
size_t kf_mask_rank(const struct kf_masks *masks, const struct kf_mask *mask);

/** Look at the masks of all tensors that a call is given. */
int kf_mask_look(struct kf_masks *masks, struct kf_mask_inputs *inputs, const struct kf_call *call);

/* mask_merges.c: layers that join masks. */
int kf_mask_merge(struct kf_masks *masks, struct kf_mask *out, const struct kf_mask_inputs *inputs);
int kf_mask_concatenate(struct kf_masks *masks, const struct kf_layer *layer,
                        const struct kf_call *call, struct kf_mask *out,
                        const struct kf_mask_inputs *inputs);

/* mask_takers.c: layers that take masks. `first` is the tensor whose mask they take, or NULL. */

/** Where Keras 3 would give a layer another mask, it is written out. `out` is what it takes. */
int kf_mask_take(struct kf_masks *masks, struct kf_layer *layer, struct kf_call *call,
                 const json_t *first, struct kf_mask *out);

/** The same of a layer that takes the masks of several inputs, by a list or by names. */
int kf_mask_take_list(struct kf_masks *masks, struct kf_layer *layer, struct kf_call *call,
                      struct kf_mask *out);
int kf_mask_take_names(struct kf_masks *masks, struct kf_layer *layer, struct kf_call *call,
                       struct kf_mask *out);

/* mask_models.c: models used as layers. */

/** What `masks` says of its graph's output, when all calls were looked at. */
int kf_mask_leave(const struct kf_masks *masks, struct kf_mask_leaving *leaving);

int kf_mask_model(struct kf_masks *masks, struct kf_layer *layer, struct kf_call *call,
                  struct kf_mask *out);

/** A TimeDistributed: its mask depends on the layer inside, otherwise in each version. */
int kf_mask_time(struct kf_masks *masks, struct kf_layer *layer, struct kf_call *call,
                 const json_t *first, struct kf_mask *out);

/* masks.c */

/** Walk a graph whose inputs may have masks. */
int kf_mask_graph(struct kf_adapt *adapt, struct kf_graph *graph, bool masked_inputs,
                  struct kf_mask_leaving *leaving);

/* mask_nodes.c */

/** Report that the layer's mask cannot be written out; 0, so that the rest is looked at too. */
int kf_mask_refuse(struct kf_masks *masks, const struct kf_layer *layer);

/** True when a mask can be written out here. */
bool kf_mask_known(const struct kf_masks *masks, const struct kf_mask *mask);

/** Give `key` of the call the mask that Keras 2 would, computed by operation nodes; or refuse. */
int kf_mask_write(struct kf_masks *masks, struct kf_layer *layer, struct kf_call *call,
                  const char *key, struct kf_mask *mask);

/** The node that computes a known mask, as a new ref. */
int kf_mask_node(struct kf_masks *masks, const struct kf_mask *mask, json_t **out);

/** Take away the mask of what stands at `index` of a list, or at `key` of an object. */
int kf_mask_cut(struct kf_masks *masks, const struct kf_layer *layer, json_t *holder, size_t index,
                const char *key);

#endif
