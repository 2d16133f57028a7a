/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_REMOTE_CHECKSUM_H
#define KF_REMOTE_CHECKSUM_H

#include "auto.h"
#include <stdbool.h>
#include <stddef.h>

/*
 * The checksums that S3 keeps of objects, by the names that its headers have: crc64nvme, crc32,
 * crc32c, sha256, sha1.
 *
 * Source: docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
 */
struct checksum;

/** NULL for a name that is none of them, or when memory ran out. */
struct checksum *checksum_create(const char *name);
void checksum_destroy(struct checksum *sum);
KF_DEFINE_AUTO(checksum)

bool checksum_add(struct checksum *sum, const void *data, size_t n);

/** True when all that was added has this value, in Base64 as the headers have it. Once. */
bool checksum_is(struct checksum *sum, const char *value);

#endif
