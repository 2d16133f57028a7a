/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/optimizer.h"
#include "../../model/policy.h"
#include "../../model/rewrite.h"
#include "keras3_keras2.h"
#include <string.h>

/*
 * A ReversibleEmbedding looks words up, and turns what came of them into words again where it is
 * called with reverse=True. In Keras 2 the first is an Embedding, the second an EinsumDense with
 * the same numbers in another order: two variables, which train apart.
 */

static const struct row {
    const char *class_name, *forward, *reverse, *gone, *name;
} rows[] = {
#define KF_REVERSIBLE(class_name, forward, reverse, gone)                                          \
    {class_name, forward, reverse, gone, "down:layer:" class_name},
#include "down_reversible.def"
};

static const char *const cap_operations[] = {
#define KF_CAP(operation) operation,
#include "down_reversible.def"
};

struct reversing {
    struct kf_adapt *adapt;
    struct kf_graph *graph;
    struct kf_layer *layer;
    const struct row *row;
    size_t index;        /* of the layer */
    struct kf_ref *made; /* what each call's output is now */
    size_t n_reversed;
};

static int no_memory(struct reversing *one)
{
    return kf_adapt_no_memory(one->adapt, one->layer->path);
}

static bool is_reversed(const struct kf_call *call)
{
    return kf_json_bool(call->kwargs, "reverse", false);
}

/* What it computes with is told by its config alone, and one dtype. */
static bool is_plain(const struct kf_layer *layer)
{
    const json_t *dtype = json_object_get(layer->config, "dtype");
    const char *policy = kf_json_str(dtype, "class_name", "DTypePolicy");
    const char *name = kf_policy_name(layer->config, "float32");
    const char *reverse = kf_json_str(layer->config, "reverse_dtype", name);

    return layer->n_tensors > 0 && strcmp(policy, "DTypePolicy") == 0 &&
           strcmp(name, "float32") == 0 && strcmp(reverse, name) == 0;
}

/* Words from vectors: "...a,ab->...b", b being as many words as there are. */
static json_t *reverse_config(const struct reversing *one)
{
    return json_pack("{s:s, s:[I], s:n}", "equation", "...a,ab->...b", "output_shape",
                     kf_json_int(one->layer->config, "input_dim", 0), "bias_axes");
}

/* The variable that vectors are multiplied by: its own, or the words' vectors as columns. */
static int reverse_tensor(struct reversing *one, struct kf_tensor *out)
{
    const struct kf_layer *layer = one->layer;
    bool fits = true;

    *out = layer->tensors[layer->n_tensors - 1];
    out->variable = "kernel";
    if (layer->n_tensors > 1 || !out->payload)
        return 0;
    out->slots = NULL;
    out->n_slots = 0;
    out->done = "transposed";
    out->payload = kf_rewrite_transpose(one->adapt->model->arena, out->payload,
                                        (const unsigned[]){1, 0}, 2, &fits);
    if (!fits)
        return kf_report_add(one->adapt->rep, KF_WEIGHT_SHAPE, layer->path, "%s is no matrix",
                             out->source);
    kf_optimizer_lose(one->adapt->model,
                      "a variable that was used twice is two in the target, and an optimizer has "
                      "kept only what belongs to one");
    return out->payload ? 0 : no_memory(one);
}

/* The layer that turns vectors into words, behind all others and not yet called. */
static int add_reverse(struct reversing *one, struct kf_layer **out)
{
    struct kf_tensor *tensors = kf_arena_alloc(one->adapt->model->arena, sizeof(*tensors));

    if (!tensors)
        return no_memory(one);
    KF_TRY(reverse_tensor(one, tensors));
    KF_TRY(kf_down_add_layer(one->adapt, one->graph, one->layer, "reverse", one->row->reverse,
                             reverse_config(one), out));
    (*out)->tensors = tensors;
    (*out)->n_tensors = 1;
    return 0;
}

/* cap * tanh(x / cap), where the layer has a cap. */
static int put_cap(struct reversing *one, struct kf_ref *at)
{
    const json_t *cap = json_object_get(one->layer->config, "logit_soft_cap");

    for (size_t i = 0; json_is_number(cap) && i < 3; i++) {
        json_t *args = json_pack("[o]", kf_ref_new(at->layer, at->call, at->output));

        if (i != 1)
            KF_TRY(kf_json_append(args, json_real(json_number_value(cap)), one->adapt->rep));
        KF_TRY(kf_down_node(one->adapt, one->graph, cap_operations[i], json_object(), args, at));
    }
    return 0;
}

/* Calls are shared out between the two layers; where each one's output is then is noted. */
static int share_calls(struct reversing *one, struct kf_layer *reverse)
{
    struct kf_layer *layer = one->layer;
    size_t last = one->graph->n_layers - 1, n = 0;

    for (size_t k = 0; k < layer->n_calls; k++) {
        struct kf_call call = layer->calls[k];
        bool reversed = is_reversed(&call);

        json_object_del(call.kwargs, "reverse");
        if (!reversed) {
            one->made[k] = (struct kf_ref){one->index, n, 0};
            layer->calls[n++] = call;
            continue;
        }
        one->made[k] = (struct kf_ref){last, reverse->n_calls, 0};
        KF_TRY(
            kf_layer_add_call(one->adapt->model, reverse, call.args, call.kwargs, one->adapt->rep));
    }
    layer->n_calls = n;
    return 0;
}

static int point_ref(json_t *ref, void *context)
{
    const struct reversing *one = context;
    struct kf_ref at;

    kf_ref_get(ref, &at);
    if (at.layer != one->index)
        return 0;
    at = one->made[at.call];
    return json_object_set_new(
        ref, "$ref",
        json_pack("[I, I, I]", (json_int_t)at.layer, (json_int_t)at.call, (json_int_t)at.output));
}

/* Everything that was called with one of the outputs. */
static int point_all(struct reversing *one, size_t n_layers)
{
    struct kf_graph *graph = one->graph;
    json_t *outputs = json_deep_copy(graph->outputs);

    if (!outputs)
        return no_memory(one);
    json_decref(graph->outputs);
    graph->outputs = outputs;
    for (size_t i = 0; i < n_layers; i++)
        for (size_t k = 0; k < graph->layers[i]->n_calls; k++)
            if (kf_refs_each(graph->layers[i]->calls[k].args, point_ref, one) < 0 ||
                kf_refs_each(graph->layers[i]->calls[k].kwargs, point_ref, one) < 0)
                return no_memory(one);
    return kf_refs_each(graph->outputs, point_ref, one) < 0 ? no_memory(one) : 0;
}

static int reverse_calls(struct reversing *one)
{
    struct kf_layer *reverse = NULL;
    size_t n_layers = one->graph->n_layers + 1;

    one->made = kf_arena_alloc(one->adapt->model->arena, one->layer->n_calls * sizeof(*one->made));
    if (!one->made)
        return no_memory(one);
    KF_TRY(add_reverse(one, &reverse));
    KF_TRY(share_calls(one, reverse));
    for (size_t k = 0; k < one->layer->n_calls + one->n_reversed; k++)
        if (one->made[k].layer != one->index)
            KF_TRY(put_cap(one, &one->made[k]));
    return point_all(one, n_layers);
}

static int become_embedding(struct reversing *one)
{
    struct kf_layer *layer = one->layer;
    bool idle = layer->n_tensors > 1 && !one->n_reversed;
    const char *key;
    json_t *value;
    void *next;

    layer->class_name = one->row->forward;
    layer->n_tensors = 1;
    json_object_foreach_safe(layer->config, next, key, value) if (kf_in_words(one->row->gone, key))
        json_object_del(layer->config, key);
    return kf_report_add(one->adapt->rep, KF_CLASS_REPLACED, layer->path,
                         one->n_reversed ? "a ReversibleEmbedding became an Embedding, and an "
                                           "EinsumDense where it is called with reverse=True: "
                                           "they train apart"
                         : idle          ? "a ReversibleEmbedding became an Embedding, without the "
                                           "reverse_embeddings that no call uses"
                                         : "a ReversibleEmbedding became an Embedding");
}

static const struct row *row_of(const struct kf_layer *layer)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].class_name, layer->class_name) == 0)
            return &rows[i];
    return NULL;
}

int kf_down_reversible(struct kf_adapt *adapt, struct kf_graph *graph)
{
    size_t n = graph->n_layers;

    for (size_t i = 0; i < n; i++) {
        struct kf_layer *layer = graph->layers[i];
        struct reversing one = {
            .adapt = adapt, .graph = graph, .layer = layer, .row = row_of(layer), .index = i};

        if (layer->inner)
            KF_TRY(kf_down_reversible(adapt, layer->inner));
        if (layer->operation || layer->custom || !one.row || !is_plain(layer))
            continue;
        for (size_t k = 0; k < layer->n_calls; k++)
            one.n_reversed += is_reversed(&layer->calls[k]);
        if (one.n_reversed && one.n_reversed == layer->n_calls)
            continue; /* an Embedding that nothing calls is none of a graph */
        if (one.n_reversed)
            KF_TRY(reverse_calls(&one));
        for (size_t k = 0; k < layer->n_calls; k++)
            json_object_del(layer->calls[k].kwargs, "reverse");
        kf_report_rule(adapt->rep, one.row->name);
        KF_TRY(become_embedding(&one));
    }
    return 0;
}
