/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_READER_H
#define KF_FORMAT_READER_H

#include "../model/model.h"
#include "kind.h"
#include <kf/format.h>

/* A format that is read. Its file ends with the one `const struct kf_reader` and registry.c lists
 * it. */
struct kf_reader {
    const struct kf_format_info *info; /* its row in info.c */
    enum kf_kind_id kind;              /* what detection must have found */
    size_t state_size;                 /* zeroed bytes the core allocates for read() */

    /* Fill `model` with the graph and the tensors. Payloads stay in the file and are pulled
     * later, so handles are kept in `state`. */
    int (*read)(struct kf_model *model, void *state, const struct kf_options *options,
                struct kf_report *rep);

    /* Check what only reading everything tells, when what is wanted has been read; the rest is read
     * now. NULL: nothing to check. */
    int (*verify)(void *state, struct kf_report *rep);

    /* Called exactly once, by kf_model_destroy(), after a failed read() too. NULL: all that
     * it holds stands in the model's arena. */
    void (*close)(void *state);
};

#endif
