/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/alloc.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "ops.h"
#include <string.h>

/* Making operation nodes, and taking those out again that nothing needs. */

static int no_memory(struct kf_ops *ops)
{
    return kf_adapt_no_memory(ops->adapt, ops->graph->path);
}

/*
 * Constructors of operations with arguments of their own take a name only from 3.11 on; before,
 * the operation is called by its class.
 */
static bool takes_name(const struct kf_ops *ops, const char *class_name, const json_t *config)
{
    return ops->adapt->since >= 311 ||
           (json_object_size(config) == 0 && strcmp(class_name, "StopGradient") != 0);
}

int kf_op_become(struct kf_ops *ops, size_t index, const char *target, json_t *config)
{
    struct kf_layer *layer = ops->graph->layers[index];
    const char *dot = strchr(target, '.');

    if (!config)
        return no_memory(ops);
    json_decref(layer->config);
    layer->config = config;
    layer->operation = !kf_starts(target, "layers.");
    layer->class_name = dot + 1;
    layer->registered_name = layer->operation ? layer->class_name : NULL;
    layer->module =
        kf_arena_printf(ops->adapt->model->arena, "keras.%s%.*s",
                        layer->operation ? "src.ops." : "", (int)(dot - target), target);
    if (!layer->module)
        return no_memory(ops);
    ops->states[index].target = target;
    ops->states[index].unnamed = layer->operation && !takes_name(ops, layer->class_name, config);
    return ops->states[index].unnamed
               ? 0
               : kf_json_set(config, "name", json_string(layer->name), ops->adapt->rep);
}

/* "<name>_<operation>", with a number where that is taken. */
static const char *free_name(struct kf_ops *ops, const char *name, const char *target)
{
    struct kf_arena *arena = ops->adapt->model->arena;
    const char *what = kf_snake_case(arena, strchr(target, '.') + 1);
    const char *wanted = what ? kf_arena_printf(arena, "%s_%s", name, what) : NULL;

    for (unsigned k = 1; wanted && json_object_get(ops->names, wanted); k++)
        wanted = kf_arena_printf(arena, "%s_%s_%u", name, what, k);
    return wanted;
}

static int add_layer(struct kf_op *op, const char *target, struct kf_layer **out)
{
    struct kf_ops *ops = op->ops;
    struct kf_layer *layer = kf_layer_new(ops->adapt->model);

    if (!layer || !(layer->name = free_name(ops, op->layer->name, target)))
        return no_memory(ops);
    layer->path = *ops->graph->path ? kf_arena_printf(ops->adapt->model->arena, "%s/%s",
                                                      ops->graph->path, layer->name)
                                    : layer->name;
    if (!layer->path ||
        !kf_grow(&ops->states, &ops->states_cap, ops->graph->n_layers + 1, sizeof(*ops->states)))
        return no_memory(ops);
    KF_TRY(kf_json_set(ops->names, layer->name, json_true(), ops->adapt->rep));
    KF_TRY(kf_graph_insert(ops->adapt->model, ops->graph, ops->graph->n_layers, layer,
                           ops->adapt->rep));
    ops->n_states = ops->graph->n_layers;
    *out = layer;
    return 0;
}

int kf_op_node(struct kf_op *op, const char *target, json_t *config, json_t *args, json_t **out)
{
    struct kf_ops *ops = op->ops;
    struct kf_layer *layer = NULL;
    json_t *kwargs = json_object();
    int r = config && args && kwargs ? add_layer(op, target, &layer) : no_memory(ops);

    if (r < 0) {
        json_decref(config);
        json_decref(args);
        json_decref(kwargs);
        return r;
    }
    r = kf_op_become(ops, ops->graph->n_layers - 1, target, config);
    KF_TRY(kf_layer_add_call(ops->adapt->model, layer, args, kwargs, ops->adapt->rep));
    KF_TRY(r);
    op->n_added++;
    *out = kf_ref_new(ops->graph->n_layers - 1, 0, 0);
    return *out ? 0 : no_memory(ops);
}

struct marking {
    struct kf_ops *ops;
    size_t *stack, n;
};

static int mark_ref(json_t *value, void *context)
{
    struct marking *marking = context;
    struct kf_ref ref;

    if (!kf_ref_get(value, &ref) || ref.layer >= marking->ops->n_states ||
        marking->ops->states[ref.layer].alive)
        return 0;
    marking->ops->states[ref.layer].alive = true;
    marking->stack[marking->n++] = ref.layer;
    return 0;
}

static int mark_inputs(struct marking *marking)
{
    while (marking->n) {
        const struct kf_layer *layer = marking->ops->graph->layers[marking->stack[--marking->n]];

        for (size_t k = 0; k < layer->n_calls; k++) {
            KF_TRY(kf_refs_each(layer->calls[k].args, mark_ref, marking));
            KF_TRY(kf_refs_each(layer->calls[k].kwargs, mark_ref, marking));
        }
    }
    return 0;
}

/* Layers stay, whether an output needs them or not. */
static void mark_layers(struct marking *marking)
{
    for (size_t i = 0; i < marking->ops->n_states; i++) {
        if (marking->ops->graph->layers[i]->operation)
            continue;
        marking->ops->states[i].alive = true;
        marking->stack[marking->n++] = i;
    }
}

int kf_op_mark(struct kf_ops *ops)
{
    struct marking marking = {.ops = ops};
    int r;

    marking.stack = kf_alloc((ops->n_states + 1) * sizeof(*marking.stack));
    if (!marking.stack)
        return no_memory(ops);
    mark_layers(&marking);
    r = kf_refs_each(ops->graph->outputs, mark_ref, &marking);
    if (r >= 0)
        r = mark_inputs(&marking);
    kf_free(marking.stack);
    return r;
}

struct renumbering {
    struct kf_ops *ops;
    size_t *now; /* new numbers, by old ones */
};

static int renumber_ref(json_t *value, void *context)
{
    struct renumbering *renumbering = context;
    struct kf_ref ref;

    if (!kf_ref_get(value, &ref) || ref.layer >= renumbering->ops->n_states)
        return 0;
    return kf_json_set_at(json_object_get(value, "$ref"), 0,
                          json_integer((json_int_t)renumbering->now[ref.layer]),
                          renumbering->ops->adapt->rep);
}

static int renumber(struct renumbering *renumbering)
{
    struct kf_graph *graph = renumbering->ops->graph;

    for (size_t i = 0; i < graph->n_layers; i++)
        for (size_t k = 0; k < graph->layers[i]->n_calls; k++) {
            KF_TRY(kf_refs_each(graph->layers[i]->calls[k].args, renumber_ref, renumbering));
            KF_TRY(kf_refs_each(graph->layers[i]->calls[k].kwargs, renumber_ref, renumbering));
        }
    KF_TRY(kf_refs_each(graph->inputs, renumber_ref, renumbering));
    return kf_refs_each(graph->outputs, renumber_ref, renumbering);
}

static int report_gone(struct kf_ops *ops, const struct kf_layer *layer)
{
    return kf_report_add(ops->adapt->rep, KF_NODES_REWRITTEN, layer->path,
                         "the operation %s is left out: nothing needs what it computes",
                         layer->class_name);
}

int kf_op_sweep(struct kf_ops *ops)
{
    struct renumbering renumbering = {.ops = ops};
    struct kf_graph *graph = ops->graph;
    size_t n = 0;
    int r = 0;

    renumbering.now = kf_alloc((ops->n_states + 1) * sizeof(*renumbering.now));
    if (!renumbering.now)
        return no_memory(ops);
    for (size_t i = 0; i < graph->n_layers; i++) {
        if (r >= 0 && !ops->states[i].alive)
            r = report_gone(ops, graph->layers[i]);
        renumbering.now[i] = n;
        graph->layers[n] = graph->layers[i];
        n += ops->states[i].alive;
    }
    if (n < graph->n_layers) {
        graph->n_layers = n;
        r = r < 0 ? r : renumber(&renumbering);
    }
    kf_free(renumbering.now);
    return r;
}

/* The class's snake case name or that with a number: what Keras calls an operation itself. */
static bool is_automatic(json_t *classes, const char *name)
{
    size_t n = strlen(name), digits = n;

    if (json_object_get(classes, name))
        return true;
    while (digits > 0 && name[digits - 1] >= '0' && name[digits - 1] <= '9')
        digits--;
    if (digits == n || digits < 2 || name[digits - 1] != '_')
        return false;
    return json_object_getn(classes, name, digits - 1) != NULL;
}

static int note_unnamed(struct kf_ops *ops, json_t *classes)
{
    for (size_t i = 0; i < ops->n_states; i++) {
        char *name;

        if (!ops->states[i].unnamed || !ops->states[i].alive)
            continue;
        name = kf_snake_case(ops->adapt->model->arena, ops->graph->layers[i]->class_name);
        if (!name)
            return no_memory(ops);
        KF_TRY(kf_json_set(classes, name, json_true(), ops->adapt->rep));
    }
    return 0;
}

/* Before 3.11 Keras names some operations itself, and refuses a model in which names are twice. */
int kf_op_check_names(struct kf_ops *ops)
{
    json_t *classes = json_object();
    int r = classes ? note_unnamed(ops, classes) : no_memory(ops);

    for (size_t i = 0; i < ops->n_states && r >= 0 && json_object_size(classes); i++) {
        const struct kf_layer *layer = ops->graph->layers[i];

        if (ops->states[i].alive && !ops->states[i].unnamed && is_automatic(classes, layer->name))
            kf_report_add(ops->adapt->rep, KF_NO_EQUAL, layer->path,
                          "before Keras 3.11 an operation of the model would get this layer's "
                          "name");
    }
    json_decref(classes);
    return r;
}
