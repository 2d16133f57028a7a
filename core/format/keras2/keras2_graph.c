/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../layer_vars.h"
#include "../pruned.h"
#include "../reader.h"
#include "keras2_config.h"
#include <stdio.h>
#include <string.h>

static int parse_model(struct kf_keras2_parse *parse, struct kf_graph **out, json_t *object,
                       const char *path);
static int no_memory(struct kf_keras2_parse *parse, const char *where)
{
    return kf_report_add(parse->rep, KF_NO_MEMORY, where, "out of memory");
}

static const char *join(struct kf_keras2_parse *parse, const char *above, const char *name)
{
    return *above ? kf_arena_printf(parse->model->arena, "%s/%s", above, name)
                  : kf_arena_strdup(parse->model->arena, name);
}

/*
 * A config of Sequential.get_config(), whatever the class: a layer with layers of its own has a
 * `trainable` and no shape that it was built for.
 */
static bool holds_sequential(json_t *config)
{
    const char *key;
    json_t *value;

    json_object_foreach(config, key, value) if (!kf_in_words("name trainable dtype layers "
                                                             "build_input_shape",
                                                             key)) return false;
    return kf_json_is_object_of_class(json_array_get(json_object_get(config, "layers"), 0)) &&
           (json_object_get(config, "build_input_shape") || !json_object_get(config, "trainable"));
}

/* A layer of Keras that holds others may have such a config, too. */
static bool is_sequential(const char *class_name, json_t *config)
{
    size_t n_parts = 0;

    kf_part_rows(class_name, &n_parts);
    return strcmp(class_name, "Sequential") == 0 ||
           (!n_parts && !kf_in_words(KF_GRAPH_CLASSES, class_name) && holds_sequential(config));
}

/* A model used as a layer, a class of the user's that is one included. */
static bool is_model(const char *class_name, json_t *config)
{
    return kf_in_words(KF_GRAPH_CLASSES, class_name) || is_sequential(class_name, config) ||
           (json_is_array(json_object_get(config, "layers")) &&
            json_object_get(config, "input_layers") && json_object_get(config, "output_layers"));
}

/* One layer below `owner`'s config at `row`; `object` is {"class_name", "config"}. */
static int parse_part(struct kf_keras2_parse *parse, struct kf_layer *owner,
                      const struct kf_part_row *row, json_t *object, const char *config_key)
{
    struct kf_layer *part = NULL;

    if (!kf_json_is_object_of_class(object) &&
        !(json_is_string(json_object_get(object, "class_name")) &&
          json_is_array(json_object_get(object, "config"))))
        return kf_report_add(parse->rep, KF_BAD_CONFIG, owner->path, "config key %s holds no layer",
                             row->config_key);
    KF_TRY(kf_keras2_layer(parse, &part, object, row->attribute, owner->path));
    part->attribute = row->attribute;
    part->config_key = config_key;
    part->in_container = row->many;
    owner->parts[owner->n_parts++] = part;
    return 0;
}

/* The objects of one row: one, or a list of them. */
static int parse_part_row(struct kf_keras2_parse *parse, struct kf_layer *owner,
                          const struct kf_part_row *row)
{
    json_t *value = json_object_get(owner->config, row->config_key), *one;
    const char *key = row->config_key;
    size_t i;

    kf_report_rule(parse->rep, row->name);
    if ((!value || json_is_null(value)) && *row->fallback) {
        value = json_object_get(owner->config, row->fallback);
        key = NULL;
    }
    if (!row->many)
        return parse_part(parse, owner, row, value, key);
    if (!json_is_array(value))
        return kf_report_add(parse->rep, KF_BAD_CONFIG, owner->path, "config key %s is no list",
                             row->config_key);
    json_array_foreach(value, i, one) KF_TRY(parse_part(parse, owner, row, one, key));
    return 0;
}

/* A wrapper that prunes its layer is one of any package where its masks are not told by their
 * places: a .keras has what is pruned in front of them once more, which is looked for at one place.
 */
static bool takes_pruned(const struct kf_keras2_parse *parse, const struct kf_layer *layer)
{
    enum kf_kind_id kind = parse->model->reader ? parse->model->reader->kind : KF_FILE_UNKNOWN;
    const char *variables = kf_pruned_variables(layer);

    return variables && (kind == KF_FILE_KERAS_H5 || kind == KF_FILE_CONFIG_JSON ||
                         (kind == KF_FILE_KERAS_ZIP2 && !strpbrk(variables, " _")));
}

/* The row of an activation that has weights; those of a Keras 3 are in no file. */
static const struct kf_part_row *activation_row(const struct kf_keras2_parse *parse,
                                                const struct kf_layer *layer, size_t *n_out)
{
    const struct kf_part_row *row = kf_part_rows("*", n_out);
    const json_t *object = json_object_get(layer->config, row->config_key);

    return parse->model->dialect == KF_DIALECT_KERAS2 && kf_json_is_object_of_class(object) &&
                   kf_vars_known(kf_json_str(object, "class_name", ""))
               ? row
               : NULL;
}

static int parse_parts(struct kf_keras2_parse *parse, struct kf_layer *layer)
{
    size_t n, room = 0;
    const struct kf_part_row *rows = kf_part_rows(layer->class_name, &n);

    if (kf_pruned_is(layer) && !takes_pruned(parse, layer))
        return 0;
    if (!rows && !(rows = activation_row(parse, layer, &n)))
        return 0;
    for (size_t i = 0; i < n; i++) {
        const json_t *value = json_object_get(layer->config, rows[i].config_key);

        room += json_is_array(value) ? json_array_size(value) : 1;
    }
    if (!room)
        return 0;
    layer->parts = kf_arena_alloc(parse->model->arena, room * sizeof(*layer->parts));
    if (!layer->parts)
        return no_memory(parse, layer->path);
    for (size_t i = 0; i < n; i++)
        KF_TRY(parse_part_row(parse, layer, &rows[i]));
    return 0;
}

static int count_layer(struct kf_keras2_parse *parse, const char *where)
{
    const struct kf_limits *limits = &parse->options->limits;

    if (++parse->n_layers > limits->layers)
        return kf_report_add(parse->rep, KF_TOO_LARGE, where, "more than %llu layers",
                             (unsigned long long)limits->layers);
    if (parse->depth > limits->nesting)
        return kf_report_add(parse->rep, KF_TOO_LARGE, where, "layers nested deeper than %u",
                             limits->nesting);
    return 0;
}

/* `name` stands in for a layer whose config has none. */
static int fill_layer(struct kf_keras2_parse *parse, struct kf_layer *layer, json_t *object,
                      const char *name, const char *above)
{
    struct kf_arena *arena = parse->model->arena;
    json_t *config = json_object_get(object, "config");
    const char *module = kf_json_str(object, "module", NULL);
    const char *registered = kf_json_str(object, "registered_name", NULL);

    layer->config = json_incref(config);
    layer->class_name =
        kf_arena_strdup(arena, kf_class_alias(kf_json_str(object, "class_name", ""), parse->rep));
    layer->name = kf_arena_strdup(arena, kf_json_str(config, "name", name));
    layer->module = module ? kf_arena_strdup(arena, module) : NULL;
    layer->registered_name = registered ? kf_arena_strdup(arena, registered) : NULL;
    layer->trainable = kf_json_bool(config, "trainable", true);
    if (!layer->class_name || !layer->name)
        return no_memory(parse, above);
    layer->path = join(parse, above, layer->name);
    return layer->path ? kf_config_users(parse, layer) : no_memory(parse, above);
}

int kf_keras2_layer(struct kf_keras2_parse *parse, struct kf_layer **out, json_t *object,
                    const char *name, const char *above)
{
    struct kf_layer *layer;

    parse->depth++;
    KF_TRY(count_layer(parse, above));
    if (!(layer = kf_layer_new(parse->model)))
        return no_memory(parse, above);
    KF_TRY(fill_layer(parse, layer, object, name, above));
    layer->operation = parse->forms->is_operation && parse->forms->is_operation(layer);
    if (layer->operation)
        layer->users = NULL; /* some have the name of a layer */
    else if (is_model(layer->class_name, layer->config))
        KF_TRY(parse_model(parse, &layer->inner, object, layer->path));
    else if (!layer->users)
        KF_TRY(parse_parts(parse, layer));
    if (layer->inner)
        layer->trainable = layer->inner->trainable;
    if (kf_pruned_is(layer) && layer->n_parts)
        KF_TRY(kf_pruned_make(parse->model, layer, kf_pruned_variables(layer), parse->rep));
    else if (!layer->operation && !layer->users)
        KF_TRY(kf_vars_make(parse->model, layer, parse->rep));
    parse->depth--;
    *out = layer;
    return 0;
}

/* The layers of a model in the order of its config. */
static int parse_layers(struct kf_keras2_parse *parse, struct kf_graph *graph, json_t *list)
{
    json_t *object;
    size_t i;

    json_array_foreach(list, i, object)
    {
        struct kf_layer *layer = NULL;
        const char *name = kf_json_str(object, "name", NULL);
        char unnamed[32];

        snprintf(unnamed, sizeof(unnamed), "layer_%zu", i);
        if (!json_is_string(json_object_get(object, "class_name")) ||
            !json_object_get(object, "config"))
            return kf_report_add(parse->rep, KF_BAD_CONFIG, graph->path,
                                 "layer %zu has no class_name and config", i);
        KF_TRY(kf_keras2_layer(parse, &layer, object, name ? name : unnamed, graph->path));
        if (name && !kf_streq(name, layer->name)) {
            layer->name = kf_arena_strdup(parse->model->arena, name);
            layer->path = layer->name ? join(parse, graph->path, layer->name) : NULL;
            if (!layer->path)
                return no_memory(parse, graph->path);
        }
        KF_TRY(kf_graph_insert(parse->model, graph, graph->n_layers, layer, parse->rep));
    }
    return 0;
}

static int parse_sequential(struct kf_keras2_parse *parse, struct kf_graph *graph, json_t *config)
{
    json_t *list = json_is_array(config) ? config : json_object_get(config, "layers");
    bool done = false;

    graph->topology = KF_SEQUENTIAL;
    if (!json_is_array(list))
        return kf_report_add(parse->rep, KF_BAD_CONFIG, graph->path, "the model has no layers");
    if (parse->model->dialect == KF_DIALECT_KERAS1)
        KF_TRY(kf_keras1_sequential(parse, graph, list, &done));
    if (done)
        return 0;
    KF_TRY(parse_layers(parse, graph, list));
    return parse->forms->sequential ? parse->forms->sequential(parse, graph) : 0;
}

static int parse_functional(struct kf_keras2_parse *parse, struct kf_graph *graph, json_t *config)
{
    json_t *list = json_object_get(config, "layers");

    graph->topology = KF_FUNCTIONAL;
    if (!json_is_array(list))
        return kf_report_add(parse->rep, KF_BAD_CONFIG, graph->path,
                             "a %s without a list of layers: a model defined by Python code",
                             graph->class_name);
    KF_TRY(parse_layers(parse, graph, list));
    return parse->forms->nodes(parse, graph, config);
}

static int parse_model(struct kf_keras2_parse *parse, struct kf_graph **out, json_t *object,
                       const char *path)
{
    struct kf_arena *arena = parse->model->arena;
    json_t *config = json_object_get(object, "config");
    struct kf_graph *graph = kf_graph_new(parse->model);
    bool sequential;

    if (!graph)
        return no_memory(parse, path);
    graph->class_name = kf_arena_strdup(arena, kf_json_str(object, "class_name", ""));
    graph->path = kf_arena_strdup(arena, path);
    if (!graph->class_name || !graph->path)
        return no_memory(parse, path);
    sequential = is_sequential(graph->class_name, config);
    KF_TRY(kf_config_users_graph(parse, graph, object));
    graph->name =
        kf_arena_strdup(arena, kf_json_str(config, "name", sequential ? "sequential" : "model"));
    if (!graph->name)
        return no_memory(parse, path);
    graph->trainable = kf_json_bool(config, "trainable", true);
    graph->config = json_is_object(config) ? json_incref(config) : NULL;
    *out = graph;
    return sequential ? parse_sequential(parse, graph, config)
                      : parse_functional(parse, graph, config);
}

bool kf_config_has_graph(const json_t *object)
{
    return is_model(kf_json_str(object, "class_name", ""), json_object_get(object, "config"));
}

int kf_config_graph(struct kf_model *model, json_t *object, const struct kf_config_forms *forms,
                    const struct kf_options *options, struct kf_report *rep)
{
    struct kf_keras2_parse parse = {.model = model, .options = options, .rep = rep, .forms = forms};
    const char *class_name = kf_json_str(object, "class_name", NULL);
    json_t *config = json_object_get(object, "config");

    if (!class_name || (!json_is_object(config) && !json_is_array(config)))
        return kf_report_add(rep, KF_BAD_CONFIG, "",
                             "the model's config has no class_name and config");
    if (!is_model(class_name, config))
        return kf_report_add(rep, KF_CUSTOM_CLASS, "",
                             "%s is a model defined by Python code: its config has no layers",
                             class_name);
    return parse_model(&parse, &model->graph, object, "");
}

int kf_keras2_graph(struct kf_model *model, json_t *object, const struct kf_options *options,
                    struct kf_report *rep)
{
    static const struct kf_config_forms forms = {.nodes = kf_keras2_nodes,
                                                 .sequential = kf_keras2_sequential_input};

    return kf_config_graph(model, object, &forms, options, rep);
}
