/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_KERAS2_OBJECTS_H
#define KF_FORMAT_KERAS2_OBJECTS_H

#include <jansson.h>
#include <kf/report.h>
#include <stdbool.h>

/*
 * How Keras 2 writes an object:
 *
 *   plain    {"class_name", "config"}, a function as its name      before 2.13
 *   with     {"module", "class_name", "config", "registered_name"  2.13 and later; a layer of a
 *   module    [, "build_config"]}                                  legacy .h5 or JSON is plain
 * there too, what stands in it is not
 */

/**
 * A layer's config in which all objects are written plainly, or all with their module.
 *
 * `out` gets a new reference; what needs no change is shared. Outcomes: NO_MEMORY.
 */
int kf_keras2_objects(json_t **out, json_t *config, bool with_module, struct kf_report *rep);

/** The registered name of a custom class, "Package>Class", without the package. */
const char *kf_keras2_class_of(const char *registered);

#endif
