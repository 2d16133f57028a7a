/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "keras1.h"
#include <string.h>

/* 0 uses the running averages; the others have no part in what a saved model predicts alone. */
static int mode_of_batch_norm(struct kf_keras1 *keras1, struct kf_layer *layer)
{
    json_t *value = json_object_get(layer->config, "mode");
    json_int_t mode = kf_json_int(layer->config, "mode", 0);

    if (mode)
        kf_report_change(keras1->adapt->rep, KF_VALUE_NO_EQUAL, layer->path, "mode", value, NULL,
                         mode == 1 ? "a BatchNormalization that normalises each sample by itself, "
                                     "its epsilon outside the root"
                                   : "a BatchNormalization that normalises by the batch it is "
                                     "given, in prediction too");
    json_object_del(layer->config, "mode");
    return 0;
}

/* One init made both kernels. */
static int two_initializers(struct kf_keras1 *keras1, struct kf_layer *layer)
{
    const json_t *one = json_object_get(layer->config, "depthwise_initializer");

    return one ? kf_json_set(layer->config, "pointwise_initializer", json_deep_copy(one),
                             keras1->adapt->rep)
               : 0;
}

/* Keras 1 does not save shared_axes: an axis that the weight has one of is shared. */
static int shared_axes(struct kf_keras1 *keras1, struct kf_layer *layer)
{
    const struct kf_payload *payload = layer->n_tensors ? layer->tensors[0].payload : NULL;
    json_auto_t *axes = json_array();

    for (unsigned i = 0; payload && i < payload->rank; i++)
        if (payload->dims[i] == 1)
            KF_TRY(kf_json_append(axes, json_integer((json_int_t)i + 1), keras1->adapt->rep));
    if (!json_array_size(axes))
        return 0;
    return kf_json_set(layer->config, "shared_axes", json_incref(axes), keras1->adapt->rep);
}

static int bad_padding(struct kf_keras1 *keras1, const struct kf_layer *layer)
{
    return kf_report_add(keras1->adapt->rep, KF_BAD_CONFIG, layer->path,
                         "the padding of a %s is none", layer->class_name);
}

/* Before and behind, from {"left_pad", "right_pad"}, or a number, or a list that stays. */
static int padding_1d(struct kf_keras1 *keras1, struct kf_layer *layer)
{
    const json_t *value = json_object_get(layer->config, "padding");
    json_t *both;

    if (json_is_array(value) && json_array_size(value) == 2)
        return 0;
    if (!json_is_object(value) && !json_is_integer(value))
        return bad_padding(keras1, layer);
    both = json_is_object(value)
               ? json_pack("[I,I]", kf_json_int(value, "left_pad", 0),
                           kf_json_int(value, "right_pad", 0))
               : json_pack("[I,I]", json_integer_value(value), json_integer_value(value));
    return kf_json_set(layer->config, "padding", both, keras1->adapt->rep);
}

/* [[top, bottom], [left, right]], from an object or a list of two or four numbers. */
static int padding_2d(struct kf_keras1 *keras1, struct kf_layer *layer)
{
    const json_t *value = json_object_get(layer->config, "padding");
    size_t n = json_array_size(value), step = n == 4;
    json_int_t sides[4];
    json_t *both;

    if (!json_is_object(value) && n != 2 && n != 4)
        return bad_padding(keras1, layer);
    for (size_t i = 0; i < 4; i++) {
        static const char *const names[] = {"top_pad", "bottom_pad", "left_pad", "right_pad"};

        sides[i] = json_is_object(value)
                       ? kf_json_int(value, names[i], 0)
                       : json_integer_value(json_array_get(value, step ? i : i / 2));
    }
    both = json_pack("[[I,I],[I,I]]", sides[0], sides[1], sides[2], sides[3]);
    return kf_json_set(layer->config, "padding", both, keras1->adapt->rep);
}

/*
 * Layers whose dim_ordering Keras 1 does not save: it took what keras.json said, as the layers did
 * that save theirs. Where those say nothing, or not the same, the file does not tell.
 */
static int silent_format(struct kf_keras1 *keras1, struct kf_layer *layer)
{
    struct kf_adapt *adapt = keras1->adapt;
    const char *format = keras1->format;

    if (!format && adapt->options->guess)
        format = adapt->backend == KF_BACKEND_THEANO ? "channels_first" : "channels_last";
    if (!format)
        return kf_report_add(adapt->rep, KF_MAPPING_AMBIGUOUS, layer->path,
                             "Keras 1 does not save which axes a %s works on, and the other layers "
                             "do not tell: guess=yes takes the default of its backend",
                             layer->class_name);
    KF_TRY(kf_report_change(adapt->rep, KF_KEY_DEFAULTED, layer->path, "data_format", NULL, NULL,
                            keras1->format ? "%s, as all layers say that save it"
                                           : "%s, the default of the backend: guessed",
                            format));
    return kf_json_set(layer->config, "data_format", json_string(format), adapt->rep);
}

static json_int_t item(const struct kf_layer *layer, const char *key, size_t i)
{
    return json_integer_value(json_array_get(json_object_get(layer->config, key), i));
}

/*
 * How far the output of a deconvolution goes beyond the smallest that its input makes; -1 where no
 * later Keras can say that. False in `*usual` when that is not what follows from the padding.
 */
static json_int_t beyond(const struct kf_layer *layer, size_t axis, bool *usual)
{
    bool first = kf_streq(kf_json_str(layer->config, "data_format", NULL), "channels_first");
    bool same = kf_streq(kf_json_str(layer->config, "padding", NULL), "same");
    json_int_t out = item(layer, "output_shape", axis + (first ? 2 : 1));
    json_int_t kernel = item(layer, "kernel_size", axis), stride = item(layer, "strides", axis);
    json_int_t extra, inputs;

    *usual = false;
    if (out <= 0 || kernel <= 0 || stride <= 0 || (!same && out < kernel))
        return -1;
    inputs = same ? (out - 1) / stride + 1 : (out - kernel) / stride + 1;
    extra = out - ((inputs - 1) * stride + kernel - (same ? 2 * (kernel / 2) : 0));
    *usual = same ? out % stride == 0 : extra == 0;
    return extra < stride ? extra : -1;
}

/* Keras 1 is told the shape of the output, later Keras how far it goes beyond the smallest. */
static int output_padding(struct kf_keras1 *keras1, struct kf_layer *layer)
{
    bool usual_rows, usual_columns;
    json_int_t rows = beyond(layer, 0, &usual_rows), columns = beyond(layer, 1, &usual_columns);
    bool usual = usual_rows && usual_columns;

    if (!usual && (rows < 0 || columns < 0)) {
        kf_report_change(keras1->adapt->rep, KF_VALUE_NO_EQUAL, layer->path, "output_shape",
                         json_object_get(layer->config, "output_shape"), NULL,
                         "no deconvolution of later Keras with this kernel gives that shape");
        return 0;
    }
    json_object_del(layer->config, "output_shape");
    return usual ? 0
                 : kf_json_set(layer->config, "output_padding", json_pack("[I,I]", rows, columns),
                               keras1->adapt->rep);
}

static const struct merge_row {
    const char *mode, *class_name, *key, *new_key, *name;
} merge_rows[] = {
#define KF1_MERGE(mode, class_name, key, new_key)                                                  \
    {mode, class_name, key, new_key, "keras1-merge:" mode},
#include "keras1_keras2.def"
};

static int refuse_merge(struct kf_adapt *adapt, struct kf_layer *layer)
{
    const char *type = kf_json_str(layer->config, "mode_type", "raw");
    const char *mode = kf_json_str(layer->config, "mode", "?");

    if (strcmp(type, "raw") == 0)
        kf_report_add(adapt->rep, KF_VALUE_NO_EQUAL, layer->path,
                      "a Merge of mode %s is none of Keras 1", mode);
    else
        kf_report_add(adapt->rep, KF_LAMBDA, layer->path,
                      "a Merge whose mode is a %s is Python code of the version that wrote it",
                      type);
    return 0;
}

/* A Lambda of the list of inputs, which is understood or refused as any other. */
static int become_lambda(struct kf_adapt *adapt, struct kf_layer *layer)
{
    static const char *const keys[][2] = {
        {"mode", "function"}, {"arguments", "arguments"}, {"output_mask", "mask"}};
    json_t *config = json_pack("{s:s, s:b, s:s, s:n}", "name", layer->name, "trainable", 1,
                               "function_type", "lambda", "output_shape");

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        json_t *value = json_object_get(layer->config, keys[i][0]);

        if (config && value && json_object_set(config, keys[i][1], value) < 0) {
            json_decref(config);
            config = NULL;
        }
    }
    if (!config)
        return kf_adapt_no_memory(adapt, layer->path);
    json_decref(layer->config);
    layer->config = config;
    layer->class_name = "Lambda";
    kf_report_rule(adapt->rep, "keras1-merge:lambda");
    return kf_report_add(adapt->rep, KF_CLASS_REPLACED, layer->path,
                         "a Merge whose mode is a lambda became a Lambda");
}

int kf_merge_become(struct kf_adapt *adapt, struct kf_layer *layer)
{
    const char *mode = kf_json_str(layer->config, "mode", "");
    const struct merge_row *row = NULL;
    json_auto_t *config = NULL;
    json_t *value;

    if (kf_streq(kf_json_str(layer->config, "mode_type", "raw"), "lambda"))
        return become_lambda(adapt, layer);
    if (!kf_streq(kf_json_str(layer->config, "mode_type", "raw"), "raw"))
        return refuse_merge(adapt, layer);
    for (size_t i = 0; !row && i < sizeof(merge_rows) / sizeof(merge_rows[0]); i++)
        if (strcmp(merge_rows[i].mode, mode) == 0)
            row = &merge_rows[i];
    if (!row)
        return refuse_merge(adapt, layer);
    kf_report_rule(adapt->rep, row->name);
    config = json_pack("{s:s, s:b}", "name", layer->name, "trainable", 1);
    value = json_object_get(layer->config, row->key);
    if (!config)
        return kf_adapt_no_memory(adapt, layer->path);
    if (value)
        KF_TRY(kf_json_set(config, row->new_key, json_incref(value), adapt->rep));
    json_decref(layer->config);
    layer->config = json_incref(config);
    layer->class_name = row->class_name;
    return kf_report_add(adapt->rep, KF_CLASS_REPLACED, layer->path,
                         "a Merge of mode %s became %s, which computes the same", row->mode,
                         row->class_name);
}

static int merge_mode(struct kf_keras1 *keras1, struct kf_layer *layer)
{
    return kf_merge_become(keras1->adapt, layer);
}

static const struct special {
    const char *classes;
    int (*apply)(struct kf_keras1 *keras1, struct kf_layer *layer);
    const char *name;
} specials[] = {
#define KF1_SPECIAL(classes, function) {classes, function, "keras1-special:" #function},
#include "keras1_keras2.def"
};

int kf_keras1_special(struct kf_keras1 *keras1, struct kf_layer *layer)
{
    const char *class_name = layer->class_name;

    for (size_t i = 0; i < sizeof(specials) / sizeof(specials[0]); i++) {
        if (!kf_in_words(specials[i].classes, class_name))
            continue;
        kf_report_rule(keras1->adapt->rep, specials[i].name);
        KF_TRY(specials[i].apply(keras1, layer));
    }
    return 0;
}
