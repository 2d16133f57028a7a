/* SPDX-License-Identifier: Apache-2.0 */
#include "../io/text/json.h"
#include "adapt.h"

struct settling {
    const struct kf_options *options;
    struct kf_report *rep;
    bool holds_classes;
};

static const char *base_of(enum kf_topology topology)
{
    return topology == KF_SEQUENTIAL ? "Sequential" : "Functional";
}

/* A class made of Sequential takes layers one after another, whatever had to be put between. */
static int keep(const struct settling *settling, const struct kf_graph *graph, const char *base)
{
    if (base != base_of(graph->topology))
        return kf_report_add(settling->rep, KF_CUSTOM_CLASS, graph->path,
                             "%s is a class of the user's, a %s, and what its layers become is "
                             "none: guess=yes takes it for a Functional",
                             graph->class_name, base);
    kf_report_rule(settling->rep, "custom:keep");
    return kf_report_add(settling->rep, KF_CUSTOM_KEPT, graph->path, "the custom class %s, a %s",
                         graph->class_name, base);
}

static int settle(const struct settling *settling, struct kf_graph *graph)
{
    bool functional = json_object_get(graph->config, "input_layers") != NULL;
    const char *base = base_of(functional ? KF_FUNCTIONAL : KF_SEQUENTIAL);
    const char *class_name = graph->class_name;
    json_auto_t *from = NULL, *to = NULL;

    if (!graph->users)
        return 0;
    if (settling->options->custom == KF_CUSTOM_KEEP && settling->holds_classes)
        return keep(settling, graph, base);
    if (!settling->options->guess) {
        kf_report_add(settling->rep, KF_CUSTOM_CLASS, graph->path,
                      "%s is a class of the user's, a %s whose own call() may compute otherwise "
                      "than its layers: guess=yes takes it for a %s",
                      class_name, base, base);
        return 0; /* the others are looked at too */
    }
    from = json_string(class_name);
    to = json_string(base);
    graph->users = false;
    graph->class_name = base_of(graph->topology);
    return kf_report_change(settling->rep, KF_CLASS_REPLACED, graph->path, "class_name", from, to,
                            "by guess=yes %s, a class of the user's, was taken for a %s: a call() "
                            "or train_step() of its own is lost",
                            class_name, base);
}

static int settle_inner(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    (void)graph;
    return layer->inner ? settle(context, layer->inner) : 0;
}

int kf_adapt_users(struct kf_model *model, bool holds_classes, const struct kf_options *options,
                   struct kf_report *rep)
{
    struct settling settling = {options, rep, holds_classes};

    KF_TRY(settle(&settling, model->graph));
    return kf_layers_each(model->graph, settle_inner, &settling);
}
