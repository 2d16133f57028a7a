/* SPDX-License-Identifier: Apache-2.0 */
#include "s3_proof.h"
#include "../follow.h"
#include "checksum.h"
#include <stdio.h>
#include <stdlib.h>

struct s3_proof {
    char value[96];
    struct checksum *sum;
    struct follow *follow;
};

static bool take(void *user, const void *data, size_t n)
{
    const struct s3_proof *proof = user;

    return checksum_add(proof->sum, data, n);
}

static void destroy(struct s3_proof *proof)
{
    follow_destroy(proof->follow);
    checksum_destroy(proof->sum);
    free(proof);
}

struct s3_proof *s3_proof_begin(int fd, const char *name, const char *value)
{
    struct s3_proof *proof = calloc(1, sizeof *proof);

    if (!proof)
        return NULL;
    snprintf(proof->value, sizeof proof->value, "%s", value);
    proof->sum = checksum_create(name);
    if (proof->sum)
        proof->follow = follow_create(fd, 0, take, proof);
    if (proof->follow)
        return proof;
    destroy(proof);
    return NULL;
}

void s3_proof_tell(struct s3_proof *proof, uint64_t at)
{
    if (proof)
        follow_tell(proof->follow, at);
}

bool s3_proof_end(struct s3_proof *proof, bool whole)
{
    bool holds;

    if (!proof)
        return true;
    holds = whole && follow_wait(proof->follow) && checksum_is(proof->sum, proof->value);
    destroy(proof);
    return holds;
}
