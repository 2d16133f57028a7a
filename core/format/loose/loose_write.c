/* SPDX-License-Identifier: Apache-2.0 */
#include "loose_write.h"
#include "../../io/h5/h5.h"
#include "../tensor_rows.h"
#include "loose_names.h"

struct out {
    struct kf_model *model;
    const struct kf_options *options;
    struct kf_report *rep;
    struct kf_h5_out *h5;
    size_t row; /* next one of the report's table */
};

static int no_memory(struct out *out)
{
    return kf_report_add(out->rep, KF_NO_MEMORY, "", "out of memory");
}

/* Call visit with each group and its path in the target, which is "" for the root. */
static int each_group(struct out *out, struct kf_loose *loose, const char *path,
                      int (*visit)(struct out *out, struct kf_loose *loose, const char *path))
{
    KF_TRY(visit(out, loose, path));
    for (size_t i = 0; i < loose->n_below; i++) {
        const char *below = kf_arena_printf(out->model->arena, "%s%s%s", path, *path ? "/" : "",
                                            loose->below[i]->target);

        if (!below)
            return no_memory(out);
        KF_TRY(each_group(out, loose->below[i], below, visit));
    }
    return 0;
}

/* "layers/dense/vars/0" */
static const char *target_of(struct out *out, const struct kf_tensor *tensor, const char *path)
{
    return kf_arena_printf(out->model->arena, "%s%svars/%s", path, *path ? "/" : "",
                           tensor->dataset);
}

static int plan_group(struct out *out, struct kf_loose *loose, const char *path)
{
    for (size_t i = 0; i < loose->n_tensors; i++) {
        const struct kf_tensor *tensor = &loose->tensors[i];
        const char *target = target_of(out, tensor, path);

        if (!target)
            return no_memory(out);
        KF_TRY(kf_tensor_row(out->rep, tensor, loose->layer ? loose->layer : path, target));
    }
    out->rep->n_layers += loose->n_tensors > 0;
    return 0;
}

int kf_loose_plan(struct kf_model *model, int keras, const struct kf_options *options,
                  struct kf_report *rep)
{
    struct out out = {.model = model, .options = options, .rep = rep};

    KF_TRY(kf_loose_names(model, keras, options, rep));
    return each_group(&out, model->loose, "", plan_group);
}

static int write_tensor(struct out *out, const struct kf_tensor *tensor, const char *path)
{
    struct kf_report *rep = out->rep;
    const char *target = target_of(out, tensor, path);
    struct kf_tensor_report *row = out->row < rep->n_tensors ? &rep->tensors[out->row] : NULL;

    out->row++;
    if (!target || !(target = kf_arena_printf(out->model->arena, "/%s", target)))
        return no_memory(out);
    return kf_h5_out_payload(out->h5, target, tensor->payload, out->options->checksum, row, rep);
}

/* Keras 2 looks for "vars" of the root, which therefore is always there. */
static int write_group(struct out *out, struct kf_loose *loose, const char *path)
{
    const char *vars = kf_arena_printf(out->model->arena, "%s%s/vars", *path ? "/" : "", path);

    if (!vars)
        return no_memory(out);
    if (!loose->has_vars && *path)
        return 0;
    KF_TRY(kf_h5_out_group(out->h5, vars, out->rep));
    if (loose->layer)
        KF_TRY(kf_h5_out_attr_text(out->h5, vars, "name", loose->layer, out->rep));
    for (size_t i = 0; i < loose->n_tensors; i++)
        KF_TRY(write_tensor(out, &loose->tensors[i], path));
    return 0;
}

int kf_loose_write(const char *path, struct kf_model *model, const struct kf_options *options,
                   struct kf_report *rep)
{
    KF_AUTO(kf_h5_out) h5 = NULL;
    struct out out = {.model = model, .options = options, .rep = rep};

    KF_TRY(kf_h5_create(&h5, path, rep));
    out.h5 = h5;
    KF_TRY(each_group(&out, model->loose, "", write_group));
    return kf_h5_out_close(h5, rep);
}
