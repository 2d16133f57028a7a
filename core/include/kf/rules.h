/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_RULES_H
#define KF_RULES_H

#include <stddef.h>

/**
 * Name of row number `index` of the core's tables, NULL past the end.
 *
 * A report lists the rows that its conversion used; rows that no conformance run used are dead or
 * untested knowledge.
 */
const char *kf_rule_name(size_t index);

#endif
