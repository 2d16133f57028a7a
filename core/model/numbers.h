/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_MODEL_NUMBERS_H
#define KF_MODEL_NUMBERS_H

#include "dtype.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One little-endian element as a number, at any alignment. */
bool kf_number_is_float(enum kf_dtype dtype);
double kf_number_read(enum kf_dtype dtype, const void *from);      /* floating point dtypes */
void kf_number_write(enum kf_dtype dtype, void *to, double value); /* rounds to nearest even */
/** Multiply `n` elements of a floating point dtype, each rounded once. */
void kf_numbers_scale(enum kf_dtype dtype, void *values, size_t n, double factor);
int64_t kf_number_read_int(enum kf_dtype dtype, const void *from); /* integer dtypes */

#endif
