/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/text/json.h"
#include "operation.h"
#include <stdint.h>

/* Operations that take parts. */

/* What stands between the brackets of x[...]. */
struct item {
    struct kf_onnx_tensor *x;
    unsigned axis;                    /* of x, so far */
    int64_t gone[KF_ONNX_RANK_MAX];   /* axes of x that a number takes away */
    int64_t fresh[KF_ONNX_RANK_MAX];  /* axes of the result that are new */
    size_t n_gone, n_fresh, n_result; /* n_result: axes of the result, so far */
};

static bool is_kind(const json_t *part, const char *kind)
{
    return kf_streq(kf_json_str(part, "class_name", NULL), kind);
}

static bool apply_slice(struct kf_onnx *onnx, struct item *item, const json_t *part)
{
    const json_t *config = json_object_get(part, "config");
    const json_t *start = json_object_get(config, "start"), *stop = json_object_get(config, "stop");
    const json_t *step = json_object_get(config, "step");
    int64_t by = json_is_integer(step) ? json_integer_value(step) : 1;
    bool whole = !json_is_integer(start) && !json_is_integer(stop) && by == 1;

    if (by == 0 || (start && !json_is_integer(start) && !json_is_null(start)) ||
        (stop && !json_is_integer(stop) && !json_is_null(stop)))
        return false;
    if (!whole)
        item->x = kf_onnx_slice(onnx, item->x, (int)item->axis,
                                json_is_integer(start) ? json_integer_value(start)
                                : by > 0               ? 0
                                                       : -1,
                                json_is_integer(stop) ? json_integer_value(stop)
                                : by > 0              ? KF_ONNX_END
                                                      : -KF_ONNX_END,
                                by);
    item->axis++;
    item->n_result++;
    return item->x != NULL;
}

static bool apply_number(struct kf_onnx *onnx, struct item *item, json_int_t at)
{
    item->x = kf_onnx_slice(onnx, item->x, (int)item->axis, at, at == -1 ? KF_ONNX_END : at + 1, 1);
    item->gone[item->n_gone++] = item->axis++;
    return item->x != NULL;
}

/* One part of the key; false when it is none of those that are known. */
static bool apply_part(struct kf_onnx *onnx, struct item *item, const json_t *part, size_t n_left)
{
    if (json_is_null(part)) {
        if (item->n_fresh == KF_ONNX_RANK_MAX)
            return false;
        item->fresh[item->n_fresh++] = (int64_t)item->n_result++;
        return true;
    }
    if (is_kind(part, "__ellipsis__")) {
        while (item->axis + n_left < item->x->rank) {
            item->axis++;
            item->n_result++;
        }
        return true;
    }
    if (item->axis >= item->x->rank)
        return false;
    if (json_is_integer(part) && json_integer_value(part) > -INT32_MAX &&
        json_integer_value(part) < INT32_MAX)
        return apply_number(onnx, item, json_integer_value(part));
    return is_kind(part, "__slice__") && apply_slice(onnx, item, part);
}

void kf_onnx_form_op_get_item(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct item item = {.x = kf_onnx_operand_first(call)};
    const json_t *key = json_array_get(call->args, 1);
    size_t n, n_left = 0;

    if (!key)
        key = json_object_get(call->kwargs, "key");
    n = json_is_array(key) ? json_array_size(key) : 1;
    for (size_t i = 0; json_is_array(key) && i < n; i++) {
        const json_t *part = json_array_get(key, i);

        n_left += !json_is_null(part) && !is_kind(part, "__ellipsis__");
    }
    for (size_t i = 0; item.x && i < n; i++) {
        const json_t *part = json_is_array(key) ? json_array_get(key, i) : key;
        unsigned before = item.axis;

        if (!apply_part(onnx, &item, part, n_left)) {
            kf_onnx_refuse(call, "its index is more than whole numbers and slices");
            return;
        }
        n_left -= item.axis > before && !is_kind(part, "__ellipsis__") && n_left > 0;
    }
    if (item.n_gone)
        item.x = kf_onnx_squeeze(onnx, item.x, item.gone, item.n_gone);
    if (item.n_fresh)
        item.x = kf_onnx_unsqueeze(onnx, item.x, item.fresh, item.n_fresh);
    if (item.x)
        kf_onnx_give(call, item.x);
}

void kf_onnx_form_op_take(struct kf_onnx_call *call)
{
    static const int64_t flat = -1;
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call);
    struct kf_onnx_tensor *places =
        kf_onnx_operand(call, kf_onnx_operand_json(call, "indices"), KF_DTYPE_INT64);
    int axis;

    if (!kf_onnx_operand_json(call, "axis"))
        x = kf_onnx_reshape(onnx, x, &flat, 1);
    axis = x ? kf_onnx_operand_axis(call, x, "axis", 0) : -1;
    if (places && axis >= 0)
        kf_onnx_give(call,
                     kf_onnx_gather(onnx, x, kf_onnx_cast(onnx, places, KF_DTYPE_INT64), axis));
}

/* A block that begins at places that are known. */
void kf_onnx_form_op_slice(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call);
    json_t *given = kf_onnx_operand_json(call, "start_indices");
    int64_t from[KF_ONNX_RANK_MAX], sizes[KF_ONNX_RANK_MAX];
    size_t n = kf_onnx_is_tensor(given) ? 0 : kf_onnx_numbers(call, given, from);

    if (!x || n != x->rank ||
        kf_onnx_numbers(call, kf_onnx_operand_json(call, "shape"), sizes) != n) {
        kf_onnx_refuse(call, "where it begins is computed, or not said for each axis");
        return;
    }
    for (unsigned i = 0; x && i < n; i++)
        x = kf_onnx_slice(call->onnx, x, (int)i, from[i], from[i] + sizes[i], 1);
    kf_onnx_give(call, x);
}
