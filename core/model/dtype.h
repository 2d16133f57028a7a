/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_MODEL_DTYPE_H
#define KF_MODEL_DTYPE_H

#include <stddef.h>
#include <stdint.h>

enum kf_dtype {
    KF_DTYPE_NONE,
    KF_DTYPE_FLOAT16,
    KF_DTYPE_BFLOAT16,
    KF_DTYPE_FLOAT32,
    KF_DTYPE_FLOAT64,
    KF_DTYPE_INT8,
    KF_DTYPE_INT16,
    KF_DTYPE_INT32,
    KF_DTYPE_INT64,
    KF_DTYPE_UINT8,
    KF_DTYPE_UINT16,
    KF_DTYPE_UINT32,
    KF_DTYPE_UINT64,
    KF_DTYPE_BOOL,
    KF_DTYPE_COUNT,
    KF_DTYPE_STRING = KF_DTYPE_COUNT, /* between layers alone, as the next: no weight has it */
    KF_DTYPE_COMPLEX64
};

size_t kf_dtype_size(enum kf_dtype dtype);      /* bytes */
const char *kf_dtype_name(enum kf_dtype dtype); /* "float32", as NumPy and Keras say it */

#endif
