/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_REGISTRY_H
#define KF_FORMAT_REGISTRY_H

#include "reader.h"
#include "writer.h"

/** The writer called `name`; UNSUPPORTED_PAIR when there is none. */
int kf_registry_writer(const struct kf_writer **out, const char *name, struct kf_report *rep);

/** The reader of a kind of file; UNSUPPORTED_PAIR or NOT_A_MODEL with the kind's way out. */
int kf_registry_reader(const struct kf_reader **out, enum kf_kind_id kind, const char *from,
                       struct kf_report *rep);

#endif
