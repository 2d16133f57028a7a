/* SPDX-License-Identifier: Apache-2.0 */
#include "../io/text/json.h"
#include "../model/numbers.h"
#include "operation.h"
#include "window.h"
#include <stdlib.h>
#include <string.h>

/*
 * Operations that are a formula of their row, with the operators behind what they work on:
 *
 *   a b c d     the arguments of the row, in order
 *   $key        a number of the call or the config
 *   3.5 inf     a number
 *   Add Where   operators of ONNX, of what was written last
 *   =x x        take what was written last under a name of one letter, and that again
 *   ;           the next of several formulas
 */
#define STACK_MAX    16
#define OPERANDS_MAX 4

static const struct word {
    const char *name;
    unsigned n;
    bool truths; /* it gives truths */
} words[] = {
    {"Abs", 1, false},  {"Neg", 1, false}, {"Sign", 1, false},   {"Floor", 1, false},
    {"Exp", 1, false},  {"Log", 1, false}, {"Sqrt", 1, false},   {"Sin", 1, false},
    {"Atan", 1, false}, {"Erf", 1, false}, {"IsNaN", 1, true},   {"IsInf", 1, true},
    {"Not", 1, true},   {"Add", 2, false}, {"Sub", 2, false},    {"Mul", 2, false},
    {"Div", 2, false},  {"Max", 2, false}, {"Min", 2, false},    {"Pow", 2, false},
    {"Equal", 2, true}, {"Less", 2, true}, {"Greater", 2, true}, {"LessOrEqual", 2, true},
    {"And", 2, true},   {"Or", 2, true},   {"Where", 3, false},
};

struct formula {
    struct kf_onnx_call *call;
    struct kf_onnx_tensor *named[26], *stack[STACK_MAX];
    size_t n;
    enum kf_dtype dtype; /* of numbers */
};

static struct kf_onnx_tensor *apply(struct formula *formula, const struct word *word)
{
    struct kf_onnx *onnx = formula->call->onnx;
    struct kf_onnx_tensor **x = &formula->stack[formula->n -= word->n];

    if (word->n == 3)
        return kf_onnx_where(onnx, x[0], x[1], x[2]);
    if (word->n == 2)
        return word->truths ? kf_onnx_compare(onnx, word->name, x[0], x[1])
                            : kf_onnx_binary(onnx, word->name, x[0], x[1]);
    return word->truths ? kf_onnx_test(onnx, word->name, x[0])
                        : kf_onnx_unary(onnx, word->name, x[0]);
}

/* What one word leaves behind. */
static struct kf_onnx_tensor *read(struct formula *formula, const char *text)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(words[i].name, text) == 0 && formula->n >= words[i].n)
            return apply(formula, &words[i]);
    if (*text >= 'a' && *text <= 'z' && !text[1])
        return formula->named[*text - 'a'];
    if (*text == '$')
        return kf_onnx_scalar(formula->call->onnx, formula->dtype,
                              kf_onnx_operand_number(formula->call, text + 1, 0));
    return kf_onnx_scalar(formula->call->onnx, formula->dtype, strtod(text, NULL));
}

static void push(struct formula *formula, struct kf_onnx_tensor *x)
{
    formula->stack[formula->n++] = x;
}

/* The arguments that the row names, in one dtype that is a float. */
static bool operands(struct formula *formula)
{
    struct kf_onnx_call *call = formula->call;
    json_t *values[OPERANDS_MAX] = {NULL};
    const char *names = call->row->names;
    char name[32];
    size_t n = 0;

    for (; *names && n < OPERANDS_MAX; n++) {
        size_t length = strcspn(names, " ");

        memcpy(name, names, length < sizeof(name) ? length : sizeof(name) - 1);
        name[length < sizeof(name) ? length : sizeof(name) - 1] = '\0';
        values[n] = kf_onnx_operand_json(call, name);
        names += length + (names[length] == ' ');
        if (!values[n])
            return false;
    }
    if (!kf_onnx_operands(call, values, n, formula->named))
        return false;
    for (size_t i = 0; i < n; i++)
        formula->named[i] = kf_onnx_as_real(call->onnx, formula->named[i]);
    formula->dtype = formula->named[0] ? formula->named[0]->dtype : KF_DTYPE_FLOAT32;
    return true;
}

/* What the words of a formula, up to a ";", leave behind. */
static struct kf_onnx_tensor *evaluate(struct formula *formula, const char *text)
{
    char word[32];

    for (formula->n = 0; *text && *text != ';' && formula->n < STACK_MAX;) {
        size_t n = strcspn(text, " ;");

        memcpy(word, text, n < sizeof(word) ? n : 0);
        word[n < sizeof(word) ? n : 0] = '\0';
        if (*word == '=' && formula->n)
            formula->named[word[1] - 'a'] = formula->stack[--formula->n];
        else
            push(formula, read(formula, word));
        text += n + (text[n] == ' ');
    }
    return formula->stack[0];
}

void kf_onnx_form_op_formula(struct kf_onnx_call *call)
{
    struct formula formula = {.call = call};

    if (operands(&formula))
        kf_onnx_give(call, evaluate(&formula, call->op));
}

/* A formula for each of three channels, of a, b and c, the channels that it is given. */
void kf_onnx_form_op_colours(struct kf_onnx_call *call)
{
    static const int64_t each[3] = {1, 1, 1};
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call), *out[3];
    struct formula formula = {.call = call};
    const char *text = call->op;
    struct kf_onnx_node *node;
    unsigned axis;

    if (!x)
        return;
    axis = x->rank - (kf_onnx_channels_first(call) ? 3 : 1);
    if (x->rank < 3 || x->dims[axis] != 3 || !kf_number_is_float(x->dtype)) {
        kf_onnx_refuse(call, "its images have no three channels of floats");
        return;
    }
    formula.dtype = x->dtype;
    node = kf_onnx_split(onnx, x, (int)axis, each, 3);
    for (unsigned i = 0; node && i < 3; i++) {
        memcpy(formula.named, node->out, 3 * sizeof(*node->out));
        out[i] = evaluate(&formula, text);
        text += strcspn(text, ";") + 1;
    }
    if (node)
        kf_onnx_give(call, kf_onnx_concat(onnx, out, 3, (int)axis));
}
