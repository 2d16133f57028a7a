/* SPDX-License-Identifier: Apache-2.0 */
#include "mask_effects.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include <string.h>

static const struct {
    const char *classes;
    enum kf_mask_effect effect;
    const char *name;
} mask_rows[] = {
#define KF_MASK(classes, what) {classes, what, "mask:" classes},
#include "masks.def"
#undef KF_MASK
};

enum kf_mask_effect kf_mask_effect(const struct kf_layer *layer, struct kf_report *rep)
{
    for (size_t i = 0; i < sizeof(mask_rows) / sizeof(mask_rows[0]); i++)
        if (kf_in_words(mask_rows[i].classes, layer->class_name)) {
            if (rep)
                kf_report_rule(rep, mask_rows[i].name);
            return mask_rows[i].effect;
        }
    return LOSE;
}

bool kf_mask_is_sequence(const struct kf_layer *layer)
{
    const json_t *inner = json_object_get(json_object_get(layer->config, "layer"), "config");

    return kf_json_bool(inner ? inner : layer->config, "return_sequences", false);
}

bool kf_mask_made_by(const struct kf_layer *layer)
{
    for (size_t i = 0; i < layer->n_parts; i++)
        if (kf_mask_made_by(layer->parts[i]))
            return true;
    return layer->inner ? kf_mask_made_in(layer->inner)
                        : kf_json_bool(layer->config, "mask_zero", false) ||
                              strcmp(layer->class_name, "Masking") == 0;
}

bool kf_mask_made_in(const struct kf_graph *graph)
{
    for (size_t i = 0; i < graph->n_layers; i++)
        if (kf_mask_made_by(graph->layers[i]))
            return true;
    return false;
}
