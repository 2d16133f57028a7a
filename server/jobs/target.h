/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_TARGET_H
#define KF_SERVER_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#define TARGET_SEGMENTS_MAX 8

/*
 * The path of a request, cut at its slashes and only then decoded: a slash that the client wrote
 * as %2F stays inside its segment. "/v1/inspect/" has the segments "v1", "inspect", "".
 */
struct target {
    char *text; /* owned; the segments point into it */
    const char *segments[TARGET_SEGMENTS_MAX];
    size_t n;
};

/** Read the request target as it stood on the request line. -1: bad escape, too deep, no memory. */
int target_parse(struct target *out, const char *raw);
void target_finish(struct target *target);

/**
 * Match against a pattern as "v1/convert/{to}/{filename}".
 *
 * The last placeholder matches an empty segment too. It may have a suffix, as "{id}:cancel", which
 * is cut off the segment. `captured` gets the placeholders' values in
 * order, at most two.
 */
bool target_match(const struct target *target, const char *pattern, const char *captured[2]);

/** How many letters differ between the path and the pattern; for "did you mean". */
size_t target_distance(const struct target *target, const char *pattern);

#endif
