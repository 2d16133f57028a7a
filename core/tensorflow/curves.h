/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_TENSORFLOW_CURVES_H
#define KF_TENSORFLOW_CURVES_H

#include "ops.h"

/**
 * A function of single numbers: "elu", "celu", "leaky_relu", "hard_sigmoid" and "shrink" with the
 * numbers a and b that they have in ONNX, "identity", or an op of TensorFlow that takes none.
 */
const char *kf_tf_curve(struct kf_tf *tf, const char *name, enum kf_dtype dtype, const char *x,
                        double a, double b);

#endif
