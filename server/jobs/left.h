/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_LEFT_H
#define KF_SERVER_LEFT_H

#include <jansson.h>
#include <stdint.h>

/*
 * What a worker left in its job's folder. It may have been turned by the file that it read: its
 * files are opened without following links, must be plain files, and are read up to a ceiling.
 */

/** Open a file of the folder: its size in bytes, or -1. The caller closes `fd_out`. */
int64_t left_open(const char *dir, const char *name, int *fd_out);

/** Read a JSON object or array, new reference; NULL when there is none. */
json_t *left_json(const char *dir, const char *name);

#endif
