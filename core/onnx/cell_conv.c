/* SPDX-License-Identifier: Apache-2.0 */
#include "../io/text/json.h"
#include "activations.h"
#include "cell.h"
#include "window.h"
#include <string.h>

/*
 * The cell of a ConvLSTM. ONNX has no operator for it, so the steps stand one behind the other in
 * the graph: one convolution of all steps at once, then for each step one of the state.
 *
 * Source: keras/src/layers/rnn/conv_lstm.py, ConvLSTMCell.call (3.15.1)
 */

/* Nodes for each step are made in a model of so many steps, at most. */
#define STEPS_MAX 1024

#define N_GATES 4

struct cell {
    struct kf_onnx_call call; /* of the layer or cell with the weights */
    struct kf_onnx_window window;
    struct kf_onnx_tensor *kernel;                     /* of the state */
    struct kf_onnx_tensor *states[KF_ONNX_STATES_MAX]; /* NULL for zeros */
    bool last;                                         /* the channels stand at the end in Keras */
};

/* The channels behind the first `front` axes, or from there to the end. */
static struct kf_onnx_tensor *move(struct kf_onnx *onnx, struct kf_onnx_tensor *x, unsigned front,
                                   bool to_end)
{
    unsigned axes[KF_ONNX_RANK_MAX], rank = x ? x->rank : 0;

    for (unsigned i = 0; i < rank; i++) {
        if (i < front)
            axes[i] = i;
        else if (to_end)
            axes[i] = i + 1 < rank ? i + 1 : front;
        else
            axes[i] = i == front ? rank - 1 : i - 1;
    }
    return kf_onnx_transpose(onnx, x, axes);
}

/* The input of all steps (batch, steps, channels, ...) through its convolution. */
static struct kf_onnx_tensor *convolved(struct cell *cell, struct kf_onnx_tensor *x)
{
    struct kf_onnx *onnx = cell->call.onnx;
    int64_t dims[KF_ONNX_RANK_MAX] = {-1}, steps = x->dims[1];
    struct kf_onnx_tensor *kernel, *bias = NULL;

    memcpy(dims + 1, x->dims + 2, (x->rank - 2) * sizeof(*dims));
    for (unsigned i = 1; i < x->rank - 1; i++)
        if (dims[i] == KF_ONNX_FREE) {
            kf_onnx_refuse(&cell->call, "the size of its input is not known");
            return NULL;
        }
    x = kf_onnx_reshape(onnx, x, dims, x->rank - 1);
    if (!x || !kf_onnx_window_read(&cell->call, &cell->window, x, "kernel_size", "strides"))
        return NULL;
    kf_onnx_window_pad(&cell->call, &cell->window, x);
    kernel = kf_onnx_kernel(&cell->call, "kernel", cell->window.n);
    if (kf_onnx_flag(&cell->call, "use_bias", true) &&
        !(bias = kf_onnx_weight(&cell->call, "bias")))
        return NULL;
    x = kf_onnx_conv(&cell->call, x, kernel, bias, &cell->window, 1);
    if (!x)
        return NULL;
    dims[0] = -1;
    dims[1] = steps;
    memcpy(dims + 2, x->dims + 1, (x->rank - 1) * sizeof(*dims));
    return kf_onnx_reshape(onnx, x, dims, x->rank + 1);
}

/* The state goes through windows that leave its size as it is. */
static struct kf_onnx_tensor *of_state(struct cell *cell, struct kf_onnx_tensor *state)
{
    struct kf_onnx_window window = {.n = cell->window.n};

    memcpy(window.size, cell->window.size, sizeof(window.size));
    for (unsigned i = 0; i < window.n; i++)
        window.stride[i] = window.dilation[i] = 1;
    kf_onnx_window_same(&window, state);
    return kf_onnx_conv(&cell->call, state, cell->kernel, NULL, &window, 1);
}

static struct kf_onnx_tensor *activate(struct cell *cell, const char *key, const char *fallback,
                                       struct kf_onnx_tensor *x)
{
    const json_t *given = json_object_get(cell->call.layer->config, key);
    bool known;

    return given ? kf_onnx_activate(&cell->call, given, x, cell->last)
                 : kf_onnx_activation(cell->call.onnx, fallback, x, 1, &known);
}

static struct kf_onnx_tensor *activate_gate(struct cell *cell, struct kf_onnx_tensor *x)
{
    return activate(cell, "recurrent_activation", "sigmoid", x);
}

static struct kf_onnx_tensor *activate_state(struct cell *cell, struct kf_onnx_tensor *x)
{
    return activate(cell, "activation", "tanh", x);
}

/* One step: its gates stand in the order input, forget, candidate, output. */
static bool step(struct cell *cell, struct kf_onnx_tensor *x)
{
    struct kf_onnx *onnx = cell->call.onnx;
    struct kf_onnx_tensor *before = cell->states[1], *gates[N_GATES];
    int64_t sizes[N_GATES], units = x ? x->dims[1] / N_GATES : 0;
    struct kf_onnx_node *node;

    for (unsigned i = 0; i < N_GATES; i++)
        sizes[i] = units;
    if (cell->states[0])
        x = kf_onnx_binary(onnx, "Add", x, of_state(cell, cell->states[0]));
    node = kf_onnx_split(onnx, x, 1, sizes, N_GATES);
    for (unsigned i = 0; i < N_GATES; i++)
        gates[i] = !node    ? NULL
                   : i == 2 ? activate_state(cell, node->out[i])
                            : activate_gate(cell, node->out[i]);
    cell->states[1] = kf_onnx_binary(onnx, "Mul", gates[0], gates[2]);
    if (before)
        cell->states[1] = kf_onnx_binary(onnx, "Add", kf_onnx_binary(onnx, "Mul", gates[1], before),
                                         cell->states[1]);
    cell->states[0] = kf_onnx_binary(onnx, "Mul", gates[3], activate_state(cell, cell->states[1]));
    return cell->states[0] != NULL;
}

/* The outputs of all steps as (batch, steps, channels, ...). */
static struct kf_onnx_tensor *joined(struct kf_onnx *onnx, struct kf_onnx_tensor *const *all,
                                     int64_t n)
{
    int64_t dims[KF_ONNX_RANK_MAX] = {-1, n};
    unsigned rank = all[0]->rank;

    memcpy(dims + 2, all[0]->dims + 1, (rank - 1) * sizeof(*dims));
    return kf_onnx_reshape(onnx, n > 1 ? kf_onnx_concat(onnx, all, (size_t)n, 1) : all[0], dims,
                           rank + 1);
}

static bool go_over(struct cell *cell, struct kf_onnx_run *run, struct kf_onnx_tensor *x, int64_t n)
{
    struct kf_onnx *onnx = cell->call.onnx;
    struct kf_onnx_tensor **all = kf_onnx_alloc(onnx, (size_t)n * sizeof(struct kf_onnx_tensor *));

    if (!all)
        return false;
    for (int64_t i = 0; i < n; i++) {
        int64_t at = run->backwards ? n - 1 - i : i;

        if (!step(cell,
                  kf_onnx_gather(onnx, x, kf_onnx_scalar(onnx, KF_DTYPE_INT64, (double)at), 1)))
            return false;
        all[at] = cell->states[0];
    }
    run->y = run->last ? cell->states[0] : joined(onnx, all, n);
    run->y = cell->last ? move(onnx, run->y, run->last ? 1 : 2, true) : run->y;
    return run->y != NULL;
}

bool kf_onnx_run_conv_cell(struct kf_onnx_call *owner, struct kf_onnx_run *run)
{
    struct cell cell = {.call = *owner};
    struct kf_onnx *onnx = owner->onnx;
    int64_t n = run->x->dims[1];
    struct kf_onnx_tensor *x;

    cell.call.layer = run->cell;
    cell.last = !kf_onnx_channels_first(&cell.call);
    if (n < 1 || n > STEPS_MAX) {
        kf_onnx_refuse(&cell.call,
                       "its steps are written one by one, and it is not known how many there are, "
                       "or there are more than %d",
                       STEPS_MAX);
        return false;
    }
    for (size_t i = 0; i < KF_ONNX_STATES_MAX; i++)
        if (run->before[i])
            cell.states[i] = cell.last ? move(onnx, run->before[i], 1, false) : run->before[i];
    x = convolved(&cell, cell.last ? move(onnx, run->x, 2, false) : run->x);
    if (!x)
        return false;
    cell.kernel = kf_onnx_kernel(&cell.call, "recurrent_kernel", cell.window.n);
    if (!cell.kernel || x->dims[2] != cell.kernel->dims[0] ||
        x->dims[2] != N_GATES * cell.kernel->dims[1] || !go_over(&cell, run, x, n))
        return false;
    run->n_states = KF_ONNX_STATES_MAX;
    for (size_t i = 0; i < KF_ONNX_STATES_MAX; i++)
        run->after[i] = cell.last ? move(onnx, cell.states[i], 1, true) : cell.states[i];
    return run->after[1] != NULL;
}
