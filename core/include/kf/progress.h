/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_PROGRESS_H
#define KF_PROGRESS_H

#include <kf/report.h>
#include <stdint.h>

enum kf_phase {
    KF_PHASE_READ,  /* the input is looked at */
    KF_PHASE_ADAPT, /* the model is brought into the target's words */
    KF_PHASE_WRITE, /* tensors move */
    KF_PHASE_FINISH /* the result is put in its place */
};

/*
 * How far a conversion has come. The caller makes it and points options.progress at it; the core
 * counts in it and calls `tell` after each change, many times a second and in the same thread.
 */
struct kf_progress {
    void (*tell)(const struct kf_progress *progress);
    void *cls; /* the caller's */
    enum kf_phase phase;
    uint64_t bytes_done, bytes_total; /* of payloads; the totals are 0 before KF_PHASE_WRITE */
    uint64_t tensors_done, tensors_total;
};

/* For the core: each counts in the progress that `rep` carries, if there is one. */
void kf_progress_phase(const struct kf_report *rep, enum kf_phase phase);
/** A piece of a tensor has been written; of 0 bytes: the work goes on. */
void kf_progress_bytes(const struct kf_report *rep, uint64_t n);
/** All of a tensor has been written. */
void kf_progress_tensor(const struct kf_report *rep);

const char *kf_phase_name(enum kf_phase phase); /* "read", "adapt", "write", "finish" */

#endif
