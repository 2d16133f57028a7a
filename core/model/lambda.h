/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_MODEL_LAMBDA_H
#define KF_MODEL_LAMBDA_H

#include "../base/buf.h"
#include <jansson.h>

/**
 * Say what the function under `key` of a layer's config, a Lambda's "function", is, without running
 * it: "written by Python 3.8-3.9, 16 bytes of bytecode; takes: x; touches: tf, reduce_mean;
 * constants: 1".
 *
 * `out` gets one line of text, or as much of it as its ceiling allows; nothing where the config has
 * no function.
 *
 * Source: keras/src/utils/python_utils.py, func_dump (3.15.1)
 */
void kf_lambda_describe(const json_t *config, const char *key, struct kf_buf *out);

#endif
