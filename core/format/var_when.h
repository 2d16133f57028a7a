/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_VAR_WHEN_H
#define KF_FORMAT_VAR_WHEN_H

#include "../model/model.h"

/** Whether a variable exists under a config: what `when` in vars.def asks. */
bool kf_var_when(const char *when, const json_t *config, enum kf_dialect dialect);

/**
 * How the weights of a layer are quantized: "int8", "float8", "int4" one scale a column, "int4/"
 * one a block, "gptq", "awq"; "" when they are not. In `out`.
 *
 * Source: keras/src/dtype_policies/dtype_policy.py (3.15.1)
 */
void kf_var_mode(const json_t *config, char out[16]);

#endif
