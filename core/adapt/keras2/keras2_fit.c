/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../curves.h"
#include "../lambda/lambdas.h"
#include "../training/training.h"
#include <string.h>

/*
 * What the target release of Keras 2 has and what it has not. Also what was translated from Keras
 * 3 comes through here: a class or key that 2.15 has may be too new for the target.
 */

static int fit_layer(struct kf_adapt *adapt, struct kf_layer *layer);

static int refuse_key(struct kf_adapt *adapt, struct kf_layer *layer, const char *key,
                      const json_t *value, int since)
{
    if (since)
        kf_report_change(adapt->rep, KF_VALUE_NO_EQUAL, layer->path, key, value, NULL,
                         "%s of %s came with Keras %d.%d", key, layer->class_name, since / 100,
                         since % 100);
    else
        kf_report_change(adapt->rep, KF_UNKNOWN_KEY, layer->path, key, value, NULL,
                         "%s of Keras 2 takes no %s, and what it does is not known",
                         layer->class_name, key);
    return 0;
}

static int fit_keys(struct kf_adapt *adapt, struct kf_layer *layer, const struct kf_class *found)
{
    const char *key;
    json_t *value;

    json_object_foreach(layer->config, key, value)
    {
        int since = kf_keras2_class_takes(found, key);

        if (!since || since > adapt->since)
            KF_TRY(refuse_key(adapt, layer, key, value, since));
    }
    return 0;
}

/* Keras 2 takes the bins or their number; Keras 3 writes both. */
static int fit_bins(struct kf_adapt *adapt, struct kf_layer *layer)
{
    const json_t *count;

    KF_TRY(kf_adapt_bins(adapt, layer));
    count = json_object_get(layer->config, "num_bins");
    if (!json_is_array(json_object_get(layer->config, "bin_boundaries")) || !json_is_integer(count))
        return 0;
    KF_TRY(kf_report_change(adapt->rep, KF_VALUE_REWRITTEN, layer->path, "num_bins", count, NULL,
                            "Keras 2 counts the bins itself"));
    return kf_json_set(layer->config, "num_bins", json_null(), adapt->rep);
}

static int fit_class(struct kf_adapt *adapt, struct kf_layer *layer)
{
    const struct kf_class *found;
    const char *rule = NULL, *why;

    KF_TRY(kf_adapt_tensors(adapt, layer));
    KF_TRY(kf_rules_apply(adapt, layer));
    KF_TRY(kf_adapt_lookup(adapt, layer));
    if (strcmp(layer->class_name, "Discretization") == 0)
        KF_TRY(fit_bins(adapt, layer));
    why = kf_rules_gone(adapt, layer->class_name, &rule);
    if (why) {
        kf_report_rule(adapt->rep, rule);
        kf_report_add(adapt->rep, KF_NO_EQUAL, layer->path, "%s: %s", layer->class_name, why);
        return 0;
    }
    found = kf_keras2_class_find("keras.layers", layer->class_name);
    if (!found || layer->users || strcmp(layer->class_name, "Lambda") == 0)
        return kf_adapt_custom(adapt, layer);
    if (adapt->since < found->since)
        return kf_adapt_age(adapt, layer, found);
    KF_TRY(kf_keras2_objects_fit(adapt, layer));
    return fit_keys(adapt, layer, found);
}

static int fit_graph(struct kf_adapt *adapt, struct kf_graph *graph)
{
    for (size_t i = 0; i < graph->n_layers; i++)
        KF_TRY(fit_layer(adapt, graph->layers[i]));
    return 0;
}

/* A class that became another one is another one in its parent's config, too. */
static int rename_part(struct kf_adapt *adapt, struct kf_layer *owner, const struct kf_layer *part,
                       size_t index)
{
    json_t *list = part->config_key ? json_object_get(owner->config, part->config_key) : NULL;
    json_t *object = part->in_container ? json_array_get(list, index) : list;

    if (!object || part->inner ||
        kf_streq(kf_json_str(object, "class_name", NULL), part->class_name) ||
        kf_streq(kf_json_str(object, "registered_name", NULL), part->class_name))
        return 0;
    json_object_del(object, "module");
    json_object_del(object, "registered_name");
    json_object_del(object, "build_config");
    return kf_json_set(object, "class_name", json_string(part->class_name), adapt->rep);
}

static int fit_layer(struct kf_adapt *adapt, struct kf_layer *layer)
{
    if (layer->inner)
        return fit_graph(adapt, layer->inner);
    KF_TRY(fit_class(adapt, layer));
    for (size_t i = 0; i < layer->n_parts && !layer->custom; i++) {
        KF_TRY(fit_layer(adapt, layer->parts[i]));
        KF_TRY(rename_part(adapt, layer, layer->parts[i], i));
    }
    return 0;
}

int kf_adapt_keras2_release(struct kf_adapt *adapt)
{
    adapt->rules = KF_RULES_KERAS2;
    if (adapt->native)
        kf_adapt_note_theano(adapt);
    KF_TRY(kf_adapt_merges(adapt, adapt->model->graph));
    KF_TRY(kf_adapt_lambdas(adapt, adapt->model->graph));
    if (adapt->since < KF_ACTIVATION_LAYERS_SINCE_2)
        KF_TRY(kf_adapt_curves(adapt, adapt->model->graph, true));
    KF_TRY(kf_adapt_training(adapt));
    KF_TRY(kf_adapt_keras2_calls(adapt, adapt->model->graph));
    KF_TRY(fit_graph(adapt, adapt->model->graph));
    return kf_report_status(adapt->rep);
}
