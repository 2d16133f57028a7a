/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_CHECKSUM_H
#define KF_IO_CHECKSUM_H

#define XXH_STATIC_LINKING_ONLY /* for the size of XXH3_state_t */
#include <kf/options.h>
#include <kf/report.h>
#include <nettle/sha2.h>
#include <xxhash.h>

/*
 * One checksum in the making; lives where the caller puts it. SHA-256 is nettle's: no TLS, no
 * big numbers, one library that needs libc alone (libgcrypt brings libgpg-error and self-tests).
 */
struct kf_hasher {
    enum kf_checksum_kind kind;
    union {
        XXH3_state_t xxh3;
        struct sha256_ctx sha256;
    };
};

void kf_hasher_init(struct kf_hasher *hasher, enum kf_checksum_kind kind);
void kf_hasher_update(struct kf_hasher *hasher, const void *data, size_t n);
/** Fill `out`: XXH3-128 in its canonical form (as xxh128sum prints it); empty for NONE. */
void kf_hasher_finish(struct kf_hasher *hasher, struct kf_checksum *out);

#endif
