/* SPDX-License-Identifier: Apache-2.0 */
#include "ops.h"
#include "../../base/alloc.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/order.h"
#include <string.h>

static const struct kf_op_row rows[] = {
#define KF_OP(function, target, since, takes, gives, form, arguments)                              \
    {function,          target,    since,         KF_TAKES_##takes, KF_GIVES_##gives,              \
     kf_op_form_##form, arguments, "op:" function},
#include "ops.def"
#undef KF_OP
};

#define OP_CLASSES                                                                                 \
    "TFOpLambda SlicingOpLambda TensorFlowOpLayer ClassMethod InstanceMethod InstanceProperty"

static int rewrite_graph(struct kf_adapt *adapt, struct kf_graph *graph, enum kf_dtype *dtype_out);

int kf_op_refuse(struct kf_op *op, const char *why)
{
    op->why = why;
    return 0;
}

static bool is_op(const struct kf_layer *layer)
{
    return kf_in_words(OP_CLASSES, layer->class_name);
}

/* What the layer stands for, "math.add"; for the classes that have no function what they say. */
static const char *function_of(const struct kf_layer *layer)
{
    const json_t *config = layer->config;
    const char *function = kf_json_str(config, "function", NULL);

    if (!function)
        function = kf_json_str(config, "method_name", kf_json_str(config, "attr_name", NULL));
    if (!function)
        function = kf_json_str(json_object_get(config, "node_def"), "op", NULL);
    return function ? function : layer->class_name;
}

static const struct kf_op_row *row_of(const struct kf_layer *layer)
{
    bool lambda = kf_in_words("TFOpLambda SlicingOpLambda", layer->class_name);

    for (size_t i = 0; lambda && i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].function, function_of(layer)) == 0)
            return &rows[i];
    return NULL;
}

/* Put the rewritten call in place of the file's. */
static int take_call(struct kf_op *op, struct kf_call *call)
{
    json_t *kwargs = json_object();

    if (!kwargs)
        return kf_adapt_no_memory(op->ops->adapt, op->layer->path);
    json_decref(call->args);
    json_decref(call->kwargs);
    call->args = json_incref(op->args);
    call->kwargs = kwargs;
    return 0;
}

static const char *too_new(struct kf_op *op)
{
    int since = op->row->since;
    const char *why;

    if (op->ops->adapt->since >= since)
        return NULL;
    why = kf_arena_printf(op->ops->adapt->model->arena, "its equal came with Keras %d.%d",
                          since / 100, since % 100);
    return why ? why : "its equal came with a later Keras";
}

/* All calls of an operation share its class and config, so they must agree on them. */
static int read_call(struct kf_op *op, json_t **config, const char **target)
{
    op->args = json_array();
    op->config = json_object();
    if (!op->args || !op->config)
        return kf_adapt_no_memory(op->ops->adapt, op->layer->path);
    KF_TRY(kf_op_read(op));
    if (!op->why)
        KF_TRY(op->row->form(op));
    if (op->why)
        return 0;
    if (!*target) {
        *target = op->target;
        *config = json_deep_copy(op->config);
    }
    if (*config && strcmp(*target, op->target) == 0 && json_equal(*config, op->config))
        return 0;
    return *config ? kf_op_refuse(op, "it is called more than once with other arguments")
                   : kf_adapt_no_memory(op->ops->adapt, op->layer->path);
}

static int rewrite_calls(struct kf_op *op, size_t index)
{
    const char *target = NULL;
    json_t *config = NULL;
    int r = op->layer->n_calls ? 0 : kf_op_refuse(op, "it is never called");

    for (size_t k = 0; k < op->layer->n_calls && r >= 0 && !op->why; k++) {
        op->call = &op->layer->calls[k];
        op->target = op->row->target;
        r = read_call(op, &config, &target);
        if (r >= 0 && !op->why) {
            kf_op_note(op, &op->ops->states[index]);
            r = take_call(op, &op->layer->calls[k]);
        }
        json_decref(op->args);
        json_decref(op->config);
        op->args = op->config = NULL;
    }
    if (r < 0 || op->why) {
        json_decref(config);
        return r;
    }
    return kf_op_become(op->ops, index, target, config);
}

static int rewrite_op(struct kf_ops *ops, size_t index)
{
    struct kf_op op = {.ops = ops, .layer = ops->graph->layers[index]};

    op.row = ops->states[index].row = row_of(op.layer);
    if (!op.row) {
        op.why = "Keras 3 has no operation that computes the same";
        kf_op_note_shape(ops, op.layer, &ops->states[index]);
    } else if (!(op.why = too_new(&op)))
        KF_TRY(rewrite_calls(&op, index));
    ops->states[index].n_added = op.n_added;
    ops->states[index].why = op.why;
    op.layer->operation |= op.why != NULL; /* so that nobody refuses it as a layer again */
    return 0;
}

/* Models inside wrappers; what they give is not known. */
static int rewrite_parts(struct kf_adapt *adapt, struct kf_layer *layer)
{
    enum kf_dtype dtype;

    for (size_t i = 0; i < layer->n_parts; i++) {
        if (layer->parts[i]->inner)
            KF_TRY(rewrite_graph(adapt, layer->parts[i]->inner, &dtype));
        KF_TRY(rewrite_parts(adapt, layer->parts[i]));
    }
    return 0;
}

static int first_ref(json_t *ref, void *context)
{
    kf_ref_get(ref, context);
    return -1;
}

/* The dtype of the first tensor that a layer is called with. */
static enum kf_dtype input_dtype(const struct kf_ops *ops, const struct kf_layer *layer)
{
    struct kf_ref ref = {.layer = ops->n_states};

    if (layer->n_calls)
        kf_refs_each(layer->calls[0].args, first_ref, &ref);
    return ref.layer < ops->n_states ? ops->states[ref.layer].dtype : KF_DTYPE_NONE;
}

static int find_unbatched(json_t *value, void *context)
{
    const struct kf_ops *ops = context;
    struct kf_ref ref;

    return kf_ref_get(value, &ref) && ref.layer < ops->n_states && !ops->states[ref.layer].batched
               ? -1
               : 0;
}

/* Whether all tensors that a layer is called with begin with the batch. */
static bool is_batched(struct kf_ops *ops, const struct kf_layer *layer)
{
    for (size_t k = 0; k < layer->n_calls; k++)
        if (kf_refs_each(layer->calls[k].args, find_unbatched, ops) < 0 ||
            kf_refs_each(layer->calls[k].kwargs, find_unbatched, ops) < 0)
            return false;
    return true;
}

static int rewrite_layer(struct kf_ops *ops, size_t index)
{
    struct kf_layer *layer = ops->graph->layers[index];

    if (is_op(layer))
        return rewrite_op(ops, index);
    if (layer->inner)
        return rewrite_graph(ops->adapt, layer->inner, &ops->states[index].dtype);
    ops->states[index].dtype = kf_op_dtype(layer, input_dtype(ops, layer));
    ops->states[index].batched = kf_op_keeps_batch(layer) && is_batched(ops, layer);
    return rewrite_parts(ops->adapt, layer);
}

static int report_refusal(struct kf_ops *ops, struct kf_layer *layer, const char *why)
{
    const char *rule = NULL;

    kf_rules_gone(ops->adapt, layer->class_name, &rule);
    if (rule)
        kf_report_rule(ops->adapt->rep, rule);
    kf_report_add(ops->adapt->rep, KF_NO_EQUAL, layer->path, "tf.%s: %s", function_of(layer), why);
    return 0;
}

static int report_op(struct kf_ops *ops, size_t index)
{
    const struct kf_op_state *state = &ops->states[index];
    struct kf_layer *layer = ops->graph->layers[index];
    const char *name;

    if (!state->alive)
        return 0;
    if (state->why)
        return *state->why ? report_refusal(ops, layer, state->why) : 0;
    kf_report_rule(ops->adapt->rep, state->row->name);
    if (!layer->operation)
        return kf_report_add(ops->adapt->rep, KF_CLASS_REPLACED, layer->path,
                             "tf.%s became keras.%s", state->row->function, state->target);
    name = kf_snake_case(ops->adapt->model->arena, strchr(state->target, '.') + 1);
    if (!name)
        return kf_adapt_no_memory(ops->adapt, layer->path);
    if (state->n_added)
        return kf_report_add(ops->adapt->rep, KF_CLASS_REPLACED, layer->path,
                             "tf.%s became %zu operations, the last of them keras.ops.%s",
                             state->row->function, state->n_added + 1, name);
    return kf_report_add(ops->adapt->rep, KF_CLASS_REPLACED, layer->path,
                         "tf.%s became keras.ops.%s", state->row->function, name);
}

static int finish(struct kf_ops *ops)
{
    KF_TRY(kf_op_mark(ops));
    for (size_t i = 0; i < ops->n_states; i++)
        if (ops->states[i].row || ops->states[i].why)
            KF_TRY(report_op(ops, i));
    KF_TRY(kf_op_check_names(ops));
    return kf_op_sweep(ops);
}

static enum kf_dtype output_dtype(const struct kf_ops *ops)
{
    struct kf_ref ref;

    return kf_ref_get(ops->graph->outputs, &ref) && ref.layer < ops->n_states
               ? ops->states[ref.layer].dtype
               : KF_DTYPE_NONE;
}

/* Each layer when the dtypes of its inputs are known. */
static int rewrite_in_order(struct kf_ops *ops, const struct kf_call_at *order, size_t n)
{
    struct kf_graph *graph = ops->graph;
    struct kf_report *rep = ops->adapt->rep;

    ops->names = json_object();
    if (!ops->names ||
        !kf_grow(&ops->states, &ops->states_cap, graph->n_layers + 1, sizeof(*ops->states)))
        return kf_adapt_no_memory(ops->adapt, graph->path);
    ops->n_states = graph->n_layers;
    for (size_t i = 0; i < graph->n_layers; i++)
        KF_TRY(kf_json_set(ops->names, graph->layers[i]->name, json_true(), rep));
    for (size_t i = 0; i < n; i++)
        if (order[i].call == 0)
            KF_TRY(rewrite_layer(ops, order[i].layer));
    return 0;
}

static int rewrite_functional(struct kf_adapt *adapt, struct kf_graph *graph,
                              enum kf_dtype *dtype_out)
{
    struct kf_ops ops = {.adapt = adapt, .graph = graph};
    struct kf_call_at *order = NULL;
    size_t n = 0;
    int r = kf_graph_order(graph, &order, &n, adapt->rep);

    if (r >= 0)
        r = rewrite_in_order(&ops, order, n);
    if (r >= 0) {
        *dtype_out = output_dtype(&ops);
        r = finish(&ops);
    }
    json_decref(ops.names);
    kf_free(ops.states);
    kf_free(order);
    return r;
}

/* A chain holds no operations, but its layers may hold models. */
static int rewrite_sequential(struct kf_adapt *adapt, struct kf_graph *graph,
                              enum kf_dtype *dtype_out)
{
    for (size_t i = 0; i < graph->n_layers; i++) {
        struct kf_layer *layer = graph->layers[i];

        if (layer->inner)
            KF_TRY(rewrite_graph(adapt, layer->inner, dtype_out));
        else
            *dtype_out = kf_op_dtype(layer, *dtype_out);
        KF_TRY(rewrite_parts(adapt, layer));
    }
    return 0;
}

static int rewrite_graph(struct kf_adapt *adapt, struct kf_graph *graph, enum kf_dtype *dtype_out)
{
    *dtype_out = KF_DTYPE_NONE;
    return graph->topology == KF_SEQUENTIAL ? rewrite_sequential(adapt, graph, dtype_out)
                                            : rewrite_functional(adapt, graph, dtype_out);
}

static int note_op(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    (void)graph;
    *(bool *)context |= is_op(layer);
    return 0;
}

int kf_adapt_ops(struct kf_adapt *adapt, struct kf_graph *graph)
{
    enum kf_dtype dtype;
    bool any = false;

    KF_TRY(kf_layers_each(graph, note_op, &any));
    return any ? rewrite_graph(adapt, graph, &dtype) : 0;
}
