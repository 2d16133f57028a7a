/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/text/json.h"
#include "../model/rewrite.h"
#include "adapt.h"
#include <string.h>

enum how { COLUMNS, TRANSPOSED, SUM_HALVES, TWO_ROWS, INT32 };

static const struct tensor_row {
    const char *class_name, *variable;
    enum how how;
    unsigned gates;
    const char *done, *name;
} tensor_rows[] = {
#define KF_TENSOR(class_name, variable, how, gates, done)                                          \
    {class_name, variable, how, gates, done, "tensor:" class_name "." variable},
#include "tensors.def"
};

static const struct flip_row {
    const char *classes, *variables, *name;
} flip_rows[] = {
#define KF_FLIP(classes, variables) {classes, variables, "flip:" classes},
#include "tensors.def"
};

static const struct gates_row {
    const char *classes, *key, *variables;
    unsigned gates, mask;
    const char *name;
} gates_rows[] = {
#define KF_GATES(classes, key, variables, gates, mask)                                             \
    {classes, key, variables, gates, mask, "gates:" classes "." key},
#include "gates.def"
#undef KF_GATES
};

#define N_ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))
#define SLOPE_KERAS2 0.2
#define SLOPE_KERAS3 (1.0 / 6.0)

static const struct kf_payload *rewrite(struct kf_adapt *adapt, const struct tensor_row *row,
                                        const struct kf_payload *payload, bool *fits)
{
    struct kf_arena *arena = adapt->model->arena;

    switch (row->how) {
    case COLUMNS:
        return kf_rewrite_gates(arena, payload, row->gates, KF_GATE_COLUMNS, fits);
    case TRANSPOSED:
        return kf_rewrite_gates(arena, payload, row->gates, KF_GATE_TRANSPOSED, fits);
    case SUM_HALVES:
        return kf_rewrite_sum_halves(arena, payload, fits);
    case TWO_ROWS:
        return kf_rewrite_two_rows(arena, payload, fits);
    default:
        return kf_rewrite_int32(arena, payload, fits);
    }
}

/* Take the rewritten payload; what was done is added to what was done before. */
static int take(struct kf_adapt *adapt, struct kf_layer *layer, struct kf_tensor *tensor,
                const struct kf_payload *payload, bool fits, const char *done)
{
    if (!fits)
        return kf_report_add(adapt->rep, KF_WEIGHT_SHAPE, layer->path,
                             "%s has not the shape or dtype of a %s", tensor->source,
                             layer->class_name);
    if (!payload)
        return kf_adapt_no_memory(adapt, layer->path);
    if (payload == tensor->payload)
        return 0;
    tensor->payload = payload;
    tensor->done =
        tensor->done ? kf_arena_printf(adapt->model->arena, "%s; %s", tensor->done, done) : done;
    if (!tensor->done)
        return kf_adapt_no_memory(adapt, layer->path);
    return kf_report_add(adapt->rep, KF_TENSOR_REWRITTEN, layer->path, "%s: %s", tensor->source,
                         done);
}

/*
 * Keras 2.0-2.3 turned the kernels of a Theano file round when it loaded it on another backend,
 * tf.keras 2.4-2.15 reads them as they stand. A file is converted as tf.keras 2.15 reads it,
 * unless the user says that it is Theano's.
 */
static bool from_theano(const struct kf_adapt *adapt)
{
    return adapt->backend == KF_BACKEND_THEANO;
}

static int flip(struct kf_adapt *adapt, struct kf_layer *layer, const struct flip_row *row)
{
    kf_report_rule(adapt->rep, row->name);
    if (!*row->variables)
        kf_report_add(adapt->rep, KF_VALUE_NO_EQUAL, layer->path,
                      "%s on Theano: no Keras converted its kernel to other backends",
                      layer->class_name);
    for (size_t k = 0; k < layer->n_tensors; k++) {
        struct kf_tensor *tensor = &layer->tensors[k];
        const struct kf_payload *payload;
        bool fits = true;

        if (!kf_in_words(row->variables, tensor->variable))
            continue;
        payload = kf_rewrite_flip(adapt->model->arena, tensor->payload, &fits);
        KF_TRY(take(adapt, layer, tensor, payload, fits,
                    "spatial axes reversed, as Theano convolves the other way round"));
    }
    return 0;
}

static const struct flip_row *flip_row_of(const struct kf_layer *layer)
{
    for (size_t i = 0; i < N_ROWS(flip_rows); i++)
        if (kf_in_words(flip_rows[i].classes, layer->class_name))
            return &flip_rows[i];
    return NULL;
}

bool kf_adapt_convolves(const struct kf_layer *layer)
{
    return flip_row_of(layer);
}

static int flip_kernels(struct kf_adapt *adapt, struct kf_layer *layer)
{
    const struct flip_row *row = flip_row_of(layer);

    return row ? flip(adapt, layer, row) : 0;
}

/* Variables that are stored otherwise: those of an architecture alone have to be, too. */
static int rewrite_row(struct kf_adapt *adapt, struct kf_layer *layer, const struct tensor_row *row)
{
    for (size_t k = 0; k < layer->n_tensors; k++) {
        struct kf_tensor *tensor = &layer->tensors[k];
        const struct kf_payload *payload;
        bool fits = true;

        if (strcmp(tensor->variable, row->variable) != 0)
            continue;
        kf_report_rule(adapt->rep, row->name);
        if (!tensor->payload) {
            kf_report_add(adapt->rep, KF_FINDING, layer->path,
                          "%s of the weights that go with it has to be converted too: %s",
                          tensor->variable, row->done);
            continue;
        }
        payload = rewrite(adapt, row, tensor->payload, &fits);
        KF_TRY(take(adapt, layer, tensor, payload, fits, row->done));
    }
    return 0;
}

int kf_adapt_tensors(struct kf_adapt *adapt, struct kf_layer *layer)
{
    for (size_t i = 0; i < N_ROWS(tensor_rows); i++)
        if (strcmp(tensor_rows[i].class_name, layer->class_name) == 0 &&
            (tensor_rows[i].how != INT32 || adapt->rules == KF_RULES_KERAS3))
            KF_TRY(rewrite_row(adapt, layer, &tensor_rows[i]));
    return from_theano(adapt) && !adapt->model->weightless ? flip_kernels(adapt, layer) : 0;
}

static int scale(struct kf_adapt *adapt, struct kf_layer *layer, const struct gates_row *row)
{
    static const char *const done[2][2] = {
        {"scaled by 1.2 for hard_sigmoid", "columns that feed hard_sigmoid scaled by 1.2"},
        {"scaled by 5/6 for hard_sigmoid", "columns that feed hard_sigmoid scaled by 5/6"}};
    bool down = adapt->rules == KF_RULES_KERAS3_KERAS2;

    if (adapt->model->training && layer->trainable)
        kf_report_add(adapt->rep, KF_TRAINING_DIFFERS, layer->path,
                      "it predicts the same but takes other steps in training, as its variables "
                      "are scaled for hard_sigmoid");
    for (size_t k = 0; k < layer->n_tensors; k++) {
        struct kf_tensor *tensor = &layer->tensors[k];
        const struct kf_payload *payload;
        bool fits = true;

        if (!kf_in_words(row->variables, tensor->variable))
            continue;
        payload = kf_rewrite_scale(adapt->model->arena, tensor->payload, row->gates, row->mask,
                                   down ? SLOPE_KERAS3 / SLOPE_KERAS2 : SLOPE_KERAS2 / SLOPE_KERAS3,
                                   &fits);
        KF_TRY(take(adapt, layer, tensor, payload, fits, done[down][row->gates > 1]));
    }
    return 0;
}

/* Without weights, a part that is made of another one is what that one is. */
static bool is_derived(const struct kf_adapt *adapt, const struct kf_layer *layer)
{
    return adapt->model->weightless && layer->attribute && !layer->config_key;
}

int kf_adapt_gates(struct kf_adapt *adapt, struct kf_layer *layer)
{
    for (size_t i = 0; i < N_ROWS(gates_rows); i++) {
        const struct gates_row *row = &gates_rows[i];

        if (!kf_in_words(row->classes, layer->class_name) || is_derived(adapt, layer) ||
            !kf_streq(kf_json_str(layer->config, row->key, NULL), "hard_sigmoid"))
            continue;
        kf_report_rule(adapt->rep, row->name);
        if (row->mask && adapt->model->weightless)
            kf_report_change(adapt->rep, KF_WEIGHTS_NEEDED, layer->path, row->key,
                             json_object_get(layer->config, row->key), NULL,
                             "hard_sigmoid has another slope in Keras 3, which only scaled weights "
                             "make up for");
        else if (row->mask)
            KF_TRY(scale(adapt, layer, row));
        else if (adapt->runner == KF_RUNS_OTHERS)
            KF_TRY(kf_json_set(layer->config, row->key, json_string(KF_HARD_SIGMOID2), adapt->rep));
        else
            kf_report_change(adapt->rep, KF_VALUE_NO_EQUAL, layer->path, row->key,
                             json_object_get(layer->config, row->key), NULL,
                             "hard_sigmoid has another slope in Keras 3, and here it acts on the "
                             "layer's state");
    }
    return 0;
}
