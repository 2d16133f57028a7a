/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "python.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define NODES_MAX      64
#define NAME_MAX_CHARS 160

static const struct call_row {
    const char *names;
    int keras;
    const char *function, *before, *parameters, *rule;
} calls[] = {
#define KF_LAMBDA(names, keras, function, before, parameters)                                      \
    {names, keras, function, before, parameters, "lambda:" names},
#include "lambda_calls.def"
};

static const struct {
    const char *first, *names;
} modules[] = {
#define KF_MODULE(first, names) {first, names},
#include "lambda_calls.def"
};

static const struct {
    const char *name, *value;
} values[] = {
#define KF_LAMBDA_VALUE(name, value) {name, value},
#include "lambda_calls.def"
};

#define N_ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

/* Whether a name is of a module, which has one of some names; how long that is, or 0. */
static size_t module_length(const char *names, const char *name)
{
    while (*names) {
        size_t n = strcspn(names, " ");

        if (strncmp(names, name, n) == 0 && name[n] == '.')
            return n;
        names += n + (names[n] == ' ');
    }
    return 0;
}

/* The module in front of a name by the first of its names: "tf.keras.backend.abs" is "K.abs". */
static void rename_module(const char *name, char out[NAME_MAX_CHARS])
{
    const char *first = "", *rest = name;

    for (size_t i = 0; i < N_ROWS(modules) && rest == name; i++) {
        rest = name + module_length(modules[i].names, name);
        first = rest == name ? "" : modules[i].first;
    }
    snprintf(out, NAME_MAX_CHARS, "%s%s", first, rest);
}

static json_t *constant_named(const char *name)
{
    for (size_t i = 0; i < N_ROWS(values); i++)
        if (strcmp(values[i].name, name) == 0)
            return json_loads(values[i].value, JSON_DECODE_ANY, NULL);
    return NULL;
}

json_t *kf_lambda_name(struct kf_trace *trace, const char *name)
{
    char renamed[NAME_MAX_CHARS];
    json_t *value;

    rename_module(name, renamed);
    value = constant_named(renamed);
    if (!value)
        value = json_pack("{s:s}", "path", name);
    trace->starved |= !value;
    return value;
}

/* A symbol that is a tensor, or holds one. */
static bool is_tensor(const json_t *symbol)
{
    const json_t *one;
    size_t i;

    json_array_foreach(symbol, i, one) if (is_tensor(one)) return true;
    return json_object_get(symbol, "$ref") || json_object_get(symbol, "$node");
}

/* A module, a function or a place left free is no value that a call can take. */
static bool is_value(const json_t *symbol)
{
    const json_t *one;
    size_t i;

    json_array_foreach(symbol, i, one) if (!is_value(one)) return false;
    return !json_object_get(symbol, "path") && !json_object_get(symbol, "nothing");
}

static const struct call_row *row_of(const struct kf_trace *trace, const char *name)
{
    for (size_t i = 0; i < N_ROWS(calls); i++)
        if ((strcmp(calls[i].names, name) == 0 || kf_in_words(calls[i].names, name)) &&
            trace->keras >= calls[i].keras)
            return &calls[i];
    return NULL;
}

/* Operators of two numbers, as Python computes them; a new reference, or NULL. */
static json_t *fold_reals(const char *operator, double x, double y)
{
    double z = NAN;

    if (strcmp(operator, "+") == 0)
        z = x + y;
    else if (strcmp(operator, "-") == 0)
        z = x - y;
    else if (strcmp(operator, "*") == 0)
        z = x * y;
    else if (kf_ends(operator, "/") && !kf_ends(operator, "//"))
        z = x / y;
    return isfinite(z) ? json_real(z) : NULL;
}

static json_t *fold(const char *operator, const json_t * args)
{
    const json_t *x = json_array_get(args, 0), *y = json_array_get(args, 1);

    if (json_is_integer(x) && json_is_integer(y) && strcmp(operator, "/") != 0)
        return NULL;
    return fold_reals(operator, json_number_value(x), json_number_value(y));
}

/* What was given for a parameter, borrowed: by its place, or by one of its names. */
static json_t *given_for(const char *names, size_t n_names, size_t place, const json_t *args,
                         json_t *kwargs, size_t *n_taken)
{
    json_t *value = json_array_get(args, place);
    const char *end = names + n_names;

    *n_taken += value != NULL;
    while (!value && names < end) {
        size_t n = strcspn(names, "|= ");

        value = json_object_getn(kwargs, names, n);
        *n_taken += value != NULL;
        names += n + 1;
    }
    return value;
}

/* "axis|dim=null" at `place`, out of what was given into what the node is called with. */
static bool read_parameter(struct kf_trace *trace, const char *text, size_t n, size_t place,
                           const json_t *args, json_t *kwargs, json_t *node, size_t *n_taken)
{
    size_t n_names = strcspn(text, "= "), n_first = strcspn(text, "|= ");
    json_t *value = json_incref(given_for(text, n_names, place, args, kwargs, n_taken));

    if (!value && n_names < n)
        value = json_loadb(text + n_names + 1, n - n_names - 1, JSON_DECODE_ANY, NULL);
    if (!value || !is_value(value)) {
        json_decref(value);
        return false;
    }
    if (place == 0)
        trace->starved |= json_array_append_new(json_object_get(node, "args"), value) < 0;
    else
        trace->starved |=
            json_object_setn_new(json_object_get(node, "kwargs"), text, n_first, value) < 0;
    return true;
}

/* False where something is missing, or was given that the row does not know. */
static bool read_parameters(struct kf_trace *trace, const struct call_row *row, const json_t *args,
                            json_t *kwargs, json_t *node)
{
    size_t n_taken = json_object_get(kwargs, "name") ? 1 : 0, place = 0;

    for (const char *text = row->parameters; *text; place++) {
        size_t n = strcspn(text, " ");

        if (!read_parameter(trace, text, n, place, args, kwargs, node, &n_taken))
            return false;
        text += n + (text[n] == ' ');
    }
    return n_taken == json_array_size(args) + json_object_size(kwargs) &&
           (is_tensor(json_object_get(node, "args")) ||
            is_tensor(json_object_get(json_object_get(node, "kwargs"), "y")));
}

/* Takes the node; a new reference to what it gives. */
static json_t *add_node(struct kf_trace *trace, json_t *node)
{
    size_t index = json_array_size(trace->nodes);
    json_t *symbol = NULL;

    if (index < NODES_MAX) {
        symbol = json_pack("{s:I}", "$node", (json_int_t)index);
        trace->starved |= !symbol;
        trace->starved |= json_array_append(trace->nodes, node) < 0;
    }
    json_decref(node);
    return symbol;
}

/* A node of its own in front of the first argument. */
static bool put_before(struct kf_trace *trace, const char *before, json_t *node)
{
    json_t *first = before ? json_loads(before, 0, NULL) : NULL, *symbol;
    json_t *args = json_object_get(node, "args");

    if (!before)
        return true;
    trace->starved |= !first || json_object_set_new(first, "args", json_copy(args)) < 0;
    symbol = first ? add_node(trace, first) : NULL;
    return symbol && json_array_set_new(args, 0, symbol) == 0;
}

/* ... in the code is a text in constants: as an index it can be nothing else. */
static json_t *index_part(const json_t *part)
{
    if (kf_streq(json_string_value(part), "..."))
        return json_pack("{s:s}", "class_name", "__ellipsis__");
    return json_incref((json_t *)part);
}

/* The index of a tensor as a SlicingOpLambda has it, a new list. */
static json_t *index_args(struct kf_trace *trace, const json_t *args)
{
    const json_t *key = json_array_get(args, 1);
    json_t *spec = json_is_array(key) ? json_array() : index_part(key);

    for (size_t i = 0; spec && i < json_array_size(key); i++)
        trace->starved |= json_array_append_new(spec, index_part(json_array_get(key, i))) < 0;
    trace->starved |= !spec;
    return spec ? json_pack("[O, o]", json_array_get(args, 0), spec) : NULL;
}

static json_t *call_row(struct kf_trace *trace, const struct call_row *row, const json_t *args,
                        json_t *kwargs)
{
    json_t *node = json_pack("{s:s, s:[], s:{}}", "function", row->function, "args", "kwargs");

    trace->starved |= !node;
    if (!node || !read_parameters(trace, row, args, kwargs, node) ||
        !put_before(trace, row->before, node)) {
        json_decref(node);
        return NULL;
    }
    trace->starved |=
        json_array_append_new(trace->rules, json_integer((json_int_t)(row - calls))) < 0;
    return add_node(trace, node);
}

json_t *kf_lambda_call(struct kf_trace *trace, const char *name, json_t *args, json_t *kwargs)
{
    char renamed[NAME_MAX_CHARS], call[NAME_MAX_CHARS];
    const struct call_row *row;
    json_t *made = NULL;

    rename_module(name, renamed);
    snprintf(call, sizeof(call), "%.100s()", renamed);
    if (json_array_size(args) + json_object_size(kwargs) == 0)
        return constant_named(call);
    if (json_is_number(json_array_get(args, 0)) && json_is_number(json_array_get(args, 1)))
        return fold(renamed, args);
    row = row_of(trace, renamed);
    if (!row || strcmp(renamed, "index") != 0)
        return row ? call_row(trace, row, args, kwargs) : NULL;
    args = index_args(trace, args);
    if (args)
        made = call_row(trace, row, args, kwargs);
    json_decref(args);
    return made;
}

const char *kf_lambda_rule(const json_t *rule)
{
    return calls[json_integer_value(rule)].rule;
}
