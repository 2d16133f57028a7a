/* SPDX-License-Identifier: Apache-2.0 */
#include "graph.h"
#include "../base/alloc.h"
#include "../base/str.h"
#include <string.h>

void kf_onnx_finish(struct kf_onnx *onnx)
{
    kf_free(onnx->nodes);
    kf_free(onnx->weights);
    kf_free(onnx->uses);
    kf_free(onnx->memos);
    json_decref(onnx->taken);
}

void *kf_onnx_no_memory(struct kf_onnx *onnx)
{
    kf_report_add(onnx->rep, KF_NO_MEMORY, onnx->path ? onnx->path : "", "out of memory");
    return NULL;
}

void *kf_onnx_alloc(struct kf_onnx *onnx, size_t n)
{
    void *made = kf_arena_alloc(onnx->arena, n);

    return made ? made : kf_onnx_no_memory(onnx);
}

void *kf_onnx_copy(struct kf_onnx *onnx, const void *from, size_t n)
{
    void *to = kf_onnx_alloc(onnx, n + 1);

    if (to && n)
        memcpy(to, from, n);
    return to;
}

struct kf_onnx_tensor *kf_onnx_tensor_new(struct kf_onnx *onnx, const char *name,
                                          enum kf_dtype dtype, unsigned rank, const int64_t *dims)
{
    struct kf_onnx_tensor *tensor;

    if (rank > KF_ONNX_RANK_MAX) {
        kf_report_add(onnx->rep, KF_NO_EQUAL, onnx->path, "a tensor of it has more than %d axes",
                      KF_ONNX_RANK_MAX);
        return NULL;
    }
    tensor = kf_onnx_alloc(onnx, sizeof(*tensor));
    if (!tensor || !name)
        return kf_onnx_no_memory(onnx);
    tensor->name = name;
    tensor->dtype = dtype;
    tensor->rank = rank;
    if (rank)
        memcpy(tensor->dims, dims, rank * sizeof(*dims));
    return tensor;
}

struct kf_onnx_node *kf_onnx_node_new(struct kf_onnx *onnx, const char *op,
                                      struct kf_onnx_tensor *const *in, size_t n)
{
    struct kf_onnx_node *node;

    for (size_t i = 0; i < n; i++)
        if (!in[i])
            return NULL;
    node = kf_onnx_alloc(onnx, sizeof(*node));
    if (!node || !kf_grow(&onnx->nodes, &onnx->nodes_cap, onnx->n_nodes + 1, sizeof(*onnx->nodes)))
        return kf_onnx_no_memory(onnx);
    node->op = op;
    node->name = kf_arena_printf(onnx->arena, "%s/%s_%zu", onnx->path, op, onnx->n_nodes);
    node->in = kf_onnx_alloc(onnx, (n + 1) * sizeof(*node->in));
    node->out = kf_onnx_alloc(onnx, sizeof(*node->out));
    node->attributes = kf_onnx_alloc(onnx, KF_ONNX_ATTRIBUTES_MAX * sizeof(*node->attributes));
    if (!node->name || !node->in || !node->out || !node->attributes)
        return kf_onnx_no_memory(onnx);
    if (n)
        memcpy(node->in, in, n * sizeof(*in));
    node->n_in = n;
    onnx->nodes[onnx->n_nodes++] = node;
    return node;
}

/* Most nodes have one output: the array grows by a new one in the arena. */
static bool add_output(struct kf_onnx *onnx, struct kf_onnx_node *node,
                       struct kf_onnx_tensor *tensor)
{
    if (node->n_out) {
        struct kf_onnx_tensor **more = kf_onnx_alloc(onnx, (node->n_out + 1) * sizeof(*more));

        if (!more)
            return false;
        memcpy(more, node->out, node->n_out * sizeof(*more));
        node->out = more;
    }
    node->out[node->n_out++] = tensor;
    return true;
}

struct kf_onnx_tensor *kf_onnx_output(struct kf_onnx *onnx, struct kf_onnx_node *node,
                                      enum kf_dtype dtype, unsigned rank, const int64_t *dims)
{
    struct kf_onnx_tensor *tensor;
    const char *name;

    if (!node)
        return NULL;
    name =
        node->n_out ? kf_arena_printf(onnx->arena, "%s:%zu", node->name, node->n_out) : node->name;
    tensor = kf_onnx_tensor_new(onnx, name, dtype, rank, dims);
    if (!tensor || !add_output(onnx, node, tensor))
        return NULL;
    return tensor;
}

struct kf_onnx_tensor *kf_onnx_initializer(struct kf_onnx *onnx, const struct kf_payload *payload,
                                           const char *what)
{
    const char *name = kf_arena_printf(onnx->arena, "%s/%s", onnx->path, what);
    int64_t dims[KF_RANK_MAX];
    struct kf_onnx_tensor *tensor;

    if (!payload || !name)
        return kf_onnx_no_memory(onnx);
    for (unsigned i = 0; i < payload->rank; i++)
        dims[i] = (int64_t)payload->dims[i];
    tensor = kf_onnx_tensor_new(onnx, name, payload->dtype, payload->rank, dims);
    if (!tensor)
        return NULL;
    if (!kf_grow(&onnx->weights, &onnx->weights_cap, onnx->n_weights + 1, sizeof(*onnx->weights)))
        return kf_onnx_no_memory(onnx);
    tensor->payload = payload;
    onnx->weights[onnx->n_weights++] = tensor;
    return tensor;
}

static int pull_bytes(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                      struct kf_report *rep)
{
    (void)rep;
    memcpy(to, (const char *)payload->state + at, n);
    return 0;
}

struct kf_onnx_tensor *kf_onnx_constant(struct kf_onnx *onnx, enum kf_dtype dtype, unsigned rank,
                                        const int64_t *dims, const void *bytes)
{
    struct kf_payload *payload = kf_onnx_alloc(onnx, sizeof(*payload));
    char *what = kf_arena_printf(onnx->arena, "Constant_%zu", onnx->n_weights);
    struct kf_onnx_tensor *made;

    if (!payload || !what)
        return kf_onnx_no_memory(onnx);
    *payload = (struct kf_payload){
        .dtype = dtype, .rank = rank, .pull = pull_bytes, .file_at = KF_NOWHERE};
    for (unsigned i = 0; i < rank; i++)
        payload->dims[i] = (uint64_t)dims[i];
    payload->state = kf_onnx_copy(onnx, bytes, kf_payload_bytes(payload));
    made = payload->state ? kf_onnx_initializer(onnx, payload, what) : NULL;
    if (made)
        made->bytes = payload->state;
    return made;
}

void kf_onnx_note_use(struct kf_onnx *onnx, const struct kf_layer *layer,
                      const struct kf_tensor *tensor, struct kf_onnx_tensor *target)
{
    if (!target || !tensor)
        return;
    if (!kf_grow(&onnx->uses, &onnx->uses_cap, onnx->n_uses + 1, sizeof(*onnx->uses))) {
        kf_onnx_no_memory(onnx);
        return;
    }
    onnx->uses[onnx->n_uses++] = (struct kf_onnx_use){layer, tensor, target, 0};
    if (target->last_use)
        onnx->uses[target->last_use - 1].next = onnx->n_uses;
    else
        target->first_use = onnx->n_uses;
    target->last_use = onnx->n_uses;
}

static size_t place_of(const struct kf_onnx_memo *memos, size_t cap, const void *of,
                       const char *what)
{
    size_t at = ((size_t)of >> 4) * 31 + strlen(what) * 7;

    for (at &= cap - 1; memos[at].of; at = (at + 1) & (cap - 1))
        if (memos[at].of == of && strcmp(memos[at].what, what) == 0)
            break;
    return at;
}

struct kf_onnx_tensor *kf_onnx_recall(const struct kf_onnx *onnx, const void *of, const char *what)
{
    return onnx->memos_cap ? onnx->memos[place_of(onnx->memos, onnx->memos_cap, of, what)].tensor
                           : NULL;
}

/* Twice the room, every entry in its new place. */
static bool make_room(struct kf_onnx *onnx)
{
    size_t cap = onnx->memos_cap ? onnx->memos_cap * 2 : 64;
    struct kf_onnx_memo *memos = kf_alloc(cap * sizeof(*memos));

    if (!memos)
        return false;
    for (size_t i = 0; i < onnx->memos_cap; i++)
        if (onnx->memos[i].of)
            memos[place_of(memos, cap, onnx->memos[i].of, onnx->memos[i].what)] = onnx->memos[i];
    kf_free(onnx->memos);
    onnx->memos = memos;
    onnx->memos_cap = cap;
    return true;
}

void kf_onnx_remember(struct kf_onnx *onnx, const void *of, const char *what,
                      struct kf_onnx_tensor *tensor)
{
    size_t at;

    if (!tensor)
        return;
    if (onnx->n_memos * 2 >= onnx->memos_cap && !make_room(onnx)) {
        kf_onnx_no_memory(onnx);
        return;
    }
    at = place_of(onnx->memos, onnx->memos_cap, of, what);
    onnx->n_memos += !onnx->memos[at].of;
    onnx->memos[at] = (struct kf_onnx_memo){of, what, tensor};
}

void kf_onnx_mark_used(struct kf_onnx *onnx)
{
    for (size_t i = 0; i < onnx->n_outputs; i++)
        onnx->outputs[i]->used = true;
    for (size_t i = onnx->n_nodes; i-- > 0;) {
        struct kf_onnx_node *node = onnx->nodes[i];

        for (size_t k = 0; k < node->n_out; k++)
            node->used = node->used || node->out[k]->used;
        for (size_t k = 0; node->used && k < node->n_in; k++)
            node->in[k]->used = true;
    }
}
