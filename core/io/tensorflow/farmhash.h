/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_FARMHASH_H
#define KF_IO_FARMHASH_H

#include <stddef.h>
#include <stdint.h>

/**
 * FarmHash's Fingerprint64 of more than 64 bytes, which TensorFlow takes of a checkpoint's index.
 *
 * Source: google/farmhash, src/farmhash.cc, farmhashna::Hash64
 */
uint64_t kf_farmhash(const void *bytes, size_t n);

#endif
