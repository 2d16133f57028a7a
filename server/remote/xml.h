/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_REMOTE_XML_H
#define KF_REMOTE_XML_H

#include <stdbool.h>
#include <stddef.h>

/**
 * Called at the end of each element with its name, its parent's ("" of the root) and the text that
 * stands in it directly.
 */
typedef void (*xml_take)(void *context, const char *name, const char *parent, const char *text);

/** Read an answer of S3 or STS; false when it is no XML, or has a document type. */
bool xml_read(const char *text, size_t n, xml_take take, void *context);

/** The text of the first element of that name, cut at `max`; false when there is none. */
bool xml_find(const char *text, size_t n, const char *name, char *out, size_t max);

#endif
