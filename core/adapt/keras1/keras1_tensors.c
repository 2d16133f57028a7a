/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../format/layer_vars.h"
#include "../../io/text/json.h"
#include "../../model/rewrite.h"
#include "keras1.h"
#include <string.h>

/* Keras 1.0.6 was the first whose running_std holds variances. */
#define VARIANCE_SINCE KF_KERAS(1, 0, 6)
#define PIECES_MAX     4

static const struct tensor_row {
    const char *classes, *variable, *pieces, *name;
} tensor_rows[] = {
#define KF1_TENSOR(classes, variable, pieces)                                                      \
    {classes, variable, pieces, "keras1-tensor:" classes "." variable "." pieces},
#include "keras1_tensors.def"
};

static const struct layout_row {
    const char *classes, *variables, *format, *axes, *name;
} layout_rows[] = {
#define KF1_LAYOUT(classes, variables, format, axes)                                               \
    {classes, variables, format, axes, "keras1-layout:" classes "." format},
#include "keras1_tensors.def"
};

#define N_ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

/* What is made of one variable on its way. */
struct making {
    struct kf_keras1 *keras1;
    struct kf_layer *layer;
    const char *old; /* the layer's class in Keras 1 */
    struct kf_tensor *tensor;
};

static int misfit(struct making *making, const char *source)
{
    return kf_report_add(making->keras1->adapt->rep, KF_WEIGHT_SHAPE, making->layer->path,
                         "%s has not the shape or dtype of the %s of a %s", source,
                         making->tensor->variable, making->old);
}

static int no_memory(struct making *making)
{
    return kf_adapt_no_memory(making->keras1->adapt, making->layer->path);
}

static const struct kf_tensor *find_piece(const struct kf_tensor *pieces, size_t n,
                                          const char *name, size_t length)
{
    for (size_t i = 0; i < n; i++)
        if (strlen(pieces[i].variable) == length && memcmp(pieces[i].variable, name, length) == 0)
            return &pieces[i];
    return NULL;
}

static int note(struct making *making, const char *done)
{
    struct kf_adapt *adapt = making->keras1->adapt;
    struct kf_tensor *tensor = making->tensor;

    tensor->done =
        tensor->done ? kf_arena_printf(adapt->model->arena, "%s; %s", tensor->done, done) : done;
    if (!tensor->done)
        return no_memory(making);
    return kf_report_add(adapt->rep, KF_TENSOR_REWRITTEN, making->layer->path, "%s: %s",
                         tensor->source, done);
}

static const struct layout_row *find_layout(const struct making *making)
{
    const char *format = kf_json_str(making->layer->config, "data_format", NULL);

    for (size_t i = 0; i < N_ROWS(layout_rows); i++)
        if (kf_in_words(layout_rows[i].classes, making->old) &&
            kf_in_words(layout_rows[i].variables, making->tensor->variable) &&
            kf_streq(layout_rows[i].format, format))
            return &layout_rows[i];
    return NULL;
}

static int transpose(struct making *making, const struct kf_payload **payload, const char *axes,
                     const char *source)
{
    unsigned order[KF_AXES_MAX], n = (unsigned)strlen(axes);
    bool fits;

    for (unsigned i = 0; i < n; i++)
        order[i] = (unsigned)(axes[i] - '0');
    *payload = kf_rewrite_transpose(making->keras1->adapt->model->arena, *payload, order, n, &fits);
    if (!fits)
        return misfit(making, source);
    return *payload ? 0 : no_memory(making);
}

/*
 * The kernel of a Convolution1D is one of two dimensions: (length, 1, inputs, filters), and before
 * 1.1.0 (filters, inputs, length, 1).
 */
static int flat_kernel(struct making *making, const struct kf_payload **payload, const char *source)
{
    json_int_t length = json_integer_value(
        json_array_get(json_object_get(making->layer->config, "kernel_size"), 0));
    json_int_t filters = kf_json_int(making->layer->config, "filters", 0);
    const uint64_t *dims = (*payload)->dims;
    bool fits;

    if ((*payload)->rank != 4)
        return misfit(making, source);
    if (dims[0] != (uint64_t)length || dims[1] != 1 || dims[3] != (uint64_t)filters) {
        KF_TRY(transpose(making, payload, "2310", source));
        KF_TRY(note(making, "axes in the order that later Keras has"));
    }
    *payload = kf_rewrite_squeeze(making->keras1->adapt->model->arena, *payload, 1, &fits);
    if (!fits)
        return misfit(making, source);
    return *payload ? note(making, "the axis that is 1 long taken out") : no_memory(making);
}

/* One piece as it stands beside the others. */
static int lay_out(struct making *making, const struct kf_payload **payload, const char *source)
{
    const struct layout_row *row = find_layout(making);

    if (kf_in_words("Convolution1D AtrousConvolution1D", making->old) &&
        strcmp(making->tensor->variable, "kernel") == 0)
        return flat_kernel(making, payload, source);
    if (!row)
        return 0;
    kf_report_rule(making->keras1->adapt->rep, row->name);
    return transpose(making, payload, row->axes, source);
}

/* "lstm_1_W_i:0, lstm_1_W_f:0" */
static int add_source(struct making *making, const char *source)
{
    struct kf_tensor *tensor = making->tensor;

    tensor->source = tensor->source ? kf_arena_printf(making->keras1->adapt->model->arena, "%s, %s",
                                                      tensor->source, source)
                                    : source;
    return tensor->source ? 0 : no_memory(making);
}

/* Gates are as wide as each other, or the parts of the whole would not be theirs. */
static bool equally_wide(const struct kf_payload *const *pieces, size_t n)
{
    bool equal = pieces[0]->rank > 0;

    for (size_t i = 1; equal && i < n; i++)
        equal = pieces[i]->rank == pieces[0]->rank &&
                pieces[i]->dims[pieces[i]->rank - 1] == pieces[0]->dims[pieces[0]->rank - 1];
    return equal;
}

static int join(struct making *making, const struct kf_payload *const *pieces, size_t n)
{
    struct kf_arena *arena = making->keras1->adapt->model->arena;
    const struct kf_payload **kept = kf_arena_alloc(arena, n * sizeof(*kept));
    bool fits;

    if (!kept)
        return no_memory(making);
    if (!equally_wide(pieces, n))
        return misfit(making, making->tensor->source);
    memcpy(kept, pieces, n * sizeof(*kept));
    making->tensor->payload = kf_rewrite_join(arena, kept, n, &fits);
    if (!fits)
        return misfit(making, making->tensor->source);
    return making->tensor->payload ? note(making, "joined, gate beside gate") : no_memory(making);
}

/* Make the variable of a row; false in `*found` when the layer has not its pieces. */
static int make(struct making *making, const struct tensor_row *row, const struct kf_tensor *old,
                size_t n_old, bool *found)
{
    const struct kf_payload *payloads[PIECES_MAX] = {NULL};
    const char *piece = row->pieces;
    size_t n = 0;

    while (*piece) {
        size_t length = strcspn(piece, " ");
        const struct kf_tensor *from = find_piece(old, n_old, piece, length);

        if (!from)
            return 0;
        payloads[n] = from->payload;
        KF_TRY(add_source(making, from->source));
        KF_TRY(lay_out(making, &payloads[n++], from->source));
        piece += length + (piece[length] == ' ');
    }
    *found = true;
    kf_report_rule(making->keras1->adapt->rep, row->name);
    if (find_layout(making))
        KF_TRY(note(making, "axes in the order that later Keras has"));
    if (n > 1)
        return join(making, payloads, n);
    making->tensor->payload = payloads[0];
    return 0;
}

static int square(struct making *making)
{
    const struct kf_adapt *adapt = making->keras1->adapt;
    double epsilon = json_number_value(json_object_get(making->layer->config, "epsilon"));
    bool fits;

    if (!adapt->model->keras || adapt->model->keras >= VARIANCE_SINCE ||
        strcmp(making->tensor->variable, "moving_variance") != 0)
        return 0;
    making->tensor->payload =
        kf_rewrite_square(adapt->model->arena, making->tensor->payload, epsilon, &fits);
    if (!fits)
        return misfit(making, making->tensor->source);
    return making->tensor->payload
               ? note(making, "standard deviations squared, as Keras before 1.0.6 kept them")
               : no_memory(making);
}

static int make_tensor(struct making *making, const struct kf_tensor *old, size_t n_old)
{
    bool found = false;

    for (size_t i = 0; !found && i < N_ROWS(tensor_rows); i++)
        if (kf_in_words(tensor_rows[i].classes, making->old) &&
            strcmp(tensor_rows[i].variable, making->tensor->variable) == 0)
            KF_TRY(make(making, &tensor_rows[i], old, n_old, &found));
    if (!found)
        return kf_report_add(making->keras1->adapt->rep, KF_WEIGHTS_MISSING, making->layer->path,
                             "the file has nothing for the %s of a %s", making->tensor->variable,
                             making->layer->class_name);
    KF_TRY(square(making));
    return kf_vars_check(making->layer, making->tensor, making->keras1->adapt->rep);
}

int kf_keras1_tensors(struct kf_keras1 *keras1, struct kf_layer *layer, const char *old)
{
    const struct kf_tensor *tensors = layer->tensors;
    size_t n = layer->n_tensors;

    if (!n || !kf_vars_known(layer->class_name))
        return 0;
    KF_TRY(kf_vars_make_keras2(keras1->adapt->model, layer, keras1->adapt->rep));
    for (size_t i = 0; !keras1->adapt->model->weightless && i < layer->n_tensors; i++) {
        struct making making = {keras1, layer, old, &layer->tensors[i]};

        KF_TRY(make_tensor(&making, tensors, n));
    }
    return 0;
}
