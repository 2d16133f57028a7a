/* SPDX-License-Identifier: Apache-2.0 */
#include "down_ops.h"
#include "../../base/alloc.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/operations.h"
#include "../../model/order.h"
#include "../ops/ops.h"
#include "down_encodings.h"
#include <string.h>

#define FIRST_KERAS3 300 /* of an operation that is in no release's list */

#define ANY     KF_DOWN_ANY
#define FLOAT   KF_DOWN_FLOAT
#define REAL    KF_DOWN_REAL
#define WIDE    KF_DOWN_WIDE
#define INTEGER KF_DOWN_INTEGER
#define SINGLE  KF_DOWN_SINGLE
#define COMPLEX KF_DOWN_COMPLEX
#define SAME    KF_DOWN_SAME
#define BOOL    KF_DOWN_BOOL
#define INT     KF_DOWN_INT
#define NAMED   KF_DOWN_NAMED
#define PLACED  KF_DOWN_PLACED
#define PAIRS   KF_DOWN_PAIRS
#define HALF    KF_DOWN_HALF

static const struct kf_down_row rows[] = {
#define KF_DOWN(class_name, function, takes, gives, form, tensors, keys)                           \
    {class_name, function, takes, gives, kf_down_form_##form, tensors, keys, "down:op:" class_name},
#include "down_ops.def"
#undef KF_DOWN
};

static int no_memory(struct kf_down_ops *ops)
{
    return kf_adapt_no_memory(ops->adapt, ops->graph->path);
}

int kf_down_refuse(struct kf_down_op *op, const char *why)
{
    op->why = op->why ? op->why : why;
    return 0;
}

static const struct kf_down_row *row_of(const char *class_name)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].class_name, class_name) == 0)
            return &rows[i];
    return NULL;
}

/* The layer becomes one that calls `function`. */
static int become(struct kf_down_ops *ops, struct kf_layer *layer, const char *function)
{
    bool slicing = strcmp(function, "__operators__.getitem") == 0;
    json_t *config = json_pack("{s:s, s:b, s:s, s:s}", "name", layer->name, "trainable", 1, "dtype",
                               "float32", "function", function);

    if (!config)
        return no_memory(ops);
    json_decref(layer->config);
    layer->config = config;
    layer->class_name = slicing ? "SlicingOpLambda" : "TFOpLambda";
    layer->module = layer->registered_name = NULL;
    layer->operation = false;
    return 0;
}

static int set_dtype(struct kf_down_ops *ops, size_t index, enum kf_dtype dtype)
{
    if (!kf_grow(&ops->dtypes, &ops->dtypes_cap, index + 1, sizeof(*ops->dtypes)))
        return no_memory(ops);
    ops->dtypes[index] = (struct kf_down_dtypes){dtype, dtype};
    if (ops->n_dtypes <= index)
        ops->n_dtypes = index + 1;
    return 0;
}

int kf_down_function(struct kf_down_op *op, const char *function, json_t *first, json_t *kwargs,
                     json_t **out)
{
    struct kf_down_ops *ops = op->ops;
    struct kf_graph *graph = ops->graph;
    struct kf_ref at;

    /* any class that stays: become() gives it its own */
    KF_TRY(kf_down_node(ops->adapt, graph, "Copy", json_object(), json_pack("[o]", first), &at));
    if (!kwargs)
        return no_memory(ops);
    json_decref(graph->layers[at.layer]->calls[0].kwargs);
    graph->layers[at.layer]->calls[0].kwargs = kwargs;
    KF_TRY(become(ops, graph->layers[at.layer], function));
    KF_TRY(set_dtype(ops, at.layer, op->dtype));
    *out = kf_ref_new(at.layer, 0, 0);
    return *out ? 0 : no_memory(ops);
}

static enum kf_dtype dtype_given(const struct kf_down_op *op)
{
    const char *named = kf_json_str(op->kwargs, "dtype", kf_json_str(op->kwargs, "type", NULL));

    switch (op->row->gives) {
    case KF_DOWN_BOOL:
        return KF_DTYPE_BOOL;
    case KF_DOWN_INT:
        return KF_DTYPE_INT32;
    case KF_DOWN_PAIRS:
        return KF_DTYPE_COMPLEX64;
    case KF_DOWN_HALF:
        return op->dtype == KF_DTYPE_COMPLEX64 ? KF_DTYPE_FLOAT32 : op->dtype;
    case KF_DOWN_NAMED:
        return named ? kf_op_dtype_named(named) : op->dtype;
    default:
        return op->dtype;
    }
}

static int report_op(struct kf_down_op *op, const char *class_name)
{
    struct kf_report *rep = op->ops->adapt->rep;
    const struct kf_operation *found = kf_operation_find(class_name);
    int since = found ? found->since : FIRST_KERAS3;

    if (op->why) {
        kf_report_add(rep, KF_NO_EQUAL, op->layer->path, "the operation %s, since Keras %d.%d: %s",
                      class_name, since / 100, since % 100, op->why);
        return 0;
    }
    return kf_report_add(rep, KF_CLASS_REPLACED, op->layer->path, "the operation %s became tf.%s",
                         class_name, op->function);
}

static int rewrite(struct kf_down_op *op)
{
    struct kf_call *call = &op->layer->calls[0];

    KF_TRY(kf_down_read(op));
    if (!op->why)
        KF_TRY(op->row->form(op));
    if (op->why)
        return 0;
    KF_TRY(become(op->ops, op->layer, op->function));
    KF_TRY(kf_json_set_at(call->args, 0, json_incref(op->first), op->ops->adapt->rep));
    while (json_array_size(call->args) > 1)
        json_array_remove(call->args, json_array_size(call->args) - 1);
    if (!op->kwargs) /* the form had no memory for them */
        return no_memory(op->ops);
    json_decref(call->kwargs);
    call->kwargs = json_incref(op->kwargs);
    return 0;
}

static int down_op(struct kf_down_ops *ops, size_t index)
{
    struct kf_layer *layer = ops->graph->layers[index];
    const char *class_name = layer->class_name;
    struct kf_down_op op = {.ops = ops, .layer = layer, .row = row_of(class_name)};
    enum kf_dtype dtype = KF_DTYPE_NONE;
    int r = 0;

    if (!op.row || layer->n_calls != 1) {
        kf_down_refuse(&op, "no functions of TensorFlow are known that compute the same");
    } else {
        kf_report_rule(ops->adapt->rep, op.row->name);
        op.function = op.row->function;
        op.kwargs = json_object();
        r = kf_down_tell_shapes(ops, layer);
        if (r >= 0)
            r = rewrite(&op);
        dtype = dtype_given(&op);
    }
    json_decref(op.first);
    json_decref(op.kwargs);
    KF_TRY(r);
    KF_TRY(report_op(&op, class_name));
    KF_TRY(set_dtype(ops, index, dtype));
    if (op.row && op.row->gives == KF_DOWN_PLACED)
        ops->dtypes[index].others = KF_DTYPE_INT32;
    return 0;
}

static int down_graph(struct kf_adapt *adapt, struct kf_graph *graph, enum kf_dtype *out);

static int down_parts(struct kf_adapt *adapt, struct kf_layer *layer)
{
    enum kf_dtype dtype;

    for (size_t i = 0; i < layer->n_parts; i++) {
        if (layer->parts[i]->inner)
            KF_TRY(down_graph(adapt, layer->parts[i]->inner, &dtype));
        KF_TRY(down_parts(adapt, layer->parts[i]));
    }
    return 0;
}

/* A layer that stays: what dtype it gives to the operations behind it. */
static int pass_layer(struct kf_down_ops *ops, size_t index)
{
    struct kf_layer *layer = ops->graph->layers[index];
    enum kf_dtype dtype = KF_DTYPE_NONE;
    struct kf_shape in = {0};

    kf_down_note_shape(ops, index, 0, &in);
    if (layer->inner) {
        KF_TRY(down_graph(ops->adapt, layer->inner, &dtype));
        return set_dtype(ops, index, dtype);
    }
    KF_TRY(down_parts(ops->adapt, layer));
    if (layer->n_calls)
        dtype = kf_down_dtype(ops, json_array_get(layer->calls[0].args, 0));
    else if (ops->graph->topology == KF_SEQUENTIAL && index > 0)
        dtype = ops->dtypes[index - 1].first;
    kf_down_check_encoding(ops, layer, &in, dtype);
    return set_dtype(ops, index, kf_op_dtype(layer, dtype));
}

/* A further call of a layer that stays: of two dtypes that it gives none is told. */
static void pass_again(struct kf_down_ops *ops, size_t index, size_t call)
{
    struct kf_layer *layer = ops->graph->layers[index];
    enum kf_dtype dtype = kf_down_dtype(ops, json_array_get(layer->calls[call].args, 0));
    struct kf_shape in = {0};

    if (layer->inner)
        return;
    kf_down_note_shape(ops, index, call, &in);
    kf_down_check_encoding(ops, layer, &in, dtype);
    if (kf_op_dtype(layer, dtype) != ops->dtypes[index].first)
        ops->dtypes[index] = (struct kf_down_dtypes){KF_DTYPE_NONE, KF_DTYPE_NONE};
}

/* Operations that nothing needs any more, masks above all. */
static int sweep(struct kf_down_ops *ops)
{
    struct kf_ops old = {.adapt = ops->adapt, .graph = ops->graph};
    int r;

    old.n_states = ops->graph->n_layers;
    old.states = kf_alloc((old.n_states + 1) * sizeof(*old.states));
    if (!old.states)
        return no_memory(ops);
    r = kf_op_mark(&old);
    if (r >= 0)
        r = kf_op_sweep(&old);
    kf_free(old.states);
    return r;
}

static int down_all(struct kf_down_ops *ops)
{
    struct kf_call_at *order = NULL;
    size_t n = 0;
    int r = kf_graph_order(ops->graph, &order, &n, ops->adapt->rep);

    for (size_t i = 0; r >= 0 && i < n; i++)
        if (order[i].call > 0)
            pass_again(ops, order[i].layer, order[i].call);
        else
            r = ops->graph->layers[order[i].layer]->operation ? down_op(ops, order[i].layer)
                                                              : pass_layer(ops, order[i].layer);
    kf_free(order);
    return r;
}

static int down_graph(struct kf_adapt *adapt, struct kf_graph *graph, enum kf_dtype *out)
{
    struct kf_down_ops ops = {.adapt = adapt, .graph = graph, .n_shapes = graph->n_layers};
    int r = 0;

    ops.shapes = kf_alloc((graph->n_layers + 1) * sizeof(*ops.shapes));
    if (!ops.shapes)
        return no_memory(&ops);

    if (graph->topology == KF_SEQUENTIAL) {
        for (size_t i = 0; i < graph->n_layers && r >= 0; i++)
            r = pass_layer(&ops, i);
        *out = graph->n_layers && r >= 0 ? ops.dtypes[graph->n_layers - 1].first : KF_DTYPE_NONE;
    } else {
        r = sweep(&ops);
        if (r >= 0)
            r = down_all(&ops);
        *out = r >= 0 ? kf_down_dtype(&ops, graph->outputs) : KF_DTYPE_NONE;
    }
    kf_free(ops.dtypes);
    kf_free(ops.shapes);
    return r;
}

int kf_down_ops(struct kf_adapt *adapt, struct kf_graph *graph)
{
    enum kf_dtype dtype;

    return down_graph(adapt, graph, &dtype);
}
