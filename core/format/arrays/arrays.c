/* SPDX-License-Identifier: Apache-2.0 */
#include "arrays.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../layer_vars.h"
#include "../legacy/legacy_match.h"
#include <string.h>

struct bind {
    struct kf_model *model;
    const struct kf_arrays *arrays;
    struct kf_report *rep;
    json_t *taken; /* names of arrays that a tensor has */
    size_t n_taken;
};

static int no_memory(struct bind *bind)
{
    return kf_report_add(bind->rep, KF_NO_MEMORY, "", "out of memory");
}

static bool has(const struct bind *bind, const char *name)
{
    return bind->arrays->has(bind->arrays, name);
}

/* A layer of a class that nobody knows owns what the file has below its path. */
static int take_unknown(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    struct bind *bind = context;
    const struct kf_arrays *arrays = bind->arrays;
    size_t n_path = strlen(layer->path), n_suffix = strlen(arrays->suffix);

    (void)graph;
    if (layer->operation || !kf_legacy_is_opaque(layer))
        return 0;
    if (arrays->numbered && arrays->n)
        return kf_report_add(bind->rep, KF_CUSTOM_CLASS, layer->path,
                             "%s is not a layer of Keras, and which of the arrays are its own is "
                             "not known",
                             layer->class_name);
    layer->tensors = kf_arena_alloc(bind->model->arena, (arrays->n + 1) * sizeof(*layer->tensors));
    layer->n_tensors = 0;
    for (size_t i = 0; layer->tensors && i < arrays->n; i++) {
        const char *name = arrays->name(arrays, i);
        size_t n = strlen(name);

        if (n < n_path + 2 + n_suffix || !kf_starts(name, layer->path) || name[n_path] != '/')
            continue;
        name = kf_arena_strndup(bind->model->arena, name + n_path + 1, n - n_path - 1 - n_suffix);
        if (!name)
            return no_memory(bind);
        layer->tensors[layer->n_tensors++] =
            (struct kf_tensor){.variable = name, .subpath = "", .trainable = true};
    }
    return layer->tensors ? 0 : no_memory(bind);
}

/* The array that is called like a variable: by the layer's path or name, with ":0" or without. */
static int named_array(struct bind *bind, const struct kf_tensor_name *item, const char **out)
{
    struct kf_arena *arena = bind->model->arena;
    const char *const layers[] = {item->layer->path, item->layer->name};
    const char *suffix = bind->arrays->suffix;
    const char *name = kf_arena_printf(arena, "%s%s", item->name, suffix);

    *out = name && has(bind, name) ? name : NULL;
    for (size_t i = 0; name && i < 4 && !*out && !item->numbered; i++) {
        name = kf_arena_printf(arena, "%s/%s%s%s", layers[i / 2], item->tensor->variable,
                               i % 2 ? ":0" : "", suffix);
        if (name && has(bind, name))
            *out = name;
    }
    return name ? 0 : no_memory(bind);
}

static int find_array(struct bind *bind, const struct kf_tensor_name *item, const char **out)
{
    if (!bind->arrays->numbered)
        KF_TRY(named_array(bind, item, out));
    else if (bind->n_taken >= bind->arrays->n)
        *out = NULL;
    else if (!(*out = kf_arena_printf(bind->model->arena, "arr_%zu%s", bind->n_taken,
                                      bind->arrays->suffix)))
        return no_memory(bind);
    if (*out)
        return 0;
    if (bind->arrays->numbered)
        return kf_report_add(bind->rep, KF_WEIGHTS_MISSING, item->layer->path,
                             "the file has too few arrays: there is none for %s",
                             item->tensor->variable);
    return kf_report_add(
        bind->rep, KF_WEIGHTS_MISSING, item->layer->path,
        "no array is called like %s: names are \"<layer>/<variable>\"%s", item->tensor->variable,
        *bind->arrays->suffix ? ", or arr_0, arr_1, ... in the order of model.get_weights()" : "");
}

static int take(struct bind *bind, const struct kf_tensor_name *item)
{
    const char *name = NULL;

    KF_TRY(find_array(bind, item, &name));
    if (json_object_get(bind->taken, name))
        return kf_report_add(bind->rep, KF_MAPPING_AMBIGUOUS, item->layer->path,
                             "the array %s is called like variables of several layers", name);
    KF_TRY(kf_json_set(bind->taken, name, json_true(), bind->rep));
    KF_TRY(bind->arrays->payload(bind->arrays, name, &item->tensor->payload, bind->rep));
    item->tensor->source = name;
    bind->n_taken++;
    return kf_vars_check(item->layer, item->tensor, bind->rep);
}

int kf_arrays_bind(struct kf_model *model, const struct kf_arrays *arrays, struct kf_report *rep)
{
    json_auto_t *taken = json_object();
    struct bind bind = {.model = model, .arrays = arrays, .rep = rep, .taken = taken};
    struct kf_tensor_names names = {0};
    int r = taken ? kf_layers_each(model->graph, take_unknown, &bind) : no_memory(&bind);

    if (r >= 0)
        r = arrays->names ? arrays->names(&names, model, rep) : kf_tensor_names(&names, model, rep);
    for (size_t i = 0; r >= 0 && i < names.n; i++)
        r = take(&bind, &names.items[i]);
    kf_tensor_names_finish(&names);
    if (r >= 0 && bind.n_taken < arrays->n)
        return kf_report_add(rep, KF_WEIGHT_COUNT, "",
                             "the file has %zu arrays where the architecture has %zu variables",
                             arrays->n, bind.n_taken);
    return r;
}

int kf_arrays_loose(struct kf_model *model, const struct kf_arrays *arrays, struct kf_report *rep)
{
    struct kf_arena *arena = model->arena;
    struct kf_loose *loose = kf_arena_alloc(arena, sizeof(*loose));
    size_t n_suffix = strlen(arrays->suffix);

    if (!loose ||
        !(loose->tensors = kf_arena_alloc(arena, (arrays->n + 1) * sizeof(*loose->tensors))))
        return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
    loose->name = "";
    for (size_t i = 0; i < arrays->n; i++) {
        struct kf_tensor *tensor = &loose->tensors[loose->n_tensors++];

        tensor->source = arrays->name(arrays, i);
        tensor->dataset =
            kf_arena_strndup(arena, tensor->source, strlen(tensor->source) - n_suffix);
        tensor->variable = tensor->dataset;
        if (!tensor->dataset)
            return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
        KF_TRY(arrays->payload(arrays, tensor->source, &tensor->payload, rep));
    }
    model->loose = loose;
    return 0;
}
