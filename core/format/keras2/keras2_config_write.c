/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/classes.h"
#include "keras2_config.h"
#include "keras2_objects.h"
#include <string.h>

/* First release whose objects say their module. */
#define MODULES_SINCE KF_KERAS(2, 13, 0)

static int dump_graph(struct kf_keras2_dump *dump, json_t **out, const struct kf_graph *graph,
                      const char *name);
static int dump_config(struct kf_keras2_dump *dump, json_t **out, const struct kf_layer *layer);

static int no_memory(struct kf_keras2_dump *dump, const char *where)
{
    return kf_report_add(dump->rep, KF_NO_MEMORY, where, "out of memory");
}

static bool with_module(const struct kf_keras2_dump *dump)
{
    return dump->keras >= MODULES_SINCE;
}

/*
 * An object around `config`, which is taken. A custom class that was registered is known by
 * "Package>Class".
 */
static int make_object(struct kf_keras2_dump *dump, json_t **out, const char *class_name,
                       json_t *config, const char *module, const char *registered)
{
    bool full = dump->form == KF_KERAS2_V3;
    bool custom = registered && strchr(registered, '>');

    *out = full ? json_pack("{s:s?, s:s, s:o, s:s?}", "module", module, "class_name",
                            kf_keras2_class_of(class_name), "config", config, "registered_name",
                            registered)
                : json_pack("{s:s, s:o}", "class_name", custom ? registered : class_name, "config",
                            config);
    return *out ? 0 : no_memory(dump, "");
}

static bool holds_graph(const struct kf_layer *layer)
{
    if (layer->inner)
        return true;
    for (size_t i = 0; i < layer->n_parts; i++)
        if (layer->parts[i]->config_key && holds_graph(layer->parts[i]))
            return true;
    return false;
}

/* What stands in the config of a layer for one of its parts. */
static int dump_part(struct kf_keras2_dump *above, json_t **out, const struct kf_layer *part,
                     const json_t *object)
{
    struct kf_keras2_dump dump = *above;
    json_auto_t *copy = NULL;
    json_t *config = NULL;

    dump.form = with_module(&dump) ? KF_KERAS2_V3 : KF_KERAS2_LEGACY;
    if (part->inner)
        return dump_graph(&dump, out, part->inner, part->name);
    copy = json_copy((json_t *)object);
    KF_TRY(dump_config(&dump, &config, part));
    KF_TRY(kf_json_set(copy, "config", config, dump.rep));
    *out = json_incref(copy);
    return 0;
}

/* Put a part into its parent's config; `nth` is its place when the key holds a list. */
static int set_part(struct kf_keras2_dump *dump, json_t *config, const struct kf_layer *part,
                    size_t nth)
{
    json_t *stands = json_object_get(config, part->config_key), *object = NULL;
    json_auto_t *list = json_is_array(stands) ? json_copy(stands) : NULL;

    KF_TRY(dump_part(dump, &object, part, list ? json_array_get(list, nth) : stands));
    if (!json_is_array(stands))
        return kf_json_set(config, part->config_key, object, dump->rep);
    KF_TRY(kf_json_set_at(list, nth, object, dump->rep));
    return kf_json_set(config, part->config_key, json_incref(list), dump->rep);
}

/* A layer's config as a new reference, with the graphs that stand in it written anew. */
static int dump_config(struct kf_keras2_dump *dump, json_t **out, const struct kf_layer *layer)
{
    json_auto_t *copy = json_copy(layer->config);
    const char *key = NULL;
    size_t nth = 0;

    if (!copy)
        return no_memory(dump, layer->path);
    for (size_t i = 0; i < layer->n_parts; i++) {
        const struct kf_layer *part = layer->parts[i];

        nth = kf_streq(key, part->config_key) ? nth + 1 : 0;
        key = part->config_key;
        if (key && holds_graph(part))
            KF_TRY(set_part(dump, copy, part, nth));
    }
    return kf_keras2_objects(out, copy, with_module(dump), dump->rep);
}

/* The object around a layer's config, which is taken. */
static int dump_class(struct kf_keras2_dump *dump, json_t **out, const struct kf_layer *layer,
                      json_t *config)
{
    const struct kf_class *found = kf_keras2_class_find("keras.layers", layer->class_name);
    const char *registered = layer->registered_name, *module = layer->module;

    if (!found || (registered && strchr(registered, '>')))
        return make_object(dump, out, layer->class_name, config, module,
                           registered ? registered : layer->class_name);
    module = found->module;
    registered = kf_starts(module, "keras.src.") ? layer->class_name : NULL;
    return make_object(dump, out, layer->class_name, config, module, registered);
}

static int dump_layer(struct kf_keras2_dump *dump, json_t **out, const struct kf_layer *layer)
{
    json_t *config = NULL;

    if (layer->inner)
        return dump_graph(dump, out, layer->inner, layer->name);
    KF_TRY(dump_config(dump, &config, layer));
    return dump_class(dump, out, layer, config);
}

/* One of the layers of a graph, with its calls where the graph has any. */
static int dump_entry(struct kf_keras2_dump *dump, json_t *list, const struct kf_layer *layer)
{
    json_t *entry = NULL, *nodes = NULL;

    KF_TRY(dump_layer(dump, &entry, layer));
    KF_TRY(kf_json_append(list, entry, dump->rep));
    if (dump->graph->topology == KF_SEQUENTIAL)
        return 0;
    KF_TRY(kf_json_set(entry, "name", json_string(layer->name), dump->rep));
    KF_TRY(kf_keras2_dump_nodes(dump, &nodes, layer));
    return kf_json_set(entry, "inbound_nodes", nodes, dump->rep);
}

static int dump_layers(struct kf_keras2_dump *dump, json_t *config)
{
    const struct kf_graph *graph = dump->graph;
    json_auto_t *list = json_array();

    for (size_t i = 0; i < graph->n_layers; i++)
        KF_TRY(dump_entry(dump, list, graph->layers[i]));
    return kf_json_set(config, "layers", json_incref(list), dump->rep);
}

/* A Sequential without an InputLayer is built by Keras when its input shape is written down. */
static int dump_sequential(struct kf_keras2_dump *dump, json_t *config)
{
    const struct kf_graph *graph = dump->graph;
    json_t *shape = json_object_get(graph->config, "build_input_shape");

    KF_TRY(dump_layers(dump, config));
    if (!json_is_array(shape) || !graph->n_layers || kf_graph_begins_with_input(graph))
        return 0;
    return kf_json_set(config, "build_input_shape", json_incref(shape), dump->rep);
}

static int dump_functional(struct kf_keras2_dump *dump, json_t *config)
{
    json_t *ends = NULL;

    KF_TRY(kf_json_set(config, "trainable", json_boolean(dump->graph->trainable), dump->rep));
    KF_TRY(dump_layers(dump, config));
    KF_TRY(kf_keras2_dump_ends(dump, &ends, dump->graph->inputs));
    KF_TRY(kf_json_set(config, "input_layers", ends, dump->rep));
    KF_TRY(kf_keras2_dump_ends(dump, &ends, dump->graph->outputs));
    return kf_json_set(config, "output_layers", ends, dump->rep);
}

static int dump_graph(struct kf_keras2_dump *above, json_t **out, const struct kf_graph *graph,
                      const char *name)
{
    struct kf_keras2_dump dump = *above;
    json_auto_t *config = json_pack("{s:s}", "name", name);

    dump.graph = graph;
    if (!config)
        return no_memory(&dump, graph->path);
    KF_TRY(graph->topology == KF_SEQUENTIAL ? dump_sequential(&dump, config)
                                            : dump_functional(&dump, config));
    if (graph->users)
        return make_object(&dump, out, graph->class_name, json_incref(config), graph->module,
                           graph->registered_name);
    if (graph->topology == KF_SEQUENTIAL)
        return make_object(&dump, out, "Sequential", json_incref(config), "keras", NULL);
    return make_object(&dump, out, "Functional", json_incref(config),
                       kf_keras2_module("Functional", KF_SINCE(dump.keras)), "Functional");
}

int kf_keras2_config(json_t **out, const struct kf_model *model, int keras,
                     enum kf_keras2_form form, struct kf_report *rep)
{
    struct kf_keras2_dump dump = {.keras = keras, .form = form, .rep = rep};

    KF_TRY(dump_graph(&dump, out, model->graph, model->graph->name));
    if (!model->training || form != KF_KERAS2_V3)
        return 0;
    return kf_json_set(*out, "compile_config", json_incref(model->training), rep);
}
