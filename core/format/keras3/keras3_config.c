/* SPDX-License-Identifier: Apache-2.0 */
#include "keras3_config.h"
#include "../../base/alloc.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "keras3_operations.h"

struct dump {
    int keras; /* target release */
    struct kf_report *rep;
    const struct kf_graph *graph; /* whose refs are meant */
};

static int dump_graph(struct dump *dump, json_t **out, const struct kf_graph *graph,
                      const char *name);
static int dump_config(struct dump *dump, json_t **out, const struct kf_layer *layer);

static json_t *string_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

static int no_memory(struct dump *dump)
{
    return kf_report_add(dump->rep, KF_NO_MEMORY, dump->graph ? dump->graph->path : "",
                         "out of memory");
}

/* The layer that a ref names; never one that is not there. */
static int ref_layer(struct dump *dump, const struct kf_layer **out, const struct kf_ref *ref)
{
    if (ref->layer >= dump->graph->n_layers)
        return kf_report_add(dump->rep, KF_BAD_GRAPH, dump->graph->path,
                             "an input comes from a layer that does not exist");
    *out = dump->graph->layers[ref->layer];
    return 0;
}

static int dump_tensor(void *context, json_t **out, const struct kf_ref *ref)
{
    struct dump *dump = context;
    const struct kf_layer *layer = NULL;

    KF_TRY(ref_layer(dump, &layer, ref));
    *out = json_pack("{s:s, s:{s:[], s:s, s:[s,I,I]}}", "class_name", "__keras_tensor__", "config",
                     "shape", "dtype", "float32", "keras_history", layer->name,
                     (json_int_t)ref->call, (json_int_t)ref->output);
    return *out ? 0 : no_memory(dump);
}

/* [layer, call, output] of an end of the model. See the table of node offsets, formats.md 4.8. */
static int dump_triple(void *context, json_t **out, const struct kf_ref *ref)
{
    struct dump *dump = context;
    const struct kf_layer *layer = NULL;
    bool counts_itself = false;

    KF_TRY(ref_layer(dump, &layer, ref));
    if (dump->keras >= KF_KERAS(3, 3, 0))
        counts_itself = layer->inner && layer->inner->topology == KF_FUNCTIONAL;
    *out = json_pack("[s,I,I]", layer->name, (json_int_t)ref->call + counts_itself,
                     (json_int_t)ref->output);
    return *out ? 0 : no_memory(dump);
}

static int dump_nodes(struct dump *dump, json_t **out, const struct kf_layer *layer)
{
    json_auto_t *nodes = json_array();
    json_t *made = NULL;

    for (size_t i = 0; i < layer->n_calls; i++) {
        json_auto_t *node = json_object();

        KF_TRY(kf_refs_map(&made, layer->calls[i].args, dump_tensor, dump, dump->rep));
        KF_TRY(kf_json_set(node, "args", made, dump->rep));
        KF_TRY(kf_refs_map(&made, layer->calls[i].kwargs, dump_tensor, dump, dump->rep));
        KF_TRY(kf_json_set(node, "kwargs", made, dump->rep));
        KF_TRY(kf_json_append(nodes, json_incref(node), dump->rep));
    }
    *out = json_incref(nodes);
    return *out ? 0 : no_memory(dump);
}

static bool is_flat(const json_t *ends)
{
    struct kf_ref ref;
    const char *key;
    json_t *one;
    size_t i;

    json_array_foreach(ends, i, one) if (!kf_ref_get(one, &ref)) return false;
    if (!kf_ref_get(ends, &ref))
        json_object_foreach((json_t *)ends, key, one) if (!kf_ref_get(one, &ref)) return false;
    return true;
}

/*
 * Releases before 3.4 read a flat list or dict of triples, and one tensor only as a list of one.
 *
 * Source: keras/src/models/functional.py, map_tensors of functional_from_config (3.0.5, 3.4.0)
 */
static int dump_ends(struct dump *dump, json_t **out, json_t *ends)
{
    json_t *triple = NULL;

    if (dump->keras >= KF_KERAS(3, 4, 0))
        return kf_refs_map(out, ends, dump_triple, dump, dump->rep);
    if (!is_flat(ends))
        return kf_report_add(dump->rep, KF_GRAPH_NO_EQUAL, dump->graph->path,
                             "inputs or outputs of the model are nested, which Keras has only "
                             "from 3.4 on");
    if (json_is_array(ends) || !json_object_get(ends, "$ref"))
        return kf_refs_map(out, ends, dump_triple, dump, dump->rep);
    KF_TRY(kf_refs_map(&triple, ends, dump_triple, dump, dump->rep));
    *out = json_pack("[o]", triple);
    return *out ? 0 : no_memory(dump);
}

static json_t *object_of(const char *module, const char *class_name, json_t *config,
                         const char *registered_name)
{
    return json_pack("{s:o, s:s, s:o, s:o}", "module", string_or_null(module), "class_name",
                     class_name, "config", config, "registered_name",
                     string_or_null(registered_name));
}

/* True when a graph stands somewhere in the layer's config. */
static bool holds_graph(const struct kf_layer *layer)
{
    if (layer->inner)
        return true;
    for (size_t i = 0; i < layer->n_parts; i++)
        if (layer->parts[i]->config_key && holds_graph(layer->parts[i]))
            return true;
    return false;
}

/* The object of a part: what stands in the config of its parent, with the part's own config. */
static int dump_part(struct dump *dump, json_t **out, const struct kf_layer *part,
                     const json_t *object)
{
    json_auto_t *copy = NULL;
    json_t *config = NULL;

    if (part->inner)
        return dump_graph(dump, out, part->inner, part->name);
    copy = json_copy((json_t *)object);
    KF_TRY(dump_config(dump, &config, part));
    KF_TRY(kf_json_set(copy, "config", config, dump->rep));
    *out = json_incref(copy);
    return 0;
}

/* Put a part into its parent's config; `nth` is its place when the key holds a list. */
static int set_part(struct dump *dump, json_t *config, const struct kf_layer *part, size_t nth)
{
    json_t *stands = json_object_get(config, part->config_key), *object = NULL;
    json_auto_t *list = json_is_array(stands) ? json_copy(stands) : NULL;

    KF_TRY(dump_part(dump, &object, part, list ? json_array_get(list, nth) : stands));
    if (!json_is_array(stands))
        return kf_json_set(config, part->config_key, object, dump->rep);
    KF_TRY(kf_json_set_at(list, nth, object, dump->rep));
    return kf_json_set(config, part->config_key, json_incref(list), dump->rep);
}

static int dump_unnamed(struct dump *dump, json_t **out, const struct kf_layer *operation)
{
    *out = json_copy(operation->config);
    if (!*out)
        return no_memory(dump);
    json_object_del(*out, "name");
    return 0;
}

/* A layer's config as a new reference: its own one, or a copy where graphs stand in it. */
static int dump_config(struct dump *dump, json_t **out, const struct kf_layer *layer)
{
    json_auto_t *copy = NULL;
    const char *key = NULL;
    size_t nth = 0;

    if (layer->operation && !kf_keras3_operation_named(layer, dump->keras))
        return dump_unnamed(dump, out, layer);
    if (!holds_graph(layer)) {
        *out = json_incref(layer->config);
        return 0;
    }
    copy = json_copy(layer->config);
    for (size_t i = 0; i < layer->n_parts; i++) {
        const struct kf_layer *part = layer->parts[i];

        nth = kf_streq(key, part->config_key) ? nth + 1 : 0;
        key = part->config_key;
        if (key && holds_graph(part))
            KF_TRY(set_part(dump, copy, part, nth));
    }
    *out = json_incref(copy);
    return *out ? 0 : no_memory(dump);
}

static int dump_layer(struct dump *dump, json_t **out, const struct kf_layer *layer)
{
    json_t *config = NULL;

    if (layer->inner)
        return dump_graph(dump, out, layer->inner, layer->name);
    KF_TRY(dump_config(dump, &config, layer));
    *out = object_of(layer->module, layer->class_name, config, layer->registered_name);
    return *out ? 0 : no_memory(dump);
}

/* One of the layers of a graph, with its calls where the graph has any. */
static int dump_entry(struct dump *dump, json_t *list, const struct kf_layer *layer)
{
    json_t *entry = NULL, *nodes = NULL;

    KF_TRY(dump_layer(dump, &entry, layer));
    KF_TRY(kf_json_append(list, entry, dump->rep));
    if (dump->graph->topology == KF_SEQUENTIAL)
        return 0;
    KF_TRY(kf_json_set(entry, "name", json_string(layer->name), dump->rep));
    KF_TRY(dump_nodes(dump, &nodes, layer));
    return kf_json_set(entry, "inbound_nodes", nodes, dump->rep);
}

static int dump_layers(struct dump *dump, json_t *config)
{
    const struct kf_graph *graph = dump->graph;
    json_auto_t *list = json_array();
    size_t *order = NULL;
    int r = 0;

    if (graph->topology == KF_FUNCTIONAL)
        KF_TRY(kf_keras3_config_order(&order, graph, dump->keras, dump->rep));
    for (size_t i = 0; i < graph->n_layers && r >= 0; i++)
        r = dump_entry(dump, list, graph->layers[order ? order[i] : i]);
    kf_free(order);
    return r < 0 ? r : kf_json_set(config, "layers", json_incref(list), dump->rep);
}

/* A Sequential without an InputLayer is built by Keras when its input shape is written down. */
static int dump_sequential(struct dump *dump, json_t *config)
{
    const struct kf_graph *graph = dump->graph;
    json_t *shape = json_object_get(graph->config, "build_input_shape");

    KF_TRY(dump_layers(dump, config));
    if (!json_is_array(shape) || !graph->n_layers || kf_graph_begins_with_input(graph))
        return 0;
    return kf_json_set(config, "build_input_shape", json_incref(shape), dump->rep);
}

static int dump_functional(struct dump *dump, json_t *config)
{
    json_t *ends = NULL;

    KF_TRY(kf_keras3_operations_check(dump->graph, dump->keras, dump->rep));
    KF_TRY(dump_layers(dump, config));
    KF_TRY(dump_ends(dump, &ends, dump->graph->inputs));
    KF_TRY(kf_json_set(config, "input_layers", ends, dump->rep));
    KF_TRY(dump_ends(dump, &ends, dump->graph->outputs));
    return kf_json_set(config, "output_layers", ends, dump->rep);
}

static int dump_graph(struct dump *above, json_t **out, const struct kf_graph *graph,
                      const char *name)
{
    struct dump dump = {.keras = above->keras, .rep = above->rep, .graph = graph};
    json_auto_t *config = json_pack("{s:s, s:b}", "name", name, "trainable", graph->trainable);

    if (!config)
        return no_memory(&dump);
    KF_TRY(graph->topology == KF_SEQUENTIAL ? dump_sequential(&dump, config)
                                            : dump_functional(&dump, config));
    if (graph->users)
        *out = object_of(graph->module, graph->class_name, json_incref(config),
                         graph->registered_name);
    else if (graph->topology == KF_SEQUENTIAL)
        *out = object_of("keras", "Sequential", json_incref(config), NULL);
    else
        *out = object_of("keras.src.models.functional", "Functional", json_incref(config),
                         "Functional");
    return *out ? 0 : no_memory(&dump);
}

int kf_keras3_config(json_t **out, const struct kf_model *model, int keras, struct kf_report *rep)
{
    struct dump dump = {.keras = keras, .rep = rep};

    KF_TRY(dump_graph(&dump, out, model->graph, model->graph->name));
    if (!model->training)
        return 0;
    if (json_object_set(*out, "compile_config", model->training) >= 0)
        return 0;
    json_decref(*out);
    *out = NULL;
    return no_memory(&dump);
}
