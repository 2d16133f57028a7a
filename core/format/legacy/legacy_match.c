/* SPDX-License-Identifier: Apache-2.0 */
#include "legacy_match.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/classes.h"
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

/* "kernel" of "dense_1/kernel:0". */
static const char *last_part(const char *name, size_t *n_out)
{
    const char *slash = strrchr(name, '/'), *start = slash ? slash + 1 : name;

    *n_out = strcspn(start, ":");
    return start;
}

bool kf_legacy_names(const char *name, const char *variable)
{
    size_t n, n_variable;
    const char *part = last_part(name, &n), *wanted = last_part(variable, &n_variable);

    return n == n_variable && memcmp(part, wanted, n) == 0;
}

bool kf_legacy_is_opaque(const struct kf_layer *layer)
{
    return !layer->inner && !layer->n_parts &&
           (layer->users || (!kf_vars_known(layer->class_name) &&
                             !kf_class_find("keras.layers", layer->class_name)));
}

/* The first layer below `layer` that nobody knows the variables of. */
static const struct kf_layer *find_opaque(const struct kf_layer *layer,
                                          bool (*is_opaque)(const struct kf_layer *layer))
{
    size_t n = layer->inner ? layer->inner->n_layers : layer->n_parts;
    struct kf_layer *const *below = layer->inner ? layer->inner->layers : layer->parts;
    const struct kf_layer *found = NULL;

    for (size_t i = 0; !found && i < n; i++)
        found = is_opaque(below[i]) ? below[i] : find_opaque(below[i], is_opaque);
    return found;
}

int kf_legacy_report_count(struct kf_report *rep, const struct kf_layer *layer,
                           bool (*is_opaque)(const struct kf_layer *layer), size_t wanted, size_t n)
{
    const struct kf_layer *opaque = find_opaque(layer, is_opaque);

    if (opaque)
        return kf_report_add(rep, KF_CUSTOM_CLASS, opaque->path,
                             "%s is not a layer of Keras, and which of the weights of %s are its "
                             "own is not known",
                             opaque->class_name, layer->name);
    return kf_report_add(rep, KF_WEIGHT_COUNT, layer->path,
                         "the file has %zu weights for the layer where a %s with this config has "
                         "%zu",
                         n, layer->class_name, wanted);
}

int kf_legacy_groups(struct kf_legacy_group **out, size_t *n_out, struct kf_model *model,
                     struct kf_h5 *h5, const char *root, struct kf_report *rep)
{
    struct kf_legacy_group *groups;
    const char **names;
    size_t n = 0;

    KF_TRY(kf_h5_attr_names(h5, *root ? root : "/", "layer_names", model->arena, &names, &n, rep));
    groups = kf_arena_alloc(model->arena, (n ? n : 1) * sizeof(*groups));
    if (!groups)
        return no_memory(rep);
    for (size_t i = 0; i < n; i++) {
        groups[i].name = names[i];
        groups[i].path = kf_arena_printf(model->arena, "%s/%s", root, names[i]);
        if (!groups[i].path)
            return no_memory(rep);
        KF_TRY(kf_h5_attr_names(h5, groups[i].path, "weight_names", model->arena,
                                &groups[i].weights, &groups[i].n, rep));
    }
    *out = groups;
    *n_out = n;
    return 0;
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
    if (by_name(match, graph))
        return match->starved ? no_memory(match->rep) : check_surplus(match);
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
