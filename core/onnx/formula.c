/* SPDX-License-Identifier: Apache-2.0 */
#include "formula.h"
#include "../model/numbers.h"
#include <stdlib.h>
#include <string.h>

/*
 * Formulas, with the operators behind what they work on:
 *
 *   a b c d     what the formula is given, in order
 *   $key        a number of the call or the config of an operation
 *   3.5 inf     a number
 *   Add Where   operators of ONNX, of what was written last
 *   =x x        take what was written last under a name of one letter, and that again
 *   ;           the next of several formulas
 */

static const struct word {
    const char *name;
    unsigned n;
    bool truths; /* it gives truths */
} words[] = {
    {"Abs", 1, false},        {"Neg", 1, false},  {"Sign", 1, false}, {"Floor", 1, false},
    {"Exp", 1, false},        {"Log", 1, false},  {"Sqrt", 1, false}, {"Sin", 1, false},
    {"Cos", 1, false},        {"Atan", 1, false}, {"Erf", 1, false},  {"IsNaN", 1, true},
    {"IsInf", 1, true},       {"Not", 1, true},   {"Add", 2, false},  {"Sub", 2, false},
    {"Mul", 2, false},        {"Div", 2, false},  {"Max", 2, false},  {"Min", 2, false},
    {"Pow", 2, false},        {"Equal", 2, true}, {"Less", 2, true},  {"Greater", 2, true},
    {"LessOrEqual", 2, true}, {"And", 2, true},   {"Or", 2, true},    {"Where", 3, false},
};

static struct kf_onnx_tensor *apply(struct kf_onnx_formula *formula, const struct word *word)
{
    struct kf_onnx *onnx = formula->onnx;
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
static struct kf_onnx_tensor *read(struct kf_onnx_formula *formula, const char *text)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(words[i].name, text) == 0 && formula->n >= words[i].n)
            return apply(formula, &words[i]);
    if (*text >= 'a' && *text <= 'z' && !text[1])
        return formula->named[*text - 'a'];
    if (*text == '$' && formula->call)
        return kf_onnx_scalar(formula->onnx, formula->dtype,
                              kf_onnx_operand_number(formula->call, text + 1, 0));
    return kf_onnx_scalar(formula->onnx, formula->dtype, strtod(text, NULL));
}

static void push(struct kf_onnx_formula *formula, struct kf_onnx_tensor *x)
{
    formula->stack[formula->n++] = x;
}

struct kf_onnx_tensor *kf_onnx_evaluate(struct kf_onnx_formula *formula, const char *text)
{
    char word[32];

    for (formula->n = 0; *text && *text != ';' && formula->n < KF_ONNX_STACK_MAX;) {
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

/*
 * What ONNX Runtime has in float32 alone, of a, and of b and c, the attributes of the operator.
 *
 * Source: docs/OperatorKernels.md of ONNX Runtime 1.32; Celu is of float32 in ONNX itself
 */
static const struct {
    const char *op, *text;
    bool half; /* nor in float16 */
} single[] = {
    {"Elu", "a 0 Max a 0 Min Exp 1 Sub b Mul Add", false},
    {"Celu", "a 0 Max a 0 Min b Div Exp 1 Sub b Mul Add", true},
    {"Selu", "a 0 Max a 0 Min Exp 1 Sub 1.6732632423543772 Mul Add 1.0507009873554805 Mul", false},
    {"LeakyRelu", "a 0 Max a 0 Min b Mul Add", false},
    {"PRelu", "a 0 Max a 0 Min b Mul Add", false},
    {"HardSigmoid", "a b Mul c Add 0 Max 1 Min", false},
    {"Softplus", "a 0 Max 1 a Abs Neg Exp Add Log Add", false},
    {"Softsign", "a 1 a Abs Add Div", false},
    {"Tan", "a Sin a Cos Div", false},
    {"Sinh", "a Exp a Neg Exp Sub 0.5 Mul", false},
    {"Cosh", "a Exp a Neg Exp Add 0.5 Mul", false},
};

const char *kf_onnx_formula_of(const struct kf_onnx *onnx, const char *op,
                               const struct kf_onnx_tensor *x)
{
    if (!x || x->dtype == KF_DTYPE_FLOAT32 || onnx->runtime->beyond)
        return NULL;
    for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++)
        if (strcmp(single[i].op, op) == 0)
            return x->dtype == KF_DTYPE_FLOAT64 || single[i].half ? single[i].text : NULL;
    return NULL;
}

struct kf_onnx_tensor *kf_onnx_formula(struct kf_onnx *onnx, const char *text,
                                       struct kf_onnx_tensor *a, struct kf_onnx_tensor *b,
                                       struct kf_onnx_tensor *c)
{
    struct kf_onnx_formula formula = {.onnx = onnx, .named = {a, b, c}};

    if (!a)
        return NULL;
    formula.dtype = a->dtype;
    return kf_onnx_evaluate(&formula, text);
}
