/* SPDX-License-Identifier: Apache-2.0 */
#include "legacy_names.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include <string.h>

static const struct {
    const char *class_name, *keras2, *keras3;
} cells[] = {
#define KF_CELL(class_name, keras2, keras3) {class_name, keras2, keras3},
#include "legacy_names.def"
};

static const struct holds {
    const char *class_name, *attribute, *keras2, *keras3;
} held[] = {
#define KF_HOLDS(class_name, attribute, keras2, keras3) {class_name, attribute, keras2, keras3},
#include "legacy_names.def"
};

#define N_ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

struct naming {
    struct kf_model *model;
    bool keras3;
    struct kf_report *rep;
};

static int name_graph(struct naming *naming, struct kf_graph *graph, const char *scope);

static int no_memory(struct naming *naming, const char *where)
{
    return kf_report_add(naming->rep, KF_NO_MEMORY, where, "out of memory");
}

/* "scope/name" in the arena, `scope` where `name` is empty. */
static const char *below(struct naming *naming, const char *scope, const char *name)
{
    if (!scope || !name || !*name)
        return scope;
    return *scope ? kf_arena_printf(naming->model->arena, "%s/%s", scope, name)
                  : kf_arena_strdup(naming->model->arena, name);
}

/* What a part adds to the name of the layer that holds it; NULL when memory ran out. */
static const char *part_name(struct naming *naming, const struct kf_layer *layer,
                             const struct kf_layer *part)
{
    const char *form = "%s", *at;

    for (size_t i = 0; i < N_ROWS(held); i++)
        if (strcmp(held[i].class_name, layer->class_name) == 0 &&
            strcmp(held[i].attribute, part->attribute) == 0)
            form = naming->keras3 ? held[i].keras3 : held[i].keras2;
    at = strstr(form, "%s");
    return at ? kf_arena_printf(naming->model->arena, "%.*s%s", (int)(at - form), form, part->name)
              : form;
}

static const char *cell_name(const struct naming *naming, const struct kf_layer *layer)
{
    for (size_t i = 0; i < N_ROWS(cells); i++)
        if (strcmp(cells[i].class_name, layer->class_name) == 0)
            return naming->keras3 ? cells[i].keras3 : cells[i].keras2;
    return "";
}

static int name_layer(struct naming *naming, struct kf_layer *layer, const char *scope)
{
    layer->group = below(naming, scope, cell_name(naming, layer));
    if (!layer->group)
        return no_memory(naming, layer->path);
    for (size_t i = 0; i < layer->n_parts; i++) {
        const char *name = part_name(naming, layer, layer->parts[i]);

        KF_TRY(name_layer(naming, layer->parts[i], name ? below(naming, scope, name) : NULL));
    }
    return layer->inner ? name_graph(naming, layer->inner, scope) : 0;
}

/* A model of Keras 2 adds nothing to the names of its layers' variables. */
static int name_graph(struct naming *naming, struct kf_graph *graph, const char *scope)
{
    for (size_t i = 0; i < graph->n_layers; i++)
        KF_TRY(name_layer(naming, graph->layers[i],
                          below(naming, naming->keras3 ? scope : "", graph->layers[i]->name)));
    return 0;
}

int kf_legacy_scopes(struct kf_model *model, int keras, struct kf_report *rep)
{
    struct naming naming = {.model = model, .keras3 = keras >= KF_KERAS(3, 0, 0), .rep = rep};

    return name_graph(&naming, model->graph, "");
}

/* A variable of a class that nobody knows is called what the file calls it. */
static const char *full_name(struct kf_arena *arena, const struct kf_legacy_slot *slot,
                             const char *scope, const char *end)
{
    if (strchr(slot->tensor->variable, ':'))
        return slot->tensor->variable;
    return kf_arena_printf(arena, "%s/%s%s", scope, slot->tensor->variable, end);
}

/* Two layers of one name, of two models in the group, are told apart by their paths. */
static const char *free_name(struct kf_arena *arena, const struct kf_legacy_slot *slot,
                             const json_t *used, const char *end)
{
    const char *name = full_name(arena, slot, slot->layer->group, end);

    if (name && json_object_get(used, name))
        name = kf_arena_printf(arena, "%s/%s%s", slot->layer->path, slot->tensor->variable, end);
    for (unsigned i = 1; name && json_object_get(used, name); i++)
        name =
            kf_arena_printf(arena, "%s_%u/%s%s", slot->layer->path, i, slot->tensor->variable, end);
    return name;
}

int kf_legacy_variable_names(const char ***out, struct kf_model *model,
                             const struct kf_legacy_order *order, int keras, struct kf_report *rep)
{
    const char **names = kf_arena_alloc(model->arena, (order->n + 1) * sizeof(*names));
    const char *end = keras >= KF_KERAS(3, 0, 0) ? "" : ":0";
    json_auto_t *used = json_object();

    for (size_t i = 0; names && i < order->n; i++) {
        names[i] = free_name(model->arena, &order->slots[i], used, end);
        if (!names[i])
            return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
        KF_TRY(kf_json_set(used, names[i], json_true(), rep));
    }
    *out = names;
    return names ? 0 : kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
}
