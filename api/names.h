/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_API_NAMES_H
#define KF_API_NAMES_H

/**
 * The basename of `value` without what a file system, a terminal or a JSON text stumbles over.
 *
 * At most 200 bytes, of which the suffix is kept; "" for a folder. malloc'ed, NULL when memory ran
 * out.
 */
char *kf_clean_filename(const char *value);

#endif
