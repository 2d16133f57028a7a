/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor_rows.h"
#include <string.h>

static void fill_shapes(struct kf_tensor_report *row, const struct kf_payload *after)
{
    const struct kf_payload *before = kf_payload_root(after);

    row->dtype_before = kf_dtype_name(before->dtype);
    row->dtype_after = kf_dtype_name(after->dtype);
    row->rank_before = before->rank;
    row->rank_after = after->rank;
    memcpy(row->dims_before, before->dims, before->rank * sizeof(before->dims[0]));
    memcpy(row->dims_after, after->dims, after->rank * sizeof(after->dims[0]));
}

int kf_tensor_row(struct kf_report *rep, const struct kf_tensor *tensor, const char *layer,
                  const char *target)
{
    struct kf_tensor_report *row = kf_report_tensor(rep);

    if (!row)
        return -KF_NO_MEMORY;
    kf_report_set(&row->source, tensor->source ? tensor->source : tensor->variable);
    kf_report_set(&row->target, target);
    kf_report_set(&row->layer, layer);
    kf_report_set(&row->done, !*target ? "left out" : tensor->done ? tensor->done : "copied");
    fill_shapes(row, tensor->payload);
    rep->n_parameters += kf_payload_elements(tensor->payload);
    return 0;
}

int kf_slot_row(struct kf_report *rep, const struct kf_slot *slot, const char *layer,
                const char *target)
{
    struct kf_tensor_report *row = kf_report_tensor(rep);

    if (!row)
        return -KF_NO_MEMORY;
    kf_report_set(&row->source, slot->source);
    kf_report_set(&row->target, target);
    kf_report_set(&row->layer, layer);
    kf_report_set(&row->done, slot->done ? slot->done : "copied");
    fill_shapes(row, slot->payload);
    return 0;
}

static int count_layer(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    struct kf_report *rep = context;

    (void)graph;
    if (!layer->attribute && !layer->operation)
        rep->n_layers++;
    return 0;
}

int kf_layers_count(struct kf_graph *graph, struct kf_report *rep)
{
    return kf_layers_each(graph, count_layer, rep);
}
