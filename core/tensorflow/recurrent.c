/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/tensorflow/tensor_bundle.h"
#include "curves.h"
#include "loop.h"
#include "tensors.h"
#include "translate.h"
#include <string.h>

/*
 * Recurrent operators: what the inputs of all steps come to is computed at once, and a loop goes
 * over the steps. Weights have their gates in the order of ONNX: i o f c of an LSTM, z r h of a
 * GRU, one of a simple one; their rows are outputs.
 *
 * Source: onnx/docs/Operators.md, LSTM, GRU, RNN
 */
#define VARIANT 21 /* DT_VARIANT: a list of tensors */
#define GATES   4

/* The functions of gates, and how many numbers each has. */
static const struct function {
    const char *name, *curve;
    unsigned n_alpha, n_beta;
} functions[] = {
    {"Tanh", "Tanh", 0, 0},
    {"Sigmoid", "Sigmoid", 0, 0},
    {"Relu", "Relu", 0, 0},
    {"Softsign", "Softsign", 0, 0},
    {"Softplus", "Softplus", 0, 0},
    {"Affine", "identity", 1, 1},
    {"HardSigmoid", "hard_sigmoid", 1, 1},
    {"Elu", "elu", 1, 0},
    {"LeakyRelu", "leaky_relu", 1, 0},
};

struct gate {
    const char *curve;
    double a, b;
};

struct cell {
    struct kf_tf_call *call;
    struct kf_tf *tf;
    enum kf_dtype dtype;
    unsigned n_gates;
    size_t n_states;
    int64_t units;
    bool backwards, reset_after, sequence;
    struct gate gates[3]; /* as the attribute lists them */
    const char *x;        /* outside: (steps, batch, gates * units), inside the same */
    const char *recurrent, *bias, *candidate, *lens, *last; /* inside */
    const char *steps;                                      /* a number */
};

static const struct function *find_function(const struct kf_onnx_node *node, size_t index)
{
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
        if (kf_onnx_is_text(node, "activations", index, functions[i].name))
            return &functions[i];
    return NULL;
}

static bool read_gates(struct cell *cell)
{
    const struct kf_onnx_node *node = cell->call->node;
    size_t n_alphas, n_betas, alpha = 0, beta = 0,
                              n = cell->n_gates == 4   ? 3
                                  : cell->n_gates == 3 ? 2
                                                       : 1;
    const float *alphas = kf_onnx_get_floats(node, "activation_alpha", &n_alphas);
    const float *betas = kf_onnx_get_floats(node, "activation_beta", &n_betas);

    for (size_t i = 0; i < n; i++) {
        const struct function *function = find_function(node, i);

        if (!function || alpha + function->n_alpha > n_alphas || beta + function->n_beta > n_betas)
            return false;
        cell->gates[i].curve = function->curve;
        if (function->n_alpha)
            cell->gates[i].a = (double)alphas[alpha++];
        if (function->n_beta)
            cell->gates[i].b = (double)betas[beta++];
    }
    return true;
}

static bool read_cell(struct cell *cell, struct kf_tf_call *call)
{
    const struct kf_onnx_node *node = call->node;

    *cell = (struct cell){.call = call, .tf = call->tf, .dtype = kf_tf_input(call, 0)->dtype};
    cell->n_gates = strcmp(call->op, "lstm") == 0 ? 4 : strcmp(call->op, "gru") == 0 ? 3 : 1;
    cell->n_states = cell->n_gates == 4 ? 2 : 1;
    cell->units = kf_onnx_get_int(node, "hidden_size", 0);
    cell->backwards = kf_onnx_is_text(node, "direction", 0, "reverse");
    cell->reset_after = kf_onnx_get_int(node, "linear_before_reset", 0) != 0;
    cell->sequence = node->out[0]->used;
    return cell->units > 0 && read_gates(cell);
}

static const char *curve(struct cell *cell, unsigned gate, const char *x)
{
    const struct gate *how = &cell->gates[gate];

    return kf_tf_curve(cell->tf, how->curve, cell->dtype, x, how->a, how->b);
}

static const char *binary(struct cell *cell, const char *op, const char *x, const char *y)
{
    return kf_tf_binary(cell->tf, op, cell->dtype, x, y);
}

/* Columns of gates [from, from + n) of (batch, gates * units), or rows of a weight. */
static const char *part(struct cell *cell, const char *x, unsigned axis, unsigned rank,
                        unsigned from, unsigned n)
{
    struct kf_tf_range ranges[2];

    for (unsigned i = 0; i < rank; i++)
        ranges[i] = (struct kf_tf_range){.step = 1, .from_start = true, .to_end = true};
    ranges[axis] = (struct kf_tf_range){
        .start = from * cell->units, .end = (from + n) * cell->units, .step = 1};
    return kf_tf_slice(cell->tf, cell->dtype, x, ranges, rank);
}

static const char *multiply(struct cell *cell, const char *op, const char *key, const char *x,
                            const char *weight)
{
    struct kf_tf_node node;

    kf_tf_begin(cell->tf, &node, op);
    kf_tf_in(&node, x);
    kf_tf_in(&node, weight);
    kf_tf_set_type(&node, "T", cell->dtype);
    kf_tf_set_bool(&node, key, true);
    return kf_tf_end(&node);
}

/* An input without the axis of the directions. */
static const char *without_direction(struct cell *cell, size_t index, int64_t axis)
{
    struct kf_onnx_tensor *tensor = kf_tf_input(cell->call, index);

    return tensor
               ? kf_tf_squeeze(cell->tf, tensor->dtype, kf_tf_in_plain(cell->call, index), &axis, 1)
               : NULL;
}

/* What the inputs of all steps come to, with the bias of the inputs; the rest is kept for inside.
 */
static bool prepare(struct cell *cell)
{
    struct kf_tf *tf = cell->tf;
    const char *bias = without_direction(cell, 3, 0);

    cell->x = multiply(cell, "BatchMatMulV2", "adj_y", kf_tf_in_plain(cell->call, 0),
                       without_direction(cell, 1, 0));
    cell->recurrent = without_direction(cell, 2, 0);
    if (bias) {
        cell->x = binary(cell, "AddV2", cell->x, part(cell, bias, 0, 1, 0, cell->n_gates));
        cell->bias = part(cell, bias, 0, 1, cell->n_gates, cell->n_gates);
    }
    if (cell->n_gates == 3 && !cell->reset_after) {
        cell->candidate = part(cell, cell->recurrent, 0, 2, 2, 1);
        cell->recurrent = part(cell, cell->recurrent, 0, 2, 0, 2);
        if (bias) /* it has no part in this kind */
            cell->bias = NULL;
    }
    if (kf_tf_input(cell->call, 4))
        cell->lens = kf_tf_expand(tf, KF_DTYPE_INT32, kf_tf_in_plain(cell->call, 4), 1);
    cell->steps = kf_tf_reshape(tf, KF_DTYPE_INT64,
                                kf_tf_size(tf, cell->dtype, kf_tf_in_plain(cell->call, 0), 0),
                                kf_tf_list(tf, NULL, 0));
    cell->steps = kf_tf_cast(tf, cell->steps, KF_DTYPE_INT64, KF_DTYPE_INT32);
    return cell->x && cell->recurrent && cell->steps;
}

/* The state that the loop begins with: that of an input, or zeros (batch, units). */
static const char *first_state(struct cell *cell, size_t index)
{
    struct kf_tf *tf = cell->tf;
    const char *given = without_direction(cell, 5 + index, 0), *sizes[2];

    if (given)
        return given;
    sizes[0] = kf_tf_size(tf, cell->dtype, kf_tf_in_plain(cell->call, 0), 1);
    sizes[1] = kf_tf_list(tf, &cell->units, 1);
    return kf_tf_broadcast(tf, cell->dtype, kf_tf_scalar(tf, cell->dtype, 0),
                           kf_tf_concat(tf, KF_DTYPE_INT64, sizes, 2, 0));
}

/* What is used inside comes in. */
static bool enter(struct cell *cell, struct kf_tf_loop *loop)
{
    const int type = kf_tensorflow_dtype(cell->dtype), int32 = kf_tensorflow_dtype(KF_DTYPE_INT32);

    cell->x = kf_tf_loop_enter(loop, cell->x, type, true);
    cell->recurrent = kf_tf_loop_enter(loop, cell->recurrent, type, true);
    if (cell->bias)
        cell->bias = kf_tf_loop_enter(loop, cell->bias, type, true);
    if (cell->candidate)
        cell->candidate = kf_tf_loop_enter(loop, cell->candidate, type, true);
    if (cell->lens)
        cell->lens = kf_tf_loop_enter(loop, cell->lens, int32, true);
    cell->last = kf_tf_loop_enter(loop, cell->steps, int32, true);
    return cell->x && cell->recurrent && cell->last;
}

static const char *simple_step(struct cell *cell, const char *x, const char *h)
{
    return curve(cell, 0, binary(cell, "AddV2", x, h));
}

static const char *gru_step(struct cell *cell, const char *x, const char *recurrent, const char *h)
{
    const char *update, *reset, *new, *keep, *gate[2];

    for (unsigned i = 0; i < 2; i++)
        gate[i] = curve(
            cell, 0,
            binary(cell, "AddV2", part(cell, x, 1, 2, i, 1), part(cell, recurrent, 1, 2, i, 1)));
    update = gate[0];
    reset = gate[1];
    if (cell->reset_after)
        new = binary(cell, "Mul", reset, part(cell, recurrent, 1, 2, 2, 1));
    else
        new =
            multiply(cell, "MatMul", "transpose_b", binary(cell, "Mul", reset, h), cell->candidate);
    new = curve(cell, 1, binary(cell, "AddV2", part(cell, x, 1, 2, 2, 1), new));
    keep = binary(cell, "Mul", update, h);
    update = binary(cell, "Sub", kf_tf_scalar(cell->tf, cell->dtype, 1), update);
    return binary(cell, "AddV2", keep, binary(cell, "Mul", update, new));
}

/* Gates stand in the order i o f c; `*c` is the carry, before and after. */
static const char *lstm_step(struct cell *cell, const char *x, const char *recurrent,
                             const char **c)
{
    const char *all = binary(cell, "AddV2", x, recurrent), *in, *out, *forget, *new;

    in = curve(cell, 0, part(cell, all, 1, 2, 0, 1));
    out = curve(cell, 0, part(cell, all, 1, 2, 1, 1));
    forget = curve(cell, 0, part(cell, all, 1, 2, 2, 1));
    new = curve(cell, 1, part(cell, all, 1, 2, 3, 1));
    *c = binary(cell, "AddV2", binary(cell, "Mul", forget, *c), binary(cell, "Mul", in, new));
    return binary(cell, "Mul", out, curve(cell, 2, *c));
}

/* One step: the states become those after it, where it counts. */
static void step(struct cell *cell, struct kf_tf_loop *loop, const char *at)
{
    struct kf_tf *tf = cell->tf;
    const char *h = loop->variables[0].now, *c = loop->variables[1].now, *recurrent, *counts;
    const char *x = kf_tf_gather(tf, cell->dtype, cell->x, at, KF_DTYPE_INT32, 0, 0), *new[2];

    recurrent = multiply(cell, "MatMul", "transpose_b", h, cell->recurrent);
    if (cell->bias)
        recurrent = binary(cell, "AddV2", recurrent, cell->bias);
    if (cell->n_gates == 4)
        new[0] = lstm_step(cell, x, recurrent, &c);
    else
        new[0] =
            cell->n_gates == 3 ? gru_step(cell, x, recurrent, h) : simple_step(cell, x, recurrent);
    new[1] = c;
    counts = cell->lens ? kf_tf_binary(tf, "Less", KF_DTYPE_INT32, at, cell->lens) : NULL;
    for (size_t i = 0; i < cell->n_states; i++)
        loop->variables[i].next =
            cell->lens ? kf_tf_select(tf, cell->dtype, counts, new[i], loop->variables[i].now)
                       : new[i];
}

static bool go_over(struct cell *cell, struct kf_tf_loop *loop)
{
    struct kf_tf *tf = cell->tf;
    struct kf_tf_loop_variable *list = &loop->variables[cell->n_states];
    const char *at;

    loop->n = cell->n_states + cell->sequence;
    for (size_t i = 0; i < cell->n_states; i++) {
        loop->variables[i].type = kf_tensorflow_dtype(cell->dtype);
        loop->variables[i].before = first_state(cell, i);
    }
    if (cell->sequence) {
        list->type = VARIANT;
        list->before = kf_tf_tensors_new(cell->tf, cell->dtype, cell->units, cell->steps);
    }
    if (!kf_tf_loop_begin(loop, tf, cell->steps) || !enter(cell, loop))
        return false;
    at = loop->step;
    if (cell->backwards)
        at = kf_tf_with(tf, "Sub", KF_DTYPE_INT32,
                        kf_tf_binary(tf, "Sub", KF_DTYPE_INT32, cell->last, at), 1);
    step(cell, loop, at);
    if (cell->sequence)
        list->next =
            kf_tf_tensors_set(cell->tf, cell->dtype, list->now, at, loop->variables[0].next);
    return kf_tf_loop_end(loop);
}

void kf_tf_form_recurrent(struct kf_tf_call *call)
{
    struct kf_tf_loop loop = {0};
    struct cell cell;
    bool good;

    if (!read_cell(&cell, call))
        return;
    good = prepare(&cell) && go_over(&cell, &loop);
    call->tf->within = NULL;
    if (!good)
        return;
    if (cell.sequence)
        kf_tf_give(call, 0,
                   kf_tf_expand(cell.tf, cell.dtype,
                                kf_tf_tensors_stack(cell.tf, cell.dtype, cell.units,
                                                    loop.variables[cell.n_states].after),
                                1));
    for (size_t i = 0; i < cell.n_states; i++)
        kf_tf_give(call, i + 1, kf_tf_expand(cell.tf, cell.dtype, loop.variables[i].after, 0));
}
