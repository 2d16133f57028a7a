/* SPDX-License-Identifier: Apache-2.0 */
#include "legacy_loose.h"
#include "../../base/str.h"
#include <string.h>

struct loose {
    struct kf_model *model;
    struct kf_h5 *h5;
    struct kf_report *rep;
};

static int no_memory(struct loose *loose)
{
    return kf_report_add(loose->rep, KF_NO_MEMORY, "", "out of memory");
}

static int take_weight(struct loose *loose, struct kf_tensor *tensor,
                       const struct kf_legacy_group *group, const char *name)
{
    struct kf_arena *arena = loose->model->arena;
    const char *path = kf_arena_printf(arena, "%s/%s", group->path, name);
    struct kf_payload *payload = kf_arena_alloc(arena, sizeof(*payload));

    tensor->source = name;
    tensor->dataset = kf_arena_strndup(arena, name, strlen(name) - (kf_ends(name, ":0") ? 2 : 0));
    tensor->variable = tensor->dataset;
    tensor->trainable = true;
    tensor->payload = payload;
    if (!path || !payload || !tensor->dataset)
        return no_memory(loose);
    return kf_h5_payload(loose->h5, path, arena, payload, loose->rep);
}

static int take_group(struct loose *loose, struct kf_loose **out,
                      const struct kf_legacy_group *group)
{
    struct kf_arena *arena = loose->model->arena;
    struct kf_loose *taken = kf_arena_alloc(arena, sizeof(*taken));

    if (taken)
        taken->tensors = kf_arena_alloc(arena, (group->n + 1) * sizeof(*taken->tensors));
    if (!taken || !taken->tensors)
        return no_memory(loose);
    taken->name = taken->layer = group->name;
    for (size_t i = 0; i < group->n; i++)
        KF_TRY(take_weight(loose, &taken->tensors[taken->n_tensors++], group, group->weights[i]));
    *out = taken;
    return 0;
}

int kf_legacy_loose(struct kf_model *model, struct kf_h5 *h5, const struct kf_legacy_group *groups,
                    size_t n, struct kf_report *rep)
{
    struct loose loose = {.model = model, .h5 = h5, .rep = rep};
    struct kf_loose *all = kf_arena_alloc(model->arena, sizeof(*all));

    if (all)
        all->below = kf_arena_alloc(model->arena, (n + 1) * sizeof(struct kf_loose *));
    if (!all || !all->below)
        return no_memory(&loose);
    all->name = "";
    for (size_t i = 0; i < n; i++)
        KF_TRY(take_group(&loose, &all->below[all->n_below++], &groups[i]));
    model->loose = all;
    model->dialect = KF_DIALECT_KERAS2;
    return 0;
}
