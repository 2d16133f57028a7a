/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/policy.h"
#include "keras3_keras2.h"
#include <math.h>
#include <string.h>

/*
 * Attention with heads that only Keras 3 has. A sliding window is a mask more for the layer of
 * Keras 2; heads that share keys, and a gate, are an EinsumDense for each projection and functions
 * between them.
 */

#define PLACES "bqm,muh->bquh" /* batch, place and width to batch, place, head and depth */
#define JOINED "bquh,uhm->bqm"
#define RANK   3

static const struct row {
    const char *class_name, *heads, *shared, *depth, *value_depth;
    bool kept;
    const char *name;
} rows[] = {
#define KF_DOWN_HEADS(class_name, heads, shared, depth, value_depth, kept)                         \
    {class_name, heads, shared, depth, value_depth, kept, "down:heads:" class_name},
#include "down_heads.def"
#undef KF_DOWN_HEADS
};

enum projection { QUERY, KEY, VALUE, GATE, N_PROJECTIONS };

static const struct {
    const char *name, *activation;
} projections[] = {[QUERY] = {"query", "linear"},
                   [KEY] = {"key", "linear"},
                   [VALUE] = {"value", "linear"},
                   [GATE] = {"gate", "sigmoid"}};

struct heads {
    struct kf_adapt *adapt;
    struct kf_graph *graph;
    struct kf_layer *layer;
    const struct row *row;
    size_t at[N_PROJECTIONS]; /* where the layers are */
};

static int no_memory(const struct heads *one)
{
    return kf_adapt_no_memory(one->adapt, one->layer->path);
}

static json_int_t number(const struct heads *one, const char *key)
{
    return kf_json_int(one->layer->config, key, 0);
}

/* How many heads a projection has, and how many numbers each of them sees. */
static json_int_t heads_of(const struct heads *one, enum projection which)
{
    bool shared = which == KEY || which == VALUE;

    return number(one, shared ? one->row->shared : one->row->heads);
}

static json_int_t depth_of(const struct heads *one, enum projection which)
{
    json_int_t depth = number(one, one->row->depth);

    return which == QUERY || which == KEY
               ? depth
               : kf_json_int(one->layer->config, one->row->value_depth, depth);
}

static bool has_gate(const struct heads *one)
{
    return kf_json_bool(one->layer->config, "use_gate", false);
}

/* What a projection has of the layer's config, and its own. Takes `shape`. */
static json_t *dense_config(const struct heads *one, const char *equation, json_t *shape,
                            const char *bias_axes, const char *activation)
{
    static const char *const shared[] = {
        "kernel_initializer",   "bias_initializer",  "kernel_regularizer", "bias_regularizer",
        "activity_regularizer", "kernel_constraint", "bias_constraint",    NULL};
    bool biased = kf_json_bool(one->layer->config, "use_bias", true);
    json_t *config = json_pack("{s:s, s:o, s:s?, s:s}", "equation", equation, "output_shape", shape,
                               "bias_axes", biased ? bias_axes : NULL, "activation", activation);

    for (const char *const *key = shared; config && *key; key++) {
        json_t *value = json_object_get(one->layer->config, *key);

        if (value && json_object_set_new(config, *key, json_deep_copy(value)) < 0) {
            json_decref(config);
            return NULL;
        }
    }
    return config;
}

/* The variables of a projection, as those of a layer of its own. */
static int take_tensors(const struct heads *one, struct kf_layer *dense, const char *part)
{
    static const char *const names[] = {"kernel", "bias"};
    struct kf_tensor *tensors = kf_arena_alloc(one->adapt->model->arena, 2 * sizeof(*tensors));
    size_t n = 0;

    if (!tensors)
        return no_memory(one);
    for (size_t i = 0; i < 2; i++) {
        const struct kf_tensor *found = kf_layer_part_tensor(one->layer, part, names[i]);

        if (!found)
            continue;
        tensors[n] = *found;
        tensors[n].subpath = "";
        tensors[n++].variable = names[i];
    }
    dense->tensors = tensors;
    dense->n_tensors = n;
    return 0;
}

static int add_projection(struct heads *one, enum projection which)
{
    struct kf_layer *dense = NULL;
    json_t *config = dense_config(
        one, PLACES, json_pack("[n, I, I]", heads_of(one, which), depth_of(one, which)), "uh",
        projections[which].activation);

    one->at[which] = one->graph->n_layers;
    KF_TRY(kf_down_add_layer(one->adapt, one->graph, one->layer, projections[which].name,
                             "EinsumDense", config, &dense));
    KF_TRY(kf_report_add(one->adapt->rep, KF_LAYER_INSERTED, dense->path, "projects the %s of %s",
                         projections[which].name, one->layer->name));
    return take_tensors(one, dense, projections[which].name);
}

/* A new ref to what a projection makes of a tensor, with its shape. */
static int project(const struct heads *one, enum projection which, json_t *tensor, json_t **out)
{
    struct kf_layer *dense = one->graph->layers[one->at[which]];
    size_t call = dense->n_calls;

    KF_TRY(kf_layer_add_call(one->adapt->model, dense, json_pack("[o]", json_deep_copy(tensor)),
                             json_object(), one->adapt->rep));
    *out = kf_ref_new(one->at[which], call, 0);
    return kf_json_set(*out, "shape",
                       json_pack("[n, n, I, I]", heads_of(one, which), depth_of(one, which)),
                       one->adapt->rep);
}

/* What the heads make of one call's tensors, which the layer then joins. */
static int attend(const struct heads *one, struct kf_call *call)
{
    json_t *query = json_array_get(call->args, 0), *value = json_object_get(call->kwargs, "value");
    json_t *key = json_object_get(call->kwargs, "key"), *mask = NULL, *out = NULL, *gate = NULL;
    json_t *config =
        json_pack("{s:b}", "is_causal", kf_json_bool(call->kwargs, "use_causal_mask", false));
    json_t *made[N_PROJECTIONS];

    KF_TRY(kf_down_head_masks(one->adapt, one->graph, one->layer, call, true, &mask));
    KF_TRY(project(one, QUERY, query, &made[QUERY]));
    KF_TRY(project(one, KEY, key ? key : value, &made[KEY]));
    KF_TRY(project(one, VALUE, value, &made[VALUE]));
    if (has_gate(one))
        KF_TRY(project(one, GATE, query, &gate));
    KF_TRY(kf_down_operate(one->adapt, one->graph, "DotProductAttention", config,
                           json_pack("[o, o, o, n, o?, f]", made[QUERY], made[KEY], made[VALUE],
                                     mask, 1 / sqrt((double)depth_of(one, QUERY))),
                           &out));
    if (gate)
        KF_TRY(kf_down_operate(one->adapt, one->graph, "Multiply", json_object(),
                               json_pack("[o, o]", out, gate), &out));
    json_decref(call->args);
    call->args = json_pack("[o]", out);
    json_object_clear(call->kwargs);
    return call->args ? 0 : no_memory(one);
}

/* How wide what comes out is: as the kernel says, the config, or the query. */
static json_int_t width_of(const struct heads *one)
{
    const struct kf_tensor *kernel = kf_layer_part_tensor(one->layer, "attention_output", "kernel");
    const json_t *query = json_array_get(one->layer->calls[0].args, 0);
    const json_t *asked = json_object_get(one->layer->config, "output_shape");
    json_t *shape = json_object_get(query, "shape");

    if (kernel && kernel->payload)
        return kernel->payload->rank == RANK ? (json_int_t)kernel->payload->dims[2] : 0;
    return json_integer_value(json_array_size(asked) ? json_array_get(asked, 0)
                                                     : json_array_get(shape, RANK - 1));
}

/* The layer keeps its place and its name, and joins what the heads give. */
static int become_output(struct heads *one, json_int_t width)
{
    struct kf_layer *layer = one->layer;
    json_t *config = dense_config(one, JOINED, json_pack("[n, I]", width), "m", "linear");

    KF_TRY(kf_json_set(config, "name", json_string(layer->name), one->adapt->rep));
    KF_TRY(kf_json_set(config, "trainable", json_boolean(layer->trainable), one->adapt->rep));
    KF_TRY(kf_json_set(config, "dtype", json_string("float32"), one->adapt->rep));
    KF_TRY(take_tensors(one, layer, "attention_output"));
    json_decref(layer->config);
    layer->config = config;
    layer->class_name = "EinsumDense";
    layer->module = layer->registered_name = NULL;
    return kf_report_add(one->adapt->rep, KF_CLASS_REPLACED, layer->path,
                         "Keras 2 has no such %s: an EinsumDense for each projection and functions "
                         "between them compute it",
                         one->row->class_name);
}

static int take_apart(struct heads *one)
{
    json_int_t width = width_of(one);

    if (json_number_value(json_object_get(one->layer->config, "dropout")) > 0)
        KF_TRY(kf_report_add(one->adapt->rep, KF_TRAINING_DIFFERS, one->layer->path,
                             "the layer predicts the same but no longer drops scores in training"));
    for (enum projection which = QUERY; which < N_PROJECTIONS; which++)
        if (which != GATE || has_gate(one))
            KF_TRY(add_projection(one, which));
    for (size_t k = 0; k < one->layer->n_calls; k++)
        KF_TRY(attend(one, &one->layer->calls[k]));
    return become_output(one, width);
}

/* The layer stays, and sees the window as a mask. */
static int write_window(struct heads *one)
{
    struct kf_layer *layer = one->layer;

    for (size_t k = 0; k < layer->n_calls; k++) {
        json_t *mask = NULL;

        KF_TRY(kf_down_head_masks(one->adapt, one->graph, layer, &layer->calls[k], false, &mask));
        KF_TRY(kf_json_set(layer->calls[k].kwargs, "attention_mask", mask, one->adapt->rep));
    }
    json_object_del(layer->config, "sliding_window");
    return kf_report_add(one->adapt->rep, KF_NODES_REWRITTEN, layer->path,
                         "sliding_window is written out as an attention_mask");
}

/* Along the second of three axes, in float32. */
static bool is_plain(const struct heads *one)
{
    json_auto_t *places = json_pack("[i]", 1);
    const json_t *axes = json_object_get(one->layer->config, "attention_axes");
    const json_t *asked = json_object_get(one->layer->config, "output_shape");

    return strcmp(kf_policy_name(one->layer->config, "float32"), "float32") == 0 &&
           (!axes || json_is_null(axes) || json_equal(axes, places)) && json_array_size(asked) < 2;
}

static bool is_plain_call(const struct kf_call *call)
{
    json_t *query = json_array_get(call->args, 0);
    json_t *mask = json_object_get(call->kwargs, "attention_mask");

    return json_array_size(json_object_get(query, "shape")) == RANK &&
           json_object_get(call->kwargs, "value") &&
           (!mask || json_array_size(json_object_get(mask, "shape")) == RANK) &&
           !kf_json_bool(call->kwargs, "return_attention_scores", false);
}

static const struct row *row_of(struct heads *one)
{
    const struct kf_layer *layer = one->layer;

    if (layer->operation || layer->custom || layer->inner || !layer->n_calls)
        return NULL;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].class_name, layer->class_name) == 0)
            return &rows[i];
    return NULL;
}

static bool is_meant(const struct heads *one)
{
    bool meant = is_plain(one) && kf_layer_part_tensor(one->layer, "query", "kernel") &&
                 number(one, one->row->heads);

    for (size_t k = 0; k < one->layer->n_calls; k++)
        meant &= is_plain_call(&one->layer->calls[k]);
    return meant && (!one->row->kept || has_gate(one) || number(one, "sliding_window") > 0);
}

bool kf_down_is_apart(struct kf_layer *layer)
{
    struct heads one = {.layer = layer};

    one.row = row_of(&one);
    return one.row && is_meant(&one) && (!one.row->kept || has_gate(&one));
}

int kf_down_heads(struct kf_adapt *adapt, struct kf_graph *graph)
{
    size_t n = graph->n_layers;

    for (size_t i = 0; i < n; i++) {
        struct heads one = {.adapt = adapt, .graph = graph, .layer = graph->layers[i]};

        if (one.layer->inner)
            KF_TRY(kf_down_heads(adapt, one.layer->inner));
        one.row = row_of(&one);
        if (!one.row || !is_meant(&one))
            continue;
        kf_report_rule(adapt->rep, one.row->name);
        KF_TRY(one.row->kept && !has_gate(&one) ? write_window(&one) : take_apart(&one));
    }
    return 0;
}
