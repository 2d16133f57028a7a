/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_MODEL_OPERATIONS_H
#define KF_MODEL_OPERATIONS_H

#include <stdbool.h>

/* An operation of Keras 3, as keras3_ops.def has it. */
struct kf_operation {
    const char *class_name;
    const char *module; /* "keras.src.ops.numpy" */
    int since, until;   /* releases as 3 * 100 + minor; until is 0 while it is there */
    const char *keys;   /* of its config, space-separated */
};

/** The operation of that class; NULL when there is none. */
const struct kf_operation *kf_operation_find(const char *class_name);

#endif
