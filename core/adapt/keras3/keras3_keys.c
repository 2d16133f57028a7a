/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../adapt.h"
#include <string.h>

enum what { DROP, NEUTRAL, NOT_ZERO };

static const struct key {
    const char *classes, *key;
    int since;
    enum what what;
    const char *value, *source, *name;
} keys[] = {
#define KF_KEY(classes, key, since, what, value, source)                                           \
    {classes, key, since, what, value, source, "key:" classes "." key},
#include "keras3_keys.def"
};

static const struct until {
    const char *classes, *key;
    int until;
    const char *source, *name;
} untils[] = {
#define KF_KEY_UNTIL(classes, key, until, source)                                                  \
    {classes, key, until, source, "key-until:" classes "." key},
#include "keras3_keys.def"
};

static const struct renamed {
    const char *class_name, *old, *now;
    int since;
    const char *source, *name;
} renames[] = {
#define KF_KEY_RENAMED(class_name, old, now, since, source)                                        \
    {class_name, old, now, since, source, "key-renamed:" class_name "." old},
#include "keras3_keys.def"
};

static const struct moved {
    const char *class_name, *key;
    size_t position;
    int first, since;
    const char *source, *name;
} moves[] = {
#define KF_KEY_MOVED(class_name, key, position, first, since, source)                              \
    {class_name, key, position, first, since, source, "key-moved:" class_name "." key},
#include "keras3_keys.def"
};

static const struct argument {
    const char *class_name, *key;
    size_t position;
    int since;
    const char *value, *source, *name;
} arguments[] = {
#define KF_ARGUMENT(class_name, key, position, since, value, source)                               \
    {class_name, key, position, since, value, source, "argument:" class_name "." key},
#include "keras3_keys.def"
};

static const struct listed {
    const char *class_name, *key;
    size_t position;
    int since;
    const char *source, *name;
} lists[] = {
#define KF_LISTED(class_name, key, position, since, source)                                        \
    {class_name, key, position, since, source, "listed:" class_name "." key},
#include "keras3_keys.def"
};

static const struct becomes {
    const char *class_name;
    int from, until;
    const char *to, *keep, *add, *source, *name;
} becomings[] = {
#define KF_BECOMES(class_name, from, until, to, keep, add, source)                                 \
    {class_name, from, until, to, keep, add, source, "becomes:" class_name "." #from},
#include "keras3_keys.def"
};

static const struct {
    const char *class_name, *why, *name;
} foreigns[] = {
#define KF_FOREIGN(class_name, why) {class_name, why, "foreign:" class_name},
#include "keras3_keys.def"
};

#define N_ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

/* `text` is a row's value; rows are written by us, so only memory can be missing. */
static int is_neutral(struct kf_adapt *adapt, const struct kf_layer *layer, const char *text,
                      const json_t *value, bool *out)
{
    json_t *wanted = json_loads(text, JSON_DECODE_ANY, NULL);

    *out = wanted && (kf_rules_same(value, wanted) || json_is_null(value));
    json_decref(wanted);
    return wanted ? 0 : kf_adapt_no_memory(adapt, layer->path);
}

static int drop(struct kf_adapt *adapt, struct kf_layer *layer, const char *key, const char *why)
{
    KF_TRY(kf_report_change(adapt->rep, KF_KEY_DROPPED, layer->path, key,
                            json_object_get(layer->config, key), NULL, "%s", why));
    json_object_del(layer->config, key);
    return 0;
}

/* What has no equal before `since`. */
static void refuse(struct kf_adapt *adapt, const struct kf_layer *layer, const char *key,
                   const json_t *value, int since)
{
    kf_report_change(adapt->rep, KF_VALUE_NO_EQUAL, layer->path, key, value, NULL,
                     "%s has this %s from Keras %d.%d on", layer->class_name, key, since / 100,
                     since % 100);
}

/* 0, or a list with 0 in it. */
static bool has_zero(const json_t *value)
{
    json_t *one;
    size_t i;

    json_array_foreach(value, i, one) if (has_zero(one)) return true;
    return json_is_integer(value) && json_integer_value(value) == 0;
}

/* A key that is older than the row, whose value is not. */
static int check_value(struct kf_adapt *adapt, struct kf_layer *layer, const struct key *row,
                       const json_t *value)
{
    if (!has_zero(value))
        return 0;
    kf_report_rule(adapt->rep, row->name);
    refuse(adapt, layer, row->key, value, row->since);
    return 0;
}

static int apply_key(struct kf_adapt *adapt, struct kf_layer *layer, const struct key *row)
{
    json_t *value = json_object_get(layer->config, row->key);
    bool neutral = true;

    if (!value || adapt->since >= row->since || !kf_in_words(row->classes, layer->class_name))
        return 0;
    if (row->what == NOT_ZERO)
        return check_value(adapt, layer, row, value);
    kf_report_rule(adapt->rep, row->name);
    if (row->what == NEUTRAL)
        KF_TRY(is_neutral(adapt, layer, row->value, value, &neutral));
    if (!neutral)
        refuse(adapt, layer, row->key, value, row->since);
    return drop(adapt, layer, row->key,
                row->what == DROP ? "the target Keras does not take it, and predictions do not "
                                    "need it"
                                  : "the target Keras always takes this value");
}

static int apply_until(struct kf_adapt *adapt, struct kf_layer *layer, const struct until *row)
{
    if (!json_object_get(layer->config, row->key) || adapt->since < row->until ||
        !kf_in_words(row->classes, layer->class_name))
        return 0;
    kf_report_rule(adapt->rep, row->name);
    return drop(adapt, layer, row->key, "the target Keras no longer takes it");
}

static int apply_rename(struct kf_adapt *adapt, struct kf_layer *layer, const struct renamed *row)
{
    bool later = adapt->since >= row->since;
    const char *from = later ? row->old : row->now, *to = later ? row->now : row->old;
    json_t *value = json_object_get(layer->config, from);

    if (!value || strcmp(row->class_name, layer->class_name) != 0)
        return 0;
    kf_report_rule(adapt->rep, row->name);
    KF_TRY(kf_report_change(adapt->rep, KF_KEY_RENAMED, layer->path, from, value, value,
                            "the target Keras calls it %s", to));
    KF_TRY(kf_json_set(layer->config, to, json_incref(value), adapt->rep));
    json_object_del(layer->config, from);
    return 0;
}

int kf_keras3_written(const struct kf_adapt *adapt)
{
    int keras = adapt->model->keras;

    return keras ? KF_SINCE(keras) : 399;
}

static int become(struct kf_adapt *adapt, struct kf_layer *layer, const struct becomes *row)
{
    json_t *add = json_loads(row->add, 0, NULL), *value;
    int r = add ? 0 : kf_adapt_no_memory(adapt, layer->path);
    const char *key;
    void *next;

    kf_report_rule(adapt->rep, row->name);
    json_object_foreach_safe(layer->config, next, key,
                             value) if (!kf_in_words(row->keep, key) &&
                                        !kf_in_words("name dtype trainable", key))
        json_object_del(layer->config, key);
    if (r >= 0 && json_object_update(layer->config, add) < 0)
        r = kf_adapt_no_memory(adapt, layer->path);
    json_decref(add);
    layer->class_name = row->to;
    KF_TRY(r);
    KF_TRY(kf_report_add(adapt->rep, KF_TRAINING_DIFFERS, layer->path,
                         "%s becomes %s, which predicts the same but does not train the same",
                         row->class_name, row->to));
    return kf_report_add(adapt->rep, KF_CLASS_REPLACED, layer->path,
                         "%s became %s: the target Keras computes something else by the old name",
                         row->class_name, row->to);
}

int kf_keras3_becomes(struct kf_adapt *adapt, struct kf_layer *layer)
{
    int source = kf_keras3_written(adapt);

    for (size_t i = 0; i < N_ROWS(becomings); i++)
        if (strcmp(becomings[i].class_name, layer->class_name) == 0 &&
            source >= becomings[i].from && source < becomings[i].until &&
            (adapt->since < becomings[i].from || adapt->since >= becomings[i].until))
            return become(adapt, layer, &becomings[i]);
    return 0;
}

int kf_keras3_keys(struct kf_adapt *adapt, struct kf_layer *layer)
{
    for (size_t i = 0; i < N_ROWS(keys); i++)
        KF_TRY(apply_key(adapt, layer, &keys[i]));
    for (size_t i = 0; i < N_ROWS(untils); i++)
        KF_TRY(apply_until(adapt, layer, &untils[i]));
    for (size_t i = 0; i < N_ROWS(renames); i++)
        KF_TRY(apply_rename(adapt, layer, &renames[i]));
    return 0;
}

const char *kf_keras3_foreign(const char *class_name, const char **rule_out)
{
    for (size_t i = 0; i < N_ROWS(foreigns); i++)
        if (strcmp(foreigns[i].class_name, class_name) == 0) {
            *rule_out = foreigns[i].name;
            return foreigns[i].why;
        }
    return NULL;
}

/*
 * Kernels of int4 are packed along another axis from 3.14 on, which came with block sizes.
 * Source: keras/src/layers/core/dense.py _int4_build (3.13.2, 3.14.1)
 */
#define INT4_SINCE  311
#define INT4_BLOCKS 314

int kf_keras3_policy(struct kf_adapt *adapt, const struct kf_layer *layer, const json_t *policy)
{
    const char *name = kf_json_str(policy, "class_name", "");
    const char *mode = kf_json_str(json_object_get(policy, "config"), "mode", "");
    const struct kf_class *found = kf_class_find("keras.dtype_policies", name);
    int first = found ? found->since : 0, source = kf_keras3_written(adapt);

    if (!found) {
        kf_report_add(adapt->rep, KF_CUSTOM_CLASS, layer->path,
                      "dtype is a %s, which Keras does not have", name);
        return 0;
    }
    if (kf_starts(mode, "int4") && first < INT4_SINCE)
        first = INT4_SINCE;
    if (adapt->since < first)
        refuse(adapt, layer, "dtype", policy, first);
    else if (kf_starts(mode, "int4") && (source < INT4_BLOCKS) != (adapt->since < INT4_BLOCKS))
        kf_report_change(adapt->rep, KF_VALUE_NO_EQUAL, layer->path, "dtype", policy, NULL,
                         "int4 kernels are packed otherwise from Keras 3.14 on");
    return 0;
}

/* Take an argument out of a call, by its key or as the last by its place; NULL when it has none. */
static json_t *take_argument(struct kf_call *call, const char *key, size_t position)
{
    json_t *value = json_incref(json_object_get(call->kwargs, key));

    if (value) {
        json_object_del(call->kwargs, key);
    } else if (json_array_size(call->args) == position + 1) {
        value = json_incref(json_array_get(call->args, position));
        json_array_remove(call->args, position);
    }
    return value;
}

/* From the call to the constructor; an operation is called once. */
static int move_in(struct kf_adapt *adapt, struct kf_layer *layer, const struct moved *row)
{
    json_t *value = take_argument(&layer->calls[0], row->key, row->position);
    struct kf_ref ref;

    if (!value)
        return 0;
    kf_report_rule(adapt->rep, row->name);
    if (kf_ref_get(value, &ref))
        kf_report_add(adapt->rep, KF_GRAPH_NO_EQUAL, layer->path,
                      "%s of %s is a tensor, which Keras no longer takes", row->key,
                      layer->class_name);
    return kf_json_set(layer->config, row->key, value, adapt->rep);
}

/* From the constructor to the call, where the call takes it. */
static int move_out(struct kf_adapt *adapt, struct kf_layer *layer, const struct moved *row)
{
    json_t *value = json_object_get(layer->config, row->key);

    if (!value)
        return 0;
    kf_report_rule(adapt->rep, row->name);
    if (adapt->since >= row->first)
        KF_TRY(kf_json_set(layer->calls[0].kwargs, row->key, json_incref(value), adapt->rep));
    else if (!json_is_null(value) && !json_is_false(value))
        refuse(adapt, layer, row->key, value, row->first);
    json_object_del(layer->config, row->key);
    return 0;
}

static int apply_argument(struct kf_adapt *adapt, struct kf_layer *layer,
                          const struct argument *row)
{
    json_t *value;
    bool neutral = false;
    int r;

    if (adapt->since >= row->since || strcmp(row->class_name, layer->class_name) != 0)
        return 0;
    value = take_argument(&layer->calls[0], row->key, row->position);
    if (!value)
        return 0;
    kf_report_rule(adapt->rep, row->name);
    r = is_neutral(adapt, layer, row->value, value, &neutral);
    if (r >= 0 && !neutral)
        refuse(adapt, layer, row->key, value, row->since);
    json_decref(value);
    return r;
}

static void check_list(struct kf_adapt *adapt, const struct kf_layer *layer,
                       const struct listed *row)
{
    const json_t *value = json_array_get(layer->calls[0].args, row->position);

    if (adapt->since >= row->since || strcmp(row->class_name, layer->class_name) != 0)
        return;
    if (!value)
        value = json_object_get(layer->calls[0].kwargs, row->key);
    if (!json_is_array(value))
        return;
    kf_report_rule(adapt->rep, row->name);
    kf_report_change(adapt->rep, KF_VALUE_NO_EQUAL, layer->path, row->key, value, NULL,
                     "%s of %s may be a list from Keras %d.%d on", row->key, layer->class_name,
                     row->since / 100, row->since % 100);
}

int kf_keras3_arguments(struct kf_adapt *adapt, struct kf_layer *operation)
{
    if (!operation->n_calls)
        return 0;
    for (size_t i = 0; i < N_ROWS(moves); i++)
        if (strcmp(moves[i].class_name, operation->class_name) == 0)
            KF_TRY(adapt->since >= moves[i].since ? move_in(adapt, operation, &moves[i])
                                                  : move_out(adapt, operation, &moves[i]));
    for (size_t i = 0; i < N_ROWS(arguments); i++)
        KF_TRY(apply_argument(adapt, operation, &arguments[i]));
    for (size_t i = 0; i < N_ROWS(lists); i++)
        check_list(adapt, operation, &lists[i]);
    return 0;
}
