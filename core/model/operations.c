/* SPDX-License-Identifier: Apache-2.0 */
#include "operations.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* In the order of their class names, which are told apart by no module. */
static const struct kf_operation operations[] = {
#define KF_OPERATION(module, class_name, since, until, keys)                                       \
    {class_name, "keras.src.ops." module, since, until, keys},
#include "keras3_ops.def"
#undef KF_OPERATION
};

static int compare(const void *name, const void *operation)
{
    return strcmp(name, ((const struct kf_operation *)operation)->class_name);
}

const struct kf_operation *kf_operation_find(const char *class_name)
{
    return bsearch(class_name, operations, sizeof(operations) / sizeof(operations[0]),
                   sizeof(operations[0]), compare);
}
