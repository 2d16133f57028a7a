/* SPDX-License-Identifier: Apache-2.0 */
#include "keras3_paths.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../saving_lib/container.h"
#include "keras3_order.h"
#include <string.h>

struct naming {
    struct kf_model *model;
    int keras;
    struct kf_report *rep;
};

/* Public names of classes that call themselves something else: keras.layers, 3.0.5 and 3.15.1. */
static const struct {
    const char *alias, *class_name;
} aliases[] = {
    {"AvgPool1D", "AveragePooling1D"},
    {"AvgPool2D", "AveragePooling2D"},
    {"AvgPool3D", "AveragePooling3D"},
    {"Convolution1D", "Conv1D"},
    {"Convolution1DTranspose", "Conv1DTranspose"},
    {"Convolution2D", "Conv2D"},
    {"Convolution2DTranspose", "Conv2DTranspose"},
    {"Convolution3D", "Conv3D"},
    {"Convolution3DTranspose", "Conv3DTranspose"},
    {"GlobalAvgPool1D", "GlobalAveragePooling1D"},
    {"GlobalAvgPool2D", "GlobalAveragePooling2D"},
    {"GlobalAvgPool3D", "GlobalAveragePooling3D"},
    {"GlobalMaxPool1D", "GlobalMaxPooling1D"},
    {"GlobalMaxPool2D", "GlobalMaxPooling2D"},
    {"GlobalMaxPool3D", "GlobalMaxPooling3D"},
    {"GroupQueryAttention", "GroupedQueryAttention"},
    {"MaxPool1D", "MaxPooling1D"},
    {"MaxPool2D", "MaxPooling2D"},
    {"MaxPool3D", "MaxPooling3D"},
    {"SeparableConvolution1D", "SeparableConv1D"},
    {"SeparableConvolution2D", "SeparableConv2D"},
};

const char *kf_keras3_class_of(const struct kf_layer *layer)
{
    if (layer->inner && layer->inner->users)
        return layer->inner->class_name;
    if (layer->inner)
        return layer->inner->topology == KF_SEQUENTIAL ? "Sequential" : "Functional";
    for (size_t i = 0; !layer->custom && i < sizeof(aliases) / sizeof(aliases[0]); i++)
        if (strcmp(aliases[i].alias, layer->class_name) == 0)
            return aliases[i].class_name;
    return layer->class_name;
}

static int no_memory(struct naming *naming, const struct kf_layer *layer)
{
    return kf_report_add(naming->rep, KF_NO_MEMORY, layer->path, "out of memory");
}

static int stop_at_tensors(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    (void)graph;
    (void)context;
    return layer->n_tensors ? -1 : 0;
}

static bool has_weights(struct kf_layer *layer)
{
    if (layer->n_tensors)
        return true;
    for (size_t i = 0; i < layer->n_parts; i++)
        if (has_weights(layer->parts[i]))
            return true;
    return layer->inner && kf_layers_each(layer->inner, stop_at_tensors, NULL) < 0;
}

/* Name a member of a container: `used` holds the last number of each name of it. */
static int name_member(struct naming *naming, struct kf_layer *layer, const char *container,
                       json_t *used)
{
    struct kf_arena *arena = naming->model->arena;
    const char *snake = kf_snake_case(arena, kf_keras3_class_of(layer));
    json_int_t number = snake ? kf_json_int(used, snake, -1) + 1 : 0;

    if (!snake)
        return no_memory(naming, layer);
    KF_TRY(kf_json_set(used, snake, json_integer(number), naming->rep));
    layer->group =
        number ? kf_arena_printf(arena, "%s/%s_%" JSON_INTEGER_FORMAT, container, snake, number)
               : kf_arena_printf(arena, "%s/%s", container, snake);
    return layer->group ? 0 : no_memory(naming, layer);
}

static int name_graph(struct naming *naming, struct kf_graph *graph, const char *group);

static int name_parts(struct naming *naming, struct kf_layer *layer);

static int name_below(struct naming *naming, struct kf_layer *layer)
{
    return layer->inner ? name_graph(naming, layer->inner, layer->group)
                        : name_parts(naming, layer);
}

/* Members of one list stand together, so one table of names is enough. */
static int name_parts(struct naming *naming, struct kf_layer *layer)
{
    struct kf_arena *arena = naming->model->arena;
    json_auto_t *used = json_object();
    const char *container = NULL;

    for (size_t i = 0; i < layer->n_parts; i++) {
        struct kf_layer *part = layer->parts[i];
        char *path = kf_arena_printf(arena, "%s/%s", layer->group, part->attribute);

        if (!path)
            return no_memory(naming, layer);
        if (part->in_container && !kf_streq(container, path))
            json_object_clear(used);
        container = path;
        part->group = path;
        if (part->in_container)
            KF_TRY(name_member(naming, part, container, used));
        KF_TRY(name_below(naming, part));
    }
    return 0;
}

/* The second mention of a layer takes a number too. */
static int count_again(struct naming *naming, struct kf_layer *layer, json_t *used)
{
    const char *snake = kf_snake_case(naming->model->arena, kf_keras3_class_of(layer));

    if (!has_weights(layer))
        return 0;
    if (!snake)
        return no_memory(naming, layer);
    return kf_json_set(used, snake, json_integer(kf_json_int(used, snake, -1) + 1), naming->rep);
}

static int name_graph(struct naming *naming, struct kf_graph *graph, const char *group)
{
    json_auto_t *used = json_object();
    const struct kf_container *row = kf_container_of(naming->keras);
    const char *container =
        *group ? kf_arena_printf(naming->model->arena, "%s/%s", group, row->group) : row->group;
    size_t *order = NULL, n = 0;

    if (!container)
        return kf_report_add(naming->rep, KF_NO_MEMORY, graph->path, "out of memory");
    KF_TRY(kf_keras3_order(&order, &n, naming->model->arena, graph, naming->keras, naming->rep));
    for (size_t i = 0; i < n; i++) {
        KF_TRY(name_member(naming, graph->layers[order[i]], container, used));
        if (row->doubled)
            KF_TRY(count_again(naming, graph->layers[order[i]], used));
        KF_TRY(name_below(naming, graph->layers[order[i]]));
    }
    return 0;
}

static int forget(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    (void)graph;
    (void)context;
    layer->group = NULL;
    return 0;
}

int kf_keras3_paths(struct kf_model *model, int keras, struct kf_report *rep)
{
    struct naming naming = {.model = model, .keras = keras, .rep = rep};

    kf_layers_each(model->graph, forget, NULL);
    return name_graph(&naming, model->graph, "");
}

/* Attributes that a release calls something else than the tensors do. */
static const struct {
    const char *class_name, *subpath;
    int before; /* release that brought the public name */
    const char *then;
} renames[] = {
    {"MultiHeadAttention", "query_dense", KF_KERAS(3, 0, 3), "_query_dense"},
    {"MultiHeadAttention", "key_dense", KF_KERAS(3, 0, 3), "_key_dense"},
    {"MultiHeadAttention", "value_dense", KF_KERAS(3, 0, 3), "_value_dense"},
    {"MultiHeadAttention", "output_dense", KF_KERAS(3, 0, 3), "_output_dense"},
};

const char *kf_keras3_tensor_group(struct kf_arena *arena, const struct kf_layer *layer,
                                   const struct kf_tensor *tensor, int keras)
{
    const char *subpath = tensor->subpath ? tensor->subpath : "";

    if (!*subpath)
        return layer->group;
    for (size_t i = 0; i < sizeof(renames) / sizeof(renames[0]); i++)
        if (keras < renames[i].before && strcmp(renames[i].subpath, subpath) == 0 &&
            strcmp(renames[i].class_name, layer->class_name) == 0)
            subpath = renames[i].then;
    return kf_arena_printf(arena, "%s/%s", layer->group, subpath);
}
