/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_NPY_H
#define KF_IO_NPY_H

#include "../../base/arena.h"
#include "../../model/tensor.h"
#include "../source.h"

/*
 * An .npy: a magic, a version, the length of a header, which is the text of a Python
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

/* Room for what kf_npy_header() writes. */
#define KF_NPY_HEADER_MAX 1024

/**
 * What stands in front of a payload's bytes in an .npy, of version 1.0: how many bytes, a multiple
 * of 64. bfloat16, which NumPy has not, is of two bytes without a type, as ml_dtypes saves it.
 */
size_t kf_npy_header(char out[KF_NPY_HEADER_MAX], const struct kf_payload *payload);

#endif
