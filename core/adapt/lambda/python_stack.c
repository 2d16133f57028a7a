/* SPDX-License-Identifier: Apache-2.0 */
#include "../../io/text/json.h"
#include "python_private.h"
#include <stdio.h>

/* The stack, variables and names. */

#define STACK_MAX 64

json_t *kf_run_value(struct kf_run *run, json_t *value)
{
    run->trace->starved = run->trace->starved || !value;
    return value;
}

bool kf_run_push(struct kf_run *run, json_t *value)
{
    if (!value || json_array_size(run->stack) >= STACK_MAX) {
        json_decref(value);
        return false;
    }
    if (json_array_append_new(run->stack, value) == 0)
        return true;
    run->trace->starved = true;
    return false;
}

json_t *kf_run_pop(struct kf_run *run)
{
    size_t n = json_array_size(run->stack);
    json_t *value = n ? json_incref(json_array_get(run->stack, n - 1)) : NULL;

    if (n)
        json_array_remove(run->stack, n - 1);
    return value;
}

json_t *kf_run_pop_list(struct kf_run *run, size_t n)
{
    size_t size = json_array_size(run->stack);
    json_t *list = n <= size ? kf_run_value(run, json_array()) : NULL;

    for (size_t i = 0; list && i < n; i++) {
        run->trace->starved |= json_array_append(list, json_array_get(run->stack, size - n)) < 0;
        json_array_remove(run->stack, size - n);
    }
    return list;
}

static json_t *constant(struct kf_run *run, unsigned argument)
{
    json_t *value = json_array_get(json_object_get(run->code->code, "consts"), argument);

    return json_is_object(value) ? NULL : json_incref(value); /* bytes, or a function inside */
}

bool kf_act_CONSTANT(struct kf_run *run, unsigned argument)
{
    return kf_run_push(run, constant(run, argument));
}

bool kf_act_VARIABLE(struct kf_run *run, unsigned argument)
{
    json_t *value = json_array_get(run->variables, argument);

    return !json_object_get(value, "nothing") && kf_run_push(run, json_incref(value));
}

bool kf_act_TWO_VARIABLES(struct kf_run *run, unsigned argument)
{
    return kf_act_VARIABLE(run, argument >> 4) && kf_act_VARIABLE(run, argument & 15);
}

bool kf_act_STORE(struct kf_run *run, unsigned argument)
{
    json_t *value = kf_run_pop(run);

    return value && json_array_set_new(run->variables, argument, value) == 0;
}

bool kf_act_STORE_LOAD(struct kf_run *run, unsigned argument)
{
    return kf_act_STORE(run, argument >> 4) && kf_act_VARIABLE(run, argument & 15);
}

bool kf_act_STORE_TWO(struct kf_run *run, unsigned argument)
{
    return kf_act_STORE(run, argument >> 4) && kf_act_STORE(run, argument & 15);
}

static const char *name_of(struct kf_run *run, unsigned argument)
{
    return json_string_value(json_array_get(json_object_get(run->code->code, "names"), argument));
}

static bool push_nothing(struct kf_run *run)
{
    return kf_run_push(run, kf_run_value(run, json_pack("{s:b}", "nothing", 1)));
}

bool kf_act_NOTHING_CALLED(struct kf_run *run, unsigned argument)
{
    (void)argument;
    return push_nothing(run);
}

bool kf_act_GLOBAL(struct kf_run *run, unsigned argument)
{
    const char *name = name_of(run, argument);

    return name && kf_run_push(run, kf_lambda_name(run->trace, name));
}

bool kf_act_GLOBAL_CALLED(struct kf_run *run, unsigned argument)
{
    return (!(argument & 1) || push_nothing(run)) && kf_act_GLOBAL(run, argument >> 1);
}

#define PATH_MAX_CHARS 120

bool kf_act_ATTRIBUTE(struct kf_run *run, unsigned argument)
{
    json_t *owner = kf_run_pop(run);
    const char *path = kf_json_str(owner, "path", NULL), *name = name_of(run, argument);
    char text[PATH_MAX_CHARS];
    bool fine = path && name &&
                snprintf(text, sizeof(text), "%s.%s", path, name) < PATH_MAX_CHARS &&
                kf_run_push(run, kf_lambda_name(run->trace, text));

    json_decref(owner);
    return fine;
}

/* The place in front of a function that is no method of a value stays free. */
bool kf_act_METHOD(struct kf_run *run, unsigned argument)
{
    json_t *owner = kf_run_pop(run);

    if (push_nothing(run) && kf_run_push(run, owner))
        return kf_act_ATTRIBUTE(run, argument);
    return false;
}

bool kf_act_ATTRIBUTE_CALLED(struct kf_run *run, unsigned argument)
{
    return argument & 1 ? kf_act_METHOD(run, argument >> 1) : kf_act_ATTRIBUTE(run, argument >> 1);
}
