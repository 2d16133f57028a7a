/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "training.h"
#include <string.h>

enum what { DROP, RENAME, DECAY, PACE };

static const struct key_row {
    const char *key;
    enum what what;
    const char *value, *source, *name;
} key_rows[] = {
#define KF_OPTIMIZER_KEY(key, what, value, source) {key, what, value, source, "optimizer-key:" key},
#include "training.def"
};

static const struct {
    const char *class_name, *unless, *name;
} epsilon_rows[] = {
#define KF_EPSILON(class_name, unless) {class_name, unless, "epsilon:" class_name},
#include "training.def"
};

static const struct {
    const char *class_name, *when, *name;
} lazy_rows[] = {
#define KF_LAZY(class_name, when) {class_name, when, "lazy:" class_name},
#include "training.def"
};

#define KF_PACED(classes) static const char paced[] = classes;
#include "training.def"

#define N_ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))
#define WHERE        "compile/optimizer"

struct optimizer {
    struct kf_adapt *adapt;
    struct kf_optimizer_kind kind;
    const struct kf_class *found; /* its class in Keras 3 */
    json_t *made;                 /* its config for Keras 3 */
    double decay;                 /* of the learning rate with each step; 0 is none */
    bool lost;
};

static bool is_older(const struct optimizer *opt)
{
    return opt->kind.family == KF_FAMILY_OLD || opt->kind.family == KF_FAMILY_LEGACY;
}

static int change(struct optimizer *opt, const char *key, const json_t *before, const json_t *after,
                  const char *why)
{
    return kf_training_change(opt->adapt, WHERE, key, before, after, why);
}

static int lose(struct optimizer *opt, const char *what)
{
    opt->lost = true;
    return kf_training_lost(opt->adapt, WHERE, "%s", what);
}

static const struct key_row *row_of(const char *key)
{
    for (size_t i = 0; i < N_ROWS(key_rows); i++)
        if (strcmp(key_rows[i].key, key) == 0)
            return &key_rows[i];
    return NULL;
}

/* Decay slows Nadam's momentum, and every other optimizer's learning rate. */
static int take_decay(struct optimizer *opt, const struct key_row *row, const json_t *value)
{
    if (row->what == DECAY && !kf_in_words(paced, opt->kind.class_name)) {
        opt->decay = json_number_value(value);
        if (opt->decay > 0)
            return 0;
        return change(opt, row->key, value, NULL, "without effect");
    }
    kf_optimizer_lose(opt->adapt->model,
                      "Nadam of Keras 3 has another momentum schedule than this one");
    return change(opt, row->key, value, NULL, "Keras 3 has one momentum schedule for all");
}

static int apply_row(struct optimizer *opt, const struct key_row *row, json_t *value)
{
    kf_report_rule(opt->adapt->rep, row->name);
    switch (row->what) {
    case RENAME:
        KF_TRY(change(opt, row->key, value, value, "Keras 3 calls it learning_rate"));
        return kf_json_set(opt->made, row->value, json_incref(value), opt->adapt->rep);
    case DROP:
        return change(opt, row->key, value, NULL, "Keras 3 does not take it");
    default:
        return take_decay(opt, row, value);
    }
}

static int take_keys(struct optimizer *opt)
{
    const char *key;
    json_t *value;

    json_object_foreach(opt->kind.config, key, value)
    {
        const struct key_row *row = row_of(key);

        if (row)
            KF_TRY(apply_row(opt, row, value));
        else if (kf_class_takes(opt->found, key))
            KF_TRY(kf_json_set(opt->made, key, json_incref(value), opt->adapt->rep));
        else
            lose(opt, kf_arena_printf(opt->adapt->model->arena, "%s of Keras takes no %s",
                                      opt->kind.class_name, key));
    }
    return 0;
}

/* Whether a key of a config is a number other than 0, or true. */
static bool is_set(const json_t *config, const char *key)
{
    const json_t *value = json_object_get(config, key);
    double number = json_number_value(value);

    return json_is_true(value) || number < 0 || number > 0;
}

const char *kf_training_epsilon(const char *class_name, const json_t *config)
{
    for (size_t i = 0; i < N_ROWS(epsilon_rows); i++)
        if (strcmp(epsilon_rows[i].class_name, class_name) == 0 &&
            !is_set(config, epsilon_rows[i].unless))
            return epsilon_rows[i].name;
    return NULL;
}

const char *kf_training_lazy(const char *class_name, const json_t *config)
{
    for (size_t i = 0; i < N_ROWS(lazy_rows); i++)
        if (strcmp(lazy_rows[i].class_name, class_name) == 0 &&
            (!*lazy_rows[i].when || is_set(config, lazy_rows[i].when)))
            return lazy_rows[i].name;
    return NULL;
}

static int square_epsilon(struct optimizer *opt, const json_t *before, double epsilon)
{
    json_t *after = json_real(epsilon * epsilon);

    if (!after)
        return kf_adapt_no_memory(opt->adapt, WHERE);
    KF_TRY(change(opt, "epsilon", before, after,
                  "it stood behind the square root, and stands below it in Keras 3"));
    if (epsilon > KF_EPSILON_MAX)
        kf_optimizer_lose(opt->adapt->model, "its epsilon stands behind the square root and is "
                                             "too large to be moved below it");
    return kf_json_set(opt->made, "epsilon", after, opt->adapt->rep);
}

static int adapt_epsilon(struct optimizer *opt)
{
    const json_t *value = json_object_get(opt->kind.config, "epsilon");
    double epsilon = json_is_number(value) ? json_number_value(value) : KF_EPSILON_DEFAULT;
    const char *behind =
        is_older(opt) ? kf_training_epsilon(opt->kind.class_name, opt->kind.config) : NULL;

    if (!kf_class_takes(opt->found, "epsilon"))
        return 0;
    if (behind) {
        kf_report_rule(opt->adapt->rep, behind);
        return square_epsilon(opt, value, epsilon);
    }
    if (json_is_number(value))
        return 0;
    KF_TRY(change(opt, "epsilon", value, NULL, "1e-07, as Keras took it"));
    return kf_json_set(opt->made, "epsilon", json_real(epsilon), opt->adapt->rep);
}

/* A schedule: the classes are the same, but older files have it in another form. */
static int adapt_schedule(struct optimizer *opt, const json_t *schedule)
{
    const char *class_name = kf_json_str(schedule, "class_name", "");
    const struct kf_class *found =
        kf_training_class(opt->adapt, "keras.optimizers.schedules", class_name);
    json_t *config = json_object_get(schedule, "config"), *value;
    const char *key;

    if (!found)
        return lose(opt, kf_arena_printf(opt->adapt->model->arena,
                                         "%s is not a schedule of the target Keras", class_name));
    json_object_foreach(config, key, value) if (!kf_class_takes(found, key)) return lose(
        opt, kf_arena_printf(opt->adapt->model->arena, "%s of Keras takes no %s", class_name, key));
    if (opt->decay > 0)
        return lose(opt, "a schedule and a decay together have no equal in Keras 3");
    if (json_is_null(json_object_get(config, "name"))) /* Keras 3 takes none but its own */
        json_object_del(config, "name");
    return kf_json_set(
        opt->made, "learning_rate",
        kf_training_object("keras.optimizers.schedules", class_name, json_incref(config)),
        opt->adapt->rep);
}

/* lr / (1 + decay * step), which each step of the older optimizers takes. */
static json_t *decayed(double rate, double decay)
{
    return kf_training_object("keras.optimizers.schedules", "InverseTimeDecay",
                              json_pack("{s:f, s:i, s:f, s:b}", "initial_learning_rate", rate,
                                        "decay_steps", 1, "decay_rate", decay, "staircase", 0));
}

static int adapt_rate(struct optimizer *opt)
{
    json_t *value = json_object_get(opt->made, "learning_rate"), *after;
    double rate = json_number_value(value);

    if (kf_json_is_object_of_class(value))
        return adapt_schedule(opt, value);
    if (!json_is_number(value))
        return lose(opt, "its learning rate is neither a number nor a schedule");
    after = opt->decay > 0 ? decayed(rate, opt->decay) : json_real(rate);
    if (opt->decay > 0 && after)
        KF_TRY(
            change(opt, "learning_rate", value, after, "the schedule that this decay stands for"));
    return kf_json_set(opt->made, "learning_rate", after, opt->adapt->rep);
}

/* Keras 3 takes one way to clip gradients; an older optimizer went through all that it had. */
static int check_clipping(struct optimizer *opt)
{
    int n = 0;
    static const char *const keys[] = {"clipnorm", "clipvalue", "global_clipnorm"};

    for (size_t i = 0; i < N_ROWS(keys); i++)
        n += json_is_number(json_object_get(opt->made, keys[i]));
    return n > 1 ? lose(opt, "gradients are clipped in two ways, Keras 3 has one") : 0;
}

static int check_embedding(struct optimizer *opt)
{
    const struct kf_layer *embedding = kf_training_embedding(opt->adapt);
    const char *lazy = opt->kind.family == KF_FAMILY_LEGACY
                           ? kf_training_lazy(opt->kind.class_name, opt->kind.config)
                           : NULL;

    if (!embedding || opt->kind.family == KF_FAMILY_KERAS3)
        return 0;
    if (!lazy)
        return kf_training_differs(opt->adapt, embedding->path, opt->kind.class_name);
    kf_report_rule(opt->adapt->rep, lazy);
    kf_optimizer_lose(opt->adapt->model,
                      "it leaves the rows of an Embedding that a batch does not use alone, "
                      "where the one of Keras 3 moves them all");
    return 0;
}

/* Source: keras/src/optimizers/base_optimizer.py, iterations (3.4.1, 3.5.0) */
static void check_accumulation(struct optimizer *opt)
{
    int era = kf_training_era(KF_ERA_COUNTED_STEPS);
    bool before = opt->adapt->model->keras < KF_KERAS(era / 100, era % 100, 0);

    if (is_set(opt->kind.config, "gradient_accumulation_steps") &&
        before != (opt->adapt->since < era))
        kf_optimizer_lose(opt->adapt->model, "Keras counts the steps of gradient accumulation "
                                             "otherwise from 3.5 on");
}

static int adapt_config(struct optimizer *opt)
{
    KF_TRY(take_keys(opt));
    KF_TRY(adapt_epsilon(opt));
    KF_TRY(adapt_rate(opt));
    KF_TRY(check_clipping(opt));
    check_accumulation(opt);
    return check_embedding(opt);
}

/* The wrapper that scales the loss of a model in float16. Its own state is in no file of Keras 2,
 * and starts anew when such a file is loaded. */
static int wrap(struct kf_adapt *adapt, json_t **out, const json_t *optimizer)
{
    const json_t *old = json_object_get(optimizer, "config");
    json_t *made;

    if (!kf_json_bool(old, "dynamic", true)) {
        json_decref(*out);
        *out = NULL;
        return kf_training_lost(adapt, WHERE, "Keras 3 has no loss scale that does not change");
    }
    made = json_pack("{s:o, s:f, s:I}", "inner_optimizer", *out, "initial_scale",
                     json_number_value(json_object_get(old, "initial_scale")),
                     "dynamic_growth_steps", kf_json_int(old, "dynamic_growth_steps", 2000));
    *out = made ? kf_training_object("keras.optimizers", "LossScaleOptimizer", made) : NULL;
    return *out ? 0 : kf_adapt_no_memory(adapt, WHERE);
}

int kf_adapt_optimizer(struct kf_adapt *adapt, json_t **out, const char *key, json_t *optimizer,
                       const struct kf_outputs *outputs)
{
    json_auto_t *made = json_object();
    struct optimizer opt = {.adapt = adapt, .made = made};

    (void)key;
    (void)outputs;
    *out = NULL;
    if (!kf_optimizer_kind(&opt.kind, adapt->model))
        return kf_training_lost(adapt, WHERE, "the file does not say which it is");
    opt.found = kf_training_class(adapt, "keras.optimizers", opt.kind.class_name);
    if (!opt.found)
        return kf_training_lost(adapt, WHERE, "%s is not an optimizer of the target Keras",
                                opt.kind.class_name);
    KF_TRY(adapt_config(&opt));
    if (opt.lost)
        return 0;
    *out = kf_training_object("keras.optimizers", opt.kind.class_name, json_incref(made));
    if (!*out)
        return kf_adapt_no_memory(adapt, WHERE);
    return opt.kind.scaler ? wrap(adapt, out, optimizer) : 0;
}
