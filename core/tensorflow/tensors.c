/* SPDX-License-Identifier: Apache-2.0 */
#include "tensors.h"

/* (batch, units), where the batch is not known. */
static const char *element_shape(struct kf_tf *tf, int64_t units)
{
    int32_t sizes[2] = {-1, (int32_t)units};
    int64_t dims[1] = {2};

    return kf_tf_constant(tf, KF_DTYPE_INT32, 1, dims, sizes, sizeof(sizes));
}

const char *kf_tf_tensors_new(struct kf_tf *tf, enum kf_dtype dtype, int64_t units,
                              const char *steps)
{
    const char *shape = element_shape(tf, units);
    struct kf_tf_node node;

    kf_tf_begin(tf, &node, "TensorListReserve");
    kf_tf_in(&node, shape);
    kf_tf_in(&node, steps);
    kf_tf_set_type(&node, "element_dtype", dtype);
    kf_tf_set_type(&node, "shape_type", KF_DTYPE_INT32);
    return kf_tf_end(&node);
}

const char *kf_tf_tensors_set(struct kf_tf *tf, enum kf_dtype dtype, const char *list,
                              const char *at, const char *x)
{
    struct kf_tf_node node;

    kf_tf_begin(tf, &node, "TensorListSetItem");
    kf_tf_in(&node, list);
    kf_tf_in(&node, at);
    kf_tf_in(&node, x);
    kf_tf_set_type(&node, "element_dtype", dtype);
    return kf_tf_end(&node);
}

const char *kf_tf_tensors_stack(struct kf_tf *tf, enum kf_dtype dtype, int64_t units,
                                const char *list)
{
    const char *shape = element_shape(tf, units);
    struct kf_tf_node node;

    kf_tf_begin(tf, &node, "TensorListStack");
    kf_tf_in(&node, list);
    kf_tf_in(&node, shape);
    kf_tf_set_type(&node, "element_dtype", dtype);
    kf_tf_set_int(&node, "num_elements", -1);
    return kf_tf_end(&node);
}
