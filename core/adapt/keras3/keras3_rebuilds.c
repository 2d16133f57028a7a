/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../format/keras3/keras3_operations.h"
#include "../../io/text/json.h"
#include "../masks/mask_effects.h"
#include "keras3_limits.h"
#include <string.h>

/*
 * What releases of Keras 3 make anew when they load a graph, and so that a graph written as it is
 * would not be the same again.
 */

struct namers {
    int keras;
    bool found;
};

/* The layers whose masks are operations, and operations that Keras names by itself. */
static int note_namer(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    struct namers *namers = context;

    (void)graph;
    namers->found = namers->found || kf_mask_made_by(layer) ||
                    (layer->operation && !kf_keras3_operation_named(layer, namers->keras));
    return 0;
}

/* "not_equal", "not_equal_1": a name that Keras gave. */
static bool is_given(const char *name, const char *snake)
{
    const char *rest = name + (kf_starts(name, snake) ? strlen(snake) : 0);

    if (rest == name)
        return false;
    return !*rest || (*rest == '_' && rest[1] && !rest[1 + strspn(rest + 1, "0123456789")]);
}

static int rename_operation(struct kf_adapt *adapt, struct kf_graph *graph, struct kf_layer *layer)
{
    const char *snake = kf_snake_case(adapt->model->arena, layer->class_name), *name;

    if (snake && !is_given(layer->name, snake))
        return 0;
    name = snake ? kf_free_name(adapt, graph, layer->name, "operation") : NULL;
    if (!name)
        return kf_adapt_no_memory(adapt, layer->path);
    kf_report_rule(adapt->rep, "limit:operation_names");
    KF_TRY(kf_report_change(adapt->rep, KF_LAYER_RENAMED, layer->path, "name", NULL, NULL,
                            "%s is called %s, because the target Keras may give the name to an "
                            "operation of its own",
                            layer->name, name));
    layer->name = name;
    return kf_json_set(layer->config, "name", json_string(name), adapt->rep);
}

/*
 * Before 3.11 loading computes the masks of layers as operations of the graph, which are called
 * "not_equal" and "any_1" as an operation of the file may be; names of a model must differ.
 * Source: keras/src/ops/function.py map_graph, keras/src/utils/naming.py auto_name (3.10.0)
 */
int kf_keras3_operation_names(struct kf_adapt *adapt, struct kf_graph *graph)
{
    struct namers namers = {.keras = KF_KERAS(3, adapt->since % 100, 0)};

    if (adapt->since >= 311)
        return 0;
    KF_TRY(kf_layers_each(graph, note_namer, &namers));
    for (size_t i = 0; i < graph->n_layers && namers.found; i++)
        if (graph->layers[i]->operation &&
            kf_keras3_operation_named(graph->layers[i], namers.keras))
            KF_TRY(rename_operation(adapt, graph, graph->layers[i]));
    return 0;
}

static bool holds_functional(const struct kf_graph *graph)
{
    for (size_t i = 0; i < graph->n_layers; i++)
        if (graph->layers[i]->inner && graph->layers[i]->inner->topology == KF_FUNCTIONAL)
            return true;
    return false;
}

static int unchain(struct kf_adapt *adapt, struct kf_graph *graph)
{
    KF_TRY(kf_graph_unchain(adapt->model, graph, adapt->rep));
    return kf_report_add(adapt->rep, KF_CLASS_REPLACED, graph->path,
                         "%s became a functional model: the target Keras does not load a "
                         "Sequential that holds one",
                         graph->name);
}

/*
 * Before 3.3 a functional model that is loaded gives its one output as a list, which the next layer
 * of a Sequential does not take.
 * Source: keras/src/models/functional.py map_tensors of functional_from_config (3.2.1, 3.3.3)
 */
int kf_keras3_sequential(struct kf_adapt *adapt, struct kf_graph *graph)
{
    if (adapt->since >= 303 || graph->topology != KF_SEQUENTIAL || !holds_functional(graph))
        return 0;
    kf_report_rule(adapt->rep, "limit:sequential");
    if (!kf_graph_begins_with_input(graph))
        return kf_report_add(adapt->rep, KF_GRAPH_NO_EQUAL, graph->path,
                             "Keras loads a Sequential of models that says no input of its own "
                             "only from 3.3 on");
    return unchain(adapt, graph);
}
