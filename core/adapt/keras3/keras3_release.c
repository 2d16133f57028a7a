/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/operations.h"
#include "../curves.h"
#include "../lambda/lambdas.h"
#include "../ops/ops.h"
#include "../training/training.h"
#include "keras3_limits.h"
#include <string.h>

/*
 * From one release of Keras 3 to another. A config of Keras 2 was adapted to the target release
 * as it was translated, so this is for files of Keras 3 alone, but for the limits of the release.
 */

static int fit_layer(struct kf_adapt *adapt, struct kf_layer *layer);

/* A key that the constructor does not take would make the load fail. */
static void check_keys(struct kf_adapt *adapt, const struct kf_layer *layer,
                       const struct kf_operation *found)
{
    const char *key;
    json_t *value;

    json_object_foreach(layer->config, key,
                        value) if (strcmp(key, "name") != 0 && !kf_in_words(found->keys, key))
        kf_report_change(adapt->rep, KF_UNKNOWN_KEY, layer->path, key, value, NULL,
                         "the operation %s takes no %s", layer->class_name, key);
}

static int fit_operation(struct kf_adapt *adapt, struct kf_layer *layer)
{
    const struct kf_operation *found = kf_operation_find(layer->class_name);

    if (!found)
        return kf_adapt_custom(adapt, layer);
    if (adapt->since < found->since)
        kf_report_add(adapt->rep, KF_NO_EQUAL, layer->path,
                      "the operation %s came with Keras %d.%d", layer->class_name,
                      found->since / 100, found->since % 100);
    if (found->until && adapt->since > found->until)
        kf_report_add(adapt->rep, KF_NO_EQUAL, layer->path,
                      "the operation %s went away after Keras %d.%d", layer->class_name,
                      found->until / 100, found->until % 100);
    KF_TRY(kf_keras3_keys(adapt, layer));
    check_keys(adapt, layer, found);
    return kf_keras3_arguments(adapt, layer);
}

static int fit_parts(struct kf_adapt *adapt, struct kf_layer *layer)
{
    for (size_t i = 0; i < layer->n_parts; i++) {
        KF_TRY(fit_layer(adapt, layer->parts[i]));
        KF_TRY(kf_adapt_write_part(adapt, layer, layer->parts[i], i));
    }
    return 0;
}

static int fit_class(struct kf_adapt *adapt, struct kf_layer *layer)
{
    const struct kf_class *found;

    KF_TRY(kf_keras3_becomes(adapt, layer));
    found = kf_adapt_class(layer);
    if (!found || strcmp(layer->class_name, "Lambda") == 0)
        return kf_adapt_custom(adapt, layer);
    layer->module = found->module;
    layer->registered_name = NULL;
    KF_TRY(kf_adapt_age(adapt, layer, found));
    KF_TRY(kf_keras3_keys(adapt, layer));
    KF_TRY(kf_objects_apply(adapt, layer));
    return kf_adapt_keys(adapt, layer, found);
}

static int fit_graph(struct kf_adapt *adapt, struct kf_graph *graph)
{
    for (size_t i = 0; i < graph->n_layers; i++)
        KF_TRY(fit_layer(adapt, graph->layers[i]));
    return 0;
}

static int fit_layer(struct kf_adapt *adapt, struct kf_layer *layer)
{
    if (layer->inner)
        return fit_graph(adapt, layer->inner);
    if (layer->operation)
        return fit_operation(adapt, layer);
    KF_TRY(fit_class(adapt, layer));
    return layer->custom ? 0 : fit_parts(adapt, layer);
}

int kf_adapt_keras3_release(struct kf_adapt *adapt)
{
    if (adapt->native) {
        KF_TRY(kf_adapt_lambdas(adapt, adapt->model->graph));
        KF_TRY(kf_adapt_ops(adapt, adapt->model->graph));
        if (adapt->since < KF_ACTIVATION_LAYERS_SINCE)
            KF_TRY(kf_adapt_curves(adapt, adapt->model->graph, true));
        KF_TRY(fit_graph(adapt, adapt->model->graph));
        KF_TRY(kf_adapt_training(adapt));
    }
    KF_TRY(kf_keras3_limits(adapt, adapt->model->graph));
    return kf_report_status(adapt->rep);
}
