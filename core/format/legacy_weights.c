/* SPDX-License-Identifier: Apache-2.0 */
#include "legacy_weights.h"
#include "../base/str.h"
#include "../io/json.h"
#include "../model/classes.h"
#include "layer_vars.h"
#include "legacy_order.h"
#include <string.h>

struct bind {
    struct kf_model *model;
    struct kf_h5 *h5;
    const char *root; /* "" or "/model_weights" */
    struct kf_report *rep;
    const char **groups; /* layer_names */
    size_t n_groups;
    json_t *index_of; /* group name -> its number; owned */
};

static int no_memory(struct bind *bind)
{
    return kf_report_add(bind->rep, KF_NO_MEMORY, "", "out of memory");
}

/* "kernel" of "dense_1/kernel:0". */
static const char *last_part(const char *name, size_t *n_out)
{
    const char *slash = strrchr(name, '/'), *start = slash ? slash + 1 : name;

    *n_out = strcspn(start, ":");
    return start;
}

static bool named(const char *name, const char *variable)
{
    size_t n, n_variable;
    const char *part = last_part(name, &n), *wanted = last_part(variable, &n_variable);

    return n == n_variable && memcmp(part, wanted, n) == 0;
}

/* Whether a name fits a slot: its variable, and the direction where a Bidirectional has one. */
static bool fits(const struct kf_legacy_slot *slot, const char *name)
{
    const char *direction = slot->layer->attribute;
    bool forward = kf_streq(direction, "forward_layer"),
         backward = kf_streq(direction, "backward_layer");

    return named(name, slot->tensor->variable) &&
           !(forward && strstr(name, "/backward_") && !strstr(name, "/forward_")) &&
           !(backward && strstr(name, "/forward_") && !strstr(name, "/backward_"));
}

/*
 * A Bidirectional whose forward layer alone is frozen: its config does not say so, but its
 * weights stand after the others. The names tell the two apart, so they decide.
 */
static void order_directions(const struct kf_legacy_order *order, const char **names)
{
    for (size_t i = 0; i < order->n; i++)
        for (size_t k = i + 1; k < order->n && !fits(&order->slots[i], names[i]); k++) {
            const char *name = names[k];

            if (!fits(&order->slots[i], name))
                continue;
            memmove(&names[i + 1], &names[i], (k - i) * sizeof(*names));
            names[i] = name;
        }
}

/* A name that says kernel where the order says bias: order and flags disagree. */
static int check_names(struct bind *bind, const struct kf_legacy_order *order, const char **names,
                       const char *where)
{
    for (size_t i = 0; i < order->n; i++) {
        const struct kf_layer *owner = order->slots[i].layer;

        if (named(names[i], order->slots[i].tensor->variable))
            continue;
        for (size_t k = 0; k < owner->n_tensors; k++)
            if (named(names[i], owner->tensors[k].variable))
                return kf_report_add(bind->rep, KF_MAPPING_AMBIGUOUS, where,
                                     "weight %zu is called %s where %s of %s is due: the file's "
                                     "weights are not in the order of its config",
                                     i, names[i], order->slots[i].tensor->variable, owner->path);
    }
    return 0;
}

static int bind_tensor(struct bind *bind, const char *group, const struct kf_legacy_slot *slot,
                       const char *name)
{
    struct kf_arena *arena = bind->model->arena;
    const char *path = kf_arena_printf(arena, "%s/%s/%s", bind->root, group, name);
    struct kf_payload *payload = kf_arena_alloc(arena, sizeof(*payload));

    slot->tensor->source = kf_arena_strdup(arena, name);
    if (!path || !payload || !slot->tensor->source)
        return no_memory(bind);
    KF_TRY(kf_h5_payload(bind->h5, path, arena, payload, bind->rep));
    slot->tensor->payload = payload;
    return kf_vars_check(slot->layer, slot->tensor, bind->rep);
}

/* A layer of a class that nobody knows owns what its group holds, in that order. */
static int take_unknown(struct bind *bind, struct kf_layer *layer, const char **names, size_t n)
{
    layer->tensors = kf_arena_alloc(bind->model->arena, (n ? n : 1) * sizeof(*layer->tensors));
    if (!layer->tensors)
        return no_memory(bind);
    layer->n_tensors = n;
    for (size_t i = 0; i < n; i++)
        layer->tensors[i] =
            (struct kf_tensor){.variable = names[i], .subpath = "", .trainable = true};
    return 0;
}

static bool is_opaque(const struct kf_layer *layer)
{
    return !layer->inner && !layer->n_parts && !kf_vars_known(layer->class_name);
}

/* The first layer below `layer` that nobody knows the variables of. */
static const struct kf_layer *find_opaque(const struct kf_layer *layer)
{
    size_t n = layer->inner ? layer->inner->n_layers : layer->n_parts;
    struct kf_layer *const *below = layer->inner ? layer->inner->layers : layer->parts;
    const struct kf_layer *found = NULL;

    for (size_t i = 0; !found && i < n; i++)
        found = is_opaque(below[i]) && !kf_class_find("keras.layers", below[i]->class_name)
                    ? below[i]
                    : find_opaque(below[i]);
    return found;
}

static int report_count(struct bind *bind, const struct kf_layer *layer,
                        const struct kf_legacy_order *order, size_t n)
{
    const struct kf_layer *opaque = find_opaque(layer);

    if (opaque)
        return kf_report_add(bind->rep, KF_CUSTOM_CLASS, opaque->path,
                             "%s is not a layer of Keras, and which of the weights of %s are its "
                             "own is not known",
                             opaque->class_name, layer->name);
    return kf_report_add(bind->rep, KF_WEIGHT_COUNT, layer->path,
                         "the file has %zu weights for the layer where a %s with this config has "
                         "%zu",
                         n, layer->class_name, order->n);
}

static int bind_ordered(struct bind *bind, struct kf_layer *layer, const char *group,
                        const char **names, size_t n)
{
    struct kf_legacy_order order = {0};
    int r = kf_legacy_order(&order, layer);

    if (r < 0)
        r = no_memory(bind);
    else if (order.n != n)
        r = report_count(bind, layer, &order, n);
    else {
        if (strcmp(layer->class_name, "Bidirectional") == 0)
            order_directions(&order, names);
        r = check_names(bind, &order, names, layer->path);
    }
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = bind_tensor(bind, group, &order.slots[i], names[i]);
    kf_legacy_order_finish(&order);
    return r;
}

static int bind_layer(struct bind *bind, struct kf_layer *layer, const char *group)
{
    const char **names = NULL, *path;
    size_t n = 0;

    if (group) {
        path = kf_arena_printf(bind->model->arena, "%s/%s", bind->root, group);
        if (!path)
            return no_memory(bind);
        KF_TRY(kf_h5_attr_names(bind->h5, path, "weight_names", bind->model->arena, &names, &n,
                                bind->rep));
    }
    if (is_opaque(layer) && !kf_class_find("keras.layers", layer->class_name))
        KF_TRY(take_unknown(bind, layer, names, n));
    return bind_ordered(bind, layer, group, names, n);
}

static bool has_tensors(struct kf_layer *layer)
{
    struct kf_legacy_order order = {0};
    bool any = kf_legacy_order(&order, layer) >= 0 && order.n > 0;

    kf_legacy_order_finish(&order);
    return any;
}

/* The group of a layer: the one of its name; a layer without weights may have none. */
static const char *group_of(struct bind *bind, const struct kf_layer *layer)
{
    const json_t *index = json_object_get(bind->index_of, layer->name);

    return index ? bind->groups[json_integer_value(index)] : NULL;
}

static int bind_by_name(struct bind *bind, struct kf_graph *graph)
{
    for (size_t i = 0; i < graph->n_layers; i++) {
        const char *group = group_of(bind, graph->layers[i]);

        if (group || has_tensors(graph->layers[i]))
            KF_TRY(bind_layer(bind, graph->layers[i], group));
    }
    return 0;
}

/* How many names the group's weight_names has; 0 also when it cannot be read. */
static int count_weights(struct bind *bind, const char *group, size_t *n_out)
{
    const char *path = kf_arena_printf(bind->model->arena, "%s/%s", bind->root, group), **names;

    *n_out = 0;
    if (!path)
        return no_memory(bind);
    return kf_h5_attr_names(bind->h5, path, "weight_names", bind->model->arena, &names, n_out,
                            bind->rep);
}

/* As Keras does when it loads by topology: layers with weights on both sides, one by one. */
static int bind_by_order(struct bind *bind, struct kf_graph *graph)
{
    size_t next = 0, n;

    for (size_t i = 0; i < graph->n_layers; i++) {
        if (!has_tensors(graph->layers[i]))
            continue;
        for (n = 0; next < bind->n_groups && n == 0; next++)
            KF_TRY(count_weights(bind, bind->groups[next], &n));
        if (!n)
            return kf_report_add(bind->rep, KF_WEIGHTS_MISSING, graph->layers[i]->path,
                                 "the file has no weights for the layer");
        KF_TRY(bind_layer(bind, graph->layers[i], bind->groups[next - 1]));
    }
    return 0;
}

/* True when every layer that has weights has a group of its name. */
static bool all_named(struct bind *bind, struct kf_graph *graph)
{
    for (size_t i = 0; i < graph->n_layers; i++)
        if (has_tensors(graph->layers[i]) && !group_of(bind, graph->layers[i]))
            return false;
    return true;
}

static int read_groups(struct bind *bind)
{
    const char *root = *bind->root ? bind->root : "/";

    KF_TRY(kf_h5_attr_names(bind->h5, root, "layer_names", bind->model->arena, &bind->groups,
                            &bind->n_groups, bind->rep));
    for (size_t i = 0; i < bind->n_groups; i++)
        KF_TRY(
            kf_json_set(bind->index_of, bind->groups[i], json_integer((json_int_t)i), bind->rep));
    return 0;
}

int kf_legacy_bind(struct kf_model *model, struct kf_h5 *h5, const char *root,
                   struct kf_report *rep)
{
    struct bind bind = {.model = model,
                        .h5 = h5,
                        .root = kf_streq(root, "/") ? "" : root,
                        .rep = rep,
                        .index_of = json_object()};
    int r = bind.index_of ? read_groups(&bind) : no_memory(&bind);

    if (r >= 0)
        r = all_named(&bind, model->graph) ? bind_by_name(&bind, model->graph)
                                           : bind_by_order(&bind, model->graph);
    json_decref(bind.index_of);
    return r;
}
