/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_KERAS2_CONFIG_H
#define KF_FORMAT_KERAS2_CONFIG_H

#include "../../model/model.h"

/*
 * A model config of Keras 2, as model_config of a legacy .h5 and to_json() hold it:
 *
 *   {"class_name": "Sequential", "config": [layer, ...]}                  Keras <= 2.2.2
 *   {"class_name": "Sequential", "config": {"name", "layers": [...]}}     later
 *   {"class_name": "Model" | "Functional",
 *    "config": {"name", "layers": [{"class_name", "config", "name", "inbound_nodes"}],
 *               "input_layers", "output_layers"}}
 *
 * inbound_nodes holds a node for each call of a layer, and a node the specs of its inputs,
 * [layer, node, tensor, kwargs]. See formats.md 4.8 of the design for all forms.
 */

/**
 * Make the graph of a model from {"class_name", "config"}.
 *
 * Refs count the calls of a layer in this graph from 0, whatever the file's node indices are.
 * Configs of the layers are references into `object`.
 *
 * Outcomes: BAD_CONFIG, BAD_GRAPH, TOO_LARGE, INPUT_SHAPE_MISSING, NO_MEMORY.
 */
int kf_keras2_graph(struct kf_model *model, json_t *object, const struct kf_options *options,
                    struct kf_report *rep);

/* How the objects of a config are written, see keras2_objects.h. */
enum kf_keras2_form {
    KF_KERAS2_LEGACY, /* layers plainly: a legacy .h5, to_json() */
    KF_KERAS2_V3      /* layers with their module: config.json of a .keras */
};

/**
 * Make the config of a model for a release of Keras 2: {"class_name", "config"}, in the form V3
 * with "module" and "registered_name".
 *
 * The layers stand in their order in the graph: kf_keras2_settle() first. `out` gets a new
 * reference.
 *
 * Outcomes: BAD_GRAPH for a ref to nothing, NO_MEMORY.
 * Source: keras/src/engine/functional.py, get_network_config; keras/src/engine/node.py,
 * Node.serialize; keras/src/engine/sequential.py, Sequential.get_config (2.15)
 */
int kf_keras2_config(json_t **out, const struct kf_model *model, int keras,
                     enum kf_keras2_form form, struct kf_report *rep);

/* Between keras2_config_write.c and keras2_nodes_write.c. */
struct kf_keras2_dump {
    int keras; /* target release */
    enum kf_keras2_form form;
    struct kf_report *rep;
    const struct kf_graph *graph; /* whose refs are meant */
};

/** inbound_nodes of a layer, a new reference. */
int kf_keras2_dump_nodes(struct kf_keras2_dump *dump, json_t **out, const struct kf_layer *layer);

/** input_layers or output_layers, a new reference: a list also for one tensor. */
int kf_keras2_dump_ends(struct kf_keras2_dump *dump, json_t **out, json_t *ends);

/* Between keras2_graph.c and its neighbours, keras3_graph.c among them. */
struct kf_keras2_parse;

/* What the configs of Keras 2 and 3 do not have in common. */
struct kf_config_forms {
    /* Read inbound_nodes, input_layers and output_layers of a functional config. */
    int (*nodes)(struct kf_keras2_parse *parse, struct kf_graph *graph, json_t *config);
    /* What a Sequential needs behind its layers; NULL for nothing. */
    int (*sequential)(struct kf_keras2_parse *parse, struct kf_graph *graph);
    /* True for an entry of a graph that is no layer; NULL where there are none. */
    bool (*is_operation)(struct kf_layer *layer);
};

struct kf_keras2_parse {
    struct kf_model *model;
    const struct kf_options *options;
    struct kf_report *rep;
    const struct kf_config_forms *forms;
    uint64_t n_layers;
    unsigned depth;
};

/** False for a model that is defined by Python code, whose config has no layers. */
bool kf_config_has_graph(const json_t *object);

/** Make the graph of a model from a config of these forms; see kf_keras2_graph(). */
int kf_config_graph(struct kf_model *model, json_t *object, const struct kf_config_forms *forms,
                    const struct kf_options *options, struct kf_report *rep);

/** Refuse a structure that holds "$ref": it is ours, and a file with one would forge an input. */
int kf_config_no_refs(struct kf_keras2_parse *parse, const json_t *value, const char *where);

/** Put the number of each layer of a graph into `index_of` by its name; BAD_GRAPH for two of one.
 */
int kf_config_names(struct kf_keras2_parse *parse, const struct kf_graph *graph, json_t *index_of);

/** Read inbound_nodes, input_layers and output_layers of a functional config into the graph. */
int kf_keras2_nodes(struct kf_keras2_parse *parse, struct kf_graph *graph, json_t *config);

/** True for a layer whose call is written with its arguments as they are: a list of one is one. */
bool kf_keras2_keeps_structure(const struct kf_layer *layer);

/** Mark a layer whose class is the user's own, though Keras has one of that name (keras2_users.c).
 */
int kf_config_users(struct kf_keras2_parse *parse, struct kf_layer *layer);

/* The classes of Keras that are models made of layers. */
#define KF_GRAPH_CLASSES "Sequential Functional Model Container"

/** The same of a model whose class_name is known; `object` is what the file says of it. */
int kf_config_users_graph(struct kf_keras2_parse *parse, struct kf_graph *graph,
                          const json_t *object);

/** Put an InputLayer in front of a Sequential that has none. */
int kf_keras2_sequential_input(struct kf_keras2_parse *parse, struct kf_graph *graph);

/** Make an InputLayer called "<name>_input" of a batch shape, in no graph yet. */
int kf_keras2_make_input(struct kf_keras2_parse *parse, struct kf_graph *graph,
                         const struct kf_layer *first, json_t *shape, struct kf_layer **out);

/** batch_input_shape of what comes first in a layer, as a borrowed reference, or NULL. */
json_t *kf_keras2_shape_of(const struct kf_layer *layer);

/** Parse {"class_name", "config"} below the path `above`; `name` is for one without a name. */
int kf_keras2_layer(struct kf_keras2_parse *parse, struct kf_layer **out, json_t *object,
                    const char *name, const char *above);

/**
 * A Sequential of Keras 1 that is no chain: one that begins with a Merge of other models, or has a
 * layer twice. It becomes a functional graph. `*done` is false, and nothing was done, for others.
 */
int kf_keras1_sequential(struct kf_keras2_parse *parse, struct kf_graph *graph, json_t *list,
                         bool *done);

#endif
