/* SPDX-License-Identifier: Apache-2.0 */
#include "keras1_weights.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/classes.h"
#include "../layer_vars.h"
#include "../legacy/legacy_match.h"
#include "../legacy/legacy_order.h"
#include "keras1_flatten.h"
#include "keras1_numbered.h"
#include <stdlib.h>
#include <string.h>

struct bind {
    struct kf_model *model;
    struct kf_h5 *h5;
    const char *root; /* "" or "/model_weights" */
    struct kf_report *rep;
    struct kf_legacy_group *groups;
    size_t n_groups;
    json_t *index_of; /* name of a group with weights -> its number; owned */
};

static int no_memory(struct bind *bind)
{
    return kf_report_add(bind->rep, KF_NO_MEMORY, "", "out of memory");
}

/* A layer of a class that no table knows: it owns what its group holds. */
static bool is_opaque(const struct kf_layer *layer)
{
    return !layer->inner && !layer->n_parts && !layer->n_tensors &&
           !kf_class_find("keras.layers", layer->class_name) &&
           strcmp(layer->class_name, "Merge") != 0;
}

static const struct kf_legacy_group *group_named(const struct bind *bind, const char *name)
{
    const json_t *index = json_object_get(bind->index_of, name);

    return index ? &bind->groups[json_integer_value(index)] : NULL;
}

static int has_weights(struct bind *bind, struct kf_layer *layer, bool *has)
{
    struct kf_legacy_order order = {0};
    int r = kf_legacy_order(&order, layer, KF_DIALECT_KERAS1);

    *has = order.n > 0 || (is_opaque(layer) && group_named(bind, layer->name));
    kf_legacy_order_finish(&order);
    return r < 0 ? no_memory(bind) : 0;
}

/* Whether the name in the file ends as the variable is called: "lstm_1_W_i:0" is "W_i". */
static bool ends_as(const char *name, const char *variable)
{
    size_t n = strcspn(name, ":"), n_variable = strlen(variable);

    return n > n_variable && name[n - n_variable - 1] == '_' &&
           memcmp(name + n - n_variable, variable, n_variable) == 0;
}

/* A name that says U_i where the order says W_i: the file is not in the order of its config. */
static int check_name(struct bind *bind, const struct kf_legacy_slot *slot, const char *name)
{
    const struct kf_layer *owner = slot->layer;

    if (ends_as(name, slot->tensor->variable))
        return 0;
    for (size_t i = 0; i < owner->n_tensors; i++)
        if (ends_as(name, owner->tensors[i].variable))
            return kf_report_add(bind->rep, KF_MAPPING_AMBIGUOUS, owner->path,
                                 "a weight is called %s where %s is due: the file's weights are "
                                 "not in the order of its config",
                                 name, slot->tensor->variable);
    return 0;
}

static int bind_tensor(struct bind *bind, const struct kf_legacy_group *group,
                       const struct kf_legacy_slot *slot, const char *name)
{
    struct kf_arena *arena = bind->model->arena;
    const char *path = kf_arena_printf(arena, "%s/%s", group->path, name);
    struct kf_payload *payload = kf_arena_alloc(arena, sizeof(*payload));

    if (!path || !payload)
        return no_memory(bind);
    slot->tensor->source = name;
    KF_TRY(check_name(bind, slot, name));
    KF_TRY(kf_h5_payload(bind->h5, path, arena, payload, bind->rep));
    slot->tensor->payload = payload;
    return 0;
}

static int take_unknown(struct bind *bind, struct kf_layer *layer,
                        const struct kf_legacy_group *group)
{
    layer->tensors = kf_arena_alloc(bind->model->arena, group->n * sizeof(*layer->tensors));
    if (!layer->tensors)
        return no_memory(bind);
    layer->n_tensors = group->n;
    for (size_t i = 0; i < group->n; i++)
        layer->tensors[i] =
            (struct kf_tensor){.variable = group->weights[i], .subpath = "", .trainable = true};
    return 0;
}

static int bind_layer(struct bind *bind, struct kf_layer *layer,
                      const struct kf_legacy_group *group)
{
    struct kf_legacy_order order = {0};
    int r;

    if (is_opaque(layer))
        KF_TRY(take_unknown(bind, layer, group));
    r = kf_legacy_order(&order, layer, KF_DIALECT_KERAS1);
    if (r < 0)
        r = no_memory(bind);
    else if (order.n != group->n)
        r = kf_legacy_report_count(bind->rep, layer, is_opaque, order.n, group->n);
    for (size_t i = 0; r >= 0 && i < group->n; i++)
        r = bind_tensor(bind, group, &order.slots[i], group->weights[i]);
    kf_legacy_order_finish(&order);
    return r;
}

/* By name where every layer with weights has a group of its name, else one by one as Keras does. */
static int bind_layers(struct bind *bind, struct kf_layer **layers, size_t n)
{
    size_t next = 0, weighted = 0, groups = 0;
    bool named = true;

    for (size_t i = 0; i < n; i++)
        named = named && group_named(bind, layers[i]->name);
    for (size_t i = 0; i < bind->n_groups; i++)
        groups += bind->groups[i].n > 0;
    if (!named && n != groups)
        return kf_report_add(bind->rep, KF_WEIGHT_COUNT, "",
                             "the file has weights for %zu layers where the model has %zu", groups,
                             n);
    for (; weighted < n; weighted++, next++) {
        const struct kf_legacy_group *group =
            named ? group_named(bind, layers[weighted]->name) : NULL;

        while (!named && !bind->groups[next].n)
            next++;
        KF_TRY(bind_layer(bind, layers[weighted], named ? group : &bind->groups[next]));
    }
    return 0;
}

static int read_groups(struct bind *bind)
{
    KF_TRY(kf_legacy_groups(&bind->groups, &bind->n_groups, bind->model, bind->h5, bind->root,
                            bind->rep));
    for (size_t i = 0; i < bind->n_groups; i++)
        if (bind->groups[i].n)
            KF_TRY(kf_json_set(bind->index_of, bind->groups[i].name, json_integer((json_int_t)i),
                               bind->rep));
    return 0;
}

/* "dense_1_W:0" is TensorFlow's, "dense_1_W" Theano's; "param_0" stands for one without a name. */
static void tell_backend(struct bind *bind)
{
    const char *backend = NULL, *name = "";

    if (bind->rep->source.backend)
        return;
    for (size_t i = 0; i < bind->n_groups; i++)
        for (size_t k = 0; k < bind->groups[i].n; k++) {
            const char *weight = bind->groups[i].weights[k];

            if (kf_starts(weight, "param_") || (backend && strcmp(backend, "tensorflow") == 0))
                continue;
            backend = strchr(weight, ':') ? "tensorflow" : "theano";
            name = weight;
        }
    if (!backend)
        return;
    kf_report_set(&bind->rep->source.backend, backend);
    kf_report_evidence(bind->rep, "a weight is called %s, as %s has it", name,
                       strcmp(backend, "theano") == 0 ? "Theano" : "TensorFlow");
}

/* Drop the layers without weights from a list; the new length goes to `*n`. */
static int keep_weighted(struct bind *bind, struct kf_layer **layers, size_t *n)
{
    size_t kept = 0;

    for (size_t i = 0; i < *n; i++) {
        bool has;

        KF_TRY(has_weights(bind, layers[i], &has));
        if (has)
            layers[kept++] = layers[i];
    }
    *n = kept;
    return 0;
}

static int bind_numbered(struct bind *bind, struct kf_layer **layers, size_t n)
{
    KF_TRY(kf_keras1_numbered(&bind->groups, &bind->n_groups, bind->model, bind->h5, bind->root,
                              bind->rep));
    if (bind->n_groups != n)
        return kf_report_add(bind->rep, KF_WEIGHT_COUNT, "",
                             "the file has %zu layers where the model has %zu", bind->n_groups, n);
    for (size_t i = 0; i < n; i++)
        KF_TRY(bind_layer(bind, layers[i], &bind->groups[i]));
    return 0;
}

/* An attribute that cannot be looked for counts as there: whoever reads it says why. */
static bool is_numbered(struct bind *bind)
{
    const char *root = *bind->root ? bind->root : "/";

    return kf_h5_has_attr(bind->h5, root, "nb_layers") &&
           !kf_h5_has_attr(bind->h5, root, "layer_names") &&
           !kf_h5_has_attr(bind->h5, root, "layer_names0");
}

static int bind_all(struct bind *bind)
{
    struct kf_layer **layers;
    size_t n;

    KF_TRY(kf_keras1_flatten(bind->model, bind->model->graph, &layers, &n, bind->rep));
    if (is_numbered(bind))
        return bind_numbered(bind, layers, n);
    KF_TRY(read_groups(bind));
    tell_backend(bind);
    KF_TRY(keep_weighted(bind, layers, &n));
    return bind_layers(bind, layers, n);
}

int kf_keras1_bind(struct kf_model *model, struct kf_h5 *h5, const char *root,
                   struct kf_report *rep)
{
    struct bind bind = {.model = model,
                        .h5 = h5,
                        .root = kf_streq(root, "/") ? "" : root,
                        .rep = rep,
                        .index_of = json_object()};
    int r = bind.index_of ? bind_all(&bind) : no_memory(&bind);

    json_decref(bind.index_of);
    return r;
}
