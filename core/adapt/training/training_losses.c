/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "training.h"
#include <string.h>

static const struct {
    const char *function, *class_name;
    int since;
    const char *name;
} losses[] = {
#define KF_LOSS(function, class_name, since) {function, class_name, since, "loss:" function},
#include "training.def"
};

static const struct {
    const char *alias, *to, *name;
} aliases[] = {
#define KF_LOSS_ALIAS(alias, to) {alias, to, "loss-alias:" alias},
#include "training.def"
};

static const struct {
    bool down;
    const char *text, *to, *name;
} reductions[] = {
#define KF_REDUCTION(down, text, to, source) {down, text, to, "reduction:" #down "." text},
#include "training.def"
};

#define N_ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

/* Source: keras/src/trainers/compile_utils.py CompileLoss.__init__ (3.2.0, 3.3.3) */
#define ONE_WEIGHT_SINCE 303

const char *kf_loss_name(struct kf_adapt *adapt, const char *name)
{
    for (size_t i = 0; i < N_ROWS(aliases); i++)
        if (strcmp(aliases[i].alias, name) == 0) {
            kf_report_rule(adapt->rep, aliases[i].name);
            return aliases[i].to;
        }
    return name;
}

/* "MeanSquaredError" of "mean_squared_error", NULL for no loss of Keras. */
static const char *class_of(struct kf_adapt *adapt, const char *function)
{
    for (size_t i = 0; i < N_ROWS(losses); i++)
        if ((kf_training_down(adapt) || losses[i].since <= adapt->since) &&
            strcmp(losses[i].function, function) == 0) {
            kf_report_rule(adapt->rep, losses[i].name);
            return losses[i].class_name;
        }
    return NULL;
}

static int lost(struct kf_adapt *adapt, const char *name)
{
    return kf_training_lost(adapt, "compile/loss", "%s is not a loss of the target Keras", name);
}

static int adapt_name(struct kf_adapt *adapt, json_t **out, const char *name)
{
    const char *canonical = kf_loss_name(adapt, name), *class_name = class_of(adapt, canonical);

    if (!class_name || !kf_training_class(adapt, "keras.losses", class_name))
        return lost(adapt, name);
    *out = json_string(canonical);
    return *out ? 0 : kf_adapt_no_memory(adapt, "compile/loss");
}

/* How the losses of a batch become one, in the words of the target; `*whole` turns false when it
 * has none. "auto" is what Keras 3 always does. */
static int adapt_reduction(struct kf_adapt *adapt, json_t *config, json_t *value, bool *whole)
{
    const char *text = json_is_string(value) ? json_string_value(value) : "none";

    for (size_t i = 0; i < N_ROWS(reductions); i++) {
        if (strcmp(reductions[i].text, text) != 0 || reductions[i].down != kf_training_down(adapt))
            continue;
        kf_report_rule(adapt->rep, reductions[i].name);
        if (!reductions[i].to) {
            *whole = false;
            return 0;
        }
        KF_TRY(kf_training_change(adapt, "compile/loss", "reduction", value, NULL,
                                  "the target Keras has another word for it"));
        return kf_json_set(config, "reduction", json_string(reductions[i].to), adapt->rep);
    }
    return kf_json_set(config, "reduction", json_string(text), adapt->rep);
}

struct ends {
    const struct kf_graph *graph;
    size_t n, n_shares; /* outputs, and those of them that are a softmax or sigmoid */
};

static int count_end(json_t *ref, void *context)
{
    struct ends *ends = context;
    struct kf_ref at;

    kf_ref_get(ref, &at);
    if (at.layer < ends->graph->n_layers) {
        const struct kf_layer *layer = ends->graph->layers[at.layer];
        const char *activation = kf_json_str(layer->config, "activation", "");

        ends->n++;
        ends->n_shares += kf_in_words("softmax sigmoid", activation) ||
                          kf_in_words("Softmax Sigmoid", layer->class_name);
    }
    return 0;
}

/*
 * from_logits of a model that ends in a softmax: Keras 2 takes what stood before the softmax,
 * Keras 3 what the model gives. So the loss is that of shares; and the way down there is none.
 *
 * Source: 2.15 keras/src/backend.py _get_logits; keras/src/losses/losses.py (3.15.1)
 */
static int adapt_logits(struct kf_adapt *adapt, json_t *config, json_t *value, bool *whole)
{
    struct kf_graph *graph = adapt->model->graph;
    json_auto_t *last = kf_ref_new(graph->n_layers - 1, 0, 0);
    struct ends ends = {.graph = graph};

    KF_TRY(
        kf_refs_each(graph->topology == KF_FUNCTIONAL ? graph->outputs : last, count_end, &ends));
    if (!json_is_true(value) || adapt->native || !ends.n_shares)
        return kf_json_set(config, "from_logits", json_incref(value), adapt->rep);
    if (kf_training_down(adapt)) {
        *whole = *whole && adapt->model->dialect == KF_DIALECT_KERAS2;
        return kf_json_set(config, "from_logits", json_incref(value), adapt->rep);
    }
    *whole = *whole && ends.n_shares == ends.n;
    KF_TRY(kf_training_change(adapt, "compile/loss", "from_logits", value, json_false(),
                              "Keras 2 looked behind the softmax that the model ends in"));
    return kf_json_set(config, "from_logits", json_false(), adapt->rep);
}

/* The keys of a loss's config; `*whole` turns false when the class does not take one. */
static int adapt_keys(struct kf_adapt *adapt, json_t *config, const json_t *old,
                      const struct kf_class *found, bool *whole)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)old, key, value)
    {
        enum kf_key known;

        if (strcmp(key, "fn") == 0)
            continue;
        if (strcmp(key, "from_logits") == 0) {
            KF_TRY(adapt_logits(adapt, config, value, whole));
            continue;
        }
        if (strcmp(key, "reduction") == 0) {
            KF_TRY(adapt_reduction(adapt, config, value, whole));
            continue;
        }
        known = kf_training_key(adapt, found, "compile/loss", key, value);
        if (known == KF_KEY_TAKEN)
            KF_TRY(kf_json_set(config, key, json_incref(value), adapt->rep));
        *whole = *whole && known != KF_KEY_UNKNOWN;
    }
    return 0;
}

/* The function in a loss's config is the one of its class, or the loss is somebody's own. */
static bool is_own_function(struct kf_adapt *adapt, const json_t *config, const char **class_name)
{
    const char *function = kf_function_name(json_object_get(config, "fn"));
    const char *meant = function ? class_of(adapt, kf_loss_name(adapt, function)) : NULL;

    if (strcmp(*class_name, "LossFunctionWrapper") == 0 && meant)
        *class_name = meant;
    return !function || kf_streq(meant, *class_name);
}

static int adapt_object(struct kf_adapt *adapt, json_t **out, const json_t *object)
{
    const char *class_name = kf_json_str(object, "class_name", "");
    const json_t *old = json_object_get(object, "config");
    json_auto_t *config = json_object();
    bool whole = is_own_function(adapt, old, &class_name);
    const struct kf_class *found = kf_training_class(adapt, "keras.losses", class_name);

    if (!found)
        return lost(adapt, class_name);
    KF_TRY(adapt_keys(adapt, config, old, found, &whole));
    if (!whole)
        return lost(adapt, class_name);
    *out = kf_training_object("keras.losses", class_name, json_incref(config));
    return *out ? 0 : kf_adapt_no_memory(adapt, "compile/loss");
}

/* One loss, of one output; null is none. */
static int adapt_one(struct kf_adapt *adapt, json_t **out, json_t *loss)
{
    const char *name = kf_function_name(loss);

    *out = NULL;
    if (!loss || json_is_null(loss)) {
        *out = json_null();
        return 0;
    }
    if (json_is_array(loss) && json_array_size(loss) == 1)
        loss = json_array_get(loss, 0);
    if (name)
        return adapt_name(adapt, out, name);
    if (kf_json_is_object_of_class(loss))
        return adapt_object(adapt, out, loss);
    return kf_training_lost(adapt, "compile/loss", "a loss of this form is not known");
}

/* What compile() was told for output number `index`: by place, by name, or one for all. */
static json_t *told_for(json_t *value, const struct kf_outputs *outputs, size_t index)
{
    if (json_is_array(value))
        return json_array_get(value, index);
    if (json_is_object(value) && !kf_json_is_object_of_class(value) && !kf_function_name(value))
        return json_object_get(value, outputs->names[index]);
    return value;
}

static int adapt_list(struct kf_adapt *adapt, json_t **out, json_t *loss,
                      const struct kf_outputs *outputs)
{
    json_auto_t *list = json_array();
    bool whole = true;

    for (size_t i = 0; i < outputs->n; i++) {
        json_t *one = NULL;

        KF_TRY(adapt_one(adapt, &one, told_for(loss, outputs, i)));
        whole = whole && one;
        if (one)
            KF_TRY(kf_json_append(list, one, adapt->rep));
    }
    *out = whole ? json_incref(list) : NULL;
    return 0;
}

/* A model that gives a dict: its keys stay, they are not names of layers. */
static int adapt_dict(struct kf_adapt *adapt, json_t **out, json_t *loss)
{
    json_auto_t *made = json_object();
    bool whole = true;
    const char *key;
    json_t *value;

    if (!json_is_object(loss) || kf_json_is_object_of_class(loss) || kf_function_name(loss))
        return adapt_one(adapt, out, loss);
    json_object_foreach(loss, key, value)
    {
        json_t *one = NULL;

        KF_TRY(adapt_one(adapt, &one, value));
        whole = whole && one;
        if (one)
            KF_TRY(kf_json_set(made, key, one, adapt->rep));
    }
    *out = whole ? json_incref(made) : NULL;
    return 0;
}

int kf_adapt_losses(struct kf_adapt *adapt, json_t **out, const char *key, json_t *loss,
                    const struct kf_outputs *outputs)
{
    (void)key;
    *out = NULL;
    if (outputs->dict)
        return adapt_dict(adapt, out, loss);
    if (outputs->n != 1)
        return adapt_list(adapt, out, loss, outputs);
    return adapt_one(adapt, out, told_for(loss, outputs, 0));
}

/* Keras 3 takes no integers here. */
static json_t *real(const json_t *weight)
{
    return json_is_number(weight) ? json_real(json_number_value(weight)) : json_real(1);
}

static int adapt_weight(struct kf_adapt *adapt, json_t **out, const json_t *weight)
{
    double value = json_is_number(weight) ? json_number_value(weight) : 1;

    if (value < 1 || value > 1) {
        if (!kf_training_down(adapt) && adapt->since < ONE_WEIGHT_SINCE)
            return kf_training_lost(adapt, "compile/loss_weights",
                                    "the target Keras weighs no loss of a single output");
        *out = kf_training_down(adapt) ? json_pack("[f]", value) : json_real(value);
    } else {
        *out = json_null();
    }
    return *out ? 0 : kf_adapt_no_memory(adapt, "compile/loss_weights");
}

int kf_adapt_loss_weights(struct kf_adapt *adapt, json_t **out, const char *key, json_t *weights,
                          const struct kf_outputs *outputs)
{
    json_auto_t *list = json_array();

    (void)key;
    *out = NULL;
    if (!outputs->dict && outputs->n == 1)
        return adapt_weight(adapt, out, told_for(weights, outputs, 0));
    if (!json_is_object(weights) && !json_is_array(weights)) {
        *out = json_null();
        return 0;
    }
    if (outputs->dict) {
        *out = json_incref(weights);
        return 0;
    }
    for (size_t i = 0; i < outputs->n; i++)
        KF_TRY(kf_json_append(list, real(told_for(weights, outputs, i)), adapt->rep));
    *out = json_incref(list);
    return 0;
}
