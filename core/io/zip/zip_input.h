/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_ZIP_INPUT_H
#define KF_IO_ZIP_INPUT_H

#include "../source.h"
#include <zip.h>

/* The input as libzip reads it: a position in the source, and what went wrong last. */
struct kf_zip_input {
    struct kf_source src;
    uint64_t at;
    zip_error_t error;
};

/** Let libzip read the archive in `src` by `input`, which outlives it. CORRUPT, NO_MEMORY. */
int kf_zip_input_open(zip_t **out, struct kf_zip_input *input, const struct kf_source *src,
                      struct kf_report *rep);

#endif
