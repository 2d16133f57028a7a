/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_BUNDLE_PATHS_H
#define KF_BUNDLE_PATHS_H

#include "../base/arena.h"
#include <stdbool.h>

/* Names of files in archives: only ever shown, compared and cut, never opened. */

/**
 * A name as a path with slashes, without "./" before it, cut at 4096 bytes; bytes that are no
 * UTF-8 are '?'. NULL when memory ran out or `name` is NULL.
 */
const char *kf_bundle_path(struct kf_arena *arena, const char *name);

/** True when a path leads out of the folder it would be unpacked to. */
bool kf_bundle_climbs(const char *path);

/** The name behind the last slash. */
const char *kf_bundle_base(const char *path);
/** Bytes of the folder before it, without the slash; 0 for none. */
int kf_bundle_folder(const char *path);
/** True when both stand in the same folder. */
bool kf_bundle_beside(const char *a, const char *b);
/** True when `path` stands in the folder of `n` bytes that `in` begins with, or below it. */
bool kf_bundle_below(const char *path, const char *in, int n);

#endif
