/* SPDX-License-Identifier: Apache-2.0 */
#include "keras1_numbered.h"

struct numbered {
    struct kf_model *model;
    struct kf_h5 *h5;
    const char *root;
    struct kf_report *rep;
};

static int no_memory(struct numbered *numbered)
{
    return kf_report_add(numbered->rep, KF_NO_MEMORY, "", "out of memory");
}

/* How many there are of <above><number> from 0 on. */
static int count(struct numbered *numbered, const char *above, size_t *n)
{
    for (*n = 0;; ++*n) {
        const char *path = kf_arena_printf(numbered->model->arena, "%s%zu", above, *n);

        if (!path)
            return no_memory(numbered);
        if (!kf_h5_has(numbered->h5, path))
            return 0;
    }
}

static int read_group(struct numbered *numbered, struct kf_legacy_group *group, size_t number)
{
    struct kf_arena *arena = numbered->model->arena;
    const char *params = kf_arena_printf(arena, "%s/layer_%zu/param_", numbered->root, number);

    group->name = kf_arena_printf(arena, "layer_%zu", number);
    group->path = numbered->root;
    if (!params || !group->name)
        return no_memory(numbered);
    KF_TRY(count(numbered, params, &group->n));
    group->weights = kf_arena_alloc(arena, (group->n + 1) * sizeof(*group->weights));
    for (size_t i = 0; group->weights && i < group->n; i++)
        if (!(group->weights[i] = kf_arena_printf(arena, "%s/param_%zu", group->name, i)))
            return no_memory(numbered);
    return group->weights ? 0 : no_memory(numbered);
}

int kf_keras1_numbered(struct kf_legacy_group **out, size_t *n_out, struct kf_model *model,
                       struct kf_h5 *h5, const char *root, struct kf_report *rep)
{
    struct numbered numbered = {.model = model, .h5 = h5, .root = root, .rep = rep};
    const char *layers = kf_arena_printf(model->arena, "%s/layer_", root);

    if (!layers)
        return no_memory(&numbered);
    KF_TRY(count(&numbered, layers, n_out));
    *out = kf_arena_alloc(model->arena, (*n_out + 1) * sizeof(**out));
    if (!*out)
        return no_memory(&numbered);
    for (size_t i = 0; i < *n_out; i++)
        KF_TRY(read_group(&numbered, &(*out)[i], i));
    return 0;
}
