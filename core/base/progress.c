/* SPDX-License-Identifier: Apache-2.0 */
#include <kf/progress.h>

static void tell(const struct kf_progress *progress)
{
    if (progress->tell)
        progress->tell(progress);
}

void kf_progress_phase(const struct kf_report *rep, enum kf_phase phase)
{
    if (!rep->progress)
        return;
    rep->progress->phase = phase;
    tell(rep->progress);
}

void kf_progress_bytes(const struct kf_report *rep, uint64_t n)
{
    if (!rep->progress)
        return;
    rep->progress->bytes_done += n;
    tell(rep->progress);
}

void kf_progress_tensor(const struct kf_report *rep)
{
    if (!rep->progress)
        return;
    rep->progress->tensors_done++;
    tell(rep->progress);
}

const char *kf_phase_name(enum kf_phase phase)
{
    static const char *const names[] = {
        [KF_PHASE_READ] = "read",
        [KF_PHASE_ADAPT] = "adapt",
        [KF_PHASE_WRITE] = "write",
        [KF_PHASE_FINISH] = "finish",
    };

    return names[phase];
}
