/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor_rows.h"
#include "../base/alloc.h"
#include "../base/num.h"
#include "../io/checksum.h"
#include <kf/progress.h>
#include <string.h>

#define PIECE ((size_t)1 << 18)

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

int kf_weight_row(struct kf_report *rep, const struct kf_tensor *tensor, const char *layer,
                  const char *target, const struct kf_payload *after, const char *done)
{
    struct kf_tensor named = *tensor;
    struct kf_tensor_report *row;

    if (done)
        named.done = done;
    KF_TRY(kf_tensor_row(rep, &named, layer, target));
    row = &rep->tensors[rep->n_tensors - 1];
    row->rank_after = after->rank;
    memcpy(row->dims_after, after->dims, sizeof(row->dims_after));
    return 0;
}

/* The checksum of what stands in the source. */
static int hash(struct kf_checksum *sum, const struct kf_payload *root,
                enum kf_checksum_kind checksum, struct kf_report *rep)
{
    uint64_t end = kf_payload_bytes(root);
    char *piece = kf_alloc(PIECE);
    struct kf_hasher hasher;
    int r = piece ? 0 : kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");

    kf_hasher_init(&hasher, checksum);
    for (uint64_t at = 0; r >= 0 && at < end; at += PIECE) {
        size_t n = (size_t)kf_min(end - at, PIECE);

        r = root->pull(root, at, piece, n, rep);
        kf_hasher_update(&hasher, piece, r < 0 ? 0 : n);
        kf_progress_bytes(rep, 0);
    }
    kf_hasher_finish(&hasher, sum);
    kf_free(piece);
    return r;
}

int kf_weight_settle(struct kf_report *rep, size_t row, const struct kf_tensor *tensor,
                     const struct kf_payload *written, const struct kf_checksum *after,
                     enum kf_checksum_kind checksum)
{
    const struct kf_payload *root = kf_payload_root(tensor->payload);

    rep->tensors[row].after = *after;
    rep->tensors[row].before = *after;
    if (root == written || checksum == KF_CHECKSUM_NONE)
        return 0;
    return hash(&rep->tensors[row].before, root, checksum, rep);
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
