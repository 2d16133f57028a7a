/* SPDX-License-Identifier: Apache-2.0 */
#include "../io/text/json.h"
#include "adapt.h"
#include <string.h>

/*
 * Keras 3 takes no '/' in the name of a layer or model; to Keras 2 names are scopes of TensorFlow,
 * which have letters and digits of ASCII and few other characters, and begin with one of the former
 * or a dot. Refs count layers, so only the names themselves change.
 *
 * Source: keras/src/ops/operation.py Operation.__init__ (3.15.1); TensorFlow 2.15
 * python/framework/ops.py _VALID_SCOPE_NAME_REGEX
 */
#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#define SCOPE ALNUM "_.\\/>-"

static bool for_keras2(const struct kf_adapt *adapt)
{
    return adapt->rules != KF_RULES_KERAS3;
}

static bool is_taken_so(const struct kf_adapt *adapt, const char *name)
{
    if (!for_keras2(adapt))
        return !strchr(name, '/');
    return !*name || (strchr(ALNUM ".", *name) && !name[strspn(name, SCOPE)]);
}

/* The name with '_' for each character that may not be there; NULL without memory. */
static const char *cleaned(struct kf_adapt *adapt, const char *name)
{
    char *copy = kf_arena_strdup(adapt->model->arena, name), *to = copy;

    for (const char *at = name; copy && *at; at++)
        if (((unsigned char)*at & 0xc0) != 0x80) /* the first byte of a character */
            *to++ = for_keras2(adapt) ? (strchr(SCOPE, *at) ? *at : '_') : *at == '/' ? '_' : *at;
        else if (!for_keras2(adapt))
            *to++ = *at;
    if (copy)
        *to = '\0';
    return !copy || is_taken_so(adapt, copy)
               ? copy
               : kf_arena_printf(adapt->model->arena, "layer%s", copy);
}

static bool taken(json_t *names, const char *name)
{
    return json_object_get(names, name) != NULL;
}

static int rename_layer(struct kf_adapt *adapt, struct kf_layer *layer, json_t *names)
{
    const char *wanted = cleaned(adapt, layer->name);
    const char *free_name = wanted;

    for (unsigned k = 1; free_name && names && taken(names, free_name); k++)
        free_name = kf_arena_printf(adapt->model->arena, "%s_%u", wanted, k);
    if (!free_name)
        return kf_adapt_no_memory(adapt, layer->path);
    KF_TRY(kf_report_change(adapt->rep, KF_LAYER_RENAMED, layer->path, "name", NULL, NULL,
                            for_keras2(adapt)
                                ? "%s is called %s, because names of Keras 2 are letters, digits "
                                  "and few marks of ASCII, and begin with a letter or a digit"
                                : "%s is called %s, because Keras 3 takes no / in names",
                            layer->name, free_name));
    kf_report_rule(adapt->rep, for_keras2(adapt) ? "name:scope" : "name:slash");
    layer->name = free_name;
    if (layer->inner)
        layer->inner->name = free_name;
    if (names)
        KF_TRY(kf_json_set(names, free_name, json_true(), adapt->rep));
    return layer->inner ? 0
                        : kf_json_set(layer->config, "name", json_string(free_name), adapt->rep);
}

static int rename_tree(struct kf_adapt *adapt, struct kf_layer *layer, json_t *names)
{
    if (!is_taken_so(adapt, layer->name))
        KF_TRY(rename_layer(adapt, layer, names));
    for (size_t i = 0; i < layer->n_parts; i++)
        KF_TRY(rename_tree(adapt, layer->parts[i], NULL));
    return layer->inner ? kf_adapt_names(adapt, layer->inner) : 0;
}

static int rename_layers(struct kf_adapt *adapt, struct kf_graph *graph, json_t *names)
{
    for (size_t i = 0; i < graph->n_layers; i++)
        KF_TRY(kf_json_set(names, graph->layers[i]->name, json_true(), adapt->rep));
    for (size_t i = 0; i < graph->n_layers; i++)
        KF_TRY(rename_tree(adapt, graph->layers[i], names));
    return 0;
}

int kf_adapt_names(struct kf_adapt *adapt, struct kf_graph *graph)
{
    json_t *names = json_object();
    int r;

    if (!names)
        return kf_adapt_no_memory(adapt, graph->path);
    if (!is_taken_so(adapt, graph->name) && !(graph->name = cleaned(adapt, graph->name)))
        r = kf_adapt_no_memory(adapt, graph->path);
    else
        r = rename_layers(adapt, graph, names);
    json_decref(names);
    return r;
}
