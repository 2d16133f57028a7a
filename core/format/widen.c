/* SPDX-License-Identifier: Apache-2.0 */
#include "widen.h"
#include "../model/rewrite.h"

struct widening {
    struct kf_model *model;
    struct kf_report *rep;
};

static int widen(struct widening *all, const struct kf_layer *layer,
                 const struct kf_payload **payload, const char **done)
{
    bool fits;

    if (!*payload || (*payload)->dtype != KF_DTYPE_BFLOAT16)
        return 0;
    *payload = kf_rewrite_float32(all->model->arena, *payload, &fits);
    *done = *done ? kf_arena_printf(all->model->arena, "%s, as float32", *done) : "as float32";
    if (!*payload || !*done)
        return kf_report_add(all->rep, KF_NO_MEMORY, layer->path, "out of memory");
    return kf_report_add(all->rep, KF_TENSOR_REWRITTEN, layer->path,
                         "bfloat16 as the same values in float32");
}

static int widen_layer(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    struct widening *all = context;

    (void)graph;
    for (size_t i = 0; i < layer->n_tensors; i++) {
        struct kf_tensor *tensor = &layer->tensors[i];

        KF_TRY(widen(all, layer, &tensor->payload, &tensor->done));
        for (size_t j = 0; j < tensor->n_slots; j++)
            KF_TRY(widen(all, layer, &tensor->slots[j].payload, &tensor->slots[j].done));
    }
    return 0;
}

int kf_widen_bfloat16(struct kf_model *model, struct kf_report *rep)
{
    return kf_layers_each(model->graph, widen_layer, &(struct widening){model, rep});
}
