/* SPDX-License-Identifier: Apache-2.0 */
#include "cell.h"
#include "../base/str.h"
#include "../io/text/json.h"
#include "../model/rewrite.h"
#include "blocks.h"
#include <string.h>

/*
 * Recurrent operators of ONNX. Their weights are those of Keras with rows for columns and the gates
 * in another order; a bias has two halves, of the input and of the state.
 *
 * Source: keras/src/layers/rnn/{lstm,gru,simple_rnn}.py (3.15.1); onnx/docs/Operators.md, LSTM,
 * GRU, RNN
 */
static const struct kind {
    const char *classes, *op;
    unsigned n_gates, order[KF_ONNX_BLOCKS_MAX];
    size_t n_states;
    const char *activations; /* those of the config, in the operator's order */
} kinds[] = {
    {"LSTM LSTMCell", "LSTM", 4, {0, 3, 1, 2}, 2, "rss"},
    {"GRU GRUCell", "GRU", 3, {0, 1, 2, 0}, 1, "gs"},
    {"SimpleRNN SimpleRNNCell", "RNN", 1, {0, 0, 0, 0}, 1, "s"},
};

static const struct gate {
    const char *name, *function;
    unsigned n_numbers;
    float alpha, beta;
    const char *rule;
} gates[] = {
#define KF_ONNX_GATE(name, function, numbers, alpha, beta)                                         \
    {name, function, numbers, alpha, beta, "onnx-gate:" name},
#include "gates.def"
#undef KF_ONNX_GATE
};

static const struct gate *find_gate(struct kf_onnx_call *call, const char *key,
                                    const char *fallback)
{
    const json_t *given = json_object_get(call->layer->config, key);
    const char *name = json_is_null(given) ? "linear" : fallback;

    if (json_is_string(given))
        name = json_string_value(given);
    else if (json_is_object(given))
        name = kf_json_str(given, "config", kf_json_str(given, "class_name", ""));
    for (size_t i = 0; i < sizeof(gates) / sizeof(gates[0]); i++)
        if (strcmp(gates[i].name, name) == 0) {
            kf_report_rule(call->onnx->rep, gates[i].rule);
            return &gates[i];
        }
    kf_onnx_refuse(call, "no recurrent operator of %s has the activation %.40s",
                   call->onnx->runtime->name, name);
    return NULL;
}

/* Of an LSTM: for the gates, the candidate and the output; of a GRU without the last. */
static bool set_activations(struct kf_onnx_call *call, struct kf_onnx_node *node,
                            const struct kind *kind)
{
    const struct gate *own = find_gate(call, "activation", "tanh"), *recurrent = NULL;
    const char *functions[3];
    float alphas[3], betas[3];
    size_t n = 0, n_alphas = 0, n_betas = 0;

    if (kind->n_gates > 1 && !(recurrent = find_gate(call, "recurrent_activation", "sigmoid")))
        return false;
    if (!own)
        return false;
    for (; kind->activations[n]; n++) {
        const struct gate *gate = n == 0 && recurrent ? recurrent : own;

        functions[n] = gate->function;
        if (gate->n_numbers > 0)
            alphas[n_alphas++] = gate->alpha;
        if (gate->n_numbers > 1)
            betas[n_betas++] = gate->beta;
    }
    kf_onnx_set_texts(call->onnx, node, "activations", functions, n);
    if (n_alphas)
        kf_onnx_set_floats(call->onnx, node, "activation_alpha", alphas, n_alphas);
    if (n_betas)
        kf_onnx_set_floats(call->onnx, node, "activation_beta", betas, n_betas);
    return true;
}

/* (inputs, gates * units) becomes (1, gates * units, inputs), gates in the operator's order. */
static const struct kf_payload *
make_kernel(struct kf_arena *arena, const struct kf_payload *payload, const void *how, bool *fits)
{
    static const unsigned axes[2] = {1, 0};
    const struct kind *kind = how;
    struct kf_onnx_blocks blocks = {.n = kind->n_gates, .rank = 3};
    const struct kf_payload *moved;

    *fits = payload->rank == 2;
    if (!*fits || !(moved = kf_rewrite_transpose(arena, payload, axes, 2, fits)))
        return NULL;
    memcpy(blocks.order, kind->order, sizeof(blocks.order));
    blocks.dims[0] = 1;
    blocks.dims[1] = moved->dims[0];
    blocks.dims[2] = moved->dims[1];
    return kf_onnx_put_blocks(arena, moved, &blocks, fits);
}

/* (gates * units), or of a GRU with reset_after (2, gates * units), becomes (1, 2 * gates * units).
 */
static const struct kf_payload *make_bias(struct kf_arena *arena, const struct kf_payload *payload,
                                          const void *how, bool *fits)
{
    const struct kind *kind = how;
    struct kf_onnx_blocks blocks = {.n = kind->n_gates, .rank = 2};

    *fits = payload->rank == 1 || (payload->rank == 2 && payload->dims[0] == 2);
    if (!*fits)
        return NULL;
    if (payload->rank == 2)
        blocks.n = 1; /* both halves stand as they are */
    memcpy(blocks.order, kind->order, sizeof(blocks.order));
    blocks.dims[0] = 1;
    blocks.dims[1] = payload->dims[payload->rank - 1] * 2;
    return kf_onnx_put_blocks(arena, payload, &blocks, fits);
}

static struct kf_onnx_tensor *state_in(struct kf_onnx *onnx, struct kf_onnx_tensor *state)
{
    static const int64_t front = 0;

    return state ? kf_onnx_unsqueeze(onnx, state, &front, 1) : onnx->absent;
}

/* Inputs in the operator's order; what is missing at the end is left out. */
static size_t fill_inputs(struct kf_onnx_call *call, const struct kind *kind,
                          struct kf_onnx_run *run, struct kf_onnx_tensor **in)
{
    struct kf_onnx *onnx = call->onnx;
    size_t n = 7;

    in[0] = run->x;
    in[1] = kf_onnx_weight_made(call, "kernel", "transposed, its gates in another order",
                                make_kernel, kind);
    in[2] = kf_onnx_weight_made(call, "recurrent_kernel", "transposed, its gates in another order",
                                make_kernel, kind);
    in[3] =
        kf_onnx_flag(call, "use_bias", true)
            ? kf_onnx_weight_made(call, "bias", "its gates in another order, with a second half",
                                  make_bias, kind)
            : onnx->absent;
    in[4] = run->lens ? run->lens : onnx->absent;
    in[5] = state_in(onnx, run->before[0]);
    in[6] = kind->n_states > 1 ? state_in(onnx, run->before[1]) : onnx->absent;
    while (n > 3 && in[n - 1] == onnx->absent)
        n--;
    return n;
}

/* The outputs without the axis of the directions. */
static bool take_outputs(struct kf_onnx *onnx, struct kf_onnx_node *node, const struct kind *kind,
                         struct kf_onnx_run *run, int64_t units)
{
    static const int64_t first = 0, second = 1;
    const struct kf_onnx_tensor *x = run->x;
    int64_t all[4] = {x->dims[0], 1, x->dims[1], units};

    run->y = kf_onnx_squeeze(onnx, kf_onnx_output(onnx, node, x->dtype, 4, all), &second, 1);
    for (size_t i = 0; i < kind->n_states; i++)
        run->after[i] =
            kf_onnx_squeeze(onnx, kf_onnx_output(onnx, node, x->dtype, 3, all + 1), &first, 1);
    run->n_states = kind->n_states;
    return run->y && run->after[kind->n_states - 1];
}

bool kf_onnx_run_cell(struct kf_onnx_call *owner, struct kf_onnx_run *run)
{
    struct kf_onnx_call call = *owner;
    const struct kind *kind = NULL;
    struct kf_onnx_tensor *in[7];
    struct kf_onnx_node *node;
    int64_t units;
    size_t n;

    call.layer = run->cell;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (kf_in_words(kinds[i].classes, run->cell->class_name))
            kind = &kinds[i];
    if (!kind) {
        kf_onnx_refuse(&call, "it is no cell of an LSTM, GRU or SimpleRNN");
        return false;
    }
    units = kf_onnx_number(&call, "units", 0);
    n = fill_inputs(&call, kind, run, in);
    node = kf_onnx_node_new(call.onnx, kind->op, in, n);
    if (!node || in[1]->dims[1] != units * kind->n_gates || in[1]->dims[2] != run->x->dims[2])
        return false;
    kf_onnx_set_int(call.onnx, node, "hidden_size", units);
    kf_onnx_set_text(call.onnx, node, "direction", run->backwards ? "reverse" : "forward");
    if (kind->n_gates == 3)
        kf_onnx_set_int(call.onnx, node, "linear_before_reset",
                        kf_onnx_flag(&call, "reset_after", true));
    return set_activations(&call, node, kind) && take_outputs(call.onnx, node, kind, run, units);
}
