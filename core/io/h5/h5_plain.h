/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_H5_PLAIN_H
#define KF_IO_H5_PLAIN_H

#include "h5_private.h"
#include "h5_types.h"

/*
 * Most files have groups and datasets of the oldest and simplest form alone, of which HDF5's
 * library takes about 50 microseconds for each to open. What these hold is read here as it lies in
 * the file; whatever is not exactly of that form is left to the library, to read it or to refuse
 * it.
 */

/** Take notice of a message of the object's header. */
void kf_h5_plain_see(struct kf_h5_plain *plain, unsigned type, unsigned flags, const char *p,
                     size_t n);
bool kf_h5_plain_group(const struct kf_h5_plain *plain);
bool kf_h5_plain_dataset(const struct kf_h5_plain *plain);

/**
 * h5_symbols.c: tell each member of a plain group, in the order of names.
 *
 * Returns 0; 1 when only the library can judge what there is, after members may have been told;
 * less than 0 as `member` does, which ends it.
 */
struct kf_h5_teller {
    int (*member)(void *context, const char *name, uint64_t address);
    void *context;
};
int kf_h5_symbols(struct kf_h5 *h5, const struct kf_h5_plain *plain,
                  const struct kf_h5_teller *teller, struct kf_report *rep);

#endif
