/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/policy.h"
#include "../shapes/flow_shapes.h"
#include "keras3_keras2.h"
#include <stdlib.h>
#include <string.h>

/*
 * A spectrogram whose waves are weights is a convolution of each channel with them: a Conv1D for
 * each of its kernels, and functions of what they give.
 */

#define RANK 3

static const struct row {
    const char *class_name, *mode, *steps, *name;
} rows[] = {
#define KF_DOWN_SPECTROGRAM(class_name, mode, steps)                                               \
    {class_name, mode, steps, "down:spectrogram:" mode},
#include "down_spectrograms.def"
#undef KF_DOWN_SPECTROGRAM
};

struct spectrogram {
    struct kf_adapt *adapt;
    struct kf_graph *graph;
    struct kf_layer *layer;
    const struct row *row;
    size_t n_waves;
    json_int_t channels;
    size_t real, imag; /* where their layers are */
};

static int no_memory(const struct spectrogram *one)
{
    return kf_adapt_no_memory(one->adapt, one->layer->path);
}

static const struct row *row_of(const struct kf_layer *layer)
{
    if (layer->operation || layer->custom || layer->inner ||
        strcmp(kf_policy_name(layer->config, "float32"), "float32") != 0)
        return NULL;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].class_name, layer->class_name) == 0 &&
            strcmp(rows[i].mode, kf_json_str(layer->config, "mode", "log")) == 0)
            return &rows[i];
    return NULL;
}

bool kf_down_is_spectrogram(const struct kf_layer *layer)
{
    return row_of(layer) != NULL;
}

static bool is_first(const struct spectrogram *one)
{
    return kf_shape_first(one->layer);
}

static json_t *conv_config(const struct spectrogram *one)
{
    json_int_t length = kf_json_int(one->layer->config, "frame_length", 0);

    return json_pack(
        "{s:I, s:[I], s:[I], s:s, s:s, s:[i], s:i, s:s, s:b}", "filters", (json_int_t)one->n_waves,
        "kernel_size", length, "strides", kf_json_int(one->layer->config, "frame_step", length / 2),
        "padding", kf_json_str(one->layer->config, "padding", "valid"), "data_format",
        "channels_last", "dilation_rate", 1, "groups", 1, "activation", "linear", "use_bias", 0);
}

/* The convolution with one of the layer's kernels. */
static int add_part(struct spectrogram *one, const struct kf_tensor *kernel)
{
    bool real = kf_starts(kernel->variable, "real");
    struct kf_tensor *tensor = kf_arena_alloc(one->adapt->model->arena, sizeof(*tensor));
    struct kf_layer *conv = NULL;

    if (!tensor)
        return no_memory(one);
    *(real ? &one->real : &one->imag) = one->graph->n_layers;
    KF_TRY(kf_down_add_layer(one->adapt, one->graph, one->layer, real ? "real" : "imag", "Conv1D",
                             conv_config(one), &conv));
    KF_TRY(kf_report_add(one->adapt->rep, KF_LAYER_INSERTED, conv->path, "holds the %s of %s",
                         kernel->variable, one->layer->name));
    *tensor = *kernel;
    tensor->variable = "kernel";
    conv->tensors = tensor;
    conv->n_tensors = 1;
    return 0;
}

/* What one of the kernels gives of a call's tensor: (batch, channels, steps, waves). */
static int convolve(const struct spectrogram *one, size_t part, const json_t *tensor, json_t **out)
{
    struct kf_layer *conv = one->graph->layers[part];
    json_t *own = json_deep_copy(tensor);

    if (!is_first(one))
        KF_TRY(kf_down_operate(one->adapt, one->graph, "Transpose",
                               json_pack("{s:[i,i,i]}", "axes", 0, 2, 1), json_pack("[o]", own),
                               &own));
    KF_TRY(kf_down_operate(one->adapt, one->graph, "ExpandDims", json_pack("{s:i}", "axis", -1),
                           json_pack("[o]", own), &own));
    KF_TRY(kf_layer_add_call(one->adapt->model, conv, json_pack("[o]", own), json_object(),
                             one->adapt->rep));
    *out = kf_ref_new(part, conv->n_calls - 1, 0);
    return *out ? 0 : no_memory(one);
}

/* How often each wave counts: all but the first and the last stand for their mirrors, too. */
static json_t *weights_of(const struct spectrogram *one)
{
    json_t *list = json_array();

    for (size_t i = 0; i < one->n_waves; i++)
        json_array_append_new(list, json_real(i == 0 || i + 1 == one->n_waves ? 1 : 2));
    return list;
}

/* A value of a step: see down_spectrograms.def. */
static int value_of(const struct spectrogram *one, const json_t *tensor, json_t *const done[2],
                    const char *word, json_t **out)
{
    switch (*word) {
    case 'r':
        return convolve(one, one->real, tensor, out);
    case 'i':
        return convolve(one, one->imag, tensor, out);
    case 'p':
    case 'q':
        *out = json_deep_copy(done[*word == 'q']);
        break;
    case 'w':
        *out = weights_of(one);
        break;
    default:
        *out = json_real(strtod(word, NULL));
    }
    return *out ? 0 : no_memory(one);
}

/* One step: "Add p q", or a value alone. */
static int take_step(const struct spectrogram *one, const json_t *tensor, json_t *const done[2],
                     char *text, json_t **out)
{
    char *next = NULL, *class_name = strtok_r(text, " ", &next);
    json_auto_t *args = json_array();
    bool listed = kf_streq(class_name, "Concatenate");

    if (!class_name || !class_name[1])
        return class_name ? value_of(one, tensor, done, class_name, out) : no_memory(one);
    for (char *word = strtok_r(NULL, " ", &next); word; word = strtok_r(NULL, " ", &next)) {
        json_t *value = NULL;

        KF_TRY(value_of(one, tensor, done, word, &value));
        KF_TRY(kf_json_append(args, value, one->adapt->rep));
    }
    return kf_down_operate(one->adapt, one->graph, class_name,
                           listed ? json_pack("{s:i}", "axis", -1) : json_object(),
                           listed ? json_pack("[O]", args) : json_incref(args), out);
}

/* What the mode makes of a call's tensor: (batch, channels, steps, waves). */
static int compute(const struct spectrogram *one, const json_t *tensor, json_t **out)
{
    char *text = kf_arena_strdup(one->adapt->model->arena, one->row->steps), *next = NULL;
    json_t *done[2] = {NULL, NULL};
    int r = text ? 0 : no_memory(one);

    for (char *step = r < 0 ? NULL : strtok_r(text, "|", &next); step && r >= 0;
         step = strtok_r(NULL, "|", &next)) {
        json_t *made = NULL;

        r = take_step(one, tensor, done, step, &made);
        json_decref(done[1]);
        done[1] = done[0];
        done[0] = made;
    }
    json_decref(done[1]);
    *out = done[0];
    return r;
}

static json_t *reshape_config(const struct spectrogram *one, json_int_t waves)
{
    json_int_t all = one->channels * waves;

    return is_first(one) ? json_pack("{s:[I, i]}", "target_shape", all, -1)
                         : json_pack("{s:[i, I]}", "target_shape", -1, all);
}

/* The layer keeps its place and its name, and puts axes where Keras 3 has them. */
static int become_order(struct spectrogram *one)
{
    struct kf_layer *layer = one->layer;
    bool apart = kf_json_bool(layer->config, "expand_dims", false);
    json_int_t waves = (json_int_t)one->n_waves * (kf_streq(one->row->mode, "stft") ? 2 : 1);
    json_t *config = !apart ? reshape_config(one, waves)
                            : json_pack("{s:[i, i, i]}", "dims", is_first(one) ? 1 : 2,
                                        is_first(one) ? 2 : 3, is_first(one) ? 3 : 1);

    KF_TRY(kf_json_set(config, "name", json_string(layer->name), one->adapt->rep));
    KF_TRY(kf_json_set(config, "trainable", json_boolean(layer->trainable), one->adapt->rep));
    KF_TRY(kf_json_set(config, "dtype", json_string("float32"), one->adapt->rep));
    json_decref(layer->config);
    layer->config = config;
    layer->class_name = apart ? "Permute" : "Reshape";
    layer->module = layer->registered_name = NULL;
    layer->tensors = NULL;
    layer->n_tensors = 0;
    return kf_report_add(
        one->adapt->rep, KF_CLASS_REPLACED, layer->path,
        "Keras 2 has no %s: a Conv1D for each of its kernels and functions of what "
        "they give compute it",
        one->row->class_name);
}

static int take_apart(struct spectrogram *one)
{
    bool apart = kf_json_bool(one->layer->config, "expand_dims", false);
    size_t n = one->layer->n_calls;

    for (size_t i = 0; i < one->layer->n_tensors; i++)
        KF_TRY(add_part(one, &one->layer->tensors[i]));
    for (size_t k = 0; k < n; k++) {
        struct kf_call *call = &one->layer->calls[k];
        json_t *made = NULL;

        KF_TRY(compute(one, json_array_get(call->args, 0), &made));
        if (!apart)
            KF_TRY(kf_down_operate(one->adapt, one->graph, "Transpose",
                                   json_pack("{s:[i, i, i, i]}", "axes", 0, is_first(one) ? 1 : 2,
                                             is_first(one) ? 3 : 1, is_first(one) ? 2 : 3),
                                   json_pack("[o]", made), &made));
        json_decref(call->args);
        call->args = json_pack("[o]", made);
        if (!call->args)
            return no_memory(one);
    }
    return become_order(one);
}

/* How many channels a call's tensor has: as the file says, or the input. */
static json_int_t channels_of(const struct spectrogram *one, const json_t *tensor)
{
    const json_t *said = json_object_get(tensor, "shape");
    struct kf_shape shape = {0};
    struct kf_ref at;

    if (json_is_array(said))
        return json_integer_value(json_array_get(said, is_first(one) ? 1 : RANK - 1));
    if (kf_ref_get(tensor, &at))
        kf_shape_after(one->graph->layers[at.layer], NULL, 0, &shape);
    return kf_shape_axis(&shape, is_first(one) ? 1 : RANK - 1);
}

/* Its waves are only in the file: Keras 2 would make other numbers. */
static bool measure(struct spectrogram *one)
{
    const struct kf_layer *layer = one->layer;

    for (size_t i = 0; i < layer->n_tensors; i++) {
        const struct kf_payload *payload = layer->tensors[i].payload;

        if (!payload || payload->rank != RANK || (i && payload->dims[2] != one->n_waves))
            return false;
        one->n_waves = payload->dims[2];
    }
    for (size_t k = 0; k < layer->n_calls; k++) {
        json_int_t channels = channels_of(one, json_array_get(layer->calls[k].args, 0));

        if (channels < 1 || (k && channels != one->channels))
            return false;
        one->channels = channels;
    }
    return layer->n_tensors && layer->n_calls;
}

int kf_down_spectrograms(struct kf_adapt *adapt, struct kf_graph *graph)
{
    size_t n = graph->n_layers;

    for (size_t i = 0; i < n; i++) {
        struct spectrogram one = {.adapt = adapt, .graph = graph, .layer = graph->layers[i]};

        if (one.layer->inner)
            KF_TRY(kf_down_spectrograms(adapt, one.layer->inner));
        one.row = row_of(one.layer);
        if (!one.row || !measure(&one))
            continue;
        kf_report_rule(adapt->rep, one.row->name);
        KF_TRY(take_apart(&one));
    }
    return 0;
}
