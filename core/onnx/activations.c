/* SPDX-License-Identifier: Apache-2.0 */
#include "activations.h"
#include "../base/str.h"
#include "../io/text/json.h"
#include "../model/numbers.h"
#include <math.h>
#include <string.h>

struct row {
    const char *name;
    struct kf_onnx_tensor *(*form)(struct kf_onnx *onnx, const struct row *row,
                                   struct kf_onnx_tensor *x, int axis);
    const char *op;
    double a, b;
    bool whole;
    const char *rule;
};

static struct kf_onnx_tensor *none(struct kf_onnx *onnx, const struct row *row,
                                   struct kf_onnx_tensor *x, int axis)
{
    (void)onnx;
    (void)row;
    (void)axis;
    return x;
}

static struct kf_onnx_tensor *unary(struct kf_onnx *onnx, const struct row *row,
                                    struct kf_onnx_tensor *x, int axis)
{
    (void)axis;
    return kf_onnx_unary(onnx, row->op, x);
}

static struct kf_onnx_tensor *relu(struct kf_onnx *onnx, const struct row *row,
                                   struct kf_onnx_tensor *x, int axis)
{
    (void)row;
    (void)axis;
    return kf_onnx_relu(onnx, x);
}

static struct kf_onnx_tensor *with(struct kf_onnx *onnx, const struct row *row,
                                   struct kf_onnx_tensor *x, int axis)
{
    (void)axis;
    return kf_onnx_unary_with(onnx, row->op, x, "alpha", row->a);
}

static struct kf_onnx_tensor *with_two(struct kf_onnx *onnx, const struct row *row,
                                       struct kf_onnx_tensor *x, const char *a, const char *b)
{
    const char *formula = kf_onnx_formula_of(onnx, row->op, x);
    struct kf_onnx_node *node;

    if (formula)
        return kf_onnx_formula(onnx, formula, x, kf_onnx_scalar(onnx, x->dtype, row->a),
                               kf_onnx_scalar(onnx, x->dtype, row->b));
    node = kf_onnx_node_new(onnx, row->op, &x, 1);
    kf_onnx_set_float(onnx, node, a, row->a);
    kf_onnx_set_float(onnx, node, b, row->b);
    return node ? kf_onnx_output(onnx, node, x->dtype, x->rank, x->dims) : NULL;
}

static struct kf_onnx_tensor *two(struct kf_onnx *onnx, const struct row *row,
                                  struct kf_onnx_tensor *x, int axis)
{
    (void)axis;
    return with_two(onnx, row, x, "alpha", "beta");
}

static struct kf_onnx_tensor *shrink(struct kf_onnx *onnx, const struct row *row,
                                     struct kf_onnx_tensor *x, int axis)
{
    (void)axis;
    return with_two(onnx, row, x, "lambd", "bias");
}

static struct kf_onnx_tensor *along(struct kf_onnx *onnx, const struct row *row,
                                    struct kf_onnx_tensor *x, int axis)
{
    return kf_onnx_along(onnx, row->op, x, axis);
}

static struct kf_onnx_tensor *bounds(struct kf_onnx *onnx, const struct row *row,
                                     struct kf_onnx_tensor *x, int axis)
{
    enum kf_dtype dtype = x ? x->dtype : KF_DTYPE_NONE;

    (void)axis;
    return kf_onnx_cast(onnx, kf_onnx_clip(onnx, kf_onnx_counted(onnx, x), row->a, row->b), dtype);
}

static struct kf_onnx_tensor *silu(struct kf_onnx *onnx, const struct row *row,
                                   struct kf_onnx_tensor *x, int axis)
{
    (void)row;
    (void)axis;
    return kf_onnx_binary(onnx, "Mul", x, kf_onnx_unary(onnx, "Sigmoid", x));
}

static struct kf_onnx_tensor *hard_silu(struct kf_onnx *onnx, const struct row *row,
                                        struct kf_onnx_tensor *x, int axis)
{
    struct row gate = {.op = "HardSigmoid", .a = 1.0 / 6.0, .b = 0.5};

    (void)row;
    (void)axis;
    return kf_onnx_binary(onnx, "Mul", x, with_two(onnx, &gate, x, "alpha", "beta"));
}

static struct kf_onnx_tensor *mish(struct kf_onnx *onnx, const struct row *row,
                                   struct kf_onnx_tensor *x, int axis)
{
    (void)row;
    (void)axis;
    return kf_onnx_binary(onnx, "Mul", x,
                          kf_onnx_unary(onnx, "Tanh", kf_onnx_unary(onnx, "Softplus", x)));
}

/* x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) / 2 */
static struct kf_onnx_tensor *tanh_gelu(struct kf_onnx *onnx, struct kf_onnx_tensor *x)
{
    struct kf_onnx_tensor *cube = kf_onnx_binary_with(onnx, "Pow", x, 3);
    struct kf_onnx_tensor *sum =
        kf_onnx_binary(onnx, "Add", x, kf_onnx_binary_with(onnx, "Mul", cube, 0.044715));
    struct kf_onnx_tensor *gate = kf_onnx_unary(
        onnx, "Tanh", kf_onnx_binary_with(onnx, "Mul", sum, sqrt(2 / 3.14159265358979323846)));

    return kf_onnx_binary(onnx, "Mul", kf_onnx_binary_with(onnx, "Mul", x, 0.5),
                          kf_onnx_binary_with(onnx, "Add", gate, 1));
}

struct kf_onnx_tensor *kf_onnx_gelu(struct kf_onnx *onnx, struct kf_onnx_tensor *x,
                                    bool approximate)
{
    struct kf_onnx_tensor *gate;

    if (approximate)
        return tanh_gelu(onnx, x);
    gate = kf_onnx_unary(onnx, "Erf", kf_onnx_binary_with(onnx, "Mul", x, sqrt(0.5)));
    return kf_onnx_binary(onnx, "Mul", kf_onnx_binary_with(onnx, "Mul", x, 0.5),
                          kf_onnx_binary_with(onnx, "Add", gate, 1));
}

static struct kf_onnx_tensor *gelu(struct kf_onnx *onnx, const struct row *row,
                                   struct kf_onnx_tensor *x, int axis)
{
    (void)row;
    (void)axis;
    return kf_onnx_gelu(onnx, x, false);
}

static struct kf_onnx_tensor *log_sigmoid(struct kf_onnx *onnx, const struct row *row,
                                          struct kf_onnx_tensor *x, int axis)
{
    (void)row;
    (void)axis;
    return kf_onnx_unary(onnx, "Neg",
                         kf_onnx_unary(onnx, "Softplus", kf_onnx_unary(onnx, "Neg", x)));
}

static struct kf_onnx_tensor *tanh_shrink(struct kf_onnx *onnx, const struct row *row,
                                          struct kf_onnx_tensor *x, int axis)
{
    (void)row;
    (void)axis;
    return kf_onnx_binary(onnx, "Sub", x, kf_onnx_unary(onnx, "Tanh", x));
}

static struct kf_onnx_tensor *squareplus(struct kf_onnx *onnx, const struct row *row,
                                         struct kf_onnx_tensor *x, int axis)
{
    struct kf_onnx_tensor *root;

    (void)axis;
    root = kf_onnx_unary(
        onnx, "Sqrt", kf_onnx_binary_with(onnx, "Add", kf_onnx_binary(onnx, "Mul", x, x), row->a));
    return kf_onnx_binary_with(onnx, "Mul", kf_onnx_binary(onnx, "Add", x, root), 0.5);
}

/* 0 up to -1, (x + 1)^2 / 4 up to 1, then x. */
static struct kf_onnx_tensor *sparse_plus(struct kf_onnx *onnx, const struct row *row,
                                          struct kf_onnx_tensor *x, int axis)
{
    struct kf_onnx_tensor *bent = kf_onnx_binary_with(onnx, "Add", kf_onnx_clip(onnx, x, -1, 1), 1);
    struct kf_onnx_tensor *above = kf_onnx_binary_with(onnx, "Sub", x, 1);

    (void)row;
    (void)axis;
    bent = kf_onnx_binary_with(onnx, "Mul", kf_onnx_binary(onnx, "Mul", bent, bent), 0.25);
    return kf_onnx_binary(onnx, "Add", bent, kf_onnx_unary(onnx, "Relu", above));
}

static struct kf_onnx_tensor *sparse_sigmoid(struct kf_onnx *onnx, const struct row *row,
                                             struct kf_onnx_tensor *x, int axis)
{
    (void)row;
    (void)axis;
    return kf_onnx_clip(
        onnx, kf_onnx_binary_with(onnx, "Mul", kf_onnx_binary_with(onnx, "Add", x, 1), 0.5), 0, 1);
}

/* 1, 2, 3, ... along an axis. */
static struct kf_onnx_tensor *counted(struct kf_onnx *onnx, const struct kf_onnx_tensor *x,
                                      int axis)
{
    int64_t shape[KF_ONNX_RANK_MAX];
    struct kf_onnx_tensor *ones;

    for (unsigned i = 0; i < x->rank; i++)
        shape[i] = 1;
    shape[axis] = x->dims[axis];
    ones = kf_onnx_expand(onnx, kf_onnx_scalar(onnx, x->dtype, 1),
                          kf_onnx_list(onnx, shape, x->rank), shape, x->rank);
    return kf_onnx_cumsum(onnx, ones, axis, false);
}

/*
 * What is subtracted is the sum over all k that have support, of the sums of the k largest, less 1,
 * divided by how many they are: so Keras computes it.
 *
 * Source: keras/src/backend/tensorflow/nn.py, sparsemax (3.15.1)
 */
static struct kf_onnx_tensor *sparsemax(struct kf_onnx *onnx, const struct row *row,
                                        struct kf_onnx_tensor *x, int axis)
{
    int64_t size[1] = {x ? x->dims[axis] : 0}, axes[1] = {axis};
    struct kf_onnx_tensor *in[2] = {x, NULL}, *sorted, *sum, *k, *support, *n, *tau;
    struct kf_onnx_node *node;

    (void)row;
    if (!x || size[0] == KF_ONNX_FREE) {
        if (x)
            kf_report_add(onnx->rep, KF_NO_EQUAL, onnx->path,
                          "sparsemax along an axis whose size is not known");
        return NULL;
    }
    in[1] = kf_onnx_list(onnx, size, 1);
    node = kf_onnx_node_new(onnx, "TopK", in, 2);
    kf_onnx_set_int(onnx, node, "axis", axis);
    sorted = kf_onnx_output(onnx, node, x->dtype, x->rank, x->dims);
    if (!kf_onnx_output(onnx, node, KF_DTYPE_INT64, x->rank, x->dims))
        return NULL;
    sum = kf_onnx_cumsum(onnx, sorted, axis, false);
    k = counted(onnx, x, axis);
    support = kf_onnx_compare(onnx, "Greater", kf_onnx_binary(onnx, "Mul", k, sorted),
                              kf_onnx_binary_with(onnx, "Sub", sum, 1));
    support = kf_onnx_cast(onnx, support, x->dtype);
    n = kf_onnx_reduce(onnx, "ReduceSum", support, axes, 1, true);
    tau =
        kf_onnx_reduce(onnx, "ReduceSum", kf_onnx_binary(onnx, "Mul", sum, support), axes, 1, true);
    tau = kf_onnx_binary(onnx, "Div", kf_onnx_binary_with(onnx, "Sub", tau, 1), n);
    return kf_onnx_unary(onnx, "Relu", kf_onnx_binary(onnx, "Sub", x, tau));
}

static const struct row rows[] = {
#define KF_ONNX_ACTIVATION(name, form, op, a, b, whole)                                            \
    {name, form, op, a, b, whole, "onnx-activation:" name},
#include "activations.def"
#undef KF_ONNX_ACTIVATION
};

static struct kf_onnx_tensor *apply(struct kf_onnx *onnx, const struct row *row,
                                    struct kf_onnx_tensor *x, int axis)
{
    if (x && !row->whole && !kf_number_is_float(x->dtype))
        x = kf_onnx_cast(onnx, x, KF_DTYPE_FLOAT32);
    return row->form(onnx, row, x, axis);
}

struct kf_onnx_tensor *kf_onnx_activation(struct kf_onnx *onnx, const char *name,
                                          struct kf_onnx_tensor *x, int axis, bool *known)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].name, name) == 0) {
            kf_report_rule(onnx->rep, rows[i].rule);
            *known = true;
            return apply(onnx, &rows[i], x, axis);
        }
    *known = false;
    return NULL;
}

/* A layer as an activation: it is called with what would be activated. */
static struct kf_onnx_tensor *activate_layer(struct kf_onnx_call *call, const json_t *object,
                                             struct kf_onnx_tensor *x, bool moved)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_layer *layer = kf_onnx_alloc(onnx, sizeof(*layer));
    struct kf_onnx_value *value = kf_onnx_value_new(onnx, moved ? NULL : x, moved ? x : NULL);
    struct kf_onnx_call inner;

    if (!layer || !value)
        return kf_onnx_no_memory(onnx);
    *layer = (struct kf_layer){.class_name = kf_json_str(object, "class_name", ""),
                               .path = call->layer->path,
                               .name = call->layer->name,
                               .config = json_object_get(object, "config")};
    if (kf_onnx_apply(&inner, call, layer, &value, 1) < 0 || !inner.n_out)
        return NULL;
    return moved ? kf_onnx_moved(onnx, inner.out[0]) : kf_onnx_plain(onnx, inner.out[0]);
}

struct kf_onnx_tensor *kf_onnx_activate(struct kf_onnx_call *call, const json_t *activation,
                                        struct kf_onnx_tensor *x, bool moved)
{
    const char *name = json_string_value(activation);
    bool known = true;

    if (!x || !activation || json_is_null(activation))
        return x;
    if (json_is_string(json_object_get(activation, "config")))
        name = kf_json_str(activation, "config", "");
    if (!name && json_is_object(json_object_get(activation, "config")))
        return activate_layer(call, activation, x, moved);
    x = kf_onnx_activation(call->onnx, name ? name : "", x,
                           moved     ? 1
                           : x->rank ? (int)x->rank - 1
                                     : 0,
                           &known);
    if (!known)
        kf_onnx_refuse(call, "the activation %s has no equal in %s", name ? name : "given",
                       call->onnx->runtime->name);
    return x;
}
