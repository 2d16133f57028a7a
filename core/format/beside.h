/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_BESIDE_H
#define KF_FORMAT_BESIDE_H

#include "../io/source.h"
#include <jansson.h>

/* For models of several files: a JSON that lists them, and those that stand beside it. */

/** Parse all of a file as JSON; `out` gets a new reference. TOO_LARGE, BAD_JSON, NO_MEMORY. */
int kf_beside_list(json_t **out, const struct kf_source *src, const struct kf_limits *limits,
                   struct kf_report *rep);

/**
 * The file of that name among those that were given with `in`, and nowhere else: names in a list
 * are never opened.
 *
 * Outcomes: UNSAFE for what is no name of a file, SHARDS_MISSING for one that was not given, or
 * twice.
 */
int kf_beside_find(const struct kf_input **out, const struct kf_input *in, const char *name,
                   struct kf_report *rep);

/** The name of a file behind all folders. */
const char *kf_beside_base(const char *path);

#endif
