/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_WORKER_SANDBOX_H
#define KF_WORKER_SANDBOX_H

#include "../jobs/job.h"
#include <stdbool.h>

/*
 * What a worker may still do once it has looked at its order and before it looks at the input:
 * read descriptors 3 and up, read and write files of its own folder, and compute. See README.md.
 */
struct sandbox {
    int landlock; /* version of the kernel's interface, 0 when there is none */
    bool root;    /* in place of Landlock: its folder is all of the file system that it sees */
    bool seccomp;
    bool relaxed; /* a sanitizer build, which cannot live in the whole of it */
};

/**
 * Give up every right that a conversion does not need; there is no way back.
 *
 * `folder` is a descriptor of the folder that stays usable, or -1 for none at all.
 * Outcomes: 0, or -1 when `mode` is SANDBOX_REQUIRE and a part cannot be had.
 */
int sandbox_enter(struct sandbox *out, enum sandbox_mode mode, int folder);

/** Do of sandbox_enter() what is the same for every worker, for this process and those forked off.
 */
void sandbox_prepare(void);

/** Set the rlimits; a member that is 0 sets none. -1 when the kernel refused. */
int sandbox_limit(const struct job_limits *limits);

/** Die with the process `parent`; -1 when it is gone already. 0 stands for any. */
int sandbox_follow(int parent);

/** "landlock-6+seccomp", "chroot+seccomp", "none": what was obtained, static. */
const char *sandbox_level(const struct sandbox *sandbox);

/** What could not be had, "landlock, seccomp", or "". */
const char *sandbox_missing(const struct sandbox *sandbox);

/* The two halves, landlock.c and seccomp.c; 0 or false when the kernel has no such thing. */
int sandbox_landlock(int folder, bool relaxed);
bool sandbox_seccomp(void);

#endif
