/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ADAPT_PYTHON_H
#define KF_ADAPT_PYTHON_H

#include "../../model/lambda_code.h"
#include <kf/report.h>

/*
 * What a function computes with the tensors that it is given, told from its bytecode. Nothing is
 * run: the instructions are followed with symbols in the place of values, and only straight code
 * whose every instruction and every call has a row (python_codes.def, lambda_calls.def) is
 * followed to its end.
 *
 * A symbol is JSON: {"$ref": [...]} a tensor of the caller's, {"$node": i} what node `i` gives,
 * else a constant; lists of these. Inside, {"path": "tf.math"} is a module or function,
 * {"nothing": true} the place that Python leaves free in front of a call.
 */
struct kf_trace {
    int keras;      /* release that wrote the code, major * 100 + minor; 0 when not known */
    json_t *nodes;  /* [{"function", "args", "kwargs"}, ...] as a TFOpLambda has them; owned */
    json_t *rules;  /* numbers of the rows used; owned */
    json_t *result; /* what the function returns; owned */
    bool starved;   /* memory ran out */
};

/**
 * Follow a function that is called with the values of `given` (argument -> symbol).
 *
 * True when all of it is understood, in one way only; then `trace` holds it.
 */
bool kf_python_trace(struct kf_trace *trace, const struct kf_lambda_code *code, json_t *given);
void kf_trace_finish(struct kf_trace *trace);

/* lambda_calls.c */

/** What a dotted name is: a constant, or {"path": name} by its modules' first names; new. */
json_t *kf_lambda_name(struct kf_trace *trace, const char *name);

/** Call a function or operator by its name; a new reference, NULL when it has no row. */
json_t *kf_lambda_call(struct kf_trace *trace, const char *name, json_t *args, json_t *kwargs);

/** The name of a row, by its number. */
const char *kf_lambda_rule(const json_t *rule);

#endif
