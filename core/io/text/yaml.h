/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_YAML_H
#define KF_IO_YAML_H

#include <jansson.h>
#include <kf/options.h>
#include <kf/report.h>
#include <stddef.h>

/**
 * Parse a config that PyYAML wrote, as the JSON that the same model's to_json() is.
 *
 * A safe subset: one document of mappings with string keys, sequences and scalars, which mean what
 * YAML 1.1 says where they are plain. Of tags only those of YAML's own types are taken, and
 * python/tuple and python/unicode, which name no code; any other is refused and never looked up.
 * Of a key that stands twice the last value counts, as for PyYAML: who appends to the file each
 * time that the model is saved has it there several times. An alias stands for a copy, and all
 * copies count: the values made are at most limits->objects, the depth at most
 * limits->json_depth. NaN and infinities come in as kf_json_parse() has them.
 *
 * Returns a new reference, or NULL with BAD_JSON, UNSAFE, TOO_LARGE or NO_MEMORY in `rep`.
 * Source: PyYAML's representer.py, resolver.py and constructor.py, construct_mapping (3.12, 5.3)
 */
json_t *kf_yaml_parse(const char *text, size_t n, const struct kf_limits *limits,
                      struct kf_report *rep);

#endif
