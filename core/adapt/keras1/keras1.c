/* SPDX-License-Identifier: Apache-2.0 */
#include "keras1.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include <string.h>

/* Whose kernels these are: what the request says, else what the file does. */
static void find_backend(struct kf_adapt *adapt)
{
    const char *backend = adapt->rep->source.backend;

    if (adapt->backend != KF_BACKEND_FILE)
        return;
    if (kf_streq(backend, "theano"))
        adapt->backend = KF_BACKEND_THEANO;
    else if (kf_streq(backend, "tensorflow"))
        adapt->backend = KF_BACKEND_TENSORFLOW;
}

struct formats {
    bool first, last;
};

static int note_format(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    struct formats *formats = context;
    const char *ordering = kf_json_str(layer->config, "dim_ordering", NULL);

    (void)graph;
    formats->first = formats->first || kf_streq(ordering, "th");
    formats->last = formats->last || kf_streq(ordering, "tf");
    return 0;
}

/* The object of a part in its parent's config: the class may have another name. */
static int write_part(struct kf_adapt *adapt, struct kf_layer *owner, const struct kf_layer *part)
{
    json_t *object = part->config_key ? json_object_get(owner->config, part->config_key) : NULL;

    return object ? kf_json_set(object, "class_name", json_string(part->class_name), adapt->rep)
                  : 0;
}

static int adapt_graph(struct kf_keras1 *keras1, struct kf_graph *graph);

static int adapt_layer(struct kf_keras1 *keras1, struct kf_layer *layer)
{
    const char *old = layer->class_name;

    if (layer->inner)
        return adapt_graph(keras1, layer->inner);
    KF_TRY(kf_keras1_rules(keras1, layer));
    KF_TRY(kf_keras1_tensors(keras1, layer, old));
    for (size_t i = 0; i < layer->n_parts; i++) {
        KF_TRY(adapt_layer(keras1, layer->parts[i]));
        KF_TRY(write_part(keras1->adapt, layer, layer->parts[i]));
    }
    return 0;
}

static int adapt_graph(struct kf_keras1 *keras1, struct kf_graph *graph)
{
    for (size_t i = 0; i < graph->n_layers; i++)
        KF_TRY(adapt_layer(keras1, graph->layers[i]));
    return 0;
}

int kf_adapt_keras1(struct kf_adapt *adapt)
{
    struct kf_graph *graph = adapt->model->graph;
    struct kf_keras1 keras1 = {.adapt = adapt};
    struct formats formats = {false, false};

    find_backend(adapt);
    kf_layers_each(graph, note_format, &formats);
    if (formats.first != formats.last)
        keras1.format = formats.first ? "channels_first" : "channels_last";
    KF_TRY(kf_keras1_merges(&keras1, graph));
    KF_TRY(kf_keras1_split(&keras1, graph));
    KF_TRY(adapt_graph(&keras1, graph));
    KF_TRY(kf_report_status(adapt->rep));
    return kf_keras1_theano(&keras1, graph);
}
