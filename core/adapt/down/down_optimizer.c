/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../training/training.h"
#include <math.h>
#include <string.h>

/*
 * The optimizer of a compile config for a release of Keras 2. From 2.11 on there are two families:
 * the newer one computes what Keras 3 does, the older one, which is all that 2.4-2.10 have, stays
 * what it is under the name keras.optimizers.legacy.
 */

#define WHERE     "compile/optimizer"
#define NEWER     "keras.optimizers"
#define OLDER     "keras.optimizers.legacy"
#define SCHEDULES "keras.optimizers.schedules"

static const struct key_row {
    const char *key, *neutral, *source, *name;
} key_rows[] = {
#define KF_DOWN_KEY(key, neutral, source) {key, neutral, source, "down-key:" key},
#include "../training/training.def"
};

static const struct loses_row {
    const char *class_name, *key;
    int before;
    bool same;
    const char *why, *name;
} loses_rows[] = {
#define KF_DOWN_LOSES(class_name, key, before, same, why)                                          \
    {class_name, key, before, same, why, "down-loses:" class_name},
#include "../training/training.def"
};

struct optimizer {
    struct kf_adapt *adapt;
    struct kf_optimizer_kind kind;
    const struct kf_class *found; /* its class in the target */
    json_t *made;                 /* its config for the target */
    bool older;                   /* the target's class is one of the older family */
    bool lost;
};

/* Of the older family already: it goes on as it does. */
static bool was_older(const struct optimizer *opt)
{
    return opt->kind.family == KF_FAMILY_OLD || opt->kind.family == KF_FAMILY_LEGACY;
}

static int lose(struct optimizer *opt, const char *what)
{
    opt->lost = true;
    return kf_training_lost(opt->adapt, WHERE, "%s", what);
}

static int lose_key(struct optimizer *opt, const char *class_name, const char *key)
{
    const char *what = kf_arena_printf(opt->adapt->model->arena,
                                       "%s of the target Keras takes no %s", class_name, key);

    return what ? lose(opt, what) : kf_adapt_no_memory(opt->adapt, WHERE);
}

static int change(struct optimizer *opt, const char *key, const json_t *before, const json_t *after,
                  const char *why)
{
    return kf_training_change(opt->adapt, WHERE, key, before, after, why);
}

/* A key that the target's class does not take: dropped where it says nothing. */
static int drop_key(struct optimizer *opt, const char *key, const json_t *value)
{
    for (size_t i = 0; i < sizeof(key_rows) / sizeof(key_rows[0]); i++) {
        json_auto_t *neutral = NULL;

        if (strcmp(key_rows[i].key, key) != 0)
            continue;
        kf_report_rule(opt->adapt->rep, key_rows[i].name);
        neutral = json_loads(key_rows[i].neutral, JSON_DECODE_ANY, NULL);
        if (json_is_null(value))
            return 0;
        if (*key_rows[i].neutral && !json_equal(value, neutral))
            return lose_key(opt, opt->kind.class_name, key);
        return change(opt, key, value, NULL, "the target Keras does not take it");
    }
    return json_is_null(value) ? 0 : lose_key(opt, opt->kind.class_name, key);
}

static int take_keys(struct optimizer *opt)
{
    struct kf_report *rep = opt->adapt->rep;
    const char *key;
    json_t *value;

    json_object_foreach(opt->kind.config, key, value)
    {
        int since = kf_keras2_class_takes(opt->found, key);

        if (strcmp(key, "lr") == 0) {
            KF_TRY(change(opt, key, value, value, "later Keras calls it learning_rate"));
            KF_TRY(kf_json_set(opt->made, "learning_rate", json_incref(value), rep));
        } else if (!since || since > opt->adapt->since) {
            KF_TRY(drop_key(opt, key, value));
        } else if (!opt->older || !json_is_null(value)) {
            KF_TRY(kf_json_set(opt->made, key, json_incref(value), rep));
        }
    }
    return 0;
}

/* Keras and we tell the two families apart by what only one of them says. */
static int add_keys(struct optimizer *opt)
{
    struct kf_report *rep = opt->adapt->rep;

    if (!json_object_get(opt->made, "name"))
        KF_TRY(kf_json_set(opt->made, "name", json_string(opt->kind.class_name), rep));
    if (!opt->older)
        KF_TRY(kf_json_set(opt->made, "is_legacy_optimizer", json_false(), rep));
    json_object_del(opt->older ? opt->made : NULL, "is_legacy_optimizer");
    if (opt->older && !json_object_get(opt->made, "decay"))
        KF_TRY(kf_json_set(opt->made, "decay", json_real(0), rep));
    if (!opt->older && !json_object_get(opt->made, "jit_compile"))
        KF_TRY(kf_json_set(opt->made, "jit_compile", json_false(), rep));
    return 0;
}

/* The newer family has its epsilon below the square root; so small that it does not show, its root
 * behind is the same. */
static int root_epsilon(struct optimizer *opt, const json_t *before, double epsilon)
{
    json_t *after = json_real(sqrt(epsilon));

    if (!after)
        return kf_adapt_no_memory(opt->adapt, WHERE);
    KF_TRY(change(opt, "epsilon", before, after,
                  "it stood below the square root, and stands behind it in the target Keras"));
    if (json_real_value(after) > KF_EPSILON_MAX)
        kf_optimizer_lose(opt->adapt->model, "its epsilon stands below the square root and is too "
                                             "large to be moved behind it");
    return kf_json_set(opt->made, "epsilon", after, opt->adapt->rep);
}

static int adapt_epsilon(struct optimizer *opt)
{
    const json_t *value = json_object_get(opt->made, "epsilon");
    double epsilon = json_is_number(value) ? json_number_value(value) : KF_EPSILON_DEFAULT;
    const char *behind = opt->older && !was_older(opt)
                             ? kf_training_epsilon(opt->kind.class_name, opt->kind.config)
                             : NULL;

    if (!kf_keras2_class_takes(opt->found, "epsilon"))
        return 0;
    if (behind) {
        kf_report_rule(opt->adapt->rep, behind);
        return root_epsilon(opt, value, epsilon);
    }
    return kf_json_set(opt->made, "epsilon", json_real(epsilon), opt->adapt->rep);
}

/* A schedule of the target; where configs say no modules yet, without one. */
static int adapt_schedule(struct optimizer *opt, const json_t *schedule)
{
    const char *class_name = kf_json_str(schedule, "class_name", ""), *key;
    const struct kf_class *found = kf_training_class(opt->adapt, SCHEDULES, class_name);
    json_t *config = json_object_get(schedule, "config"), *value, *made;

    if (!found)
        return lose(opt, kf_arena_printf(opt->adapt->model->arena,
                                         "%s is not a schedule of the target Keras", class_name));
    json_object_foreach(config, key, value)
    {
        int since = kf_keras2_class_takes(found, key);

        if ((!since || since > opt->adapt->since) && !json_is_null(value))
            return lose_key(opt, class_name, key);
    }
    made = opt->adapt->since < kf_training_era(KF_ERA_CONFIG_MODULES)
               ? json_pack("{s:s, s:O}", "class_name", class_name, "config", config)
               : kf_training_object(SCHEDULES, class_name, json_incref(config));
    return kf_json_set(opt->made, "learning_rate", made, opt->adapt->rep);
}

static int adapt_rate(struct optimizer *opt)
{
    const json_t *value = json_object_get(opt->made, "learning_rate");

    if (kf_json_is_object_of_class(value))
        return adapt_schedule(opt, value);
    return json_is_number(value)
               ? 0
               : lose(opt, "its learning rate is neither a number nor a schedule");
}

static bool is_older_only(const struct optimizer *opt, const struct kf_layer *embedding)
{
    return embedding && opt->older && !was_older(opt) &&
           kf_training_lazy(opt->kind.class_name, opt->kind.config);
}

/* Rows of an Embedding, which the three kinds of optimizers do not all move alike. */
static int check_embedding(struct optimizer *opt)
{
    const struct kf_layer *embedding = kf_training_embedding(opt->adapt);

    if (is_older_only(opt, embedding)) {
        kf_report_rule(opt->adapt->rep, kf_training_lazy(opt->kind.class_name, opt->kind.config));
        kf_optimizer_lose(opt->adapt->model, "it moves all rows of an Embedding, where the one of "
                                             "the target leaves alone those that a batch does not "
                                             "use");
    }
    if (!embedding || opt->kind.family != KF_FAMILY_KERAS3)
        return 0;
    return kf_training_differs(opt->adapt, embedding->path, opt->kind.class_name);
}

/* What it kept is of no use in the target, where it goes on otherwise. */
static void check_kept(struct optimizer *opt)
{
    for (size_t i = 0; i < sizeof(loses_rows) / sizeof(loses_rows[0]); i++) {
        const struct loses_row *row = &loses_rows[i];
        const json_t *value = *row->key ? json_object_get(opt->kind.config, row->key) : NULL;

        if (strcmp(row->class_name, opt->kind.class_name) != 0 ||
            (row->before && opt->adapt->since >= row->before) ||
            (*row->key && !(json_number_value(value) > 0)) ||
            (!row->same && opt->older && was_older(opt)))
            continue;
        kf_report_rule(opt->adapt->rep, row->name);
        kf_optimizer_lose(opt->adapt->model, row->why);
    }
}

static int adapt_config(struct optimizer *opt)
{
    KF_TRY(take_keys(opt));
    KF_TRY(add_keys(opt));
    KF_TRY(adapt_epsilon(opt));
    KF_TRY(adapt_rate(opt));
    check_kept(opt);
    return check_embedding(opt);
}

/* The wrapper that scales the loss of a model in float16; of its own state Keras 2 keeps none. */
static int wrap(struct optimizer *opt, json_t **out, const json_t *optimizer)
{
    const json_t *old = json_object_get(optimizer, "config");
    bool dynamic = kf_json_bool(old, "dynamic", true);
    json_t *growth = json_object_get(old, "dynamic_growth_steps");
    json_t *made = json_pack(
        "{s:o, s:b, s:f, s:O?}", "inner_optimizer", *out, "dynamic", dynamic, "initial_scale",
        json_number_value(json_object_get(old, "initial_scale")), "dynamic_growth_steps", growth);

    *out =
        made ? kf_training_object(kf_keras2_module("LossScaleOptimizer", opt->adapt->since),
                                  opt->older ? "LossScaleOptimizer" : "LossScaleOptimizerV3", made)
             : NULL;
    return *out ? 0 : kf_adapt_no_memory(opt->adapt, WHERE);
}

/*
 * The class in the family that the target has: its own, unless the target has only the other. In a
 * legacy .h5 a wrapper gets the state of its optimizer back only from the older one.
 *
 * Source: 2.15 optimizers/optimizer.py set_weights: the wrapper LossScaleOptimizerV3 is not built
 */
static const struct kf_class *find_class(struct optimizer *opt)
{
    const struct kf_class *older = kf_training_class(opt->adapt, OLDER, opt->kind.class_name);
    bool wrapped = older && opt->kind.scaler && kf_streq(opt->adapt->options->to, "h5");

    opt->older =
        wrapped || was_older(opt) || opt->adapt->since < kf_training_era(KF_ERA_NEWER_FAMILY);
    return opt->older ? older : kf_training_class(opt->adapt, NEWER, opt->kind.class_name);
}

int kf_down_optimizer(struct kf_adapt *adapt, json_t **out, const char *key, json_t *optimizer,
                      const struct kf_outputs *outputs)
{
    json_auto_t *made = json_object();
    struct optimizer opt = {.adapt = adapt, .made = made};

    (void)key;
    (void)outputs;
    *out = NULL;
    if (!kf_optimizer_kind(&opt.kind, adapt->model))
        return kf_training_lost(adapt, WHERE, "the file does not say which it is");
    opt.found = find_class(&opt);
    if (!opt.found)
        return kf_training_lost(adapt, WHERE, "%s is not an optimizer of the target Keras",
                                opt.kind.class_name);
    KF_TRY(adapt_config(&opt));
    if (opt.lost)
        return 0;
    *out = kf_training_object(opt.found->module, opt.kind.class_name, json_incref(made));
    if (!*out)
        return kf_adapt_no_memory(adapt, WHERE);
    return opt.kind.scaler ? wrap(&opt, out, optimizer) : 0;
}
