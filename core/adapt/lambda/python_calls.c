/* SPDX-License-Identifier: Apache-2.0 */
#include "../../io/text/json.h"
#include "python_private.h"

/* Calls, in the forms that versions of Python have for them. */

/* Take everything from the call. */
static bool finish_call(struct kf_run *run, json_t *called, json_t *args, json_t *kwargs)
{
    const char *path = kf_json_str(called, "path", NULL);
    bool fine =
        path && args && kwargs && kf_run_push(run, kf_lambda_call(run->trace, path, args, kwargs));

    json_decref(called);
    json_decref(args);
    json_decref(kwargs);
    return fine;
}

/* The last of the arguments are those that `names` names, in their order. */
static bool split_named(json_t *args, json_t *kwargs, const json_t *names)
{
    size_t n = json_array_size(names), first = json_array_size(args) - n;

    if (n > json_array_size(args))
        return false;
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_array_get(names, i));

        if (!name || json_object_set(kwargs, name, json_array_get(args, first)) < 0)
            return false;
        json_array_remove(args, first);
    }
    return true;
}

/* A call with `n` arguments, and with a free place beside the function where `two`. */
static bool call(struct kf_run *run, unsigned n, const json_t *names, bool two)
{
    json_t *args = kf_run_pop_list(run, n), *kwargs = kf_run_value(run, json_object());
    json_t *called = kf_run_pop(run), *nothing = two ? kf_run_pop(run) : NULL;
    bool fine = args && kwargs && split_named(args, kwargs, names);

    if (two && json_object_get(called, "nothing")) {
        json_t *other = called;

        called = nothing;
        nothing = other;
    }
    fine = fine && (!two || json_object_get(nothing, "nothing"));
    json_decref(nothing);
    if (fine)
        return finish_call(run, called, args, kwargs);
    json_decref(called);
    json_decref(args);
    json_decref(kwargs);
    return false;
}

bool kf_act_CALL(struct kf_run *run, unsigned argument)
{
    return call(run, argument, NULL, false);
}

bool kf_act_CALL_NAMED(struct kf_run *run, unsigned argument)
{
    json_t *names = kf_run_pop(run);
    bool fine = json_is_array(names) && call(run, argument, names, false);

    json_decref(names);
    return fine;
}

bool kf_act_CALL_TWO(struct kf_run *run, unsigned argument)
{
    json_t *names = run->names;

    run->names = NULL;
    return call(run, argument, names, true);
}

bool kf_act_CALL_TWO_NAMED(struct kf_run *run, unsigned argument)
{
    json_t *names = kf_run_pop(run);
    bool fine = json_is_array(names) && call(run, argument, names, true);

    json_decref(names);
    return fine;
}

/* Until 3.5: positional arguments, then a name and a value for each keyword. */
bool kf_act_CALL_PAIRS(struct kf_run *run, unsigned argument)
{
    json_t *pairs = kf_run_pop_list(run, (size_t)(argument >> 8) * 2), *kwargs = json_object();
    json_t *args = pairs ? kf_run_pop_list(run, argument & 0xff) : NULL;
    bool fine = pairs && args && kwargs;

    run->trace->starved |= !kwargs;
    for (size_t i = 0; fine && i < json_array_size(pairs); i += 2) {
        const char *name = json_string_value(json_array_get(pairs, i));

        fine = name && json_object_set(kwargs, name, json_array_get(pairs, i + 1)) == 0;
    }
    json_decref(pairs);
    if (fine)
        return finish_call(run, kf_run_pop(run), args, kwargs);
    json_decref(args);
    json_decref(kwargs);
    return false;
}

bool kf_act_NAMES(struct kf_run *run, unsigned argument)
{
    run->names = json_array_get(json_object_get(run->code->code, "consts"), argument);
    return json_is_array(run->names);
}
