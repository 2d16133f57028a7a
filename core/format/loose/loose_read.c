/* SPDX-License-Identifier: Apache-2.0 */
#include "loose_read.h"
#include "../../base/str.h"
#include <string.h>

struct loose_read {
    struct kf_model *model;
    struct kf_h5 *h5;
    struct kf_report *rep;
    size_t n_weights;
    bool has_names; /* an object has its name beside its variables: from 3.6 on */
};

static int no_memory(struct loose_read *read)
{
    return kf_report_add(read->rep, KF_NO_MEMORY, "", "out of memory");
}

static int read_tensor(struct loose_read *read, struct kf_tensor *tensor, const char *vars,
                       const char *name)
{
    struct kf_arena *arena = read->model->arena;
    struct kf_payload *payload = kf_arena_alloc(arena, sizeof(*payload));
    const char *path = kf_arena_printf(arena, "%s/%s", vars, name);

    if (!payload || !path)
        return no_memory(read);
    KF_TRY(kf_h5_payload(read->h5, path, arena, payload, read->rep));
    *tensor = (struct kf_tensor){.variable = path + 1,
                                 .source = path + 1,
                                 .subpath = "",
                                 .dataset = name,
                                 .trainable = true,
                                 .payload = payload};
    return 0;
}

static int read_vars(struct loose_read *read, struct kf_loose *loose, const char *vars)
{
    struct kf_arena *arena = read->model->arena;
    const char **names;
    size_t n;

    KF_TRY(kf_h5_children(read->h5, vars, arena, &names, &n, read->rep));
    loose->has_vars = true;
    loose->layer = kf_h5_attr_short(read->h5, vars, "name", arena);
    read->has_names = read->has_names || loose->layer;
    read->n_weights += n;
    loose->tensors = kf_arena_alloc(arena, (n + 1) * sizeof(*loose->tensors));
    if (!loose->tensors)
        return no_memory(read);
    for (size_t i = 0; i < n; i++)
        KF_TRY(read_tensor(read, &loose->tensors[loose->n_tensors++], vars, names[i]));
    return 0;
}

/* What stands beside the layers and is no part of what the model computes. */
static bool is_state(struct loose_read *read, const char *path)
{
    if (kf_streq(path, "/optimizer"))
        read->model->has_optimizer_state = true;
    return kf_in_words("/optimizer /metrics", path);
}

static int read_group(struct loose_read *read, struct kf_loose **out, const char *path,
                      const char *name)
{
    struct kf_arena *arena = read->model->arena;
    struct kf_loose *loose = kf_arena_alloc(arena, sizeof(*loose));
    const char **names;
    size_t n;

    KF_TRY(kf_h5_children(read->h5, *path ? path : "/", arena, &names, &n, read->rep));
    if (loose)
        loose->below = kf_arena_alloc(arena, (n + 1) * sizeof(struct kf_loose *));
    if (!loose || !loose->below)
        return no_memory(read);
    loose->name = name;
    for (size_t i = 0; i < n; i++) {
        const char *below = kf_arena_printf(arena, "%s/%s", path, names[i]);

        if (!below)
            return no_memory(read);
        if (!kf_h5_is_group(read->h5, below))
            return kf_report_add(read->rep, KF_CORRUPT, below, "a dataset outside of vars");
        if (strcmp(names[i], "vars") == 0)
            KF_TRY(read_vars(read, loose, below));
        else if (!is_state(read, below))
            KF_TRY(read_group(read, &loose->below[loose->n_below++], below, names[i]));
    }
    *out = loose;
    return 0;
}

/* Keras 3 counts the learning rate, one number, among an optimizer's variables; Keras 2 does not.
 */
static bool counts_learning_rate(struct loose_read *read)
{
    struct kf_payload payload;
    struct kf_report ignored;
    bool found;

    kf_report_init(&ignored);
    found =
        kf_h5_has(read->h5, "/optimizer/vars/2") &&
        kf_h5_payload(read->h5, "/optimizer/vars/1", read->model->arena, &payload, &ignored) >= 0 &&
        payload.rank == 0 && payload.dtype == KF_DTYPE_FLOAT32;
    kf_report_finish(&ignored);
    return found;
}

static void tell_generation(struct loose_read *read)
{
    struct kf_model *model = read->model;

    model->keras = read->has_names ? KF_KERAS(3, 6, 0) : 0;
    model->dialect = KF_DIALECT_KERAS2;
    if (kf_h5_is_group(read->h5, "/_layer_checkpoint_dependencies"))
        kf_report_evidence(read->rep, "weights are grouped as by Keras 2.12-2.14");
    else if (read->has_names)
        kf_report_evidence(read->rep, "its groups name their layers, as Keras does from 3.6 on");
    else if (counts_learning_rate(read))
        kf_report_evidence(read->rep, "its optimizer counts the learning rate, as in Keras 3");
    else
        model->unsure = true;
    if (!model->unsure && !kf_h5_is_group(read->h5, "/_layer_checkpoint_dependencies"))
        model->dialect = KF_DIALECT_KERAS3;
}

int kf_loose_read(struct kf_model *model, struct kf_h5 *h5, struct kf_report *rep)
{
    struct loose_read read = {.model = model, .h5 = h5, .rep = rep};
    int split = kf_h5_split_names(h5, rep);

    if (split < 0)
        return split;
    if (split)
        kf_report_evidence(rep, "groups are named with backslashes, as Windows does");
    KF_TRY(read_group(&read, &model->loose, "", ""));
    tell_generation(&read);
    if (!read.n_weights)
        kf_report_add(rep, KF_FINDING, "",
                      "the file has no weights: the model has none, or Keras did not find its "
                      "layers when it saved them");
    return 0;
}
