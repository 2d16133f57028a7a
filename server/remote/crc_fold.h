/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_REMOTE_CRC_FOLD_H
#define KF_REMOTE_CRC_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Long pieces of data made short, with the CRC of the whole: processors that multiply without
 * carry take 64 bytes at a time for what tables do with 16.
 *
 * Source: V. Gopal et al., Fast CRC Computation for Generic Polynomials Using PCLMULQDQ
 * Instruction, Intel, 2009.
 */
#define CRC_FOLD_LEAST 64 /* bytes that are worth it */
#define CRC_FOLD_REST  16 /* bytes that stand for all of them */

/* Powers of x, modulo the polynomial, by which halves of a block are taken to a later block. */
struct crc_fold {
    uint64_t far[2], near[2]; /* four blocks on, one block on */
};

/** False where this processor cannot. `poly` has its lowest power in bit 63. */
bool crc_fold_prepare(struct crc_fold *fold, uint64_t poly);

/**
 * Fold `n` bytes, which is a multiple of CRC_FOLD_REST and no less than CRC_FOLD_LEAST, that follow
 * on what has the CRC `crc`. What is in `out` then has the CRC of all when one begins it with 0.
 */
void crc_fold(const struct crc_fold *fold, uint64_t crc, const unsigned char *at, size_t n,
              unsigned char out[CRC_FOLD_REST]);

#endif
