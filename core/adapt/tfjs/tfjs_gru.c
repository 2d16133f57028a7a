/* SPDX-License-Identifier: Apache-2.0 */
#include "tfjs_gru.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/policy.h"

#define MOST_UNITS 1024 /* the LSTM has twelve times its weights */

static const struct kf_payload *payload_of(const struct kf_layer *layer, const char *name,
                                           unsigned rank)
{
    const struct kf_tensor *tensor = kf_layer_tensor(layer, name);
    const struct kf_payload *payload = tensor ? tensor->payload : NULL;

    return payload && payload->rank == rank && payload->dtype == KF_DTYPE_FLOAT32 ? payload : NULL;
}

static json_t *lstm_config(const struct kf_gru *gru)
{
    const json_t *config = gru->layer->config;

    return json_pack("{s:s, s:b, s:s, s:I, s:s, s:s, s:b, s:b, s:b, s:b, s:b, s:b}", "name",
                     gru->layer->name, "trainable", gru->layer->trainable, "dtype", "float32",
                     "units", (json_int_t)(gru->units * N_PARTS), "activation", "linear",
                     "recurrent_activation", "sigmoid", "use_bias", true, "unit_forget_bias", false,
                     "return_sequences", kf_json_bool(config, "return_sequences", false),
                     "return_state", false, "go_backwards",
                     kf_json_bool(config, "go_backwards", false), "stateful", false);
}

static bool is_meant(struct kf_gru *gru)
{
    const struct kf_layer *layer = gru->layer;
    const json_t *config = layer->config;

    gru->units = (uint64_t)kf_json_int(config, "units", 0);
    gru->kernel = payload_of(layer, "kernel", 2);
    gru->recurrent = payload_of(layer, "recurrent_kernel", 2);
    gru->bias = payload_of(layer, "bias", 2);
    gru->width = gru->kernel ? gru->kernel->dims[0] : 0;
    gru->back = kf_json_bool(config, "go_backwards", false);
    return kf_streq(layer->class_name, "GRU") && kf_json_bool(config, "reset_after", true) &&
           kf_streq(kf_json_str(config, "activation", NULL), "tanh") &&
           kf_streq(kf_json_str(config, "recurrent_activation", NULL), "sigmoid") &&
           kf_streq(kf_policy_name(config, "float32"), "float32") && gru->kernel &&
           gru->recurrent && kf_json_bool(config, "use_bias", true) == (gru->bias != NULL) &&
           gru->units > 0 && gru->units <= MOST_UNITS && gru->width > 0 &&
           gru->kernel->dims[1] == 3 * gru->units && gru->recurrent->dims[0] == gru->units &&
           gru->recurrent->dims[1] == 3 * gru->units && !kf_json_bool(config, "stateful", false) &&
           !kf_json_bool(config, "return_state", false) &&
           !kf_json_bool(config, "time_major", false) &&
           (!gru->bias ||
            (gru->bias->dims[0] == KF_GRU_BIASES && gru->bias->dims[1] == 3 * gru->units));
}

/* Where the times of a step come out: from the last to the first where what is given backwards is
 * turned round again. */
struct direction {
    bool turned;
};

/* A Dense without an activation, `patches` being its kernel, in front of the layer or behind it. */
static int add_dense(struct kf_gru *gru, bool behind, const uint64_t *dims,
                     const struct kf_patch *kernel, size_t n, const struct kf_patch *bias,
                     size_t n_bias)
{
    struct kf_instead *one = gru->one;
    struct kf_arena *arena = one->adapt->model->arena;
    struct kf_tensor *tensors = kf_arena_alloc(arena, 2 * sizeof(*tensors));
    const struct kf_payload *payload;
    struct kf_layer *last = one->layer, *dense;
    json_t *config;
    bool fits = true;

    if (!tensors)
        return kf_adapt_no_memory(one->adapt, gru->layer->path);
    config = json_pack("{s:I, s:s, s:b}", "units", (json_int_t)dims[1], "activation", "linear",
                       "use_bias", bias != NULL);
    KF_TRY(behind ? kf_instead_behind(one, "Dense", config)
                  : kf_instead_before(one, "Dense", config));
    dense = behind                                  ? last
            : one->graph->topology == KF_SEQUENTIAL ? one->graph->layers[one->index - 1]
                                                    : one->graph->layers[one->graph->n_layers - 1];
    dense->tensors = tensors;
    dense->n_tensors = bias ? 2 : 1;
    payload = kf_rewrite_patch(arena, gru->recurrent, dims, 2, kernel, n, &fits);
    KF_TRY(kf_gru_tensor(gru, &tensors[0], "kernel", payload, fits));
    if (!bias)
        return 0;
    payload = kf_rewrite_patch(arena, gru->recurrent, dims + 1, 1, bias, n_bias, &fits);
    return kf_gru_tensor(gru, &tensors[1], "bias", payload, fits);
}

/* What it costs. */
static int say(const struct kf_gru *gru)
{
    return kf_report_add(gru->one->adapt->rep, KF_FINDING, gru->one->layer->path,
                         "TensorFlow.js has no reset_after: an LSTM of %d units and %d times the "
                         "steps computes the same, more slowly",
                         (int)gru->units * N_PARTS, KF_GRU_TIMES);
}

/* Each step as it is, three times, marked with which time it is. */
static int put_in_front(struct kf_gru *gru, json_int_t steps)
{
    uint64_t marked = gru->width + KF_GRU_TIMES, dims[] = {gru->width, KF_GRU_TIMES * marked};
    struct kf_patch kernel[KF_GRU_TIMES], bias[KF_GRU_TIMES];

    for (uint64_t time = 0; time < KF_GRU_TIMES; time++) {
        kernel[time] = (struct kf_patch){.rows = gru->width,
                                         .column = time * marked,
                                         .columns = gru->width,
                                         .add = 1,
                                         .diagonal = true};
        bias[time] = (struct kf_patch){
            .rows = 1, .column = time * marked + gru->width + time, .columns = 1, .add = 1};
    }
    KF_TRY(add_dense(gru, false, dims, kernel, KF_GRU_TIMES, bias, KF_GRU_TIMES));
    return kf_instead_before(gru->one, "Reshape",
                             json_pack("{s:[I, I]}", "target_shape",
                                       steps < 0 ? -1 : steps * KF_GRU_TIMES, (json_int_t)marked));
}

/* The state out of all parts, at the last time of each step; of both directions one after the
 * other, or `joined` as one, each times `scale`. */
static int put_behind(struct kf_gru *gru, const struct direction *directions, size_t n,
                      json_int_t steps, bool joined, double scale)
{
    bool sequences = kf_json_bool(gru->layer->config, "return_sequences", false);
    uint64_t once = gru->units * N_PARTS * n, width = once * (sequences ? KF_GRU_TIMES : 1);
    uint64_t dims[] = {width, gru->units * (joined ? 1 : n)};
    struct kf_patch kernel[2];

    for (size_t i = 0; i < n; i++)
        kernel[i] = (struct kf_patch){
            .row = (sequences && !directions[i].turned ? once * (KF_GRU_TIMES - 1) : 0) +
                   gru->units * (i * N_PARTS + STATE),
            .rows = gru->units,
            .column = joined ? 0 : gru->units * i,
            .columns = gru->units,
            .add = scale,
            .diagonal = true};
    KF_TRY(add_dense(gru, true, dims, kernel, n, NULL, 0));
    if (!sequences)
        return 0;
    return kf_instead_behind(gru->one, "Reshape",
                             json_pack("{s:[I, I]}", "target_shape", steps, (json_int_t)width));
}

static json_int_t steps_of(const struct kf_instead *one)
{
    json_int_t steps = kf_shape_axis(&one->in[0], 1);

    return one->layer->n_calls > 1 || steps < 1 || steps > 1 << 20 ? -1 : steps;
}

static bool is_given_state(const struct kf_layer *layer)
{
    for (size_t k = 0; k < layer->n_calls; k++)
        if (json_is_array(json_array_get(layer->calls[k].args, 0)))
            return true;
    return false;
}

int kf_tfjs_form_gru(struct kf_instead *one)
{
    struct kf_gru gru = {.one = one, .layer = one->layer};
    struct direction direction = {false};
    json_int_t steps = steps_of(one);

    if (!is_meant(&gru) || one->masks || !kf_instead_is_bare(one, "") || is_given_state(one->layer))
        return 0;
    gru.like = one->layer->tensors[0];
    KF_TRY(say(&gru));
    KF_TRY(put_in_front(&gru, steps));
    KF_TRY(put_behind(&gru, &direction, 1, steps, false, 1));
    gru.layer = one->layer;
    KF_TRY(kf_gru_tensors(&gru, one->layer));
    return kf_instead_become(one, "LSTM", lstm_config(&gru));
}

/* Both directions at once: a step is marked for the one, and the other counts from the end. */
static int become_both(struct kf_instead *one, struct kf_gru *forward, struct kf_gru *backward)
{
    struct kf_layer *layer = one->layer, *const *parts = layer->parts;
    json_t *inner = json_pack("{s:s, s:o}", "class_name", "LSTM", "config", lstm_config(forward));
    json_auto_t *config = json_pack("{s:o, s:s}", "layer", inner, "merge_mode", "concat");

    KF_TRY(kf_gru_tensors(forward, parts[0]));
    KF_TRY(kf_gru_tensors(backward, parts[1]));
    for (size_t i = 0; i < 2; i++) {
        parts[i]->class_name = "LSTM";
        parts[i]->config = json_object_get(inner, "config");
    }
    parts[1]->config_key = NULL;
    return kf_instead_become(one, "Bidirectional", json_incref(config));
}

int kf_tfjs_form_both_gru(struct kf_instead *one)
{
    struct kf_layer *layer = one->layer;
    const char *mode = kf_json_str(layer->config, "merge_mode", NULL);
    struct kf_gru forward = {.one = one}, backward = {.one = one};
    struct direction directions[] = {{false}, {true}};
    bool joined = kf_in_words("sum ave", mode ? mode : "");

    if (layer->n_parts != 2 || one->masks || !kf_instead_is_bare(one, "") ||
        is_given_state(layer) || (!joined && !kf_streq(mode, "concat")))
        return 0;
    forward.layer = layer->parts[0];
    backward.layer = layer->parts[1];
    if (!is_meant(&forward) || !is_meant(&backward))
        return 0;
    if (!json_is_object(json_object_get(layer->config, "backward_layer")))
        backward.back = !forward.back; /* it is made of the other's config */
    if (forward.units != backward.units || forward.width != backward.width || forward.back ||
        !backward.back ||
        kf_json_bool(forward.layer->config, "return_sequences", false) !=
            kf_json_bool(backward.layer->config, "return_sequences", false))
        return 0;
    forward.like = forward.layer->tensors[0];
    backward.like = backward.layer->tensors[0];
    KF_TRY(say(&forward));
    KF_TRY(put_in_front(&forward, steps_of(one)));
    KF_TRY(put_behind(&forward, directions, 2, steps_of(one), joined,
                      kf_streq(mode, "ave") ? 0.5 : 1));
    return become_both(one, &forward, &backward);
}
