/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ADAPT_PYTHON_PRIVATE_H
#define KF_ADAPT_PYTHON_PRIVATE_H

#include "python.h"

/* Versions of Python, as a bit each. */
#define P2   1U
#define P30  2U
#define P36  4U
#define P311 8U
#define P312 16U
#define P313 32U

/* Code that is followed. */
struct kf_run {
    struct kf_trace *trace;
    const struct kf_lambda_code *code;
    unsigned python;
    json_t *stack, *variables; /* variables by their number; owned */
    json_t *names;             /* of the keywords of the next call; borrowed */
    const char *operand;       /* the row's */
    bool done;
};

/* python_stack.c: the stack, and names. A NULL is what could not be made, or is not known. */
json_t *kf_run_value(struct kf_run *run, json_t *value);
/** Takes `value`; false where it is NULL or the stack is full. */
bool kf_run_push(struct kf_run *run, json_t *value);
/** A new reference; NULL from an empty stack. */
json_t *kf_run_pop(struct kf_run *run);
/** The last `n` of the stack in their order, a new list. */
json_t *kf_run_pop_list(struct kf_run *run, size_t n);

/* What instructions do: false where they do what is not followed. python_stack.c, python_calls.c,
 * python_operators.c */
#define KF_ACT(name) bool kf_act_##name(struct kf_run *run, unsigned argument);
KF_ACT(CONSTANT)
KF_ACT(VARIABLE)
KF_ACT(TWO_VARIABLES)
KF_ACT(STORE)
KF_ACT(STORE_LOAD)
KF_ACT(STORE_TWO)
KF_ACT(NOTHING_CALLED)
KF_ACT(GLOBAL)
KF_ACT(GLOBAL_CALLED)
KF_ACT(ATTRIBUTE)
KF_ACT(METHOD)
KF_ACT(ATTRIBUTE_CALLED)
KF_ACT(CALL)
KF_ACT(CALL_NAMED)
KF_ACT(CALL_TWO)
KF_ACT(CALL_TWO_NAMED)
KF_ACT(CALL_PAIRS)
KF_ACT(NAMES)
KF_ACT(BINARY)
KF_ACT(OPERATOR)
KF_ACT(NEGATIVE)
KF_ACT(INDEX)
KF_ACT(SLICE)
KF_ACT(INDEX_SLICE)
KF_ACT(LIST)
KF_ACT(EXTEND)
KF_ACT(UNPACK)
KF_ACT(PASS)
KF_ACT(RETURN)
KF_ACT(RETURN_CONSTANT)
#undef KF_ACT

#endif
