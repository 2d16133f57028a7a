/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_WORKER_TELL_H
#define KF_WORKER_TELL_H

#include <kf/progress.h>

/**
 * Tell the service how far the conversion has come: kf_progress.tell of a worker.
 *
 * Overwrites the record of ../progress.h in the folder the process stands in, a few times a
 * second; does nothing where that file is not there.
 */
void tell_progress(const struct kf_progress *progress);

/** Tell it that all is done, with the exit status that follows. */
void tell_end(int status);

#endif
