/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_YAML_SCALAR_H
#define KF_IO_YAML_SCALAR_H

#include <jansson.h>
#include <stddef.h>

/** The value of a plain scalar by YAML 1.1, a new reference; NULL when memory ran out. */
json_t *kf_yaml_plain(const char *text, size_t n);

#endif
