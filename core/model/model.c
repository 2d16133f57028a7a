/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"
#include "../base/alloc.h"
#include "../base/str.h"
#include "../format/reader.h"
#include "../io/text/json.h"
#include <stdlib.h>
#include <string.h>

/*
 * Layers and graphs stand in the arena, which goes in one call; the JSON they own does not. So
 * each is made with a link in front and the model keeps the two lists, also of those that never
 * got their place in the tree.
 */
struct owned_layer {
    struct kf_layer layer; /* first: the pointer that is given out */
    struct owned_layer *next;
};

struct owned_graph {
    struct kf_graph graph; /* first */
    struct owned_graph *next;
};

struct owner {
    struct kf_model model; /* first */
    struct owned_layer *layers;
    struct owned_graph *graphs;
};

struct kf_model *kf_model_create(void)
{
    struct owner *owner = kf_alloc(sizeof(*owner));

    if (!owner)
        return NULL;
    owner->model.arena = kf_arena_create();
    if (!owner->model.arena) {
        kf_free(owner);
        return NULL;
    }
    owner->model.dialect = KF_DIALECT_KERAS2; /* until its reader says otherwise */
    return &owner->model;
}

json_t *kf_model_take_config(struct kf_model *model)
{
    json_t *config = model->config;

    model->config = NULL;
    return config;
}

static void drop_calls(struct kf_layer *layer)
{
    for (size_t k = 0; k < layer->n_calls; k++) {
        json_decref(layer->calls[k].args);
        json_decref(layer->calls[k].kwargs);
    }
    layer->n_calls = 0;
}

static void drop_layer(struct kf_layer *layer)
{
    json_decref(layer->config);
    drop_calls(layer);
}

void kf_model_destroy(struct kf_model *model)
{
    struct owner *owner = (struct owner *)model;

    if (!model)
        return;
    if (model->reader && model->reader->close && model->state)
        model->reader->close(model->state);
    for (struct owned_layer *one = owner->layers; one; one = one->next)
        drop_layer(&one->layer);
    for (struct owned_graph *one = owner->graphs; one; one = one->next) {
        json_decref(one->graph.inputs);
        json_decref(one->graph.outputs);
        json_decref(one->graph.config);
    }
    json_decref(model->config);
    json_decref(model->training);
    kf_model_destroy(model->architecture);
    kf_arena_destroy(model->arena);
    kf_free(owner);
}

struct kf_graph *kf_graph_new(struct kf_model *model)
{
    struct owner *owner = (struct owner *)model;
    struct owned_graph *one = kf_arena_alloc(model->arena, sizeof(*one));

    if (!one)
        return NULL;
    one->next = owner->graphs;
    owner->graphs = one;
    return &one->graph;
}

struct kf_layer *kf_layer_new(struct kf_model *model)
{
    struct owner *owner = (struct owner *)model;
    struct owned_layer *one = kf_arena_alloc(model->arena, sizeof(*one));

    if (!one)
        return NULL;
    one->next = owner->layers;
    owner->layers = one;
    return &one->layer;
}

/* Twice the room in the arena; what was there stays there unused, at most as much again. */
static void *grown(struct kf_arena *arena, const void *old, size_t n, size_t cap, size_t size)
{
    void *room = cap > SIZE_MAX / size ? NULL : kf_arena_alloc(arena, cap * size);

    if (room && n)
        memcpy(room, old, n * size);
    return room;
}

int kf_graph_insert(struct kf_model *model, struct kf_graph *graph, size_t index,
                    struct kf_layer *layer, struct kf_report *rep)
{
    if (graph->n_layers == graph->layers_cap) {
        size_t cap = graph->layers_cap ? 2 * graph->layers_cap : 8;
        struct kf_layer **room =
            grown(model->arena, graph->layers, graph->n_layers, cap, sizeof(struct kf_layer *));

        if (!room)
            return kf_report_add(rep, KF_NO_MEMORY, graph->path, "out of memory");
        graph->layers = room;
        graph->layers_cap = cap;
    }
    memmove(graph->layers + index + 1, graph->layers + index,
            (graph->n_layers - index) * sizeof(struct kf_layer *));
    graph->layers[index] = layer;
    graph->n_layers++;
    return 0;
}

void kf_graph_remove(struct kf_graph *graph, size_t index)
{
    graph->n_layers--;
    memmove(graph->layers + index, graph->layers + index + 1,
            (graph->n_layers - index) * sizeof(struct kf_layer *));
}

int kf_layer_add_call(struct kf_model *model, struct kf_layer *layer, json_t *args, json_t *kwargs,
                      struct kf_report *rep)
{
    size_t n = layer->n_calls;
    struct kf_call *room = layer->calls;

    if ((n & (n - 1)) == 0) /* full: the room is always the next power of two */
        room = grown(model->arena, layer->calls, n, n ? 2 * n : 1, sizeof(struct kf_call));
    if (!args || !kwargs || !room) {
        json_decref(args);
        json_decref(kwargs);
        return kf_report_add(rep, KF_NO_MEMORY, layer->path ? layer->path : "", "out of memory");
    }
    layer->calls = room;
    layer->calls[layer->n_calls++] = (struct kf_call){.args = args, .kwargs = kwargs};
    return 0;
}

void kf_layer_become_part(struct kf_layer *layer, const struct kf_layer *part)
{
    json_t *config = json_incref(part->config); /* it stands in the layer's own */

    json_decref(layer->config);
    layer->config = config;
    layer->class_name = part->class_name;
    layer->module = part->module;
    layer->registered_name = part->registered_name;
    layer->users = part->users;
    layer->trainable = part->trainable;
    layer->tensors = part->tensors;
    layer->n_tensors = part->n_tensors;
    layer->assets = part->assets;
    layer->n_assets = part->n_assets;
    layer->n_parts = part->n_parts;
    layer->parts = part->parts;
}

bool kf_layer_is_input(const struct kf_layer *layer)
{
    return kf_streq(layer->class_name, "InputLayer");
}

bool kf_graph_begins_with_input(const struct kf_graph *graph)
{
    return graph->n_layers > 0 && kf_layer_is_input(graph->layers[0]);
}

json_t *kf_ref_new(size_t layer, size_t call, size_t output)
{
    return json_pack("{s:[I,I,I]}", "$ref", (json_int_t)layer, (json_int_t)call,
                     (json_int_t)output);
}

int kf_graph_unchain(struct kf_model *model, struct kf_graph *graph, struct kf_report *rep)
{
    for (size_t i = 1; i < graph->n_layers; i++)
        KF_TRY(kf_layer_add_call(model, graph->layers[i], json_pack("[o]", kf_ref_new(i - 1, 0, 0)),
                                 json_object(), rep));
    graph->inputs = kf_ref_new(0, 0, 0);
    graph->outputs = kf_ref_new(graph->n_layers - 1, 0, 0);
    if (!graph->inputs || !graph->outputs)
        return kf_report_add(rep, KF_NO_MEMORY, graph->path, "out of memory");
    graph->topology = KF_FUNCTIONAL;
    if (!graph->users)
        graph->class_name = "Functional";
    return 0;
}

void kf_graph_chain(struct kf_graph *graph)
{
    for (size_t i = 0; i < graph->n_layers; i++)
        drop_calls(graph->layers[i]);
    json_decref(graph->inputs);
    json_decref(graph->outputs);
    graph->inputs = graph->outputs = NULL;
    graph->topology = KF_SEQUENTIAL;
    if (!graph->users)
        graph->class_name = "Sequential";
}

bool kf_ref_get(const json_t *value, struct kf_ref *out)
{
    const json_t *triple = json_object_get(value, "$ref");
    json_int_t at[3];

    if (json_array_size(triple) != 3 ||
        json_object_size(value) != 1 + (json_object_get(value, "shape") != NULL))
        return false;
    for (size_t i = 0; i < 3; i++) {
        const json_t *one = json_array_get(triple, i);

        if (!json_is_integer(one) || json_integer_value(one) < 0)
            return false;
        at[i] = json_integer_value(one);
    }
    *out = (struct kf_ref){(size_t)at[0], (size_t)at[1], (size_t)at[2]};
    return true;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Keras flattens a dict in the order of its sorted keys; UTF-8 sorts as the code points do. */
static int each_of_object(json_t *object, int (*visit)(json_t *ref, void *context), void *context)
{
    const char *few[16], **keys = few, *key;
    size_t n = 0, size = json_object_size(object);
    json_t *value;
    int r = 0;

    if (size > sizeof(few) / sizeof(few[0]))
        keys = kf_alloc(size * sizeof(*keys));
    if (!keys)
        return -KF_NO_MEMORY;
    json_object_foreach(object, key, value) keys[n++] = key;
    qsort(keys, n, sizeof(*keys), compare_keys);
    for (size_t i = 0; i < n && r >= 0; i++)
        r = kf_refs_each(json_object_get(object, keys[i]), visit, context);
    if (keys != few)
        kf_free(keys);
    return r;
}

int kf_refs_each(json_t *value, int (*visit)(json_t *ref, void *context), void *context)
{
    struct kf_ref ref;
    json_t *one;
    size_t i;

    if (json_is_array(value))
        json_array_foreach(value, i, one) KF_TRY(kf_refs_each(one, visit, context));
    if (!json_is_object(value))
        return 0;
    if (kf_ref_get(value, &ref))
        return visit(value, context);
    return each_of_object(value, visit, context);
}

int kf_refs_map(json_t **out, json_t *value,
                int (*one)(void *context, json_t **out, const struct kf_ref *ref), void *context,
                struct kf_report *rep)
{
    json_auto_t *copy = NULL;
    struct kf_ref ref;
    const char *key;
    json_t *member, *made = NULL;
    size_t i;

    if (kf_ref_get(value, &ref))
        return one(context, out, &ref);
    if (!json_is_array(value) && !json_is_object(value)) {
        *out = json_incref(value);
        return 0;
    }
    copy = json_is_array(value) ? json_array() : json_object();
    json_array_foreach(value, i, member)
    {
        KF_TRY(kf_refs_map(&made, member, one, context, rep));
        KF_TRY(kf_json_append(copy, made, rep));
    }
    json_object_foreach(value, key, member)
    {
        KF_TRY(kf_refs_map(&made, member, one, context, rep));
        KF_TRY(kf_json_set(copy, key, made, rep));
    }
    *out = json_incref(copy);
    return *out ? 0 : kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
}

static int each_layer(struct kf_layer *layer, struct kf_graph *graph,
                      int (*visit)(struct kf_layer *layer, struct kf_graph *graph, void *context),
                      void *context)
{
    KF_TRY(visit(layer, graph, context));
    if (layer->inner)
        return kf_layers_each(layer->inner, visit, context);
    for (size_t i = 0; i < layer->n_parts; i++)
        KF_TRY(each_layer(layer->parts[i], graph, visit, context));
    return 0;
}

int kf_layers_each(struct kf_graph *graph,
                   int (*visit)(struct kf_layer *layer, struct kf_graph *graph, void *context),
                   void *context)
{
    for (size_t i = 0; i < graph->n_layers; i++)
        KF_TRY(each_layer(graph->layers[i], graph, visit, context));
    return 0;
}
