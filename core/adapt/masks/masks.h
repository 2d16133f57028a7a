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

struct kf_masks {
    struct kf_adapt *adapt;
    struct kf_graph *graph;
    struct kf_mask *of; /* by call number */
    size_t *first;      /* number of a layer's first call */
    struct {
        struct kf_ref at;              /* where the mask can be computed from */
        const struct kf_layer *source; /* and by which layer: of a model in this graph, or of it */
        bool opaque;                   /* it comes out of, or into, another model */
        struct kf_mask *parts;         /* or it is these masks, end to end; in the model's arena */
        size_t n_parts;
        struct kf_ref node;
        bool made;
    } * atoms;
    size_t at; /* number of the call that is looked at */
};

/* mask_nodes.c */

/** Report that the layer's mask cannot be written out; 0, so that the rest is looked at too. */
int kf_mask_refuse(struct kf_masks *masks, const struct kf_layer *layer);

/** Give the call the mask that Keras 2 would, computed by operation nodes; or refuse. */
int kf_mask_write(struct kf_masks *masks, struct kf_layer *layer, struct kf_call *call,
                  struct kf_mask *mask);

#endif
