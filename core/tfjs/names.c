/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/alloc.h"
#include "../base/str.h"
#include "../io/text/json.h"
#include "tfjs.h"
#include <string.h>

struct naming {
    struct kf_model *model;
    struct kf_tensor_names *names;
    json_t *used;
    struct kf_report *rep;
};

static int no_memory(struct naming *naming)
{
    return kf_report_add(naming->rep, KF_NO_MEMORY, "", "out of memory");
}

static int add(struct naming *naming, struct kf_layer *layer, struct kf_tensor *tensor,
               const char *scope)
{
    struct kf_tensor_names *names = naming->names;
    const char *name = kf_arena_printf(naming->model->arena, "%s/%s", scope, tensor->variable);

    if (!name || !kf_grow(&names->items, &names->cap, names->n + 1, sizeof(*names->items)))
        return no_memory(naming);
    if (json_object_get(naming->used, name))
        kf_report_add(
            naming->rep, KF_GRAPH_NO_EQUAL, layer->path,
            "another layer has a weight %s too, and TensorFlow.js tells weights of models "
            "in models apart by the names of the layers alone",
            name);
    names->items[names->n++] = (struct kf_tensor_name){
        .name = name, .owner = layer->path, .layer = layer, .tensor = tensor};
    return kf_json_set(naming->used, name, json_true(), naming->rep);
}

static int name_graph(struct naming *naming, struct kf_graph *graph);

/* Where a part makes its variables: a wrapper's own scope, below it a direction's or a cell's. */
static const char *scope_of(struct naming *naming, const struct kf_layer *layer, size_t index,
                            const char *scope)
{
    const struct kf_layer *part = layer->parts[index];
    const char *direction = kf_streq(part->attribute, "forward_layer")    ? "forward"
                            : kf_streq(part->attribute, "backward_layer") ? "backward"
                                                                          : NULL;

    if (part->in_container)
        return kf_arena_printf(naming->model->arena, "%s/RNNCell_%zu", scope, index);
    return direction ? kf_arena_printf(naming->model->arena, "%s/%s_%s", scope, direction,
                                       layer->parts[0]->name)
                     : scope;
}

static int name_layer(struct naming *naming, struct kf_layer *layer, const char *scope)
{
    if (layer->inner)
        return name_graph(naming, layer->inner);
    for (size_t i = 0; i < layer->n_tensors; i++)
        KF_TRY(add(naming, layer, &layer->tensors[i], scope));
    for (size_t i = 0; i < layer->n_parts; i++) {
        const char *below = scope_of(naming, layer, i, scope);

        if (!below)
            return no_memory(naming);
        KF_TRY(name_layer(naming, layer->parts[i], below));
    }
    return 0;
}

static int name_graph(struct naming *naming, struct kf_graph *graph)
{
    for (size_t i = 0; i < graph->n_layers; i++)
        KF_TRY(name_layer(naming, graph->layers[i], graph->layers[i]->name));
    return 0;
}

int kf_tfjs_names(struct kf_tensor_names *out, struct kf_model *model, struct kf_report *rep)
{
    json_auto_t *used = json_object();
    struct naming naming = {.model = model, .names = out, .used = used, .rep = rep};

    if (!used)
        return no_memory(&naming);
    return name_graph(&naming, model->graph);
}
