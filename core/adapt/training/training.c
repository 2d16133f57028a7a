/* SPDX-License-Identifier: Apache-2.0 */
#include "training.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int kf_training_change(struct kf_adapt *adapt, const char *where, const char *key,
                       const json_t *before, const json_t *after, const char *why)
{
    return kf_report_change(adapt->rep, KF_TRAINING_REWRITTEN, where, key, before, after, "%s",
                            why);
}

int kf_training_lost(struct kf_adapt *adapt, const char *where, const char *fmt, ...)
{
    char what[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    return kf_report_add(adapt->rep, KF_TRAINING_LOST, where, "%s", what);
}

const char *kf_function_name(const json_t *value)
{
    const char *class_name = kf_json_str(value, "class_name", NULL);

    if (json_is_string(value))
        return json_string_value(value);
    return kf_streq(class_name, "function") ? kf_json_str(value, "config", NULL) : NULL;
}

json_t *kf_training_object(const char *module, const char *class_name, json_t *config)
{
    return json_pack("{s:s, s:s, s:o, s:n}", "module", module, "class_name", class_name, "config",
                     config, "registered_name");
}

static const struct {
    const char *module, *class_name, *key;
    int since;
    const char *neutral, *name;
} since_rows[] = {
#define KF_TRAINED_SINCE(module, class_name, key, since, neutral)                                  \
    {module, class_name, key, since, neutral, "trained-since:" class_name "." key},
#include "training.def"
};

static const struct {
    const char *module, *class_name, *key, *neutral, *name;
} down_rows[] = {
#define KF_TRAINED_DOWN(module, class_name, key, neutral)                                          \
    {module, class_name, key, neutral, "trained-down:" module "." class_name "." key},
#include "training.def"
};

int kf_training_era(enum kf_era what)
{
    static const int since_of[] = {
#define KF_ERA(what, since, source) since,
#include "training.def"
    };

    return since_of[what];
}

bool kf_training_down(const struct kf_adapt *adapt)
{
    return adapt->since < 300;
}

const struct kf_class *kf_training_class(const struct kf_adapt *adapt, const char *module,
                                         const char *name)
{
    const struct kf_class *found =
        kf_training_down(adapt) ? kf_keras2_class_find(module, name) : kf_class_find(module, name);

    return found && found->since <= adapt->since ? found : NULL;
}

/* kf_training_key() for a release of Keras 2. */
static enum kf_key down_key(struct kf_adapt *adapt, const struct kf_class *found, const char *where,
                            const char *key, const json_t *value)
{
    int since = kf_keras2_class_takes(found, key);

    if (since && since <= adapt->since)
        return KF_KEY_TAKEN;
    for (size_t i = 0; i < sizeof(down_rows) / sizeof(down_rows[0]); i++) {
        json_auto_t *neutral = NULL;

        if (strcmp(down_rows[i].class_name, found->name) != 0 ||
            strcmp(down_rows[i].module, found->module) != 0 || strcmp(down_rows[i].key, key) != 0)
            continue;
        kf_report_rule(adapt->rep, down_rows[i].name);
        neutral = json_loads(down_rows[i].neutral, JSON_DECODE_ANY, NULL);
        if (!json_is_null(value) && !json_equal(value, neutral))
            return KF_KEY_UNKNOWN;
        kf_training_change(adapt, where, key, value, NULL, "the target Keras does not know it");
        return KF_KEY_IDLE;
    }
    return json_is_null(value) ? KF_KEY_IDLE : KF_KEY_UNKNOWN;
}

enum kf_key kf_training_key(struct kf_adapt *adapt, const struct kf_class *found, const char *where,
                            const char *key, const json_t *value)
{
    if (kf_training_down(adapt))
        return down_key(adapt, found, where, key, value);
    for (size_t i = 0; i < sizeof(since_rows) / sizeof(since_rows[0]); i++) {
        json_auto_t *neutral = NULL;

        if (adapt->since >= since_rows[i].since ||
            strcmp(since_rows[i].class_name, found->name) != 0 ||
            strcmp(since_rows[i].module, found->module) != 0 || strcmp(since_rows[i].key, key) != 0)
            continue;
        kf_report_rule(adapt->rep, since_rows[i].name);
        neutral = json_loads(since_rows[i].neutral, JSON_DECODE_ANY, NULL);
        if (!json_is_null(value) && !json_equal(value, neutral))
            return KF_KEY_UNKNOWN;
        kf_training_change(adapt, where, key, value, NULL, "the target Keras does not know it");
        return KF_KEY_IDLE;
    }
    if (kf_class_takes(found, key))
        return KF_KEY_TAKEN;
    return json_is_null(value) ? KF_KEY_IDLE : KF_KEY_UNKNOWN;
}

struct names {
    const struct kf_graph *graph;
    const char **names;
    size_t n, cap;
};

static int add_name(json_t *ref, void *context)
{
    struct names *names = context;
    struct kf_ref at;

    kf_ref_get(ref, &at);
    if (names->n < names->cap && at.layer < names->graph->n_layers)
        names->names[names->n] = names->graph->layers[at.layer]->name;
    names->n++;
    return 0;
}

static int find_outputs(struct kf_adapt *adapt, struct kf_outputs *out)
{
    const struct kf_graph *graph = adapt->model->graph;
    struct names names = {.graph = graph};

    *out = (struct kf_outputs){.n = 1};
    if (graph->topology == KF_FUNCTIONAL) {
        KF_TRY(kf_refs_each(graph->outputs, add_name, &names));
        out->dict = json_is_object(graph->outputs) && !json_object_get(graph->outputs, "$ref");
        out->n = names.n;
    }
    names.cap = out->n;
    names.n = 0;
    names.names = kf_arena_alloc(adapt->model->arena, (out->n + 1) * sizeof(*names.names));
    if (!names.names)
        return kf_adapt_no_memory(adapt, "");
    out->names = names.names;
    if (graph->topology == KF_FUNCTIONAL)
        return kf_refs_each(graph->outputs, add_name, &names);
    names.names[0] = graph->layers[graph->n_layers - 1]->name;
    return 0;
}

/* Keys that are plain values, and what Keras 3 takes where Keras 2 says nothing. */
static int add_plain(struct kf_adapt *adapt, json_t *made)
{
    const json_t *old = adapt->model->training;
    json_t *steps = json_object_get(old, "steps_per_execution");
    bool eager = kf_json_bool(old, "run_eagerly", false),
         jit = kf_json_bool(old, "jit_compile", false);

    KF_TRY(kf_json_set(made, "run_eagerly", json_boolean(eager), adapt->rep));
    KF_TRY(kf_json_set(made, "steps_per_execution",
                       json_is_integer(steps) ? json_incref(steps) : json_integer(1), adapt->rep));
    return kf_json_set(made, "jit_compile", json_boolean(jit), adapt->rep);
}

/* Keys of a compile config that are known; any other is an argument of somebody's own compile(). */
#define KNOWN_KEYS                                                                                 \
    "optimizer loss loss_weights metrics weighted_metrics run_eagerly steps_per_execution "        \
    "jit_compile sample_weight_mode pss_evaluation_shards cluster target_tensors"

static int check_keys(struct kf_adapt *adapt)
{
    const char *key;
    json_t *value;

    json_object_foreach(adapt->model->training, key, value)
    {
        if (kf_in_words(KNOWN_KEYS, key) || json_is_null(value))
            continue;
        kf_training_lost(adapt, "compile", "%s is no argument of compile() of Keras", key);
    }
    value = json_object_get(adapt->model->training, "sample_weight_mode");
    if (!value || json_is_null(value) || kf_training_down(adapt))
        return 0;
    return kf_training_change(adapt, "compile", "sample_weight_mode", value, NULL,
                              "Keras 3 sees from the weights themselves what they are for");
}

/* The parts, each with what adapts it. */
static const struct part {
    const char *key;
    int (*adapt)(struct kf_adapt *adapt, json_t **out, const char *key, json_t *value,
                 const struct kf_outputs *outputs);
} parts[] = {
    {"optimizer", kf_adapt_optimizer},       {"loss", kf_adapt_losses},
    {"loss_weights", kf_adapt_loss_weights}, {"metrics", kf_adapt_metrics},
    {"weighted_metrics", kf_adapt_metrics},
};

static const struct part down_optimizer = {"optimizer", kf_down_optimizer};

/*
 * One part. A file of Keras 3 says it in the target's words already, and keeps them where nothing
 * had to be said about it; but not a legacy .h5, whose objects do not name their modules.
 */
static int adapt_part(struct kf_adapt *adapt, json_t *made, const struct part *part,
                      const struct kf_outputs *outputs)
{
    json_t *old = json_object_get(adapt->model->training, part->key), *value = NULL;
    const json_t *optimizer = json_object_get(adapt->model->training, "optimizer");
    size_t n_before = adapt->rep->n_entries;

    KF_TRY(part->adapt(adapt, &value, part->key, old, outputs));
    if (value && old && adapt->native && !kf_training_down(adapt) &&
        json_object_get(optimizer, "module") && adapt->rep->n_entries == n_before) {
        json_decref(value);
        value = json_incref(old);
    }
    return value ? kf_json_set(made, part->key, value, adapt->rep) : 0;
}

static int adapt_parts(struct kf_adapt *adapt, json_t *made, const struct kf_outputs *outputs)
{
    KF_TRY(adapt_part(adapt, made, kf_training_down(adapt) ? &down_optimizer : &parts[0], outputs));
    for (size_t i = 1; i < sizeof(parts) / sizeof(parts[0]); i++)
        KF_TRY(adapt_part(adapt, made, &parts[i], outputs));
    return add_plain(adapt, made);
}

/* Without an optimizer, a loss and the weight of each loss, compile() would do something else. */
static bool is_whole(const json_t *made)
{
    return json_object_get(made, "optimizer") && json_object_get(made, "loss") &&
           json_object_get(made, "loss_weights");
}

static int adapt_config(struct kf_adapt *adapt)
{
    struct kf_model *model = adapt->model;
    json_auto_t *made = json_object();
    struct kf_outputs outputs;

    KF_TRY(find_outputs(adapt, &outputs));
    KF_TRY(check_keys(adapt));
    KF_TRY(adapt_parts(adapt, made, &outputs));
    if (!is_whole(made)) {
        kf_training_lost(adapt, "compile",
                         "without that part the compile config is of no use, and is left out");
        kf_optimizer_lose(model, "what to do with it is lost");
    }
    json_decref(model->training);
    model->training = is_whole(made) ? json_incref(made) : NULL;
    return 0;
}

int kf_adapt_training(struct kf_adapt *adapt)
{
    bool done = adapt->trained || !adapt->model->training;

    adapt->trained = true;
    return done ? 0 : adapt_config(adapt);
}
