/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor_names.h"
#include "../../base/alloc.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../legacy/legacy_match.h"
#include "../legacy/legacy_order.h"
#include "../tensor_rows.h"
#include <string.h>

struct naming {
    struct kf_model *model;
    struct kf_tensor_names *names;
    json_t *used; /* name -> how often it was given */
    struct kf_report *rep;
};

static int no_memory(struct naming *naming)
{
    return kf_report_add(naming->rep, KF_NO_MEMORY, "", "out of memory");
}

/* The name itself the first time; with a number that nobody has behind it after that. */
static int make_unique(struct naming *naming, struct kf_tensor_name *item)
{
    const char *name = item->name;

    for (json_int_t again = 1; json_object_get(naming->used, item->name); again++) {
        item->name = kf_arena_printf(naming->model->arena, "%s_%" JSON_INTEGER_FORMAT, name, again);
        item->numbered = true;
        if (!item->name)
            return no_memory(naming);
    }
    return kf_json_set(naming->used, item->name, json_true(), naming->rep);
}

/* `name` is NULL when there was no memory for it. */
static int add(struct naming *naming, struct kf_layer *layer, const char *owner,
               struct kf_tensor *tensor, const char *name)
{
    struct kf_tensor_names *names = naming->names;
    struct kf_tensor_name *item;

    if (!name || !kf_grow(&names->items, &names->cap, names->n + 1, sizeof(*names->items)))
        return no_memory(naming);
    if (!kf_utf8_valid(name))
        return kf_report_add(naming->rep, KF_VALUE_NO_EQUAL, owner,
                             "the name of a variable is no UTF-8");
    item = &names->items[names->n++];
    *item = (struct kf_tensor_name){.name = name, .owner = owner, .layer = layer, .tensor = tensor};
    return make_unique(naming, item);
}

static const char *name_in_model(struct naming *naming, const struct kf_layer *layer,
                                 const struct kf_tensor *tensor)
{
    size_t n = tensor->source ? strlen(tensor->source) : 0;

    if (!naming->model->made_up || !n)
        return kf_arena_printf(naming->model->arena, "%s/%s", layer->path, tensor->variable);
    n -= n > 2 && strcmp(tensor->source + n - 2, ":0") == 0 ? 2 : 0;
    return kf_arena_strndup(naming->model->arena, tensor->source, n);
}

/* Layers were renamed since they were read: paths are made anew of the names that are written. */
static int make_path(struct naming *naming, struct kf_layer *layer, const char *above)
{
    layer->path =
        *above ? kf_arena_printf(naming->model->arena, "%s/%s", above, layer->name) : layer->name;
    if (!layer->path)
        return no_memory(naming);
    for (size_t i = 0; i < layer->n_parts; i++)
        KF_TRY(make_path(naming, layer->parts[i], layer->path));
    for (size_t i = 0; layer->inner && i < layer->inner->n_layers; i++)
        KF_TRY(make_path(naming, layer->inner->layers[i], layer->path));
    return 0;
}

static int name_graph(struct naming *naming, struct kf_graph *graph);

static int name_layer(struct naming *naming, struct kf_layer *layer)
{
    struct kf_legacy_order order = {0};
    int r;

    if (layer->inner)
        return name_graph(naming, layer->inner);
    r = kf_legacy_order(&order, layer, naming->model->dialect);
    if (r < 0)
        r = no_memory(naming);
    for (size_t i = 0; r >= 0 && i < order.n; i++)
        r = add(naming, order.slots[i].layer, order.slots[i].layer->path, order.slots[i].tensor,
                name_in_model(naming, order.slots[i].layer, order.slots[i].tensor));
    kf_legacy_order_finish(&order);
    return r;
}

static int name_graph(struct naming *naming, struct kf_graph *graph)
{
    for (size_t i = 0; i < graph->n_layers; i++)
        KF_TRY(name_layer(naming, graph->layers[i]));
    return 0;
}

static int name_group(struct naming *naming, struct kf_loose *loose, const char *path)
{
    struct kf_arena *arena = naming->model->arena;

    for (size_t i = 0; i < loose->n_tensors; i++) {
        struct kf_tensor *tensor = &loose->tensors[i];
        const char *name = loose->has_vars ? kf_arena_printf(arena, "%s%svars/%s", path,
                                                             *path ? "/" : "", tensor->dataset)
                                           : tensor->dataset;

        KF_TRY(add(naming, NULL, loose->layer ? loose->layer : path, tensor, name));
    }
    for (size_t i = 0; i < loose->n_below; i++) {
        const char *below =
            kf_arena_printf(arena, "%s%s%s", path, *path ? "/" : "", loose->below[i]->name);

        if (!below)
            return no_memory(naming);
        KF_TRY(name_group(naming, loose->below[i], below));
    }
    return 0;
}

int kf_tensor_names(struct kf_tensor_names *out, struct kf_model *model, struct kf_report *rep)
{
    json_auto_t *used = json_object();
    struct naming naming = {.model = model, .names = out, .used = used, .rep = rep};

    if (!used)
        return no_memory(&naming);
    if (!model->graph)
        return name_group(&naming, model->loose, "");
    for (size_t i = 0; i < model->graph->n_layers; i++)
        KF_TRY(make_path(&naming, model->graph->layers[i], ""));
    return name_graph(&naming, model->graph);
}

int kf_tensor_names_plan(const struct kf_tensor_names *names, struct kf_model *model,
                         struct kf_report *rep)
{
    if (model->graph)
        KF_TRY(kf_layers_count(model->graph, rep));
    for (size_t i = 0; i < names->n; i++)
        KF_TRY(kf_tensor_row(rep, names->items[i].tensor, names->items[i].owner,
                             names->items[i].name));
    return 0;
}

void kf_tensor_names_finish(struct kf_tensor_names *names)
{
    kf_free(names->items);
    *names = (struct kf_tensor_names){0};
}
