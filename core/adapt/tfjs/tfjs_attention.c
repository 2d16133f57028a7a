/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/rewrite.h"
#include "tfjs.h"
#include <math.h>

/*
 * Attention out of Dot and softmax. TensorFlow.js multiplies matrices of no more than three axes,
 * so each head has layers of its own.
 */
#define MOST_HEADS 128
#define STEPS      3 /* axes of what is attended to: batch, steps, features */

/* What the scores of a query and a key come to, as a new ref. */
static int attend(struct kf_instead *one, const json_t *query, const json_t *key, double scale,
                  json_t **out)
{
    KF_TRY(kf_instead_call(one, "scores", "Dot", json_pack("{s:[i, i]}", "axes", 2, 2),
                           json_pack("[[o, o]]", json_deep_copy(query), json_deep_copy(key)), out));
    if (scale < 1 || scale > 1)
        KF_TRY(kf_instead_call(one, "scaled", "Rescaling",
                               json_pack("{s:f, s:f}", "scale", scale, "offset", 0.0),
                               json_pack("[o]", *out), out));
    return kf_instead_call(one, "softmax", "Activation",
                           json_pack("{s:s}", "activation", "softmax"), json_pack("[o]", *out),
                           out);
}

int kf_tfjs_form_attention(struct kf_instead *one)
{
    struct kf_layer *layer = one->layer;
    const json_t *config = layer->config;
    json_t *inputs = layer->n_calls == 1 ? json_array_get(layer->calls[0].args, 0) : NULL;
    json_t *query = json_array_get(inputs, 0), *value = json_array_get(inputs, 1);
    json_t *key = json_array_size(inputs) > 2 ? json_array_get(inputs, 2) : value, *made = NULL;

    if (!json_is_array(inputs) || !value || layer->n_tensors || !kf_instead_is_float32(one) ||
        one->in[0].rank != STEPS || one->in[1].rank != STEPS || !kf_instead_is_bare(one, "") ||
        kf_json_bool(config, "causal", false) || kf_json_bool(config, "use_scale", false) ||
        !kf_streq(kf_json_str(config, "score_mode", "dot"), "dot"))
        return 0;
    KF_TRY(attend(one, query, key, 1, &made));
    KF_TRY(
        kf_json_set_at(layer->calls[0].args, 0, json_pack("[o, O]", made, value), one->adapt->rep));
    json_object_clear(layer->calls[0].kwargs);
    return kf_instead_become(one, "Dot",
                             json_pack("{s:[i, i], s:b}", "axes", 2, 1, "normalize", false));
}

static struct kf_tensor *find_tensor(const struct kf_layer *layer, const char *part,
                                     const char *name, unsigned rank)
{
    struct kf_tensor *tensor = kf_layer_part_tensor(layer, part, name);

    return tensor && tensor->payload && tensor->payload->rank == rank ? tensor : NULL;
}

struct heads {
    struct kf_instead *one;
    const struct kf_tensor *kernels[3], *biases[3]; /* of query, key and value */
    json_t *inputs[3];
};

static const char *const parts[] = {"query", "key", "value"};

/* One head's part of a projection: a Dense of its own. */
static int project(struct heads *heads, size_t which, uint64_t head, json_t **out)
{
    struct kf_instead *one = heads->one;
    struct kf_arena *arena = one->adapt->model->arena;
    const struct kf_payload *kernel = heads->kernels[which]->payload;
    const struct kf_tensor *bias = heads->biases[which];
    struct kf_tensor *tensors = kf_arena_alloc(arena, 2 * sizeof(*tensors));
    const char *suffix = kf_arena_printf(arena, "%s_%llu", parts[which], (unsigned long long)head);
    bool fits = true;
    struct kf_layer *dense;

    if (!tensors || !suffix)
        return kf_adapt_no_memory(one->adapt, one->layer->path);
    KF_TRY(kf_instead_call(one, suffix, "Dense",
                           json_pack("{s:I, s:b, s:s}", "units", (json_int_t)kernel->dims[2],
                                     "use_bias", bias != NULL, "activation", "linear"),
                           json_pack("[o]", json_deep_copy(heads->inputs[which])), out));
    dense = one->graph->layers[one->graph->n_layers - 1];
    dense->tensors = tensors;
    dense->n_tensors = bias ? 2 : 1;
    tensors[0] = *heads->kernels[which];
    tensors[0].variable = "kernel";
    tensors[0].subpath = "";
    KF_TRY(kf_instead_take(one, &tensors[0], kf_rewrite_slice(arena, kernel, 1, head, &fits), fits,
                           "the part of one head"));
    if (!bias)
        return 0;
    tensors[1] = *bias;
    tensors[1].variable = "bias";
    tensors[1].subpath = "";
    return kf_instead_take(one, &tensors[1], kf_rewrite_slice(arena, bias->payload, 0, head, &fits),
                           fits, "the part of one head");
}

/* What one head gives, as a new ref. */
static int run_head(struct heads *heads, uint64_t head, json_t **out)
{
    double scale = 1 / sqrt((double)heads->kernels[0]->payload->dims[2]);
    json_auto_t *query = NULL, *key = NULL, *value = NULL;
    json_t *made = NULL;

    KF_TRY(project(heads, 0, head, &query));
    KF_TRY(project(heads, 1, head, &key));
    KF_TRY(project(heads, 2, head, &value));
    KF_TRY(attend(heads->one, query, key, scale, &made));
    return kf_instead_call(heads->one, "seen", "Dot",
                           json_pack("{s:[i, i], s:b}", "axes", 2, 1, "normalize", false),
                           json_pack("[[o, O]]", made, value), out);
}

/* The layer joins what the heads give. */
static int become_output(struct heads *heads, json_t *seen)
{
    struct kf_instead *one = heads->one;
    struct kf_layer *layer = one->layer;
    struct kf_tensor *kernel = find_tensor(layer, "attention_output", "kernel", 3);
    struct kf_tensor *bias = find_tensor(layer, "attention_output", "bias", 1);
    struct kf_tensor *tensors = kf_arena_alloc(one->adapt->model->arena, 2 * sizeof(*tensors));
    bool fits = true;
    json_t *made = NULL;

    if (!tensors)
        return kf_adapt_no_memory(one->adapt, layer->path);
    tensors[0] = *kernel;
    tensors[0].variable = "kernel";
    if (bias) {
        tensors[1] = *bias;
        tensors[1].variable = "bias";
    }
    for (size_t i = 0; i < 2; i++)
        tensors[i].subpath = "";
    KF_TRY(kf_instead_take(one, &tensors[0],
                           kf_rewrite_rows(one->adapt->model->arena, kernel->payload, &fits), fits,
                           "the heads as one axis"));
    if (json_array_size(seen) > 1)
        KF_TRY(kf_instead_call(one, "heads", "Concatenate", json_pack("{s:i}", "axis", -1),
                               json_pack("[O]", seen), &made));
    else
        made = json_incref(json_array_get(seen, 0));
    json_decref(layer->calls[0].args);
    layer->calls[0].args = json_pack("[o]", made);
    json_object_clear(layer->calls[0].kwargs);
    layer->tensors = tensors;
    layer->n_tensors = bias ? 2 : 1;
    return kf_instead_become(one, "Dense",
                             json_pack("{s:I, s:b, s:s}", "units",
                                       (json_int_t)kernel->payload->dims[2], "use_bias",
                                       bias != NULL, "activation", "linear"));
}

static bool finds_tensors(struct heads *heads)
{
    const struct kf_layer *layer = heads->one->layer;
    const struct kf_tensor *out = find_tensor(layer, "attention_output", "kernel", 3);
    uint64_t n = 0;
    bool biased = kf_json_bool(layer->config, "use_bias", true), fit = out != NULL;

    for (size_t i = 0; i < 3 && fit; i++) {
        heads->kernels[i] = find_tensor(layer, parts[i], "kernel", 3);
        heads->biases[i] = find_tensor(layer, parts[i], "bias", 2);
        n = heads->kernels[i] ? heads->kernels[i]->payload->dims[1] : 0;
        fit = n && n <= MOST_HEADS && n == out->payload->dims[0] &&
              biased == (heads->biases[i] != NULL) &&
              (!biased || heads->biases[i]->payload->dims[0] == n);
    }
    return fit && biased == (find_tensor(layer, "attention_output", "bias", 1) != NULL);
}

int kf_tfjs_form_heads(struct kf_instead *one)
{
    struct kf_layer *layer = one->layer;
    struct kf_call *call = layer->n_calls == 1 ? &layer->calls[0] : NULL;
    json_t *value = call ? json_object_get(call->kwargs, "value") : NULL;
    json_t *key = call ? json_object_get(call->kwargs, "key") : NULL;
    struct heads heads = {.one = one};
    json_auto_t *seen = NULL;
    struct kf_ref ref;

    heads.inputs[0] = call ? json_array_get(call->args, 0) : NULL;
    heads.inputs[1] = kf_ref_get(key, &ref) ? key : value;
    heads.inputs[2] = value;
    if (!kf_ref_get(heads.inputs[0], &ref) || !kf_ref_get(value, &ref) ||
        !kf_instead_is_float32(one) || one->in[0].rank != STEPS || one->in[1].rank != STEPS ||
        !kf_instead_is_bare(one, "value key") || !finds_tensors(&heads))
        return 0;
    seen = json_array();
    for (uint64_t head = 0; head < heads.kernels[0]->payload->dims[1]; head++) {
        json_t *made = NULL;

        KF_TRY(run_head(&heads, head, &made));
        KF_TRY(kf_json_append(seen, made, one->adapt->rep));
    }
    return become_output(&heads, seen);
}
