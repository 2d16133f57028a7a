/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_BUNDLE_GZIP_H
#define KF_BUNDLE_GZIP_H

#include "../io/spool.h"

/**
 * Unpack a whole .gz, also one of several members one after the other, into a spool.
 *
 * Outcomes: CORRUPT, also for a wrong CRC and for bytes behind the end that are no zeros; TOO_LARGE
 * at the spool's ceiling; NO_MEMORY, WRITE_FAILED.
 */
int kf_gunzip(const struct kf_source *src, struct kf_spool *spool, struct kf_report *rep);

#endif
