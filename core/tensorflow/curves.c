/* SPDX-License-Identifier: Apache-2.0 */
#include "curves.h"
#include <string.h>

/* max(x, 0) + a * (exp(min(x, 0) / per) - 1) */
static const char *bent(struct kf_tf *tf, enum kf_dtype dtype, const char *x, double a, double per)
{
    const char *below = kf_tf_with(tf, "Minimum", dtype, x, 0);

    if (per < 1 || per > 1)
        below = kf_tf_with(tf, "RealDiv", dtype, below, per);
    below = kf_tf_with(tf, "Mul", dtype, kf_tf_unary(tf, "Elu", dtype, below), a);
    return kf_tf_binary(tf, "AddV2", dtype, kf_tf_unary(tf, "Relu", dtype, x), below);
}

static const char *elu(struct kf_tf *tf, enum kf_dtype dtype, const char *x, double a, double b)
{
    (void)b;
    return a < 1 || a > 1 ? bent(tf, dtype, x, a, 1) : kf_tf_unary(tf, "Elu", dtype, x);
}

static const char *celu(struct kf_tf *tf, enum kf_dtype dtype, const char *x, double a, double b)
{
    (void)b;
    return bent(tf, dtype, x, a, a);
}

static const char *leaky_relu(struct kf_tf *tf, enum kf_dtype dtype, const char *x, double a,
                              double b)
{
    struct kf_tf_node node;

    (void)b;
    kf_tf_begin(tf, &node, "LeakyRelu");
    kf_tf_in(&node, x);
    kf_tf_set_type(&node, "T", dtype);
    kf_tf_set_float(&node, "alpha", a);
    return kf_tf_end(&node);
}

static const char *hard_sigmoid(struct kf_tf *tf, enum kf_dtype dtype, const char *x, double a,
                                double b)
{
    x = kf_tf_with(tf, "AddV2", dtype, kf_tf_with(tf, "Mul", dtype, x, a), b);
    return kf_tf_with(tf, "Minimum", dtype, kf_tf_with(tf, "Maximum", dtype, x, 0), 1);
}

/* x + b below -a, x - b above a, and 0 between them. */
static const char *shrink(struct kf_tf *tf, enum kf_dtype dtype, const char *x, double a, double b)
{
    const char *low = kf_tf_with(tf, "Less", dtype, x, -a);
    const char *high = kf_tf_with(tf, "Greater", dtype, x, a);

    x = kf_tf_select(tf, dtype, low, kf_tf_with(tf, "AddV2", dtype, x, b),
                     kf_tf_select(tf, dtype, high, kf_tf_with(tf, "Sub", dtype, x, b),
                                  kf_tf_scalar(tf, dtype, 0)));
    return x;
}

static const char *identity(struct kf_tf *tf, enum kf_dtype dtype, const char *x, double a,
                            double b)
{
    (void)tf;
    (void)dtype;
    (void)a;
    (void)b;
    return x;
}

static const struct {
    const char *name;
    const char *(*make)(struct kf_tf *tf, enum kf_dtype dtype, const char *x, double a, double b);
} curves[] = {
    {"elu", elu},
    {"celu", celu},
    {"leaky_relu", leaky_relu},
    {"hard_sigmoid", hard_sigmoid},
    {"shrink", shrink},
    {"identity", identity},
};

const char *kf_tf_curve(struct kf_tf *tf, const char *name, enum kf_dtype dtype, const char *x,
                        double a, double b)
{
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
        if (strcmp(curves[i].name, name) == 0)
            return curves[i].make(tf, dtype, x, a, b);
    return kf_tf_unary(tf, name, dtype, x);
}
