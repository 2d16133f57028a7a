/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_CGROUP_H
#define KF_SERVER_CGROUP_H

#include <stdint.h>

/* What the container, or the service's unit, may use. */
struct cgroup_limits {
    double processors; /* 0: no limit */
    uint64_t memory;   /* bytes; 0: no limit */
};

/**
 * Read the limits of this process's cgroup (version 2) and of all around it; the tightest counts.
 *
 * `root` is "" but in tests: where /proc and /sys are.
 */
void cgroup_read(struct cgroup_limits *out, const char *root);

#endif
