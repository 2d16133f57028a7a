/* SPDX-License-Identifier: Apache-2.0 */
#include "../io/text/json.h"
#include "../model/numbers.h"
#include "operation.h"
#include <math.h>
#include <string.h>

/* Operations of whole numbers, and what becomes such. */

/* Towards zero; whole numbers stay as they are. */
void kf_onnx_form_op_trunc(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call);

    if (x && kf_number_is_float(x->dtype))
        x = kf_onnx_binary(onnx, "Mul", kf_onnx_unary(onnx, "Sign", x),
                           kf_onnx_unary(onnx, "Floor", kf_onnx_unary(onnx, "Abs", x)));
    kf_onnx_give(call, x);
}

/* Numbers outside of what a dtype holds become its smallest or largest. */
void kf_onnx_form_op_saturate_cast(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call);
    enum kf_dtype dtype = kf_onnx_dtype_named(kf_json_str(call->layer->config, "dtype", NULL));
    bool sign = dtype == KF_DTYPE_INT8 || dtype == KF_DTYPE_INT16;
    double size;

    if (!x || !kf_number_is_float(x->dtype) ||
        (!sign && dtype != KF_DTYPE_UINT8 && dtype != KF_DTYPE_UINT16)) {
        kf_onnx_refuse(call, "not of floats, or to whole numbers of more than 16 bits");
        return;
    }
    size = ldexp(1, 8 * (int)kf_dtype_size(dtype) - sign);
    kf_onnx_give(
        call,
        kf_onnx_cast(call->onnx, kf_onnx_clip(call->onnx, x, sign ? -size : 0, size - 1), dtype));
}
