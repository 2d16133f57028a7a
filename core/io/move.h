/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_MOVE_H
#define KF_IO_MOVE_H

#include "../model/tensor.h"
#include "sink.h"
#include <kf/options.h>

/* Takes payloads to their places in a file, a piece at a time. */
struct kf_mover {
    struct kf_sink to;
    char *piece;      /* owned, made when it is needed */
    uint64_t started; /* bytes of `to` that kf_sink_start() has been told of */
};

/**
 * Write the bytes of `payload` at `at` of mover->to, which is at most one pass over them: by the
 * kernel when nobody wants to see them, else hashed on the way. Hashes what was read, too, where
 * that is another payload (the root). Tells the progress of both.
 *
 * `row` may be NULL; else its checksums are filled as `checksum` says, and its histograms where the
 * report wants some and the payload is another than its root. `where` is what a failure is told
 * of: the dataset's path.
 *
 * Limits: at most KF_MOVE_PIECE bytes in memory.
 * Outcomes: what pulling reports, WRITE_FAILED, NO_MEMORY.
 */
int kf_move(struct kf_mover *mover, const struct kf_payload *payload, uint64_t at,
            enum kf_checksum_kind checksum, struct kf_tensor_report *row, const char *where,
            struct kf_report *rep);
#define KF_MOVE_PIECE ((size_t)1 << 18)

void kf_mover_finish(struct kf_mover *mover); /* leaves the sink open */

#endif
