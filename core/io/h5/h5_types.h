/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_H5_TYPES_H
#define KF_IO_H5_TYPES_H

#include "../../model/dtype.h"
#include <stdint.h>

/* What reading and writing HDF5 have in common. */
#define KF_H5_UNDEFINED UINT64_MAX /* an address of nothing */

/* The datatype message of a dtype in h5py's files and in ours (h5_types.c), a multiple of 8. */
struct kf_h5_type_bytes {
    unsigned n;
    unsigned char bytes[40];
};
const struct kf_h5_type_bytes *kf_h5_type_bytes(enum kf_dtype dtype);

#endif
