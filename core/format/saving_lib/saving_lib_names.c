/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../keras3/keras3_order.h"
#include "../keras3/keras3_paths.h"
#include "assets.h"
#include "saving_lib_private.h"
#include <string.h>

/* Whether `is` says yes to the layer or to one below. */
static bool any(const struct kf_layer *layer, bool (*is)(const struct kf_layer *layer))
{
    size_t n = layer->inner ? layer->inner->n_layers : layer->n_parts;
    struct kf_layer *const *below = layer->inner ? layer->inner->layers : layer->parts;
    bool found = is(layer);

    for (size_t i = 0; i < n && !found; i++)
        found = any(below[i], is);
    return found;
}

/* A vocabulary that was learnt is among the weights of a layer, though it is no variable. */
static bool has_state(const struct kf_layer *layer)
{
    return layer->n_tensors > 0 || kf_asset_due(layer);
}

/* Whether the layer has variables, own or below; of a class that nobody knows the file tells. */
static int has_weights(struct kf_saving_lib *lib, const struct kf_layer *layer, const char *group,
                       bool *out)
{
    *out = any(layer, has_state);
    return *out || !any(layer, kf_saving_lib_opaque) ? 0 : kf_saving_lib_holds(lib, group, out);
}

/* The group of the next member of a container; `used` holds the last number of each name. */
static int name_member(struct kf_saving_lib *lib, const struct kf_layer *layer, const char *above,
                       json_t *used, const char **out)
{
    struct kf_arena *arena = lib->model->arena;
    const char *snake = kf_snake_case(arena, kf_keras3_class_of(layer));
    json_int_t number = snake ? kf_json_int(used, snake, -1) + 1 : 0;
    bool twice = false;

    if (!snake)
        return kf_saving_lib_no_memory(lib);
    *out = number ? kf_arena_printf(arena, "%s/%s_%" JSON_INTEGER_FORMAT, above, snake, number)
                  : kf_arena_printf(arena, "%s/%s", above, snake);
    if (!*out)
        return kf_saving_lib_no_memory(lib);
    if (lib->container->doubled)
        KF_TRY(has_weights(lib, layer, *out, &twice));
    return kf_json_set(used, snake, json_integer(number + twice), lib->rep);
}

/* Not the InputLayer of a Sequential, which is not among its layers, nor an operation. */
static bool is_member(const struct kf_graph *graph, size_t index)
{
    const struct kf_layer *layer = graph->layers[index];

    return !layer->operation &&
           !(graph->topology == KF_SEQUENTIAL && index == 0 && kf_layer_is_input(layer));
}

int kf_saving_lib_each(struct kf_saving_lib *lib, const struct kf_graph *graph, const char *group,
                       const size_t *order,
                       int (*visit)(struct kf_saving_lib *lib, struct kf_layer *layer,
                                    const char *group))
{
    json_auto_t *used = json_object();
    const char *above = kf_saving_lib_join(lib, group, lib->container->group), *member = NULL;

    if (!used)
        return kf_saving_lib_no_memory(lib);
    if (!above)
        return -KF_NO_MEMORY;
    for (size_t i = 0; i < graph->n_layers; i++) {
        size_t at = order ? order[i] : i;

        if (!is_member(graph, at))
            continue;
        KF_TRY(name_member(lib, graph->layers[at], above, used, &member));
        KF_TRY(visit(lib, graph->layers[at], member));
    }
    return 0;
}

/* Count a layer that has variables of its own and no group; those that others hold do not tell. */
static int count_missing(struct kf_saving_lib *lib, struct kf_layer *layer, const char *group)
{
    bool weights = false;

    if (layer->inner)
        return kf_saving_lib_each(lib, layer->inner, group, NULL, count_missing);
    KF_TRY(has_weights(lib, layer, group, &weights));
    if (weights && !kf_h5_is_group(lib->h5, group))
        lib->n_missing++;
    return 0;
}

/* Whether every layer has its group in the container. */
static int try_container(struct kf_saving_lib *lib, const struct kf_container *container,
                         bool *fits)
{
    const char *path = kf_saving_lib_join(lib, lib->root, container->group);

    *fits = false;
    if (!path)
        return -KF_NO_MEMORY;
    if (!kf_h5_is_group(lib->h5, path))
        return 0;
    lib->container = container;
    lib->n_missing = 0;
    KF_TRY(kf_saving_lib_each(lib, lib->model->graph, lib->root, NULL, count_missing));
    *fits = lib->n_missing == 0;
    return 0;
}

/* Two containers never fit both with other members: their numbers differ from the first on. */
int kf_saving_lib_choose(struct kf_saving_lib *lib)
{
    size_t n;
    const struct kf_container *own = kf_container_of(lib->keras), *all = kf_containers(&n);
    bool fits = false;

    if (own)
        KF_TRY(try_container(lib, own, &fits));
    for (size_t i = 0; i < n && !fits; i++)
        KF_TRY(try_container(lib, &all[i], &fits));
    /* None that fits: which one is due is enough to say what is not there. */
    if (!fits)
        lib->container = own ? own : lib->container ? lib->container : &all[n - 1];
    kf_report_rule(lib->rep, lib->container->name);
    kf_report_evidence(lib->rep, "weights are grouped as by %s", lib->container->who);
    return 0;
}

/* The name that the file gives the object of a group, or NULL. */
static const char *name_in_file(struct kf_saving_lib *lib, const char *group)
{
    const char *vars = kf_saving_lib_join(lib, group, "vars");

    return vars ? kf_h5_attr_short(lib->h5, vars, "name", lib->model->arena) : NULL;
}

/* Class of a member as its group has it: "dense" of "layers/dense_1" and of "layers/dense". */
static const char *snake_of(struct kf_saving_lib *lib, const struct kf_layer *layer)
{
    const char *snake = kf_snake_case(lib->model->arena, kf_keras3_class_of(layer));

    if (!snake)
        kf_saving_lib_no_memory(lib);
    return snake;
}

static int note_name(struct kf_saving_lib *lib, struct kf_layer *layer, const char *group)
{
    const char *snake = snake_of(lib, layer);

    (void)group;
    return snake ? kf_json_set(lib->names, layer->name, json_string(snake), lib->rep)
                 : -KF_NO_MEMORY;
}

/* Add one to `key` of the counts of a class. */
static int count(struct kf_saving_lib *lib, const char *snake, const char *key)
{
    json_t *counts = json_object_get(lib->counts, snake);

    if (!counts) {
        counts = json_object();
        KF_TRY(kf_json_set(lib->counts, snake, counts, lib->rep));
    }
    return kf_json_set(counts, key, json_integer(kf_json_int(counts, key, 0) + 1), lib->rep);
}

/* A layer without variables has none to get wrong, wherever it stands. */
static int compare_name(struct kf_saving_lib *lib, struct kf_layer *layer, const char *group)
{
    const char *there = name_in_file(lib, group), *snake;
    bool weights = false;

    if (there)
        KF_TRY(has_weights(lib, layer, group, &weights));
    if (!weights)
        return 0;
    if (!(snake = snake_of(lib, layer)))
        return -KF_NO_MEMORY;
    KF_TRY(count(lib, snake, "all"));
    if (kf_streq(kf_json_str(lib->names, there, NULL), snake))
        KF_TRY(count(lib, snake, "known"));
    if (strcmp(there, layer->name) == 0)
        return 0;
    if (lib->n_renamed++ == 0) {
        lib->renamed = layer;
        lib->renamed_to = there;
    }
    return count(lib, snake, "other");
}

/*
 * Names that are all there, but of other layers, mean that the file's layers stand in another
 * order. Names that are not there say only that the model was made a second time, which numbers
 * its layers anew. NULL, or the class whose layers stand otherwise.
 */
static const char *class_in_disorder(const struct kf_saving_lib *lib)
{
    const char *snake;
    json_t *counts;

    json_object_foreach(lib->counts, snake, counts)
    {
        json_int_t all = kf_json_int(counts, "all", 0), known = kf_json_int(counts, "known", 0);

        if (known == all && kf_json_int(counts, "other", 0) > 0)
            return snake;
    }
    return NULL;
}

/*
 * The order that Keras makes of the graph's calls, which is not always that of the config, with
 * what is no member behind it. NULL when the release makes no such model, or drops a layer.
 */
static int order_of_calls(struct kf_saving_lib *lib, const struct kf_graph *graph, size_t **out)
{
    int keras = lib->keras ? lib->keras : lib->container->last;
    struct kf_report ignored;
    size_t *order = NULL, n = 0;
    int r;

    *out = NULL;
    kf_report_init(&ignored);
    r = kf_keras3_order(&order, &n, lib->model->arena, graph, keras, &ignored);
    kf_report_finish(&ignored);
    if (r == -KF_NO_MEMORY)
        return kf_saving_lib_no_memory(lib);
    if (r < 0)
        return 0;
    for (size_t i = 0; i < graph->n_layers; i++)
        if (!is_member(graph, i) && n < graph->n_layers)
            order[n++] = i;
    *out = n == graph->n_layers ? order : NULL;
    return 0;
}

static int compare_names(struct kf_saving_lib *lib, const struct kf_graph *graph, const char *group,
                         const size_t *order)
{
    json_object_clear(lib->counts);
    lib->n_renamed = 0;
    return kf_saving_lib_each(lib, graph, group, order, compare_name);
}

/* Where the config's order is not the file's, that of the calls must be. */
static int settle_order(struct kf_saving_lib *lib, const struct kf_graph *graph, const char *group,
                        const size_t **out)
{
    const struct kf_layer *renamed;
    const char *snake, *renamed_to;
    size_t *order = NULL;

    KF_TRY(compare_names(lib, graph, group, NULL));
    if (!(snake = class_in_disorder(lib)))
        return 0;
    snake = kf_arena_strdup(lib->model->arena, snake);
    renamed = lib->renamed;
    renamed_to = lib->renamed_to;
    if (!snake)
        return kf_saving_lib_no_memory(lib);
    KF_TRY(order_of_calls(lib, graph, &order));
    if (order)
        KF_TRY(compare_names(lib, graph, group, order));
    if (order && !class_in_disorder(lib)) {
        *out = order;
        return 0;
    }
    return kf_report_add(lib->rep, KF_MAPPING_AMBIGUOUS, graph->path,
                         "the weights of the layers of class %s are named in another order than "
                         "the config has: those of %s are called %s",
                         snake, renamed->path, renamed_to);
}

/* The first of all graphs in which a layer has another name is the one that is told of. */
static void add_renamed(struct kf_saving_lib *lib, const struct kf_saving_lib *before)
{
    if (before->n_renamed == 0)
        return;
    lib->n_renamed += before->n_renamed;
    lib->renamed = before->renamed;
    lib->renamed_to = before->renamed_to;
}

int kf_saving_lib_order(struct kf_saving_lib *lib, const struct kf_graph *graph, const char *group,
                        const size_t **out)
{
    const struct kf_saving_lib before = *lib;
    json_t *names = json_object(), *counts = json_object();
    int r = names && counts ? 0 : kf_saving_lib_no_memory(lib);

    *out = NULL;
    lib->names = names;
    lib->counts = counts;
    if (r >= 0)
        r = kf_saving_lib_each(lib, graph, group, NULL, note_name);
    if (r >= 0)
        r = settle_order(lib, graph, group, out);
    add_renamed(lib, &before);
    json_decref(names);
    json_decref(counts);
    return r;
}
