/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/buf.h"
#include "checkpoint_bind.h"

/* Variables that a report names. */
#define NAMED_MAX 8

/* A walk over what stands below a model. */
struct search {
    struct kf_checkpoint *cp;
    const struct kf_checkpoint_visit *visit;
    struct kf_report *rep;
    struct kf_buf names;
    size_t n;
    int *queue;
    bool *seen;
    size_t tail;
};

static void look_at(struct search *search, int node)
{
    const Kf__Tf__TrackableObjectGraph *graph = search->cp->graph;
    const char *name;
    const struct kf_bundle_entry *entry = kf_checkpoint_value(search->cp, node, &name);

    if (entry && !kf_checkpoint_taken(search->cp, entry) && search->n++ < NAMED_MAX)
        kf_buf_printf(&search->names, "%s%.200s", search->n > 1 ? ", " : "", name);
    for (size_t i = 0; i < graph->nodes[node]->n_children; i++) {
        const Kf__Tf__ObjectReference *child = graph->nodes[node]->children[i];

        if (child->node_id >= 0 && (size_t)child->node_id < graph->n_nodes &&
            !search->seen[child->node_id] && !kf_checkpoint_leads_aside(child->local_name))
            search->seen[search->queue[search->tail++] = child->node_id] = true;
    }
}

/* A model's list of its variables has some of those that stand aside, too. */
static void pass_over_aside(const struct search *search)
{
    const Kf__Tf__TrackableObjectGraph *graph = search->cp->graph;

    for (size_t i = 0; i < graph->n_nodes; i++)
        for (size_t k = 0; k < graph->nodes[i]->n_children; k++) {
            const Kf__Tf__ObjectReference *child = graph->nodes[i]->children[k];

            if (child->node_id >= 0 && (size_t)child->node_id < graph->n_nodes &&
                kf_checkpoint_leads_aside(child->local_name))
                search->seen[child->node_id] = true;
        }
}

/* Does the traced model take what its layers have, and nothing else? */
static bool is_idle(const struct search *search)
{
    const struct kf_checkpoint_visit *visit = search->visit;

    if (!visit || !visit->takes)
        return false;
    for (size_t i = 0; i < search->tail; i++) {
        const char *name;
        const struct kf_bundle_entry *entry =
            kf_checkpoint_value(search->cp, search->queue[i], &name);

        if (entry && visit->takes(visit->context, name, search->rep) !=
                         (kf_checkpoint_taken(search->cp, entry) != NULL))
            return false;
    }
    return true;
}

static void report(const struct search *search)
{
    const char *names = search->names.n ? search->names.data : "";
    const char *more = search->n > NAMED_MAX ? ", ..." : "";

    if (is_idle(search))
        kf_report_add(search->rep, KF_EXTRA_DROPPED, "",
                      "%zu variables beside the layers, which nothing computes with: %s%s",
                      search->n, names, more);
    else
        kf_report_add(search->rep, KF_WEIGHT_COUNT, "",
                      "%zu variables of the file belong to no layer of the model: %s%s", search->n,
                      names, more);
}

int kf_checkpoint_rest(struct kf_checkpoint *cp, const struct kf_model *model, int root,
                       const struct kf_checkpoint_visit *visit, struct kf_report *rep)
{
    size_t n = cp->graph ? cp->graph->n_nodes : 0;
    struct search search = {.cp = cp, .visit = visit, .rep = rep, .names = {.max = 4096}};

    if (!n) /* names alone lead nowhere */
        return 0;
    search.queue = kf_arena_alloc(model->arena, (n + 1) * sizeof(*search.queue));
    search.seen = kf_arena_alloc(model->arena, n + 1);
    if (!search.queue || !search.seen)
        return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
    pass_over_aside(&search);
    search.seen[search.queue[search.tail++] = root] = true;
    for (size_t head = 0; head < search.tail; head++)
        look_at(&search, search.queue[head]);
    if (search.n)
        report(&search);
    kf_buf_finish(&search.names);
    return kf_report_status(rep);
}
