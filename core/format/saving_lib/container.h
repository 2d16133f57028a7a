/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_CONTAINER_H
#define KF_FORMAT_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>

/* The group that a release keeps a model's layers in: a row of saving_lib.def. */
struct kf_container {
    const char *group;
    bool doubled;    /* a layer with weights counts twice in the names of the members */
    int first, last; /* releases as KF_KERAS() numbers */
    const char *who, *name;
};

/** All of them, from the oldest on. */
const struct kf_container *kf_containers(size_t *n);

/** The container that a release writes; NULL for one that has no row. */
const struct kf_container *kf_container_of(int keras);

#endif
