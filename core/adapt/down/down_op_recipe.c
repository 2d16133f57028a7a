/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "down_ops.h"
#include <stdlib.h>
#include <string.h>

/* An operation that is several functions, one behind the other; see down_recipes.def. */

#define STEPS_MAX 32

static const struct recipe {
    const char *class_name, *defaults, *steps, *name;
} recipes[] = {
#define KF_RECIPE(class_name, defaults, steps)                                                     \
    {class_name, defaults, steps, "down:recipe:" class_name},
#include "down_recipes.def"
#undef KF_RECIPE
};

struct cook {
    struct kf_down_op *op;
    const struct recipe *recipe;
    json_t *own;             /* the operation's tensor; borrowed */
    json_t *given;           /* the row's other arguments; borrowed */
    size_t steps[STEPS_MAX]; /* layers that the steps so far became */
    size_t n_steps;
};

static int no_memory(struct cook *cook)
{
    return kf_adapt_no_memory(cook->op->ops->adapt, cook->op->layer->path);
}

/* The value of "key=value" in a list of words, in the arena; "" when it is not there. */
static int find_default(struct cook *cook, const char **out, const char *key)
{
    size_t n = strlen(key);

    *out = "";
    for (const char *at = cook->recipe->defaults; *at; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");

        if (strncmp(at, key, n) == 0 && at[n] == '=')
            *out = kf_arena_strndup(cook->op->ops->adapt->model->arena, at + n + 1, length - n - 1);
        at += length;
    }
    return *out ? 0 : no_memory(cook);
}

static int literal(struct cook *cook, json_t **out, const char *word)
{
    static const char *const numbers[][2] = {
        {"nan", KF_JSON_NAN}, {"inf", KF_JSON_INF}, {"-inf", KF_JSON_NEG_INF}};

    for (size_t i = 0; i < 3; i++)
        if (strcmp(numbers[i][0], word) == 0)
            word = numbers[i][1];
    *out = json_loads(word, JSON_DECODE_ANY, NULL);
    *out = *out ? *out : json_string(word);
    return *out ? 0 : no_memory(cook);
}

/* "@axis": NULL where it is not given and has no default. */
static int argument(struct cook *cook, json_t **out, const char *key)
{
    bool needed = *key == '!';
    json_t *value = json_object_get(cook->given, key + needed);
    const char *word = "";

    if (value) {
        *out = json_deep_copy(value);
        return *out ? 0 : no_memory(cook);
    }
    KF_TRY(find_default(cook, &word, key + needed));
    if (*word)
        return literal(cook, out, word);
    return needed ? kf_down_refuse(cook->op, "TensorFlow needs an axis or a value that it does not "
                                             "say")
                  : 0;
}

/* "3.1" of "$3.1", or "" of the operation's own tensor. */
static int step_ref(struct cook *cook, json_t **out, const char *text)
{
    char *end = NULL;
    size_t step = strtoul(text, &end, 10), output = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;

    *out = !*text                     ? json_deep_copy(cook->own)
           : step - 1 < cook->n_steps ? kf_ref_new(cook->steps[step - 1], 0, output)
                                      : NULL;
    return *out ? 0 : no_memory(cook);
}

/* A value as a new reference; NULL for an argument that is not given. */
static int value_of(struct cook *cook, json_t **out, const char *word)
{
    *out = NULL;
    if (*word == '$')
        return step_ref(cook, out, word + 1);
    if (*word == '@')
        return argument(cook, out, word + 1);
    if (strcmp(word, "%") == 0)
        return literal(cook, out, kf_dtype_name(cook->op->dtype));
    return literal(cook, out, word);
}

/* What a function is called with by name: the words behind the first two. */
static int read_keywords(struct cook *cook, json_t *kwargs, char *text)
{
    char *next = NULL;

    for (char *word = strtok_r(text, " ", &next); word; word = strtok_r(NULL, " ", &next)) {
        char *value = strchr(word, '=');
        json_t *made = NULL;

        if (!value)
            return no_memory(cook);
        *value = '\0';
        KF_TRY(value_of(cook, &made, value + 1));
        if (made)
            KF_TRY(kf_json_set(kwargs, word, made, cook->op->ops->adapt->rep));
    }
    return 0;
}

/* A step that is not the last becomes a layer of its own. */
static int add_step(struct cook *cook, const char *function, json_t *first, json_t *kwargs)
{
    json_t *made = NULL;
    struct kf_ref at;

    KF_TRY(kf_down_function(cook->op, function, first, kwargs, &made));
    kf_ref_get(made, &at);
    json_decref(made);
    cook->steps[cook->n_steps++] = at.layer;
    return 0;
}

/* The last step is what the operation itself becomes. */
static int become_step(struct cook *cook, const char *function, json_t *first, json_t *kwargs)
{
    struct kf_down_op *op = cook->op;

    json_decref(op->first);
    json_decref(op->kwargs);
    op->first = first;
    op->kwargs = kwargs;
    op->function = function;
    return 0;
}

static int take_step(struct cook *cook, char *text, bool last)
{
    json_auto_t *kwargs = json_object();
    json_t *first = NULL;
    struct kf_ref ref;
    char *next = NULL, *function = strtok_r(text, " ", &next), *word = strtok_r(NULL, " ", &next);

    if (!function || !word || cook->n_steps == STEPS_MAX)
        return no_memory(cook);
    KF_TRY(value_of(cook, &first, word));
    if (!kf_ref_get(first, &ref)) {
        json_decref(first);
        return kf_down_refuse(cook->op, "it is called with what is no tensor");
    }
    if (read_keywords(cook, kwargs, next) < 0) {
        json_decref(first);
        return no_memory(cook);
    }
    return last ? become_step(cook, function, first, json_incref(kwargs))
                : add_step(cook, function, first, json_incref(kwargs));
}

static int take_steps(struct cook *cook)
{
    char *text = kf_arena_strdup(cook->op->ops->adapt->model->arena, cook->recipe->steps), *bar;

    if (!text)
        return no_memory(cook);
    for (; !cook->op->why; text = bar + 1) {
        bar = strchr(text, '|');
        if (bar)
            *bar = '\0';
        KF_TRY(take_step(cook, text, !bar));
        if (!bar)
            return 0;
    }
    return 0;
}

int kf_down_recipe(struct kf_down_op *op, const char *name)
{
    json_auto_t *own = json_incref(op->first), *given = json_incref(op->kwargs);
    struct cook cook = {.op = op, .own = own, .given = given};

    for (size_t i = 0; i < sizeof(recipes) / sizeof(recipes[0]); i++)
        if (strcmp(recipes[i].class_name, name) == 0)
            cook.recipe = &recipes[i];
    if (!cook.recipe)
        return kf_down_refuse(op, "no functions of TensorFlow are known that compute the same");
    kf_report_rule(op->ops->adapt->rep, cook.recipe->name);
    return take_steps(&cook);
}

int kf_down_form_recipe(struct kf_down_op *op)
{
    return kf_down_recipe(op, op->row->class_name);
}

/* Elu is a function of its own where its slope is 1. */
int kf_down_form_elu(struct kf_down_op *op)
{
    const json_t *alpha = json_object_get(op->kwargs, "alpha");
    double slope = alpha ? json_number_value(alpha) : 1;

    if (slope < 1 || slope > 1)
        return kf_down_form_recipe(op);
    json_object_del(op->kwargs, "alpha");
    return 0;
}
