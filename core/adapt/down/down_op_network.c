/* SPDX-License-Identifier: Apache-2.0 */
#include "../../io/text/json.h"
#include "../ops/ops.h"
#include "down_ops.h"
#include <math.h>

/* Operations that layers of networks are made of. */

#define HEADS_AXIS 2
/* What Keras 3 puts in the place of a logit that is masked; _get_large_negative (3.15.1). */
#define MASKED (-0.7 * 3.38953e38)

/* Whether what is along an axis is along the last one. */
static bool is_last(const struct kf_down_op *op, size_t rank)
{
    const json_t *axis = json_object_get(op->kwargs, "axis");
    json_int_t at = json_integer_value(json_is_array(axis) ? json_array_get(axis, 0) : axis);

    return (!json_is_array(axis) || json_array_size(axis) == 1) &&
           (!axis || at == -1 || (rank && at == (json_int_t)rank - 1));
}

int kf_down_form_layer_norm(struct kf_down_op *op)
{
    bool scaled = json_object_get(op->kwargs, "gamma") || json_object_get(op->kwargs, "beta");

    if (scaled && !is_last(op, kf_down_rank(kf_down_argument(op, 0, "x"))))
        return kf_down_refuse(op, "what scales it is not along the last axis");
    return kf_json_bool(op->kwargs, "rms_scaling", false) ? kf_down_recipe(op, "LayerNorm rms")
                                                          : kf_down_form_recipe(op);
}

int kf_down_form_last_channel(struct kf_down_op *op)
{
    return is_last(op, kf_down_rank(kf_down_argument(op, 0, "x")))
               ? kf_down_form_recipe(op)
               : kf_down_refuse(op, "what it is scaled by is not along the last axis");
}

/* Keys or values: for each head of the queries one, and heads before places; keys as columns. */
static int spread_heads(struct kf_down_op *op, const char *key, json_int_t groups, bool columns,
                        json_t **out)
{
    *out = json_deep_copy(json_object_get(op->kwargs, key));
    if (groups > 1)
        KF_TRY(kf_down_function(op, "repeat", *out,
                                json_pack("{s:I, s:i}", "repeats", groups, "axis", HEADS_AXIS),
                                out));
    return kf_down_function(
        op, "compat.v1.transpose", *out,
        json_pack("{s:[i,i,i,i]}", "perm", 0, 2, columns ? 3 : 1, columns ? 1 : 3), out);
}

/* Logits where a condition holds; takes both. */
static int keep_where(struct kf_down_op *op, json_t *condition, json_t *logits, json_t **out)
{
    return kf_down_function(op, "where", condition,
                            json_pack("{s:o, s:f}", "x", logits, "y", MASKED), out);
}

/* ... and by a mask, which becomes a tensor as large as the logits where it is a constant. */
static int mask_where(struct kf_down_op *op, json_t *mask, json_t **logits)
{
    json_t *seen = NULL;
    struct kf_ref ref;

    if (kf_ref_get(mask, &ref))
        return keep_where(op, json_deep_copy(mask), *logits, logits);
    KF_TRY(kf_down_function(op, "zeros_like", json_deep_copy(*logits), json_object(), &seen));
    KF_TRY(kf_down_function(op, "math.add", seen,
                            json_pack("{s:o}", "y", kf_down_numbers(KF_DTYPE_FLOAT32, mask)),
                            &seen));
    KF_TRY(kf_down_function(op, "math.greater", seen, json_pack("{s:f}", "y", 0.5), &seen));
    return keep_where(op, seen, *logits, logits);
}

/* No place sees those behind it. */
static int mask_causal(struct kf_down_op *op, json_t **logits)
{
    json_t *seen = NULL;

    KF_TRY(kf_down_function(op, "ones_like", json_deep_copy(*logits), json_object(), &seen));
    KF_TRY(kf_down_function(op, "linalg.band_part", seen,
                            json_pack("{s:i, s:i}", "num_lower", -1, "num_upper", 0), &seen));
    KF_TRY(kf_down_function(op, "math.greater", seen, json_pack("{s:f}", "y", 0.5), &seen));
    return keep_where(op, seen, *logits, logits);
}

/* The logits, with bias and masks; `scale` is what they are multiplied by. */
static int attend(struct kf_down_op *op, json_int_t groups, double scale, json_t **out)
{
    json_t *bias = json_object_get(op->kwargs, "bias"), *mask = json_object_get(op->kwargs, "mask");
    json_t *keys = NULL, *queries = json_deep_copy(op->first);

    KF_TRY(spread_heads(op, "key", groups, true, &keys));
    KF_TRY(kf_down_function(op, "compat.v1.transpose", queries,
                            json_pack("{s:[i,i,i,i]}", "perm", 0, 2, 1, 3), &queries));
    KF_TRY(kf_down_function(op, "linalg.matmul", queries, json_pack("{s:o}", "b", keys), out));
    KF_TRY(kf_down_function(op, "math.multiply", *out, json_pack("{s:f}", "y", scale), out));
    if (bias)
        KF_TRY(kf_down_function(op, "math.add", *out, json_pack("{s:O}", "y", bias), out));
    if (mask)
        KF_TRY(mask_where(op, mask, out));
    return kf_json_bool(op->kwargs, "is_causal", false) ? mask_causal(op, out) : 0;
}

/* Source: keras/src/backend/tensorflow/nn.py, dot_product_attention (3.15.1) */
int kf_down_form_attention(struct kf_down_op *op)
{
    const json_t *query = kf_down_argument(op, 0, "query"), *key = kf_down_argument(op, 1, "key");
    const json_t *scale = json_object_get(op->kwargs, "scale");
    json_t *mask = json_object_get(op->kwargs, "mask"), *logits = NULL, *values = NULL;
    json_int_t heads = kf_down_size(query, HEADS_AXIS), depth = kf_down_size(key, -1);
    json_int_t own = kf_down_size(key, HEADS_AXIS);

    if (kf_down_rank(query) != 4 || heads < 1 || own < 1 || depth < 1)
        return kf_down_refuse(op, KF_DOWN_NOT_TOLD);
    if (!json_object_get(op->kwargs, "value") || (scale && !json_is_number(scale)))
        return kf_down_refuse(op, "it is called with what is no tensor");
    if (mask && kf_down_dtype(op->ops, kf_down_argument(op, 4, "mask")) != KF_DTYPE_BOOL)
        return kf_down_refuse(op, "its mask is no tensor of truth values");
    KF_TRY(attend(op, heads > own && own > 1 ? heads / own : 1,
                  scale ? json_number_value(scale) : 1 / sqrt((double)depth), &logits));
    KF_TRY(kf_down_set_first(op, logits));
    KF_TRY(kf_down_before(op, "nn.softmax", json_pack("{s:i}", "axis", -1)));
    KF_TRY(spread_heads(op, "value", heads > own && own > 1 ? heads / own : 1, false, &values));
    json_object_clear(op->kwargs);
    KF_TRY(kf_down_before(op, "linalg.matmul", json_pack("{s:o}", "b", values)));
    op->function = "compat.v1.transpose";
    return kf_down_set(op, "perm", json_pack("[i,i,i,i]", 0, 2, 1, 3));
}

/* The second tensor, scaled, goes on the first. Source: applications/inception_resnet_v2.py,
 * CustomScaleLayer (3.15.1) */
int kf_down_form_scaled(struct kf_down_op *op)
{
    json_t *scale = json_incref(json_object_get(op->kwargs, "scale")), *branch = NULL;

    if (json_array_size(op->first) != 2 || !json_is_number(scale)) {
        json_decref(scale);
        return kf_down_refuse(op, "it is not called with a list");
    }
    KF_TRY(kf_down_function(op, "math.multiply", json_deep_copy(json_array_get(op->first, 1)),
                            json_pack("{s:o}", "y", scale), &branch));
    KF_TRY(kf_down_set_first(op, json_deep_copy(json_array_get(op->first, 0))));
    json_object_clear(op->kwargs);
    return kf_down_set(op, "y", branch);
}
