/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "shapes.h"
#include <string.h>

/* Inputs of texts. */

struct users {
    const struct kf_graph *graph;
    size_t input;
    bool found;
};

static int note_user(json_t *value, void *context)
{
    struct users *users = context;
    struct kf_ref ref;

    users->found = users->found || (kf_ref_get(value, &ref) && ref.layer == users->input);
    return 0;
}

/* Whether TextVectorization layers alone take what an input gives. */
static bool feeds_text_only(const struct kf_graph *graph, const struct kf_layer *input)
{
    struct users users = {.graph = graph};

    while (graph->layers[users.input] != input)
        users.input++;
    for (size_t i = 0; i < graph->n_layers && !users.found; i++)
        for (size_t k = 0; k < graph->layers[i]->n_calls; k++)
            if (strcmp(graph->layers[i]->class_name, "TextVectorization") != 0) {
                kf_refs_each(graph->layers[i]->calls[k].args, note_user, &users);
                kf_refs_each(graph->layers[i]->calls[k].kwargs, note_user, &users);
            }
    kf_refs_each(graph->outputs, note_user, &users);
    return !users.found;
}

/*
 * A TextVectorization that counts words takes (batch, 1) and gives (batch, words); Keras 3 runs so
 * too, but believes that the output has an axis of 1 between, on which the next layer fails.
 */
int kf_shape_of_text_input(struct kf_adapt *adapt, const struct kf_at *at)
{
    struct kf_layer *input = kf_adapt_input_of(at), *before;
    json_t *shape = input ? json_object_get(input->config, "batch_input_shape") : NULL;

    if (kf_streq(kf_json_str(at->layer->config, "output_mode", "int"), "int") ||
        json_array_size(shape) != 2 || json_integer_value(json_array_get(shape, 1)) != 1)
        return 0;
    kf_report_rule(adapt->rep, "shape:text_input");
    if (!feeds_text_only(at->graph, input)) {
        KF_TRY(kf_insert_before(adapt, at->graph, at->index, "Reshape",
                                json_pack("{s:[], s:s}", "target_shape", "dtype", "string"),
                                &before));
        return kf_report_add(adapt->rep, KF_LAYER_INSERTED, before->path,
                             "takes the axis of 1 off, which Keras 3 expects in the output else");
    }
    KF_TRY(kf_report_add(adapt->rep, KF_VALUE_REWRITTEN, input->path,
                         "the input is (batch) instead of (batch, 1), which Keras 3 takes too"));
    return json_array_remove(shape, 1);
}
