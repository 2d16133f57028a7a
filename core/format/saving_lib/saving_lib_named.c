/* SPDX-License-Identifier: Apache-2.0 */
#include "saving_lib_named.h"
#include <string.h>

static const struct named_row {
    const char *class_name, *variable, *again, *name;
} named_rows[] = {
#define KF_NAMED(class_name, variable, again) {class_name, variable, again, "named:" class_name},
#include "saving_lib_named.def"
#undef KF_NAMED
};

struct naming {
    struct kf_model *model;
    struct kf_report *rep;
};

/* The layer's only tensor gets a name, and where saving_lib wants it a twin below a part. */
static int name_tensor(struct naming *naming, struct kf_layer *layer, const struct named_row *row)
{
    struct kf_tensor *two;

    kf_report_rule(naming->rep, row->name);
    layer->tensors[0].dataset = row->variable;
    if (!*row->again)
        return 0;
    two = kf_arena_alloc(naming->model->arena, 2 * sizeof(*two));
    if (!two)
        return kf_report_add(naming->rep, KF_NO_MEMORY, layer->path, "out of memory");
    two[0] = two[1] = layer->tensors[0];
    two[1].subpath = row->again;
    layer->tensors = two;
    layer->n_tensors = 2;
    return 0;
}

static const struct named_row *row_of(const struct kf_layer *layer)
{
    for (size_t i = 0; i < sizeof(named_rows) / sizeof(named_rows[0]); i++)
        if (layer->n_tensors == 1 && strcmp(named_rows[i].class_name, layer->class_name) == 0)
            return &named_rows[i];
    return NULL;
}

static int name_layer(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    const struct named_row *row = row_of(layer);

    (void)graph;
    return row ? name_tensor(context, layer, row) : 0;
}

bool kf_saving_lib_names(const struct kf_layer *layer)
{
    return row_of(layer) != NULL;
}

int kf_saving_lib_named(struct kf_model *model, struct kf_report *rep)
{
    struct naming naming = {.model = model, .rep = rep};

    return kf_layers_each(model->graph, name_layer, &naming);
}

const char *kf_saving_lib_again(const char *class_name)
{
    for (size_t i = 0; i < sizeof(named_rows) / sizeof(named_rows[0]); i++)
        if (*named_rows[i].again && strcmp(named_rows[i].class_name, class_name) == 0)
            return named_rows[i].again;
    return NULL;
}
