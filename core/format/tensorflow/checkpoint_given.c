/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoint_bind.h"
#include "checkpoint_models.h"
#include "checkpoint_optimizer.h"

/* That several models fit: a network and a copy of it that training moves after it. */
static int report_several(const struct kf_checkpoint_roots *fit, bool guess, struct kf_report *rep)
{
    struct kf_buf names = {.max = 2048};
    int r;

    kf_checkpoint_models_name(fit, &names);
    r = kf_report_add(rep, guess ? KF_FINDING : KF_MAPPING_AMBIGUOUS, "",
                      guess
                          ? "%zu models of the checkpoint fit the architecture (%s): by guess=yes "
                            "the first was taken"
                          : "%zu models of the checkpoint fit the architecture (%s): guess=yes "
                            "takes the first",
                      fit->n, names.n ? names.data : "");
    kf_buf_finish(&names);
    return r;
}

/* The only model, or the one of several that the architecture fits; -1 where there is none. */
static int choose(int *root, struct kf_checkpoint *cp, struct kf_model *model,
                  const struct kf_checkpoint_roots *roots, const struct kf_options *options,
                  struct kf_report *rep)
{
    struct kf_checkpoint_roots fit = {0};

    *root = roots->n ? roots->items[0].node : -1;
    if (roots->n < 2)
        return 0;
    fit.items = kf_arena_alloc(model->arena, roots->n * sizeof(*fit.items));
    if (!fit.items)
        return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
    for (size_t i = 0; i < roots->n; i++)
        if (kf_checkpoint_fits(cp, model, roots->items[i].node))
            fit.items[fit.n++] = roots->items[i];
    if (fit.n)
        *root = fit.items[0].node;
    return fit.n > 1 ? report_several(&fit, options->guess, rep) : 0;
}

/* What the architecture was compiled with: a checkpoint itself does not say of which optimizer. */
static void take_training(struct kf_model *model)
{
    if (!model->training && model->architecture && model->architecture->training)
        model->training = json_incref(model->architecture->training);
}

int kf_checkpoint_bind_given(struct kf_checkpoint *cp, struct kf_model *model,
                             const struct kf_options *options, struct kf_report *rep)
{
    bool keras3 = model->dialect == KF_DIALECT_KERAS3;
    struct kf_checkpoint_roots roots;
    int root, optimizer;

    if (model->dialect == KF_DIALECT_KERAS1)
        return kf_report_add(rep, KF_ARCHITECTURE_MISSING, "",
                             "the architecture is of Keras 1, which wrote no such checkpoints");
    KF_TRY(kf_checkpoint_models(&roots, cp, model->arena, rep));
    KF_TRY(choose(&root, cp, model, &roots, options, rep));
    if (root < 0 || keras3 != kf_checkpoint_is_keras3(cp, root))
        return kf_checkpoint_bind_names(cp, model, rep);
    KF_TRY(kf_checkpoint_bind(cp, model, root, NULL, rep));
    optimizer = kf_checkpoint_optimizer_of(cp, model, root, roots.n < 2);
    if (optimizer >= 0)
        take_training(model);
    return kf_checkpoint_optimizer(cp, model, optimizer, rep);
}
