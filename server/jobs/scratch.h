/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_SCRATCH_H
#define KF_SERVER_SCRATCH_H

#include "auto.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The disk that jobs may use: a folder of this process inside KFERRY_SCRATCH_DIR, and a budget.
 *
 *   <scratch>/lock           held while folders are made or swept
 *   <scratch>/run-XXXXXX/    one a running service, with its own lock held as long as it lives
 *   <scratch>/run-XXXXXX/job-XXXXXX/
 *
 * A run whose lock nobody holds is an orphan of a service that was killed, and is swept.
 */
struct scratch;

/** Open the scratch folder, sweep orphans and make this run's folder; NULL with errno. */
struct scratch *scratch_open(const char *dir, uint64_t max);

/** Remove this run's folder and all in it. */
void scratch_destroy(struct scratch *scratch);
KF_DEFINE_AUTO(scratch)

/** This run's folder, absolute. */
const char *scratch_dir(const struct scratch *scratch);

/** How many orphans of earlier runs were swept at the start. */
unsigned scratch_swept(const struct scratch *scratch);

/** Set `bytes` aside; false when neither the budget nor the file system has that much. */
bool scratch_reserve(struct scratch *scratch, uint64_t bytes);
void scratch_release(struct scratch *scratch, uint64_t bytes);

/**
 * Hold a file whose folder is removed before it is dropped. To free gigabytes takes its time, which
 * then nobody waits for but who needs the room. A descriptor, or -1.
 */
int scratch_hold(struct scratch *scratch, const char *dir, const char *name);
void scratch_drop(struct scratch *scratch, int fd);

/** Count bytes that are on the disk already, whatever the budget says. */
void scratch_count(struct scratch *scratch, uint64_t bytes);

uint64_t scratch_used(const struct scratch *scratch);
uint64_t scratch_max(const struct scratch *scratch);

#endif
