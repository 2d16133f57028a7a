/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoint_models.h"

/* Models that a report names. */
#define NAMED_MAX 8

bool kf_checkpoint_is_keras3(const struct kf_checkpoint *cp, int node)
{
    return kf_checkpoint_child(cp, node, "_operations") >= 0 ||
           kf_checkpoint_child(cp, node, "_functional") >= 0;
}

static bool holds_layers(const struct kf_checkpoint *cp, int node)
{
    return kf_checkpoint_child(cp, node, "layer-0") >= 0 || kf_checkpoint_is_keras3(cp, node);
}

int kf_checkpoint_models(struct kf_checkpoint_roots *out, const struct kf_checkpoint *cp,
                         struct kf_arena *arena, struct kf_report *rep)
{
    size_t n = cp->graph ? cp->graph->n_nodes : 0, tail = 0;
    struct kf_checkpoint_root *queue = kf_arena_alloc(arena, (n + 1) * sizeof(*queue));
    bool *seen = kf_arena_alloc(arena, n + 1);

    *out = (struct kf_checkpoint_roots){kf_arena_alloc(arena, (n + 1) * sizeof(*out->items)), 0};
    if (!queue || !seen || !out->items)
        return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
    if (n)
        queue[tail++] = (struct kf_checkpoint_root){0, ""};
    for (size_t head = 0; head < tail; head++) {
        const Kf__Tf__TrackableObjectGraph__Object *object = cp->graph->nodes[queue[head].node];

        seen[queue[head].node] = true;
        if (holds_layers(cp, queue[head].node)) {
            out->items[out->n++] = queue[head];
            continue;
        }
        for (size_t i = 0; i < object->n_children; i++) {
            const Kf__Tf__ObjectReference *child = object->children[i];

            if (child->node_id < 0 || (size_t)child->node_id >= n || seen[child->node_id])
                continue;
            seen[child->node_id] = true;
            queue[tail++] = (struct kf_checkpoint_root){child->node_id, child->local_name};
        }
    }
    return 0;
}

void kf_checkpoint_models_name(const struct kf_checkpoint_roots *roots, struct kf_buf *text)
{
    for (size_t i = 0; i < roots->n && i < NAMED_MAX; i++)
        kf_buf_printf(text, "%s%.100s", i ? ", " : "", roots->items[i].edge);
    if (roots->n > NAMED_MAX)
        kf_buf_puts(text, ", ...");
}
