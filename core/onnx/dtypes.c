/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/text/json.h"
#include "../model/numbers.h"
#include "../model/policy.h"
#include "layer.h"
#include <string.h>

enum kf_dtype kf_onnx_dtype_named(const char *name)
{
    for (int i = KF_DTYPE_NONE + 1; name && i < KF_DTYPE_COUNT; i++)
        if (strcmp(kf_dtype_name((enum kf_dtype)i), name) == 0)
            return (enum kf_dtype)i;
    return KF_DTYPE_NONE;
}

bool kf_onnx_is_quantized(const struct kf_layer *layer, const char *mode)
{
    const json_t *policy = json_object_get(layer->config, "dtype");
    const json_t *found = json_object_get(json_object_get(policy, "config"), "mode");

    return mode ? kf_streq(json_string_value(found), mode) : found != NULL;
}

enum kf_dtype kf_onnx_compute_dtype(struct kf_onnx *onnx, const struct kf_layer *layer)
{
    const json_t *policy = json_object_get(json_object_get(layer->config, "dtype"), "config");
    const char *name = kf_policy_name(layer->config, NULL);
    enum kf_dtype found = KF_DTYPE_FLOAT32;

    if (kf_onnx_is_quantized(layer, NULL))
        name = kf_json_str(policy, "source_name", NULL);
    if (name && kf_starts(name, "mixed_"))
        name += strlen("mixed_");
    if (name)
        found = kf_onnx_dtype_named(name);
    if (found == KF_DTYPE_NONE && kf_streq(name, "string"))
        return KF_DTYPE_FLOAT32; /* of what is no text */
    if (found != KF_DTYPE_BFLOAT16 || onnx->runtime->bfloat16)
        return found;
    kf_report_add(onnx->rep, KF_NO_EQUAL, layer->path,
                  "%s: it computes in bfloat16, which most operators of %s do not take",
                  layer->class_name, onnx->runtime->name);
    return KF_DTYPE_NONE;
}

static bool is_unsigned(enum kf_dtype dtype)
{
    return dtype >= KF_DTYPE_UINT8 && dtype <= KF_DTYPE_UINT64;
}

/* The signed integers that hold an unsigned one and a signed one; of uint64 there are none. */
static enum kf_dtype mixed_signs(enum kf_dtype sign, enum kf_dtype none)
{
    static const enum kf_dtype wider[] = {
        [KF_DTYPE_UINT8] = KF_DTYPE_INT16,
        [KF_DTYPE_UINT16] = KF_DTYPE_INT32,
        [KF_DTYPE_UINT32] = KF_DTYPE_INT64,
        [KF_DTYPE_UINT64] = KF_DTYPE_FLOAT32,
    };

    if (none == KF_DTYPE_UINT64)
        return wider[none];
    return wider[none] > sign ? wider[none] : sign;
}

/* Source: keras/src/backend/common/dtypes.py, _respect_weak_type, LATTICE (3.15.1) */
enum kf_dtype kf_onnx_promote(enum kf_dtype a, enum kf_dtype b)
{
    if (a == KF_DTYPE_NONE || b == KF_DTYPE_NONE)
        return a == KF_DTYPE_NONE ? b : a;
    if (a == b || b == KF_DTYPE_BOOL)
        return a;
    if (a == KF_DTYPE_BOOL)
        return b;
    if (kf_number_is_float(a) != kf_number_is_float(b))
        return kf_number_is_float(a) ? a : b;
    if (kf_number_is_float(a))
        return (a == KF_DTYPE_FLOAT16 && b == KF_DTYPE_BFLOAT16) ||
                       (b == KF_DTYPE_FLOAT16 && a == KF_DTYPE_BFLOAT16)
                   ? KF_DTYPE_FLOAT32
               : a > b ? a
                       : b;
    if (is_unsigned(a) == is_unsigned(b))
        return a > b ? a : b;
    return is_unsigned(a) ? mixed_signs(b, a) : mixed_signs(a, b);
}
