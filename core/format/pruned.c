/* SPDX-License-Identifier: Apache-2.0 */
#include "pruned.h"
#include "../base/str.h"
#include "../io/text/json.h"

static const struct {
    const char *classes, *variables;
} rows[] = {
#define KF_PRUNED(classes, variables) {classes, variables},
#include "pruned.def"
};

bool kf_pruned_is(const struct kf_layer *layer)
{
    return kf_streq(layer->class_name, "PruneLowMagnitude");
}

const char *kf_pruned_variables(const struct kf_layer *layer)
{
    const json_t *object = json_object_get(layer->config, "layer");
    const char *inside = kf_json_str(object, "class_name", "");

    if (kf_json_bool(json_object_get(object, "config"), "mask_zero", false))
        return NULL;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (kf_in_words(rows[i].classes, inside))
            return rows[i].variables;
    return NULL;
}

static size_t count_words(const char *words)
{
    size_t n = *words != '\0';

    for (; *words; words++)
        n += *words == ' ';
    return n;
}

static struct kf_tensor own(const char *variable)
{
    return (struct kf_tensor){.variable = variable, .subpath = ""};
}

int kf_pruned_make(struct kf_model *model, struct kf_layer *layer, const char *variables,
                   struct kf_report *rep)
{
    size_t n = count_words(variables);

    layer->tensors = kf_arena_alloc(model->arena, (2 * n + 1) * sizeof(*layer->tensors));
    if (!layer->tensors)
        return kf_report_add(rep, KF_NO_MEMORY, layer->path, "out of memory");
    for (size_t i = 0; i < n; i++) {
        layer->tensors[layer->n_tensors++] = own("mask");
        layer->tensors[layer->n_tensors++] = own("threshold");
    }
    layer->tensors[layer->n_tensors++] = own("pruning_step");
    return 0;
}
