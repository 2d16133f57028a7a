/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_CONVERT_READ_H
#define KF_CONVERT_READ_H

#include "../model/model.h"
#include <kf/convert.h>

/** Detect and read; a payload-free picture of the file. `in` must outlive it. */
int kf_read_model(struct kf_model **out, const struct kf_input *in,
                  const struct kf_options *options, struct kf_report *rep);

/** Check what can be told only when all that is wanted has been read: the CRCs of a zip. CORRUPT.
 */
int kf_verify_model(const struct kf_model *model, struct kf_report *rep);

#endif
