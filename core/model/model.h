/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_MODEL_MODEL_H
#define KF_MODEL_MODEL_H

#include "../base/arena.h"
#include "../io/source.h"
#include "tensor.h"
#include <jansson.h>
#include <kf/options.h>
#include <kf/report.h>

/*
 * What every reader makes and every writer takes: a graph (what computes) and its tensors (what
 * it knows), the payloads left in the file.
 *
 * Graph and tree. A graph holds layers, which are called; a layer may hold an inner graph (a
 * model used as a layer) or parts (the layer of a wrapper, the cells of an RNN). Layers, parts
 * and inner graphs together are the tree that saving_lib's paths walk.
 *
 * Calls. A tensor is {"$ref": [layer, call, output]} in the args and kwargs of a call: output
 * `output` of call `call` of the graph's layer number `layer`, whatever the file's own notation
 * was. Beside it stands its "shape" where the file says one: a list with null for a free axis.
 * Everything else in args and kwargs is a plain value.
 *
 * Configs stay JSON, in the language that model->dialect says.
 */
enum kf_dialect { KF_DIALECT_KERAS1, KF_DIALECT_KERAS2, KF_DIALECT_KERAS3 };

enum kf_topology { KF_SEQUENTIAL, KF_FUNCTIONAL };

struct kf_graph;

struct kf_call {
    json_t *args;   /* array; owned */
    json_t *kwargs; /* object; owned */
};

/* A file of a layer, which stands beside the weights: the vocabulary of a lookup. */
struct kf_asset {
    const char *file;    /* its name: "vocabulary.txt" */
    const char *subpath; /* of the part that has it, "" for the layer itself */
    const char *source;  /* as found in the file */
    bool odd_lines;      /* of a vocabulary: not every Python splits it at the same places */
    uint64_t n_lines;    /* of a vocabulary: its entries */
    const struct kf_payload *payload; /* bytes: uint8, one axis */
};

struct kf_layer {
    const char *name; /* unique in its graph; for a part, the one in its config, or its attribute */
    const char *class_name; /* as in the file; adapted with the config */
    const char *module;     /* "keras.layers"; NULL when the file does not say */
    const char *registered_name;
    const char *path;  /* for people: "outer/inner/dense_1" */
    json_t *config;    /* owned; for a part a reference into its parent's config */
    const char *users; /* how a class is known to be the user's, though Keras has one of that name:
                        * "which takes no units"; else NULL */
    bool custom;       /* not a class of Keras: carried untouched */
    bool trainable;    /* the layer's own flag */
    bool operation;    /* a Keras 3 operation node: no layer, no variables */
    struct kf_call *calls;
    size_t n_calls;
    struct kf_graph *inner; /* a model used as a layer, else NULL */
    struct kf_layer **parts;
    size_t n_parts;
    const char *attribute;  /* of a part: path below its parent, "forward_layer", "cell", "cells" */
    const char *config_key; /* of a part: where it stands in its parent's config, "layer"; NULL when
                             * it is derived, as a Bidirectional's backward_layer mostly is */
    bool in_container;      /* of a part: the attribute is a list, members are named by class */
    struct kf_tensor *tensors; /* own variables in the order Keras makes them */
    size_t n_tensors;
    struct kf_asset *assets;
    size_t n_assets;
    const char *found; /* its group in the file, where saving_lib wrote that; else NULL */
    const char *group; /* set by the plan: the layer's group in the target file */
};

struct kf_graph {
    enum kf_topology topology;
    const char *name;
    const char *path; /* "" for the model itself */
    bool trainable;
    struct kf_layer **layers; /* in the order of the file's config */
    size_t n_layers, layers_cap;
    json_t *inputs, *outputs; /* functional: structure (ref, list, dict) of refs; owned */
    json_t *config;           /* other keys of the model's config, owned; may be NULL */
    const char *class_name;   /* "Sequential", "Functional", "Model", or the user's own */
    bool users;               /* of a class of the user's, whose code may do more than its layers */
    const char *module, *registered_name; /* of that class, where the file says them; else NULL */
};

/* A group of a file of weights that came without a graph, and what is in and below it. */
struct kf_loose {
    const char *name;          /* last part of its path, "dense_1"; "" for the file itself */
    const char *target;        /* that part in the target; set by the plan */
    const char *layer;         /* what the file calls the object, or NULL */
    bool has_vars;             /* there is a group "vars", though it may be empty */
    struct kf_tensor *tensors; /* of "vars"; `dataset` is the name in it, or else the whole name */
    size_t n_tensors;
    struct kf_loose **below; /* sorted by name */
    size_t n_below;
};

/*
 * The state of the model's optimizer. What belongs to a variable stands in the slots of its
 * tensor; here is the rest. Its class and config stand in the model's compile config.
 */
struct kf_optimizer {
    bool bound;       /* the state was taken: slots and scalars are filled */
    const char *lost; /* why it was not taken, or can no longer be; NULL when there is no reason */
    struct kf_slot *scalars; /* "iteration", "u_product" */
    size_t n_scalars;
};

struct kf_model {
    struct kf_arena *arena; /* every struct and string here */
    const struct kf_reader *reader;
    void *state;               /* the reader's, given back by reader->close() */
    const struct kf_input *in; /* what the reader was given; its source stands open below */
    struct kf_source source;
    json_t *config; /* what detection read of it, for the reader to take; NULL: nothing. Owned */
    enum kf_dialect dialect;
    int keras;                /* release that wrote it as KF_KERAS(), 0 when unknown */
    struct kf_graph *graph;   /* NULL in a weights-only file */
    json_t *training;         /* compile config, or NULL; owned. See optimizer.h */
    bool has_optimizer_state; /* the file has variables of an optimizer */
    struct kf_optimizer optimizer;
    bool unsure;     /* `dialect` may as well be the other of Keras 2 and 3: weights alone */
    bool made_up;    /* `graph` is a list of layers that weights alone show: not what is computed */
    bool weightless; /* an architecture alone: its tensors have no payloads */
    /* Set before it is read. */
    bool weights_do;               /* weights alone do, and layers guessed at for them */
    bool names_do;                 /* and so do tensors with names, layers or not */
    struct kf_loose *loose;        /* where `graph` is NULL: weights alone */
    struct kf_model *architecture; /* what `graph` was taken from, when that is another file */
};

struct kf_model *kf_model_create(void);
/** The config that detection read, once: a new reference, or NULL. */
json_t *kf_model_take_config(struct kf_model *model);
void kf_model_destroy(struct kf_model *model);
KF_DEFINE_AUTO(kf_model)

/** What a wrapper holds takes its place, under its name and with its calls. */
void kf_layer_become_part(struct kf_layer *layer, const struct kf_layer *part);

/** A variable of a layer by its name, or one of a part that it is made of; NULL for none. */
struct kf_tensor *kf_layer_tensor(const struct kf_layer *layer, const char *variable);
struct kf_tensor *kf_layer_part_tensor(const struct kf_layer *layer, const char *part,
                                       const char *variable);

/* Making. Pointers come from the model's arena; NULL means out of memory (the caller reports). */
struct kf_graph *kf_graph_new(struct kf_model *model);
struct kf_layer *kf_layer_new(struct kf_model *model);
/** Add a layer at `index` (n_layers appends). For a functional graph only append: refs count. */
int kf_graph_insert(struct kf_model *model, struct kf_graph *graph, size_t index,
                    struct kf_layer *layer, struct kf_report *rep);
/** Take a layer out of a Sequential. */
void kf_graph_remove(struct kf_graph *graph, size_t index);
int kf_layer_add_call(struct kf_model *model, struct kf_layer *layer, json_t *args, json_t *kwargs,
                      struct kf_report *rep);

/**
 * Make a Sequential a functional model of the same layers, each called with what the one before it
 * gives; its first is an InputLayer. NO_MEMORY.
 */
int kf_graph_unchain(struct kf_model *model, struct kf_graph *graph, struct kf_report *rep);
/** The Sequential again that kf_graph_unchain() was given. */
void kf_graph_chain(struct kf_graph *graph);

/** Whether the layer stands for an input of the model, and computes nothing. */
bool kf_layer_is_input(const struct kf_layer *layer);
/** Whether such a layer stands first, as in a Sequential that knows its input. */
bool kf_graph_begins_with_input(const struct kf_graph *graph);

/* Refs. */
json_t *kf_ref_new(size_t layer, size_t call, size_t output);
struct kf_ref {
    size_t layer, call, output;
};
/** True when `value` is a ref; `out` gets it. */
bool kf_ref_get(const json_t *value, struct kf_ref *out);

/* Call visit for each ref in a structure, in the order Keras flattens it; stops below 0. */
int kf_refs_each(json_t *value, int (*visit)(json_t *ref, void *context), void *context);

/**
 * A copy of a structure in which each ref became what `one` makes of it. `out` gets a new
 * reference. NO_MEMORY, or what `one` returns below 0.
 */
int kf_refs_map(json_t **out, json_t *value,
                int (*one)(void *context, json_t **out, const struct kf_ref *ref), void *context,
                struct kf_report *rep);

/* Visit all layers of the tree below a graph: each layer, then its inner graph or parts. */
int kf_layers_each(struct kf_graph *graph,
                   int (*visit)(struct kf_layer *layer, struct kf_graph *graph, void *context),
                   void *context);

#endif
