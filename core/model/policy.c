/* SPDX-License-Identifier: Apache-2.0 */
#include "policy.h"
#include "../io/text/json.h"

const char *kf_policy_name(const json_t *config, const char *fallback)
{
    const json_t *dtype = json_object_get(config, "dtype");

    return json_is_string(dtype) ? json_string_value(dtype)
                                 : kf_json_str(json_object_get(dtype, "config"), "name", fallback);
}
