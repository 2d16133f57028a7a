/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../keras1/keras1.h"
#include <string.h>

/*
 * Keras 2.0 to 2.2 have the Merge of Keras 1 for old code (keras/legacy/layers.py, 2.2.4), and
 * write it as Keras 1 does. A lambda in the place of a mode makes it a Lambda; its mode "cos" and
 * a function of a name stay, to be refused with the class.
 */

/* "mask": [null, null], which every call of one has, is no mask. */
static void drop_no_masks(struct kf_layer *layer)
{
    for (size_t k = 0; k < layer->n_calls; k++) {
        const json_t *masks = json_object_get(layer->calls[k].kwargs, "mask"), *one;
        bool any = false;
        size_t i;

        json_array_foreach(masks, i, one) any = any || !json_is_null(one);
        if (!any)
            json_object_del(layer->calls[k].kwargs, "mask");
    }
}

static bool has_class(const struct kf_layer *layer)
{
    const char *type = kf_json_str(layer->config, "mode_type", "raw");

    return strcmp(layer->class_name, "Merge") == 0 &&
           (strcmp(type, "lambda") == 0 ||
            (strcmp(type, "raw") == 0 &&
             kf_in_words("sum mul ave max concat dot", kf_json_str(layer->config, "mode", "?"))));
}

int kf_adapt_merges(struct kf_adapt *adapt, struct kf_graph *graph)
{
    for (size_t i = 0; i < graph->n_layers; i++) {
        struct kf_layer *layer = graph->layers[i];

        if (layer->inner)
            KF_TRY(kf_adapt_merges(adapt, layer->inner));
        if (!has_class(layer))
            continue;
        drop_no_masks(layer);
        KF_TRY(kf_merge_become(adapt, layer));
    }
    return 0;
}
