/* SPDX-License-Identifier: Apache-2.0 */
#include "legacy_match.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../layer_vars.h"
#include "legacy_order.h"
#include <string.h>

struct match {
    struct kf_model *model;
    struct kf_h5 *h5;
    struct kf_report *rep;
    struct kf_legacy_group *groups;
    size_t n_groups;
    struct kf_legacy_group **of; /* by layer */
    bool starved;                /* memory ran out while something was only tried */
    json_t *index_of;            /* group name -> its number; owned */
};

static int no_memory(struct kf_report *rep)
{
    return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
}

static bool has_tensors(struct match *match, struct kf_layer *layer)
{
    struct kf_legacy_order order = {0};
    bool any;

    match->starved = kf_legacy_order(&order, layer, match->model->dialect) < 0 || match->starved;
    any = order.n > 0;

    kf_legacy_order_finish(&order);
    return any;
}

static struct kf_legacy_group *group_of(struct match *match, const struct kf_layer *layer)
{
    const json_t *index = json_object_get(match->index_of, layer->name);

    return index ? &match->groups[json_integer_value(index)] : NULL;
}

static void take(struct match *match, size_t layer, struct kf_legacy_group *group)
{
    match->of[layer] = group;
    if (group)
        group->taken = true;
}

/* True when every layer that has weights has a group of its name. */
static bool by_name(struct match *match, const struct kf_graph *graph)
{
    for (size_t i = 0; i < graph->n_layers; i++)
        if (has_tensors(match, graph->layers[i]) && !group_of(match, graph->layers[i]))
            return false;
    for (size_t i = 0; i < graph->n_layers; i++)
        take(match, i, group_of(match, graph->layers[i]));
    return true;
}

/* Whether a dataset has the axes that the variable must have. */
static bool has_shape(struct match *match, const struct kf_legacy_slot *slot,
                      const struct kf_legacy_group *group, const char *name)
{
    const char *path = kf_arena_printf(match->model->arena, "%s/%s", group->path, name);
    struct kf_tensor tensor = {.variable = slot->tensor->variable, .source = name};
    struct kf_payload payload;
    struct kf_report ignored;
    bool fits;

    match->starved = match->starved || !path;
    kf_report_init(&ignored);
    fits = path && kf_h5_payload(match->h5, path, match->model->arena, &payload, &ignored) >= 0;
    tensor.payload = &payload;
    fits = fits && kf_vars_check(slot->layer, &tensor, &ignored) >= 0;
    match->starved = match->starved || ignored.first_failure == KF_NO_MEMORY;
    kf_report_finish(&ignored);
    return fits;
}

/* Whether a group may hold the weights of a layer: as many, of these names and shapes. */
static bool fits(struct match *match, struct kf_layer *layer, const struct kf_legacy_group *group)
{
    struct kf_legacy_order order = {0};
    bool good;

    match->starved = kf_legacy_order(&order, layer, match->model->dialect) < 0 || match->starved;
    good = order.n == group->n;

    for (size_t i = 0; good && i < order.n; i++)
        good = kf_legacy_names(group->weights[i], order.slots[i].tensor->variable) &&
               has_shape(match, &order.slots[i], group, group->weights[i]);
    kf_legacy_order_finish(&order);
    return good;
}

/* The next group with weights from `*at` on, or NULL. */
static struct kf_legacy_group *next_group(struct match *match, size_t *at)
{
    while (*at < match->n_groups && !match->groups[*at].n)
        ++*at;
    return *at < match->n_groups ? &match->groups[(*at)++] : NULL;
}

/* As Keras does: layers with weights on both sides, one by one. */
static bool by_position(struct match *match, const struct kf_graph *graph)
{
    size_t at = 0;

    for (size_t i = 0; i < graph->n_layers; i++) {
        struct kf_legacy_group *group;

        if (kf_legacy_is_opaque(graph->layers[i]))
            return false;
        if (!has_tensors(match, graph->layers[i]))
            continue;
        group = next_group(match, &at);
        if (!group || !fits(match, graph->layers[i], group))
            return false;
        match->of[i] = group;
    }
    if (next_group(match, &at))
        return false;
    for (size_t i = 0; i < graph->n_layers; i++)
        take(match, i, match->of[i]);
    return true;
}

/* The first free group that fits; the number of all of them too. */
static struct kf_legacy_group *find_fit(struct match *match, struct kf_layer *layer, size_t *n_out)
{
    struct kf_legacy_group *first = NULL;

    *n_out = 0;
    for (size_t i = 0; i < match->n_groups; i++)
        if (match->groups[i].n && !match->groups[i].taken &&
            fits(match, layer, &match->groups[i])) {
            if (!first)
                first = &match->groups[i];
            ++*n_out;
        }
    return first;
}

/* "dense_1, dense_2", as far as it goes into one sentence. */
static void list_fits(struct match *match, struct kf_layer *layer, char *out, size_t max)
{
    size_t used = 0;

    *out = '\0';
    for (size_t i = 0; i < match->n_groups && used + 1 < max; i++)
        if (match->groups[i].n && !match->groups[i].taken &&
            fits(match, layer, &match->groups[i])) {
            int n =
                snprintf(out + used, max - used, "%s%s", used ? ", " : "", match->groups[i].name);

            used += n > 0 ? (size_t)n : 0;
        }
}

/* What can be said about one layer that has no group of its name. */
static void find_by_shape(struct match *match, size_t index, struct kf_layer *layer, bool guess)
{
    char candidates[256];
    size_t n;
    struct kf_legacy_group *group = find_fit(match, layer, &n);

    list_fits(match, layer, candidates, sizeof(candidates));
    if (match->starved)
        return; /* what does not fit may do so with memory */
    if (!group) {
        kf_report_add(match->rep, KF_WEIGHTS_MISSING, layer->path,
                      "the file has no weights that fit the layer, a %s, by name, position or "
                      "shape",
                      layer->class_name);
        return;
    }
    if (guess)
        take(match, index, group);
    kf_report_add(match->rep, guess ? KF_FINDING : KF_MAPPING_AMBIGUOUS, layer->path,
                  guess ? "its weights are taken from %s, found by shape (%zu fit: %s)"
                        : "by shape its weights may be those of %s (%zu fit: %s); guess=yes takes "
                          "the first that is free",
                  group->name, n, candidates);
}

/* Where names and positions fail: groups of a layer's name first, then those that fit. */
static int by_shape(struct match *match, const struct kf_graph *graph, bool guess)
{
    for (size_t i = 0; i < graph->n_layers; i++) {
        struct kf_legacy_group *group = group_of(match, graph->layers[i]);

        match->of[i] = NULL;
        if (group && fits(match, graph->layers[i], group))
            take(match, i, group);
    }
    for (size_t i = 0; i < graph->n_layers; i++)
        if (!match->of[i] && has_tensors(match, graph->layers[i]))
            find_by_shape(match, i, graph->layers[i], guess);
    return kf_report_status(match->rep);
}

static int list_positions(struct match *match, const struct kf_graph *graph)
{
    for (size_t i = 0; i < graph->n_layers; i++)
        if (match->of[i] && !kf_streq(match->of[i]->name, graph->layers[i]->name))
            kf_report_add(match->rep, KF_FINDING, graph->layers[i]->path,
                          "its weights are those of %s, found by position", match->of[i]->name);
    return 0;
}

/* Where the order of the groups would give a layer the weights of another, and all of them fit. */
static bool order_disagrees(struct match *match, const struct kf_graph *graph,
                            struct kf_legacy_group **in_order)
{
    size_t at = 0;
    bool differs = false;

    for (size_t i = 0; i < graph->n_layers; i++) {
        if (kf_legacy_is_opaque(graph->layers[i]))
            return false;
        if (!has_tensors(match, graph->layers[i]))
            continue;
        if (!(in_order[i] = next_group(match, &at)))
            return false;
        differs = differs || in_order[i] != match->of[i];
    }
    for (size_t i = 0; differs && i < graph->n_layers; i++)
        differs = !in_order[i] || fits(match, graph->layers[i], in_order[i]);
    return differs;
}

/* Keras loads a file without a graph by position, unless it is told by_name=True. */
static int check_order(struct match *match, const struct kf_graph *graph, bool guess)
{
    struct kf_legacy_group **in_order = kf_arena_alloc(
        match->model->arena, (graph->n_layers + 1) * sizeof(struct kf_legacy_group *));

    if (!in_order)
        return no_memory(match->rep);
    if (!order_disagrees(match, graph, in_order))
        return match->starved ? no_memory(match->rep) : 0;
    for (size_t i = 0; i < graph->n_layers; i++)
        if (in_order[i] && in_order[i] != match->of[i])
            kf_report_add(match->rep, guess ? KF_FINDING : KF_MAPPING_AMBIGUOUS,
                          graph->layers[i]->path,
                          guess ? "its weights are those of its name, where by position, as Keras "
                                  "loads them without by_name=True, they are those of %s"
                                : "by position, as Keras loads them without by_name=True, its "
                                  "weights are those of %s, and not those of its name; guess=yes "
                                  "takes those of its name",
                          in_order[i]->name);
    return kf_report_status(match->rep);
}

/* Weights that no layer wants: the architecture is another model's. */
static int check_surplus(struct match *match)
{
    for (size_t i = 0; i < match->n_groups; i++)
        if (match->groups[i].n && !match->groups[i].taken)
            kf_report_add(match->rep, KF_WEIGHT_COUNT, match->groups[i].name,
                          "the file has %zu weights of a layer %s that the architecture has not",
                          match->groups[i].n, match->groups[i].name);
    return kf_report_status(match->rep);
}

static int index_groups(struct match *match)
{
    for (size_t i = 0; i < match->n_groups; i++)
        KF_TRY(kf_json_set(match->index_of, match->groups[i].name, json_integer((json_int_t)i),
                           match->rep));
    return 0;
}

static int find_all(struct match *match, const struct kf_graph *graph, bool guess)
{
    KF_TRY(index_groups(match));
    if (by_name(match, graph)) {
        if (match->starved)
            return no_memory(match->rep);
        KF_TRY(check_surplus(match));
        return check_order(match, graph, guess);
    }
    if (by_position(match, graph) && !match->starved)
        return list_positions(match, graph);
    if (match->starved)
        return no_memory(match->rep);
    KF_TRY(by_shape(match, graph, guess));
    return match->starved ? no_memory(match->rep) : check_surplus(match);
}

int kf_legacy_match(struct kf_legacy_group ***out, struct kf_model *model, struct kf_h5 *h5,
                    const char *root, bool guess, struct kf_report *rep)
{
    struct match match = {.model = model, .h5 = h5, .rep = rep, .index_of = json_object()};
    int r = match.index_of ? 0 : no_memory(rep);

    match.of = kf_arena_alloc(model->arena, (model->graph->n_layers + 1) * sizeof(*match.of));
    if (r >= 0 && !match.of)
        r = no_memory(rep);
    if (r >= 0)
        r = kf_legacy_groups(&match.groups, &match.n_groups, model, h5, root, rep);
    if (r >= 0)
        r = find_all(&match, model->graph, guess);
    json_decref(match.index_of);
    *out = match.of;
    return r;
}
