/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_NPY_H
#define KF_IO_NPY_H

#include "../../base/arena.h"
#include "../../model/tensor.h"
#include "../source.h"

/*
 * Reading .npy: a magic, a version, the length of a header, which is the text of a Python
 * dictionary {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }, and the elements. An
 * array of objects is a pickle, which is never undone.
 *
 * Source: numpy/lib/format.py (1.26)
 */

/**
 * The array in `src`, which lives as long as the payload, row-major and little-endian whatever the
 * file has; in the arena.
 *
 * Limits: a header of 64 KiB, KF_RANK_MAX axes; column-major order up to 5 of them.
 * Outcomes: CORRUPT, UNSAFE for a pickle, VALUE_NO_EQUAL for elements that are no weights,
 * TOO_LARGE, NO_MEMORY.
 */
int kf_npy_payload(const struct kf_payload **out, const struct kf_source *src,
                   struct kf_arena *arena, struct kf_report *rep);

#endif
