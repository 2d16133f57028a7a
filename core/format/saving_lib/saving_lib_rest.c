/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "saving_lib_private.h"

static const struct {
    const char *group, *what, *name;
} states[] = {
#define KF_STATE(group, what) {group, what, "state:" group},
#include "saving_lib.def"
};
#define N_STATES (sizeof(states) / sizeof(states[0]))

/* The first dataset at `path` or below, or the first that no tensor got; else `*out` stays. */
static int find_dataset(struct kf_saving_lib *lib, const char *path, bool left, const char **out)
{
    const char **names;
    size_t n;

    if (!kf_h5_has(lib->h5, path))
        return 0;
    if (!kf_h5_is_group(lib->h5, path)) {
        if (!left || !json_object_get(lib->taken, path))
            *out = path;
        return 0;
    }
    KF_TRY(kf_h5_children(lib->h5, path, lib->model->arena, &names, &n, lib->rep));
    for (size_t i = 0; i < n && !*out; i++) {
        const char *below = kf_saving_lib_join(lib, path, names[i]);

        if (!below)
            return -KF_NO_MEMORY;
        KF_TRY(find_dataset(lib, below, left, out));
    }
    return 0;
}

int kf_saving_lib_holds(struct kf_saving_lib *lib, const char *path, bool *out)
{
    const char *found = NULL;

    KF_TRY(find_dataset(lib, path, false, &found));
    *out = found != NULL;
    return 0;
}

static int refuse(struct kf_saving_lib *lib, const char *left)
{
    return kf_report_add(lib->rep, KF_WEIGHT_COUNT, "",
                         "the file has %s, which no layer of the config takes", left);
}

/* A group of the root beside the layers, in which a dataset was left. */
static int judge_group(struct kf_saving_lib *lib, const char *group, const char *left)
{
    if (kf_streq(group, "optimizer")) {
        lib->model->has_optimizer_state = true;
        return 0;
    }
    if (kf_streq(group, "vars"))
        return kf_report_add(lib->rep, KF_CUSTOM_CLASS, "",
                             "the model object has weights of its own, the first is %s: a model "
                             "defined by Python code",
                             left);
    for (size_t i = 0; i < N_STATES; i++)
        if (kf_streq(states[i].group, group)) {
            kf_report_rule(lib->rep, states[i].name);
            return kf_report_add(lib->rep, KF_EXTRA_DROPPED, "", "%s is left out", states[i].what);
        }
    return refuse(lib, left);
}

int kf_saving_lib_check_rest(struct kf_saving_lib *lib)
{
    const char **names;
    size_t n;

    KF_TRY(kf_h5_children(lib->h5, *lib->root ? lib->root : "/", lib->model->arena, &names, &n,
                          lib->rep));
    for (size_t i = 0; i < n; i++) {
        const char *path = kf_saving_lib_join(lib, lib->root, names[i]), *left = NULL;

        if (!path)
            return -KF_NO_MEMORY;
        KF_TRY(find_dataset(lib, path, true, &left));
        if (left)
            KF_TRY(judge_group(lib, names[i], left));
    }
    return 0;
}
