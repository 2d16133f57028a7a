/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_API_FORMATS_JSON_H
#define KF_API_FORMATS_JSON_H

#include <jansson.h>

/** The answer of GET /v1/formats: readers, targets, parameters; new reference or NULL. */
json_t *kf_formats_json(void);

/** That answer as a table for people; malloc'ed, NULL when memory ran out. */
char *kf_formats_text(const json_t *formats);

#endif
