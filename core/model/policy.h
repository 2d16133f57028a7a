/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_MODEL_POLICY_H
#define KF_MODEL_POLICY_H

#include <jansson.h>

/** The name of the dtype policy in a layer's config, "mixed_float16", in whatever form it stands
 * there; `fallback` where it says none. */
const char *kf_policy_name(const json_t *config, const char *fallback);

#endif
