/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_API_NEAREST_H
#define KF_API_NEAREST_H

#include <stddef.h>

/* The search for the word that somebody may have meant: init, offer every word, look at `best`. */
struct kf_nearest {
    const char *word;
    const char *best; /* NULL while nothing is near enough */
    size_t distance;
};

void kf_nearest_init(struct kf_nearest *nearest, const char *word);
void kf_nearest_offer(struct kf_nearest *nearest, const char *candidate);

/**
 * Copy `text` for a message: one line of printable ASCII, at most `max` bytes with the NUL.
 *
 * A client's text must not break a log line, a JSON string or a terminal.
 */
void kf_show(char *out, size_t max, const char *text);

#endif
