/* SPDX-License-Identifier: Apache-2.0 */
#include "saving_lib_copy.h"
#include "../../base/str.h"
#include <string.h>

struct copying {
    struct kf_model *model;
    struct kf_report *rep;
};

static bool is_copied(const char *class_name)
{
    static const char *const classes[] = {
#define KF_COPY(class_name) class_name,
#include "saving_lib.def"
    };

    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
        if (kf_streq(class_name, classes[i]))
            return true;
    return false;
}

struct kf_tensor *kf_saving_lib_copied(const struct kf_layer *layer)
{
    return layer->n_parts && layer->parts[0]->n_tensors && is_copied(layer->class_name)
               ? &layer->parts[0]->tensors[0]
               : NULL;
}

/* The first variable of the wrapped layer in front of the wrapper's own. */
static int add_copy(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    struct copying *copying = context;
    struct kf_tensor *tensors;
    const struct kf_tensor *first = kf_saving_lib_copied(layer);

    (void)graph;
    if (!first)
        return 0;
    if (layer->n_tensors && kf_streq(layer->tensors[0].variable, first->variable))
        return 0;
    tensors = kf_arena_alloc(copying->model->arena, (layer->n_tensors + 1) * sizeof(*tensors));
    if (!tensors)
        return kf_report_add(copying->rep, KF_NO_MEMORY, layer->path, "out of memory");
    tensors[0] = *first;
    tensors[0].subpath = "";
    if (layer->n_tensors)
        memcpy(tensors + 1, layer->tensors, layer->n_tensors * sizeof(*tensors));
    layer->tensors = tensors;
    layer->n_tensors++;
    return 0;
}

int kf_saving_lib_copies(struct kf_model *model, struct kf_report *rep)
{
    struct copying copying = {.model = model, .rep = rep};

    return kf_layers_each(model->graph, add_copy, &copying);
}
