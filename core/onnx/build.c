/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/alloc.h"
#include "../base/str.h"
#include "../io/text/json.h"
#include "../model/order.h"
#include "rows.h"

/* False (reported) when it is given texts that it cannot compute with. */
static bool fits_words(struct kf_onnx_call *call)
{
    for (size_t i = 0; i < call->n_in; i++)
        if (call->in[i]->plain && call->in[i]->plain->dtype == KF_DTYPE_STRING &&
            !kf_onnx_words_of(call->layer)) {
            kf_onnx_refuse(call, "it is given texts, and computes with numbers alone");
            return false;
        }
    return true;
}

/* The results of the calls of one graph. */
struct results {
    struct kf_onnx_value **of;
    size_t n;
};

struct kf_onnx_scope {
    const struct kf_graph *graph;
    struct results *results; /* by call */
    size_t *first;           /* by layer: its first call */
};

struct kf_onnx_value *kf_onnx_resolve(const struct kf_onnx_call *call, const json_t *json)
{
    const struct kf_onnx_scope *scope = call->scope;
    const struct results *results;
    struct kf_ref ref;

    if (!scope || !kf_ref_get(json, &ref) || ref.layer >= scope->graph->n_layers)
        return NULL;
    results = &scope->results[scope->first[ref.layer] + ref.call];
    return ref.output < results->n ? results->of[ref.output] : NULL;
}

struct gather {
    struct kf_onnx_call *call;
    struct kf_onnx_value **of;
    size_t n;
};

static int count_ref(json_t *ref, void *context)
{
    (void)ref;
    ++*(size_t *)context;
    return 0;
}

static int gather_ref(json_t *ref, void *context)
{
    struct gather *gather = context;

    gather->of[gather->n++] = kf_onnx_resolve(gather->call, ref);
    return 0;
}

/* The tensors of a structure, in the order in which Keras flattens it. */
static int gather_refs(struct kf_onnx_call *call, json_t *value, struct kf_onnx_value ***out,
                       size_t *n_out)
{
    struct gather gather = {.call = call};
    size_t n = 0;

    KF_TRY(kf_refs_each(value, count_ref, &n));
    gather.of = kf_onnx_alloc(call->onnx, (n + 1) * sizeof(*gather.of));
    if (!gather.of) {
        kf_onnx_no_memory(call->onnx);
        return -KF_NO_MEMORY;
    }
    KF_TRY(kf_refs_each(value, gather_ref, &gather));
    *out = gather.of;
    *n_out = gather.n;
    return 0;
}

/* The argument that a layer works on: the first one, or the first that holds tensors. */
static json_t *first_argument(const struct kf_call *call)
{
    json_t *first = json_array_get(call->args, 0), *one;
    const char *key;
    size_t n = 0;

    if (first)
        return first;
    json_object_foreach(call->kwargs, key,
                        one) if (kf_refs_each(one, count_ref, &n) >= 0 && n) return one;
    return NULL;
}

static int run_graph(struct kf_onnx_call *call, const struct kf_graph *graph);

/* Models may hold models that hold models: what is called twice at each level has an end. */
#define CALLS_MAX 1000000

/* The dtype that a layer computes in, and its inputs in it. */
static bool settle_dtype(struct kf_onnx_call *call)
{
    const struct kf_onnx_words_row *row = kf_onnx_words_of(call->layer);
    struct kf_onnx_value **in;

    if (call->layer->operation)
        return true;
    call->dtype = kf_onnx_compute_dtype(call->onnx, call->layer);
    if (call->dtype == KF_DTYPE_NONE)
        return false;
    if (row && row->raw)
        return true;
    in = kf_onnx_alloc(call->onnx, (call->n_in + 1) * sizeof(*in));
    if (!in) {
        kf_onnx_no_memory(call->onnx);
        return false;
    }
    for (size_t i = 0; i < call->n_in; i++)
        in[i] = kf_json_bool(call->layer->config, "autocast", true)
                    ? kf_onnx_computed(call, call->in[i])
                    : call->in[i];
    call->in = in;
    return true;
}

/* True when all inputs could be made; else the report tells already why. */
static bool has_inputs(const struct kf_onnx_call *call)
{
    for (size_t i = 0; i < call->n_in; i++)
        if (!call->in[i] || (!call->in[i]->plain && !call->in[i]->moved))
            return false;
    return call->n_in > 0 || call->layer->operation;
}

static int run_call(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    const struct kf_layer *layer = call->layer;

    onnx->path = layer->path;
    if (++onnx->n_calls > CALLS_MAX)
        return kf_report_add(onnx->rep, KF_TOO_LARGE, layer->path,
                             "models in models make more than %d calls of layers", CALLS_MAX);
    if (layer->inner) {
        kf_onnx_feed_mask(call);
        return run_graph(call, layer->inner);
    }
    if (kf_layer_is_input(layer)) {
        for (size_t i = 0; i < call->n_in; i++)
            kf_onnx_give_value(call, call->in[i]);
        return 0;
    }
    call->row = kf_onnx_row_of(layer);
    if (!call->row) {
        kf_onnx_refuse_class(call);
        return 0;
    }
    kf_report_rule(onnx->rep, call->row->rule);
    call->op = call->row->op;
    if (!has_inputs(call) || !fits_words(call) || !settle_dtype(call))
        return 0;
    call->row->form(call);
    if (!call->n_out && kf_report_status(onnx->rep) >= 0)
        kf_onnx_refuse(call, "its input has other axes than it takes");
    if (!layer->operation)
        kf_onnx_pass_masks(call);
    return 0;
}

int kf_onnx_apply(struct kf_onnx_call *call, const struct kf_onnx_call *owner,
                  const struct kf_layer *layer, struct kf_onnx_value **in, size_t n_in)
{
    const char *path = owner->onnx->path;
    int r;

    *call = (struct kf_onnx_call){
        .onnx = owner->onnx, .layer = layer, .in = in, .n_in = n_in, .depth = owner->depth + 1};
    r = run_call(call);
    owner->onnx->path = path;
    return r;
}

/* A chain: each layer takes what the one before it gave. */
static int run_sequential(struct kf_onnx_call *call, const struct kf_graph *graph)
{
    struct kf_onnx_value **in = call->in;
    size_t n_in = call->n_in;

    for (size_t i = 0; i < graph->n_layers; i++) {
        struct kf_onnx_call one = {.onnx = call->onnx,
                                   .layer = graph->layers[i],
                                   .in = in,
                                   .n_in = n_in,
                                   .depth = call->depth + 1};

        KF_TRY(run_call(&one));
        in = one.out;
        n_in = one.n_out;
    }
    call->out = in;
    call->n_out = n_in;
    return 0;
}

static int scope_new(struct kf_onnx_scope *scope, struct kf_onnx *onnx,
                     const struct kf_graph *graph)
{
    size_t n = 0;

    scope->graph = graph;
    scope->first = kf_onnx_alloc(onnx, (graph->n_layers + 1) * sizeof(*scope->first));
    for (size_t i = 0; scope->first && i < graph->n_layers; i++) {
        scope->first[i] = n;
        n += graph->layers[i]->n_calls ? graph->layers[i]->n_calls : 1;
    }
    scope->results = kf_onnx_alloc(onnx, (n + 1) * sizeof(*scope->results));
    if (scope->first && scope->results)
        return 0;
    kf_onnx_no_memory(onnx);
    return -KF_NO_MEMORY;
}

struct feed {
    const struct kf_onnx_call *call;
    struct kf_onnx_scope *scope;
    size_t n;
};

/* The next value that the model is given becomes the result of its next InputLayer. */
static int feed_ref(json_t *json, void *context)
{
    struct feed *feed = context;
    struct kf_ref ref;

    if (!kf_ref_get(json, &ref) || ref.layer >= feed->scope->graph->n_layers ||
        feed->n >= feed->call->n_in)
        return kf_report_add(feed->call->onnx->rep, KF_BAD_GRAPH, feed->scope->graph->path,
                             "the model is given other inputs than it has");
    feed->scope->results[feed->scope->first[ref.layer]] =
        (struct results){&feed->call->in[feed->n++], 1};
    return 0;
}

static int run_one(struct kf_onnx_call *outer, struct kf_onnx_scope *scope, struct kf_call_at at)
{
    struct kf_layer *layer = scope->graph->layers[at.layer];
    struct results *results = &scope->results[scope->first[at.layer] + at.call];
    struct kf_onnx_call call = {
        .onnx = outer->onnx, .layer = layer, .scope = scope, .depth = outer->depth + 1};

    if (!layer->n_calls) /* an InputLayer has its value already */
        return 0;
    call.args = layer->calls[at.call].args;
    call.kwargs = layer->calls[at.call].kwargs;
    KF_TRY(gather_refs(&call, first_argument(&layer->calls[at.call]), &call.in, &call.n_in));
    KF_TRY(run_call(&call));
    *results = (struct results){call.out, call.n_out};
    return 0;
}

static int run_functional(struct kf_onnx_call *call, const struct kf_graph *graph)
{
    struct kf_onnx_scope scope = {0};
    struct feed feed = {call, &scope, 0};
    struct kf_onnx_call inside = {.onnx = call->onnx, .scope = &scope};
    struct kf_call_at *order = NULL;
    size_t n = 0;
    int r;

    KF_TRY(scope_new(&scope, call->onnx, graph));
    KF_TRY(kf_refs_each(graph->inputs, feed_ref, &feed));
    r = kf_graph_order(graph, &order, &n, call->onnx->rep);
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = run_one(call, &scope, order[i]);
    kf_free(order);
    KF_TRY(r);
    return gather_refs(&inside, graph->outputs, &call->out, &call->n_out);
}

static int run_graph(struct kf_onnx_call *call, const struct kf_graph *graph)
{
    if (call->depth > call->onnx->options->limits.nesting)
        return kf_report_add(call->onnx->rep, KF_TOO_LARGE, graph->path,
                             "models in models more than %u levels deep",
                             call->onnx->options->limits.nesting);
    return graph->topology == KF_SEQUENTIAL ? run_sequential(call, graph)
                                            : run_functional(call, graph);
}

int kf_onnx_run_model(struct kf_onnx_call *call, const struct kf_graph *graph)
{
    return run_graph(call, graph);
}
