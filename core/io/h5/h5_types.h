/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_H5_TYPES_H
#define KF_IO_H5_TYPES_H

#include "../../model/dtype.h"
#include <stdint.h>

/* What reading and writing HDF5 have in common. */
#define KF_H5_UNDEFINED UINT64_MAX /* an address of nothing */

/* Messages of object headers. Source: HDF5 File Format Specification 3.0, IV.A.2 */
#define KF_H5_MESSAGE_NIL       0x00
#define KF_H5_MESSAGE_SPACE     0x01
#define KF_H5_MESSAGE_TYPE      0x03
#define KF_H5_MESSAGE_FILL      0x05
#define KF_H5_MESSAGE_LINK      0x06
#define KF_H5_MESSAGE_EXTERNAL  0x07
#define KF_H5_MESSAGE_LAYOUT    0x08
#define KF_H5_MESSAGE_FILTERS   0x0b
#define KF_H5_MESSAGE_ATTR      0x0c
#define KF_H5_MESSAGE_CONTINUE  0x10
#define KF_H5_MESSAGE_SYMBOLS   0x11
#define KF_H5_MESSAGE_TIME      0x12
#define KF_H5_MESSAGE_ATTR_INFO 0x15
#define KF_H5_MESSAGE_SHARED    0x02 /* flag: the message stands elsewhere */

/* The datatype message of a dtype in h5py's files and in ours (h5_types.c), a multiple of 8. */
struct kf_h5_type_bytes {
    unsigned n;
    unsigned char bytes[40];
};
const struct kf_h5_type_bytes *kf_h5_type_bytes(enum kf_dtype dtype);

#endif
