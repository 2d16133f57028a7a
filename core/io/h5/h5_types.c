/* SPDX-License-Identifier: Apache-2.0 */
#include "h5_types.h"
#include <stdbool.h>

/*
 * Datatypes as h5py writes those of NumPy, version 1: class and version, three bytes of bits, size
 * 4, properties.
 *
 *   integer 0   bits: 0x08 is signed; bit offset 2, precision 2
 *   float 1     bits: 0x20 is an implied leading bit of the mantissa, the sign's place; bit offset
 *               2, precision 2, place and size of exponent and mantissa 1 each, bias 4
 *   opaque 5    no tag
 *   enum 8      bits: number of members; int8, names, values
 *
 * Source: HDF5 File Format Specification 3.0, IV.A.2.d
 */
#define INTEGER(signed_, size)                                                                     \
    {                                                                                              \
        16,                                                                                        \
        {                                                                                          \
            0x10, (signed_) ? 0x08 : 0, 0, 0, (size), 0, 0, 0, 0, 0, (size)*8                      \
        }                                                                                          \
    }

static const struct kf_h5_type_bytes types[KF_DTYPE_COUNT] = {
    [KF_DTYPE_FLOAT16] = {24, {0x11, 0x20, 15, 0, 2, 0, 0, 0, 0, 0, 16, 0, 10, 5, 0, 10, 15}},
    [KF_DTYPE_BFLOAT16] = {8, {0x15, 0, 0, 0, 2}},
    [KF_DTYPE_FLOAT32] = {24, {0x11, 0x20, 31, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127}},
    [KF_DTYPE_FLOAT64] = {24,
                          {0x11, 0x20, 63, 0, 8, 0, 0, 0, 0, 0, 64, 0, 52, 11, 0, 52, 0xff, 0x03}},
    [KF_DTYPE_INT8] = INTEGER(true, 1),
    [KF_DTYPE_INT16] = INTEGER(true, 2),
    [KF_DTYPE_INT32] = INTEGER(true, 4),
    [KF_DTYPE_INT64] = INTEGER(true, 8),
    [KF_DTYPE_UINT8] = INTEGER(false, 1),
    [KF_DTYPE_UINT16] = INTEGER(false, 2),
    [KF_DTYPE_UINT32] = INTEGER(false, 4),
    [KF_DTYPE_UINT64] = INTEGER(false, 8),
    [KF_DTYPE_BOOL] = {40, {0x18, 2, 0,   0,   1,   0,   0, 0,   0x10, 0x08, 0,   0,   1,
                            0,    0, 0,   0,   0,   8,   0, 'F', 'A',  'L',  'S', 'E', 0,
                            0,    0, 'T', 'R', 'U', 'E', 0, 0,   0,    0,    0,   1}},
};

const struct kf_h5_type_bytes *kf_h5_type_bytes(enum kf_dtype dtype)
{
    return &types[dtype];
}
