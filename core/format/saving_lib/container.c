/* SPDX-License-Identifier: Apache-2.0 */
#include "container.h"
#include "../release.h"

static const struct kf_container containers[] = {
#define KF_CONTAINER(name, group, doubled, first, last, who)                                       \
    {group, doubled, first, last, who, "container:" name},
#include "saving_lib.def"
};
#define N_CONTAINERS (sizeof(containers) / sizeof(containers[0]))

const struct kf_container *kf_containers(size_t *n)
{
    *n = N_CONTAINERS;
    return containers;
}

const struct kf_container *kf_container_of(int keras)
{
    for (size_t i = 0; i < N_CONTAINERS; i++)
        if (keras >= containers[i].first && keras <= containers[i].last)
            return &containers[i];
    return NULL;
}
