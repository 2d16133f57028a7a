/* SPDX-License-Identifier: Apache-2.0 */
#include "../../io/text/json.h"
#include "python_private.h"

/* Operators, indices, lists, and the end. */

/* An operator of as many values as stand on the stack for it. */
static bool operate(struct kf_run *run, const char *operator, size_t n)
{
    json_t *args = kf_run_pop_list(run, n), *kwargs = kf_run_value(run, json_object());
    bool fine =
        args && kwargs && kf_run_push(run, kf_lambda_call(run->trace, operator, args, kwargs));

    json_decref(args);
    json_decref(kwargs);
    return fine;
}

bool kf_act_BINARY(struct kf_run *run, unsigned argument)
{
    (void)argument;
    return operate(run, run->operand, 2);
}

/* The second half are those that assign, x += 1. */
bool kf_act_OPERATOR(struct kf_run *run, unsigned argument)
{
    static const char *const operators[] = {"+",  NULL, "//", NULL, "@", "*", "%",
                                            NULL, "**", NULL, "-",  "/", NULL};
    size_t n = sizeof(operators) / sizeof(operators[0]);

    if (argument >= 2 * n || !operators[argument % n])
        return false;
    return operate(run, operators[argument % n], 2);
}

bool kf_act_NEGATIVE(struct kf_run *run, unsigned argument)
{
    (void)argument;
    return operate(run, "negative", 1);
}

/* Of a list of tensors one of them, or a slice of a tensor. */
bool kf_act_INDEX(struct kf_run *run, unsigned argument)
{
    size_t n = json_array_size(run->stack);
    const json_t *list = n > 1 ? json_array_get(run->stack, n - 2) : NULL;
    const json_t *key = json_array_get(run->stack, n - 1);
    json_int_t at = json_is_integer(key) ? json_integer_value(key) : -1;
    json_t *one;

    (void)argument;
    if (!json_is_array(list))
        return operate(run, "index", 2);
    if (json_is_integer(key) && json_integer_value(key) < 0)
        at = (json_int_t)json_array_size(list) + json_integer_value(key);
    one = at < 0 ? NULL : json_incref(json_array_get(list, (size_t)at));
    json_decref(kf_run_pop(run));
    json_decref(kf_run_pop(run));
    return kf_run_push(run, one);
}

bool kf_act_SLICE(struct kf_run *run, unsigned argument)
{
    json_t *bounds = argument == 2 || argument == 3 ? kf_run_pop_list(run, argument) : NULL;
    json_t *step = json_array_get(bounds, 2);
    bool fine =
        bounds &&
        kf_run_push(
            run, kf_run_value(run, json_pack("{s:O, s:O, s:o}", "start", json_array_get(bounds, 0),
                                             "stop", json_array_get(bounds, 1), "step",
                                             step ? json_incref(step) : json_null())));

    json_decref(bounds);
    return fine;
}

bool kf_act_INDEX_SLICE(struct kf_run *run, unsigned argument)
{
    (void)argument;
    return kf_act_SLICE(run, 2) && kf_act_INDEX(run, 0);
}

bool kf_act_LIST(struct kf_run *run, unsigned argument)
{
    return kf_run_push(run, kf_run_pop_list(run, argument));
}

/* What [1, 2, 3] is made by from 3.9 on. */
bool kf_act_EXTEND(struct kf_run *run, unsigned argument)
{
    json_t *more = kf_run_pop(run), *list = kf_run_pop(run);
    json_t *joined =
        argument == 1 && json_is_array(more) && json_is_array(list) ? json_copy(list) : NULL;
    bool fine = joined && json_array_extend(joined, more) == 0;

    json_decref(more);
    json_decref(list);
    if (fine)
        return kf_run_push(run, joined);
    json_decref(joined);
    return false;
}

bool kf_act_UNPACK(struct kf_run *run, unsigned argument)
{
    json_t *list = kf_run_pop(run);
    bool fine = json_array_size(list) == argument;

    for (size_t i = argument; fine && i > 0; i--)
        fine = kf_run_push(run, json_incref(json_array_get(list, i - 1)));
    json_decref(list);
    return fine;
}

bool kf_act_PASS(struct kf_run *run, unsigned argument)
{
    (void)run, (void)argument;
    return true;
}

bool kf_act_RETURN(struct kf_run *run, unsigned argument)
{
    (void)argument;
    json_decref(run->trace->result);
    run->trace->result = kf_run_pop(run);
    run->done = true;
    return run->trace->result && json_array_size(run->stack) == 0;
}

bool kf_act_RETURN_CONSTANT(struct kf_run *run, unsigned argument)
{
    return kf_act_CONSTANT(run, argument) && kf_act_RETURN(run, 0);
}
