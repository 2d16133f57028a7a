/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../model/classes.h"
#include "../layer_vars.h"
#include "legacy_match.h"
#include <string.h>

/* "kernel" of "dense_1/kernel:0". */
static const char *last_part(const char *name, size_t *n_out)
{
    const char *slash = strrchr(name, '/'), *start = slash ? slash + 1 : name;

    *n_out = strcspn(start, ":");
    return start;
}

bool kf_legacy_names(const char *name, const char *variable)
{
    size_t n, n_variable;
    const char *part = last_part(name, &n), *wanted = last_part(variable, &n_variable);

    return n == n_variable && memcmp(part, wanted, n) == 0;
}

bool kf_legacy_is_opaque(const struct kf_layer *layer)
{
    return !layer->inner && !layer->n_parts &&
           (layer->users || (!kf_vars_known(layer->class_name) &&
                             !kf_class_find("keras.layers", layer->class_name)));
}

/* The first layer below `layer` that nobody knows the variables of. */
static const struct kf_layer *find_opaque(const struct kf_layer *layer,
                                          bool (*is_opaque)(const struct kf_layer *layer))
{
    size_t n = layer->inner ? layer->inner->n_layers : layer->n_parts;
    struct kf_layer *const *below = layer->inner ? layer->inner->layers : layer->parts;
    const struct kf_layer *found = NULL;

    for (size_t i = 0; !found && i < n; i++)
        found = is_opaque(below[i]) ? below[i] : find_opaque(below[i], is_opaque);
    return found;
}

int kf_legacy_report_count(struct kf_report *rep, const struct kf_layer *layer,
                           bool (*is_opaque)(const struct kf_layer *layer), size_t wanted, size_t n)
{
    const struct kf_layer *opaque = find_opaque(layer, is_opaque);

    if (opaque)
        return kf_report_add(rep, KF_CUSTOM_CLASS, opaque->path,
                             "%s is not a layer of Keras, and which of the weights of %s are its "
                             "own is not known",
                             opaque->class_name, layer->name);
    return kf_report_add(rep, KF_WEIGHT_COUNT, layer->path,
                         "the file has %zu weights for the layer where a %s with this config has "
                         "%zu",
                         n, layer->class_name, wanted);
}

int kf_legacy_groups(struct kf_legacy_group **out, size_t *n_out, struct kf_model *model,
                     struct kf_h5 *h5, const char *root, struct kf_report *rep)
{
    struct kf_legacy_group *groups;
    const char **names;
    size_t n = 0;

    KF_TRY(kf_h5_attr_names(h5, *root ? root : "/", "layer_names", model->arena, &names, &n, rep));
    groups = kf_arena_alloc(model->arena, (n ? n : 1) * sizeof(*groups));
    if (!groups)
        return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
    for (size_t i = 0; i < n; i++) {
        groups[i].name = names[i];
        groups[i].path = kf_arena_printf(model->arena, "%s/%s", root, names[i]);
        if (!groups[i].path)
            return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
        KF_TRY(kf_h5_attr_names(h5, groups[i].path, "weight_names", model->arena,
                                &groups[i].weights, &groups[i].n, rep));
    }
    *out = groups;
    *n_out = n;
    return 0;
}
