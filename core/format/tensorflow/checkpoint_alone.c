/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoint_alone.h"
#include "../legacy/legacy_classes.h"
#include "checkpoint_bind.h"
#include "checkpoint_models.h"
#include <stdio.h>
#include <string.h>

/* Objects of a layer and below it, cells and wrapped layers among them. */
#define DEPTH_MAX 16

struct alone {
    struct kf_checkpoint *cp;
    struct kf_model *model;
    struct kf_report *rep;
    bool *seen;         /* of each node */
    const char **names; /* of the variables, layer after layer */
    int *ranks;         /* of each name */
    size_t n_names;
    struct kf_legacy_group *groups;
    size_t n;
};

static int no_memory(struct alone *alone)
{
    return kf_report_add(alone->rep, KF_NO_MEMORY, "", "out of memory");
}

/* The variables below a node, in the order of its edges. */
static void gather(struct alone *alone, int node, unsigned depth)
{
    const Kf__Tf__TrackableObjectGraph *graph = alone->cp->graph;

    for (size_t i = 0; i < graph->nodes[node]->n_children && depth < DEPTH_MAX; i++) {
        const Kf__Tf__ObjectReference *child = graph->nodes[node]->children[i];
        const struct kf_bundle_entry *entry;
        const char *name;

        if (child->node_id < 0 || (size_t)child->node_id >= graph->n_nodes ||
            alone->seen[child->node_id] || kf_checkpoint_leads_aside(child->local_name))
            continue;
        alone->seen[child->node_id] = true;
        entry = kf_checkpoint_value(alone->cp, child->node_id, &name);
        if (entry) {
            alone->names[alone->n_names] = name;
            alone->ranks[alone->n_names++] = (int)entry->rank;
        } else {
            gather(alone, child->node_id, depth + 1);
        }
    }
}

/* The layer's name is the first part of its variables', "dense_1/kernel". */
static int add_group(struct alone *alone, int node)
{
    struct kf_arena *arena = alone->model->arena;
    struct kf_legacy_group *group = &alone->groups[alone->n++];
    size_t from = alone->n_names;
    const char *name;

    gather(alone, node, 0);
    *group = (struct kf_legacy_group){.path = "",
                                      .weights = alone->names + from,
                                      .ranks = alone->ranks + from,
                                      .n = alone->n_names - from};
    name = group->n ? group->weights[0] : "";
    group->name = group->n ? kf_arena_strndup(arena, name, strcspn(name, "/"))
                           : kf_arena_printf(arena, "without_variables_%zu", alone->n);
    return group->name ? 0 : no_memory(alone);
}

static int add_groups(struct alone *alone, int root)
{
    char edge[32];
    int node;

    for (size_t i = 0;; i++) {
        snprintf(edge, sizeof(edge), "layer-%zu", i);
        node = kf_checkpoint_child(alone->cp, root, edge);
        if (node < 0 || i >= alone->cp->graph->n_nodes)
            return 0;
        KF_TRY(add_group(alone, node));
    }
}

static int make_room(struct alone *alone)
{
    struct kf_arena *arena = alone->model->arena;
    size_t n = alone->cp->graph->n_nodes + 1;

    alone->seen = kf_arena_alloc(arena, n);
    alone->names = kf_arena_alloc(arena, n * sizeof(*alone->names));
    alone->ranks = kf_arena_alloc(arena, n * sizeof(*alone->ranks));
    alone->groups = kf_arena_alloc(arena, n * sizeof(*alone->groups));
    return alone->seen && alone->names && alone->ranks && alone->groups ? 0 : no_memory(alone);
}

static int refuse_several(const struct kf_checkpoint_roots *roots, struct kf_report *rep)
{
    struct kf_buf names = {.max = 2048};
    int r;

    kf_checkpoint_models_name(roots, &names);
    r = kf_report_add(
        rep, KF_ARCHITECTURE_MISSING, "",
        "the file is a checkpoint of %zu models (%s) and does not say which is wanted", roots->n,
        names.n ? names.data : "");
    kf_buf_finish(&names);
    return r;
}

int kf_checkpoint_alone(struct kf_checkpoint *cp, struct kf_model *model,
                        const struct kf_options *options, struct kf_report *rep)
{
    struct alone alone = {.cp = cp, .model = model, .rep = rep};
    struct kf_checkpoint_roots roots;
    int root;

    KF_TRY(kf_checkpoint_models(&roots, cp, model->arena, rep));
    if (roots.n > 1)
        return refuse_several(&roots, rep);
    root = roots.n ? roots.items[0].node : -1;
    if (kf_checkpoint_child(cp, root, "layer-0") < 0)
        return kf_report_add(rep, KF_ARCHITECTURE_MISSING, "",
                             "the file is a checkpoint that does not say which layers its "
                             "variables are of");
    KF_TRY(make_room(&alone));
    KF_TRY(add_groups(&alone, root));
    KF_TRY(kf_legacy_classes_of(model, alone.groups, alone.n, options, rep));
    if (kf_checkpoint_bind_names(cp, model, rep) < 0)
        kf_report_add(rep, KF_ARCHITECTURE_MISSING, "",
                      "the names of the variables do not say which layers they are of");
    return kf_report_status(rep);
}
