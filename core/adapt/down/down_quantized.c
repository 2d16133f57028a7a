/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/dequantize.h"
#include "../../model/rewrite.h"
#include "keras3_keras2.h"
#include <string.h>

/*
 * Quantized layers of Keras 3, of which Keras 2 has none: their numbers become floats again. The
 * variables are then what Keras 3 multiplies with; but where it rounds the layer's input, too,
 * nothing does so any more, and the outputs move by as much. That is reported as a loss, with its
 * bound, and only done when it is allowed.
 */

static const struct row {
    const char *class_name, *variable; /* what is quantized */
    bool by_row;                       /* one scale a row */
    const char *unless;                /* a variable without which the input is rounded, too */
    bool down;                         /* packed along its columns */
    const char *name;
} rows[] = {
#define KF_QUANTIZED(class_name, variable, by_row, unless, down)                                   \
    {class_name, variable, by_row, unless, down, "down:quantized:" class_name "." variable},
#include "down_quantized.def"
#undef KF_QUANTIZED
};

struct quantized_layer {
    struct kf_adapt *adapt;
    struct kf_layer *layer;
    const struct row *row;
    const char *mode, *source; /* "int4/128", "float32" */
};

static const struct kf_payload *payload_of(struct quantized_layer *one, const char *suffix)
{
    const struct kf_tensor *tensor = NULL;
    const char *name = *suffix == '_' ? kf_arena_printf(one->adapt->model->arena, "%s%s",
                                                        one->row->variable, suffix)
                                      : suffix;

    tensor = name ? kf_layer_tensor(one->layer, name) : NULL;
    return tensor ? tensor->payload : NULL;
}

static int refuse(struct quantized_layer *one, const char *why)
{
    kf_report_add(one->adapt->rep, KF_NO_EQUAL, one->layer->path,
                  "a %s that is quantized to %s: %s", one->layer->class_name, one->mode, why);
    return 0;
}

static uint64_t length(const struct kf_payload *payload)
{
    return payload ? kf_payload_elements(payload) : 0;
}

/* Letters of "abc,cd->abd" up to any of `ends`. */
static size_t letters(const char *text, const char *ends)
{
    return strcspn(text, ends);
}

/*
 * An EinsumDense has a scale for each of the kernel's axes that stay. Its kernel can be taken as a
 * matrix when those are the last ones, in the order of the output.
 */
static bool is_matrix(const struct kf_layer *layer)
{
    const char *equation = kf_json_str(layer->config, "equation", NULL), *kernel, *output;
    size_t n, reduced = 0, at = 0;

    if (!equation)
        return true;
    kernel = equation + letters(equation, ",");
    output = strstr(equation, "->");
    if (!*kernel || !output)
        return false;
    kernel++;
    n = letters(kernel, "-");
    while (reduced < n && !strchr(output, kernel[reduced]))
        reduced++;
    for (size_t i = reduced; i < n; i++) {
        const char *place = strchr(output + 2 + at, kernel[i]);

        if (!place)
            return false;
        at = (size_t)(place - output - 2) + 1;
    }
    return reduced > 0;
}

/* Columns of the kernel as a matrix: what has a scale each; a row's length of an Embedding. */
static uint64_t columns_of(struct quantized_layer *one, const struct kf_payload *integers)
{
    const json_t *shape = json_object_get(one->layer->config, "output_shape");
    const char *key = one->row->by_row || one->row->down ? "output_dim" : "units";
    json_int_t told = kf_json_int(one->layer->config, key, 0);

    if (json_is_array(shape))
        told = json_integer_value(json_array_get(shape, json_array_size(shape) - 1));
    if (strncmp(one->mode, "int4", 4) == 0)
        return told > 0 ? (uint64_t)told : 0;
    return one->row->by_row ? integers->dims[integers->rank - 1]
                            : length(payload_of(one, "_scale"));
}

static bool rounds_input(struct quantized_layer *one)
{
    return !kf_layer_tensor(one->layer, one->row->unless);
}

static int note_bound(struct quantized_layer *one, const struct kf_payload *made, double smallest)
{
    uint64_t n = kf_payload_elements(made);
    double rows_of = smallest > 0 ? (double)n / (double)length(payload_of(one, "_scale")) : 0;
    struct kf_report *rep = one->adapt->rep;

    if (!rounds_input(one) || (smallest <= 0 && !one->row->by_row && !one->row->down))
        return kf_report_add(rep, KF_DEQUANTIZED, one->layer->path,
                             "%s was quantized to %s and is float32 again, the very numbers that "
                             "Keras 3 takes: error bound 0 but for rounding",
                             one->row->variable, one->mode);
    if (smallest <= 0)
        return kf_report_add(rep, KF_DEQUANTIZED, one->layer->path,
                             "%s was quantized to %s and is float32 again; Keras 3 rounds what is "
                             "multiplied by it, too, which is left out: an output moves by at most "
                             "1/254 of the largest value of the input's row times the sum of |%s| "
                             "that it is made with",
                             one->row->variable, one->mode, one->row->variable);
    return kf_report_add(rep, KF_DEQUANTIZED, one->layer->path,
                         "%s was quantized to %s and is float32 again; Keras 3 rounds the layer's "
                         "input, too, which is left out: before its activation an output moves by "
                         "at most %.3g times the largest value of the input's row",
                         one->row->variable, one->mode, rows_of / (2 * smallest));
}

/* With its axes the other way round. */
static int turn(struct quantized_layer *one, const struct kf_payload **payload)
{
    bool fits = true;

    if (!*payload || (*payload)->rank != 2)
        return 0;
    *payload = kf_rewrite_transpose(one->adapt->model->arena, *payload, (const unsigned[]){1, 0}, 2,
                                    &fits);
    return *payload ? 0 : kf_adapt_no_memory(one->adapt, one->layer->path);
}

static int dequantize(struct quantized_layer *one, struct kf_tensor *tensor)
{
    bool turned = one->row->down && strncmp(one->mode, "int4", 4) == 0;
    struct kf_quantized from = {.integers = tensor->payload,
                                .scale = payload_of(one, "_scale"),
                                .zero = payload_of(one, "_zero"),
                                .group = payload_of(one, "g_idx"),
                                .packed = strncmp(one->mode, "int4", 4) == 0,
                                .by_row = one->row->by_row || turned,
                                .rank = tensor->payload->rank};
    const struct kf_payload *made = NULL;
    double smallest = 0;

    from.columns = columns_of(one, tensor->payload);
    if (turned) {
        KF_TRY(turn(one, &from.integers));
        KF_TRY(turn(one, &from.scale));
        KF_TRY(turn(one, &from.zero));
    }
    memcpy(from.dims, from.integers->dims, sizeof(from.dims));
    if (from.packed)
        from.dims[from.rank - 1] = from.columns;
    if (!from.scale || !is_matrix(one->layer) || (from.packed && from.rank != 2))
        return refuse(one, "the shape that its numbers had is not known");
    KF_TRY(kf_dequantize(&made, &smallest, one->adapt->model->arena, &from, one->adapt->rep));
    if (!made)
        return kf_report_add(one->adapt->rep, KF_WEIGHT_SHAPE, one->layer->path,
                             "%s does not fit its scales", tensor->source);
    KF_TRY(note_bound(one, made, smallest));
    if (turned)
        KF_TRY(turn(one, &made));
    tensor->payload = made;
    tensor->done = "dequantized";
    tensor->trainable = true;
    return 0;
}

/* float8 keeps its variables as they were, and rounds them and the input each time. */
static int note_float8(struct quantized_layer *one)
{
    if (!rounds_input(one))
        return 0;
    return kf_report_add(one->adapt->rep, KF_DEQUANTIZED, one->layer->path,
                         "Keras 3 rounds %s and the layer's input to float8 (e4m3), which is left "
                         "out: before its activation an output moves by at most 0.13 times the sum "
                         "of |input| * |%s|, as far as no input is larger than those of training",
                         one->row->variable, one->row->variable);
}

static const struct row *row_of(const char *class_name, const char *variable)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].class_name, class_name) == 0 &&
            (!variable || strcmp(rows[i].variable, variable) == 0))
            return &rows[i];
    return NULL;
}

/* Only what a layer that is not quantized has stays. */
static void keep_plain(struct kf_layer *layer)
{
    size_t n = 0;

    for (size_t i = 0; i < layer->n_tensors; i++)
        if (strcmp(layer->tensors[i].variable, "bias") == 0 ||
            row_of(layer->class_name, layer->tensors[i].variable))
            layer->tensors[n++] = layer->tensors[i];
    layer->n_tensors = n;
}

/* Each variable that is quantized. */
static int dequantize_all(struct quantized_layer *one)
{
    struct kf_layer *layer = one->layer;

    for (size_t i = 0; i < layer->n_tensors; i++) {
        one->row = row_of(layer->class_name, layer->tensors[i].variable);
        if (!one->row)
            continue;
        kf_report_rule(one->adapt->rep, one->row->name);
        KF_TRY(strcmp(one->mode, "float8") == 0 ? note_float8(one)
                                                : dequantize(one, &layer->tensors[i]));
    }
    return 0;
}

static int down_quantized(struct quantized_layer *one)
{
    struct kf_layer *layer = one->layer;

    if (!one->row)
        return refuse(one, "only Dense, EinsumDense, Embedding and ReversibleEmbedding are brought "
                           "back to floats: give the model as it was before quantize()");
    if (!kf_in_words("float32 mixed_float16 mixed_bfloat16", one->source))
        return refuse(one, "Keras 2 has no equal");
    if (!kf_layer_tensor(layer, one->row->variable) || one->adapt->model->weightless)
        return refuse(one, "Keras 2 has no equal, and only weights show what it is without");
    KF_TRY(dequantize_all(one));
    keep_plain(layer);
    json_object_del(layer->config, "quantization_config");
    return kf_json_set(layer->config, "dtype", json_string(one->source), one->adapt->rep);
}

/* A layer that was named as one to quantize, and left as it is. */
static int drop_idle(struct quantized_layer *one)
{
    const json_t *named = json_object_get(one->layer->config, "quantization_config");

    if (!json_is_object(named))
        return 0;
    return kf_json_set(one->layer->config, "quantization_config", json_null(), one->adapt->rep);
}

static int visit(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    const json_t *dtype = json_object_get(layer->config, "dtype");
    const json_t *policy = json_object_get(dtype, "config");
    struct quantized_layer one = {.adapt = context,
                                  .layer = layer,
                                  .row = row_of(layer->class_name, NULL),
                                  .mode = kf_json_str(policy, "mode", ""),
                                  .source = kf_json_str(policy, "source_name", "float32")};

    (void)graph;
    if (layer->operation || layer->custom || layer->inner)
        return 0;
    if (!*one.mode)
        return one.row ? drop_idle(&one) : 0;
    if (!kf_in_words("int8 int4 float8", one.mode) && !kf_starts(one.mode, "int4/"))
        return refuse(&one, "Keras 2 has no equal");
    return down_quantized(&one);
}

int kf_down_quantized(struct kf_adapt *adapt, struct kf_graph *graph)
{
    return kf_layers_each(graph, visit, adapt);
}
