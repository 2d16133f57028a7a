/* SPDX-License-Identifier: Apache-2.0 */
#include "loose_names.h"
#include "../../base/str.h"
#include "../saving_lib/container.h"
#include <stdlib.h>
#include <string.h>

struct naming {
    struct kf_model *model;
    int keras;
    const struct kf_container *container; /* the target's */
    const struct kf_options *options;
    struct kf_report *rep;
};

/* Attributes that were private until a release made them public. */
static const struct attribute {
    const char *owner, *shown, *hidden;
    int since;
} attributes[] = {
    {"multi_head_attention", "query_dense", "_query_dense", KF_KERAS(3, 0, 3)},
    {"multi_head_attention", "key_dense", "_key_dense", KF_KERAS(3, 0, 3)},
    {"multi_head_attention", "value_dense", "_value_dense", KF_KERAS(3, 0, 3)},
    {"multi_head_attention", "output_dense", "_output_dense", KF_KERAS(3, 0, 3)},
};

/* The group of a model's layers, in any release. */
static bool is_container(const struct kf_loose *loose)
{
    size_t n;
    const struct kf_container *rows = kf_containers(&n);

    for (size_t i = 0; i < n; i++)
        if (strcmp(loose->name, rows[i].group) == 0)
            return true;
    return false;
}

size_t kf_loose_class(const char *name, unsigned long *number_out)
{
    const char *line = strrchr(name, '_');
    char *end = NULL;

    *number_out = 0;
    if (!line || line == name || line[1] < '1' || line[1] > '9')
        return strlen(name);
    *number_out = strtoul(line + 1, &end, 10);
    if (!*end && end - line < 8)
        return (size_t)(line - name);
    *number_out = 0;
    return strlen(name);
}

static bool has_weights(const struct kf_loose *loose)
{
    bool any = loose->n_tensors > 0;

    for (size_t i = 0; i < loose->n_below && !any; i++)
        any = has_weights(loose->below[i]);
    return any;
}

/* Member number `number` of a class in a container, or NULL. */
static struct kf_loose *find_member(const struct kf_loose *container, const char *name, size_t n,
                                    unsigned long number)
{
    for (size_t i = 0; i < container->n_below; i++) {
        unsigned long there;

        if (kf_loose_class(container->below[i]->name, &there) == n && there == number &&
            strncmp(container->below[i]->name, name, n) == 0)
            return container->below[i];
    }
    return NULL;
}

/* How many members of a class count 0, 1, 2, ..., where one with weights counts `step`. */
static size_t count_run(const struct kf_loose *container, const char *name, size_t n, unsigned step)
{
    const struct kf_loose *member;
    unsigned long number = 0;
    size_t found = 0;

    while ((member = find_member(container, name, n, number))) {
        number += has_weights(member) ? step : 1;
        found++;
    }
    return found;
}

static size_t count_class(const struct kf_loose *container, const char *name, size_t n)
{
    size_t count = 0;

    for (size_t i = 0; i < container->n_below; i++) {
        unsigned long number;

        count += kf_loose_class(container->below[i]->name, &number) == n &&
                 strncmp(container->below[i]->name, name, n) == 0;
    }
    return count;
}

static int name_class(struct naming *naming, const struct kf_loose *container, const char *name,
                      size_t n, unsigned step)
{
    struct kf_arena *arena = naming->model->arena;
    unsigned long number = 0, target = 0;
    struct kf_loose *member;

    while ((member = find_member(container, name, n, number))) {
        member->target = target ? kf_arena_printf(arena, "%.*s_%lu", (int)n, name, target)
                                : kf_arena_strndup(arena, name, n);
        if (!member->target)
            return kf_report_add(naming->rep, KF_NO_MEMORY, "", "out of memory");
        number += has_weights(member) ? step : 1;
        target += naming->container->doubled && has_weights(member) ? 2 : 1;
    }
    return 0;
}

/* Layers that a class's own attributes hold are missing among the numbers: from 3.0.3 on every
 * release leaves the same ones out, and a file of 3.0.3 to 3.5 does not show its age. */
static int cannot_count(struct naming *naming, const struct kf_loose *container,
                        struct kf_loose *member, size_t n)
{
    bool maybe = naming->keras >= KF_KERAS(3, 0, 3) &&
                 strcmp(container->name, naming->container->group) == 0;

    member->target = member->name;
    return kf_report_add(
        naming->rep, maybe && naming->options->guess ? KF_FINDING : KF_MAPPING_AMBIGUOUS,
        container->name,
        "the layers %.*s are not numbered one by one, as in a model defined by "
        "Python code: which of them Keras %d.%d calls what is not known%s",
        (int)n, member->name, naming->keras / 10000, naming->keras / 100 % 100,
        maybe ? "; guess=yes keeps the names, which every Keras from 3.0.3 on has" : "");
}

/* From 3.0.3 on every release has the same names; only from 3.6 on a file of weights shows its age,
 * which an archive tells. */
static bool same_names(const struct naming *naming)
{
    return naming->model->keras >= KF_KERAS(3, 0, 3) && naming->keras >= KF_KERAS(3, 0, 3);
}

/* Keras 2.12 and 2.13 count a layer with weights twice; every other release each once. */
static int name_members(struct naming *naming, struct kf_loose *container)
{
    size_t n_rows;
    bool old = strcmp(container->name, kf_containers(&n_rows)->group) == 0;

    for (size_t i = 0; i < container->n_below; i++) {
        const char *name = container->below[i]->name;
        unsigned long number;
        size_t n = kf_loose_class(name, &number), all = count_class(container, name, n);

        if (container->below[i]->target)
            continue;
        if (same_names(naming))
            container->below[i]->target = name;
        else if (count_run(container, name, n, 1) == all)
            KF_TRY(name_class(naming, container, name, n, 1));
        else if (old && count_run(container, name, n, 2) == all)
            KF_TRY(name_class(naming, container, name, n, 2));
        else
            KF_TRY(cannot_count(naming, container, container->below[i], n));
    }
    return 0;
}

/* The target's name of an attribute of a layer whose group is `owner`. */
static const char *name_attribute(const struct naming *naming, const char *owner, const char *name)
{
    unsigned long number;
    size_t n = owner ? kf_loose_class(owner, &number) : 0;

    for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
        const struct attribute *row = &attributes[i];

        if (strlen(row->owner) == n && strncmp(row->owner, owner, n) == 0 &&
            (kf_streq(row->shown, name) || kf_streq(row->hidden, name)))
            return naming->keras >= row->since ? row->shown : row->hidden;
    }
    return name;
}

/* Keras before 3.15 looks for no layers in a list that stands in a list. */
static int check_nested(struct naming *naming, const struct kf_loose *loose)
{
    unsigned long number;
    size_t n = kf_loose_class(loose->name, &number);

    if (naming->keras >= KF_KERAS(3, 15, 0) || n != strlen("container") ||
        !kf_starts(loose->name, "container") || !has_weights(loose))
        return 0;
    return kf_report_add(naming->rep, KF_NO_EQUAL, loose->name,
                         "layers in a list that stands in a list: Keras looks for the weights of "
                         "such from 3.15 on");
}

static int name_below(struct naming *naming, struct kf_loose *loose, const char *owner)
{
    for (size_t i = 0; i < loose->n_below; i++) {
        struct kf_loose *below = loose->below[i];
        bool container = is_container(below);

        if (container) {
            below->target = naming->container->group;
            KF_TRY(name_members(naming, below));
        } else if (!below->target) {
            below->target = name_attribute(naming, owner, below->name);
        }
        KF_TRY(check_nested(naming, below));
        KF_TRY(name_below(naming, below, container ? NULL : below->name));
    }
    return 0;
}

/*
 * Attributes of a model defined by Python code are walked in an order that changed with 2.15 and
 * 3.0.2, and with it which group a layer is found in.
 */
static int check_attributes(struct naming *naming)
{
    const struct kf_loose *root = naming->model->loose;

    for (size_t i = 0; i < root->n_below; i++) {
        if (is_container(root->below[i]))
            continue;
        if (same_names(naming))
            return kf_report_add(naming->rep, KF_FINDING, root->below[i]->name,
                                 "an attribute of a model that Python code defines: its groups are "
                                 "those of every Keras from 3.0.3 on");
        return kf_report_add(naming->rep,
                             naming->options->guess ? KF_FINDING : KF_MAPPING_AMBIGUOUS,
                             root->below[i]->name,
                             "an attribute of a model that Python code defines, whose groups are "
                             "others in 2.15 and in 3.0.0 than later, and the file does not tell "
                             "which wrote it; guess=yes keeps them");
    }
    return 0;
}

int kf_loose_names(struct kf_model *model, int keras, const struct kf_options *options,
                   struct kf_report *rep)
{
    struct naming naming = {.model = model,
                            .keras = keras,
                            .container = kf_container_of(keras),
                            .options = options,
                            .rep = rep};

    model->loose->target = "";
    KF_TRY(name_below(&naming, model->loose, NULL));
    return check_attributes(&naming);
}
