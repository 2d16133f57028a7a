/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/text/json.h"
#include "cell.h"
#include <math.h>
#include <string.h>

/*
 * Recurrent layers. ONNX takes the steps in front of the batch. It knows sequences that end early,
 * but no holes in them: where there is a mask, the steps that count are put together in front, and
 * what comes out is put back to where they were. A step that does not count has the output of the
 * one before it, as in Keras.
 */

/* The steps that count of each row. */
struct steps {
    struct kf_onnx_tensor *mask;   /* (batch, steps) truths, or NULL */
    struct kf_onnx_tensor *lens;   /* (batch) int32, at least 1 */
    struct kf_onnx_tensor *any;    /* (batch, 1) truths: does a step count? */
    struct kf_onnx_tensor *counts; /* (batch, steps) int64: how many up to here, or from here on */
    struct kf_onnx_tensor *n;      /* (batch, 1) int64 */
};

static struct kf_onnx_tensor *swap(struct kf_onnx *onnx, struct kf_onnx_tensor *x)
{
    static const unsigned axes[3] = {1, 0, 2};

    return kf_onnx_transpose(onnx, x, axes);
}

/* Rows of (batch, steps, features) at places (batch, steps). */
static struct kf_onnx_tensor *pick(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                   struct kf_onnx_tensor *places)
{
    static const int64_t last = 2;
    struct kf_onnx_tensor *in[2] = {x, kf_onnx_unsqueeze(onnx, places, &last, 1)};
    struct kf_onnx_node *node = kf_onnx_node_new(onnx, "GatherND", in, 2);

    kf_onnx_set_int(onnx, node, "batch_dims", 1);
    return node ? kf_onnx_output(onnx, node, x->dtype, 3, x->dims) : NULL;
}

/* 0, 1, 2, ... for each row. */
static struct kf_onnx_tensor *places(struct kf_onnx *onnx, struct kf_onnx_tensor *mask)
{
    struct kf_onnx_tensor *one =
        kf_onnx_expand(onnx, kf_onnx_scalar(onnx, KF_DTYPE_INT64, 1), kf_onnx_shape(onnx, mask),
                       mask ? mask->dims : NULL, 2);

    return kf_onnx_binary_with(onnx, "Sub", kf_onnx_cumsum(onnx, one, 1, false), 1);
}

/* The places of the steps that count, and behind them of those that do not. */
static struct kf_onnx_tensor *order(struct kf_onnx *onnx, struct kf_onnx_tensor *mask)
{
    struct kf_onnx_tensor *place = places(onnx, mask), *in[2];
    struct kf_onnx_node *node;

    in[0] = kf_onnx_where(onnx, mask, place,
                          kf_onnx_binary_with(onnx, "Add", place, (double)INT32_MAX));
    in[1] = kf_onnx_size(onnx, mask, 1);
    node = kf_onnx_node_new(onnx, "TopK", in, 2);
    kf_onnx_set_int(onnx, node, "axis", 1);
    kf_onnx_set_int(onnx, node, "largest", 0);
    if (!kf_onnx_output(onnx, node, KF_DTYPE_INT64, 2, mask->dims))
        return NULL;
    return kf_onnx_output(onnx, node, KF_DTYPE_INT64, 2, mask->dims);
}

/* Put the steps that count in front; `x` stays as it is without a mask. */
static struct kf_onnx_tensor *gather(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                     struct steps *steps, bool backwards)
{
    static const int64_t second = 1;
    struct kf_onnx_tensor *ones;

    if (!steps->mask)
        return x;
    ones = kf_onnx_cast(onnx, steps->mask, KF_DTYPE_INT64);
    steps->n = kf_onnx_reduce(onnx, "ReduceSum", ones, &second, 1, true);
    steps->any = kf_onnx_cast(onnx, steps->n, KF_DTYPE_BOOL);
    steps->lens = kf_onnx_binary_with(onnx, "Max", steps->n, 1);
    steps->lens =
        kf_onnx_cast(onnx, kf_onnx_squeeze(onnx, steps->lens, &second, 1), KF_DTYPE_INT32);
    steps->counts = kf_onnx_cumsum(onnx, ones, 1, backwards);
    return pick(onnx, x, order(onnx, steps->mask));
}

/* Back to where the steps were: at each the last of those that have been gone over. */
static struct kf_onnx_tensor *scatter(struct kf_onnx *onnx, struct kf_onnx_tensor *y,
                                      const struct steps *steps, bool backwards, bool zeros)
{
    static const int64_t last = 2;
    struct kf_onnx_tensor *at, *there;

    if (!steps->mask || !y)
        return y;
    at = backwards ? kf_onnx_binary(onnx, "Sub", steps->n, steps->counts)
                   : kf_onnx_binary_with(onnx, "Sub", steps->counts, 1);
    there = zeros ? steps->mask : kf_onnx_cast(onnx, steps->counts, KF_DTYPE_BOOL);
    y = pick(onnx, y, kf_onnx_clip(onnx, at, 0, INFINITY));
    there = kf_onnx_unsqueeze(onnx, kf_onnx_cast(onnx, there, y ? y->dtype : 0), &last, 1);
    return kf_onnx_binary(onnx, "Mul", y, there);
}

/* What a layer goes over a sequence with: its cells, one after the other at each step. */
struct pass {
    const struct kf_layer *layer;
    const struct kf_layer *const *cells;
    size_t n_cells;
    bool sequences, state, backwards, zeros, time_major;
    struct kf_onnx_value *const *before; /* initial states, n_before of them */
    size_t n_before;
    struct kf_onnx_tensor *y; /* out: (batch, steps, units) or (batch, units); by time */
    struct kf_onnx_tensor *after[2 * 16];
    size_t n_after;
};

#define CELLS_MAX 16

/* The cells of a layer: it is one, or it has one, or a stack of them. */
static bool find_cells(struct kf_onnx_call *call, struct pass *pass)
{
    const struct kf_layer *layer = pass->layer;

    pass->cells = &pass->layer;
    pass->n_cells = 1;
    while (layer->n_parts && kf_onnx_holds_cells(layer)) {
        pass->cells = (const struct kf_layer *const *)layer->parts;
        pass->n_cells = layer->n_parts;
        layer = layer->parts[0];
    }
    if (pass->n_cells >= 1 && pass->n_cells <= CELLS_MAX)
        return true;
    kf_onnx_refuse(call, "it has more than %d cells", CELLS_MAX);
    return false;
}

static bool begin(struct kf_onnx_call *call, struct pass *pass)
{
    const json_t *config = pass->layer->config;

    pass->sequences = kf_json_bool(config, "return_sequences", false);
    pass->state = kf_json_bool(config, "return_state", false);
    pass->backwards = kf_json_bool(config, "go_backwards", false);
    pass->zeros = kf_json_bool(config, "zero_output_for_mask", false);
    pass->time_major = kf_json_bool(config, "time_major", false); /* of Keras 2 */
    if (!kf_json_bool(config, "stateful", false))
        return find_cells(call, pass);
    kf_onnx_refuse(call, "it is stateful, and what is written as %s keeps nothing between its runs",
                   call->onnx->runtime->name);
    return false;
}

/* Where no step counts a state is what it was before. */
static struct kf_onnx_tensor *state_after(struct kf_onnx *onnx, const struct kf_onnx_run *run,
                                          size_t i, const struct steps *steps)
{
    struct kf_onnx_tensor *after = run->after[i], *before = run->before[i];

    if (!steps->mask || !after)
        return after;
    if (!before)
        before = kf_onnx_scalar(onnx, after->dtype, 0);
    return kf_onnx_where(onnx, steps->any, after, before);
}

/* One cell after the other over the whole sequence: what a cell gives is what the next takes. */
static bool run_cells(struct kf_onnx_call *call, struct pass *pass, struct kf_onnx_tensor *x,
                      const struct steps *steps, struct kf_onnx_run *run)
{
    for (size_t i = 0; i < pass->n_cells; i++) {
        *run = (struct kf_onnx_run){
            .cell = pass->cells[i], .x = x, .lens = steps->lens, .backwards = pass->backwards};
        for (size_t k = 0; k < KF_ONNX_STATES_MAX && pass->n_after + k < pass->n_before; k++)
            run->before[k] = kf_onnx_plain(call->onnx, pass->before[pass->n_after + k]);
        if (!kf_onnx_run_cell(call, run))
            return false;
        for (size_t k = 0; k < run->n_states; k++)
            pass->after[pass->n_after++] = state_after(call->onnx, run, k, steps);
        x = run->y;
    }
    return true;
}

/* A sequence of what convolutions take; no runtime has steps of different lengths there. */
static bool go_over_images(struct kf_onnx_call *call, struct pass *pass, struct kf_onnx_tensor *x,
                           struct kf_onnx_tensor *mask)
{
    struct kf_onnx_run run = {
        .cell = pass->cells[0], .x = x, .backwards = pass->backwards, .last = !pass->sequences};

    if (mask || pass->n_cells != 1) {
        kf_onnx_refuse(call, mask ? "its input has a mask" : "it has more than one cell");
        return false;
    }
    for (size_t k = 0; k < KF_ONNX_STATES_MAX && k < pass->n_before; k++)
        run.before[k] = kf_onnx_plain(call->onnx, pass->before[k]);
    if (!kf_onnx_run_conv_cell(call, &run))
        return false;
    pass->y = run.y;
    for (size_t k = 0; k < run.n_states; k++)
        pass->after[pass->n_after++] = run.after[k];
    return true;
}

/* Keras 2 may have the steps in front of the batch. */
static struct kf_onnx_tensor *turned(struct kf_onnx *onnx, const struct pass *pass,
                                     struct kf_onnx_tensor *x)
{
    return pass->time_major ? swap(onnx, x) : x;
}

static bool go_over(struct kf_onnx_call *call, struct pass *pass, struct kf_onnx_tensor *x,
                    struct kf_onnx_tensor *mask)
{
    struct kf_onnx *onnx = call->onnx;
    struct steps steps = {.mask = turned(onnx, pass, mask)};
    struct kf_onnx_run run;

    if (x && x->rank > 3)
        return go_over_images(call, pass, x, mask);
    if (!x || x->rank != 3) {
        kf_onnx_refuse(call, "its input is no sequence of vectors");
        return false;
    }
    if (mask && pass->zeros && !pass->sequences) {
        kf_onnx_refuse(call, "zero_output_for_mask where it returns no sequence");
        return false;
    }
    x = swap(onnx, gather(onnx, turned(onnx, pass, x), &steps, pass->backwards));
    if (!x || !run_cells(call, pass, x, &steps, &run))
        return false;
    if (pass->sequences)
        pass->y = turned(onnx, pass,
                         scatter(onnx, swap(onnx, run.y), &steps, pass->backwards, pass->zeros));
    else if (mask)
        pass->y = kf_onnx_where(onnx, steps.any, run.after[0],
                                kf_onnx_scalar(onnx, run.after[0]->dtype, 0));
    else
        pass->y = run.after[0];
    return pass->y != NULL;
}

static void flip_time(struct kf_onnx *onnx, struct pass *pass)
{
    pass->y = kf_onnx_slice(onnx, pass->y, pass->time_major ? 0 : 1, -1, -KF_ONNX_END, -1);
}

/* The tensors of `initial_state`, or those behind the first of a list that is given at once. */
static bool find_states(struct kf_onnx_call *call, struct pass *pass)
{
    json_t *given = kf_onnx_argument(call, 1, "initial_state"), *one;
    struct kf_onnx_value **states;
    size_t i;

    pass->before = call->in + 1;
    pass->n_before = call->n_in - 1;
    if (!given)
        return true;
    states = kf_onnx_alloc(call->onnx, (json_array_size(given) + 1) * sizeof(*states));
    if (!states) {
        kf_onnx_no_memory(call->onnx);
        return false;
    }
    pass->before = states;
    pass->n_before = json_is_array(given) ? json_array_size(given) : 1;
    if (!json_is_array(given))
        states[0] = kf_onnx_computed(call, kf_onnx_resolve(call, given));
    json_array_foreach(given, i, one) states[i] =
        kf_onnx_computed(call, kf_onnx_resolve(call, one));
    for (i = 0; i < pass->n_before; i++)
        if (!states[i])
            return false;
    return true;
}

static void give_states(struct kf_onnx_call *call, const struct pass *pass)
{
    for (size_t i = 0; pass->state && i < pass->n_after; i++)
        kf_onnx_give(call, pass->after[i]);
}

void kf_onnx_form_rnn(struct kf_onnx_call *call)
{
    struct pass pass = {.layer = call->layer};
    struct kf_onnx_tensor *x = kf_onnx_cast(call->onnx, kf_onnx_input(call), call->dtype);

    if (!begin(call, &pass) || !find_states(call, &pass) ||
        !go_over(call, &pass, x, kf_onnx_mask(call, 2)))
        return;
    if (pass.sequences && pass.backwards) /* Keras gives the steps as they were gone over */
        flip_time(call->onnx, &pass);
    kf_onnx_give(call, pass.y);
    give_states(call, &pass);
}

static struct kf_onnx_tensor *merge(struct kf_onnx_call *call, struct kf_onnx_tensor *forward,
                                    struct kf_onnx_tensor *backward)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *both[2] = {forward, backward};
    const char *mode = kf_onnx_text(call, "merge_mode", "");

    if (strcmp(mode, "concat") == 0)
        return kf_onnx_concat(onnx, both, 2, (int)forward->rank - 1);
    if (strcmp(mode, "mul") == 0)
        return kf_onnx_binary(onnx, "Mul", forward, backward);
    forward = kf_onnx_binary(onnx, "Add", forward, backward);
    if (strcmp(mode, "ave") == 0)
        return kf_onnx_binary_with(onnx, "Mul", forward, 0.5);
    if (strcmp(mode, "sum") != 0)
        kf_onnx_refuse(call, "merge_mode %.40s", mode);
    return forward;
}

/* Both layers see the sequence; what the second gives is turned round in time. */
void kf_onnx_form_bidirectional(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_cast(onnx, kf_onnx_input(call), call->dtype);
    struct kf_onnx_tensor *mask = kf_onnx_mask(call, 2);
    struct pass forward = {0}, backward = {0};

    if (call->layer->n_parts != 2)
        return;
    forward.layer = call->layer->parts[0];
    backward.layer = call->layer->parts[1];
    if (!begin(call, &forward) || !begin(call, &backward) || !find_states(call, &forward))
        return;
    forward.zeros = forward.sequences; /* whatever the configs say: force_zero_output_for_mask() */
    backward.zeros = backward.sequences;
    if (!backward.layer->config_key) /* it is made of the first, and goes the other way */
        backward.backwards = !forward.backwards;
    backward.n_before = forward.n_before /= 2;
    backward.before = forward.before + forward.n_before;
    if (!go_over(call, &forward, x, mask) || !go_over(call, &backward, x, mask))
        return;
    if (forward.sequences && forward.backwards)
        flip_time(onnx, &forward);
    if (backward.sequences && !backward.backwards)
        flip_time(onnx, &backward);
    if (json_is_null(json_object_get(call->layer->config, "merge_mode"))) {
        kf_onnx_give(call, forward.y);
        kf_onnx_give(call, backward.y);
    } else {
        kf_onnx_give(call, merge(call, forward.y, backward.y));
    }
    give_states(call, &forward);
    give_states(call, &backward);
}
