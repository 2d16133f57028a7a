/* SPDX-License-Identifier: Apache-2.0 */
#include "../io/text/json.h"
#include "../model/numbers.h"
#include "operation.h"
#include "window.h"
#include <stdio.h>
#include <string.h>

/* Operations of images. */

/* What is put or cut around one axis: two edges, or one and how large the axis comes out. */
static bool edges_of(const struct kf_onnx_call *call, const char *const *keys, int64_t size,
                     bool cut, int64_t *out)
{
    char name[32];
    double wanted = kf_onnx_operand_number(call, keys[2], -1);

    for (unsigned i = 0; i < 2; i++) {
        snprintf(name, sizeof(name), "%s_%s", keys[i], call->op);
        out[i] = (int64_t)kf_onnx_operand_number(call, name, -1);
    }
    if (out[0] >= 0 && out[1] >= 0)
        return true;
    if (size == KF_ONNX_FREE || wanted < 0 || (out[0] < 0 && out[1] < 0))
        return false;
    size = cut ? size - (int64_t)wanted : (int64_t)wanted - size;
    out[out[0] < 0 ? 0 : 1] = size - (out[0] < 0 ? out[1] : out[0]);
    return out[0] >= 0 && out[1] >= 0;
}

/* "padding" with zeros, or "cropping". */
void kf_onnx_form_op_image_edges(struct kf_onnx_call *call)
{
    static const char *const keys[2][3] = {{"top", "bottom", "target_height"},
                                           {"left", "right", "target_width"}};
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call);
    bool cut = strcmp(call->op, "cropping") == 0;
    int64_t pads[2 * KF_ONNX_RANK_MAX] = {0}, edges[2];

    if (!x || x->rank < 3)
        return;
    for (unsigned i = 0; i < 2; i++) {
        unsigned axis = x->rank - (kf_onnx_channels_first(call) ? 2 : 3) + i;

        if (!edges_of(call, keys[i], x->dims[axis], cut, edges)) {
            kf_onnx_refuse(call, "how far its edges go is not known");
            return;
        }
        pads[axis] = edges[0];
        pads[axis + x->rank] = edges[1];
    }
    if (!cut) {
        kf_onnx_give(call, kf_onnx_pad(onnx, x, pads, "constant", NULL));
        return;
    }
    for (unsigned i = 0; x && i < x->rank; i++)
        if (pads[i] || pads[i + x->rank])
            x = kf_onnx_slice(onnx, x, (int)i, pads[i],
                              pads[i + x->rank] ? -pads[i + x->rank] : KF_ONNX_END, 1);
    kf_onnx_give(call, x);
}

/* Source: keras/src/backend/tensorflow/image.py, RGB_TO_GRAYSCALE (3.15.1) */
void kf_onnx_form_op_gray(struct kf_onnx_call *call)
{
    static const float weights[3] = {0.2989F, 0.5870F, 0.1140F};
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call), *by;
    int64_t dims[3] = {3, 1, 1}, axis[1];
    bool first = kf_onnx_channels_first(call);

    if (!x || x->rank < 3 || !kf_number_is_float(x->dtype) ||
        x->dims[x->rank - (first ? 3 : 1)] != 3) {
        kf_onnx_refuse(call, "its images have no three channels of floats");
        return;
    }
    axis[0] = (int64_t)x->rank - (first ? 3 : 1);
    by = kf_onnx_constant(onnx, KF_DTYPE_FLOAT32, first ? 3 : 1, dims, weights);
    x = kf_onnx_binary(onnx, "Mul", x, kf_onnx_cast(onnx, by, x->dtype));
    kf_onnx_give(call, kf_onnx_reduce(onnx, "ReduceSum", x, axis, 1, true));
}

/* Blocks of pixels become channels, or the other way round. */
void kf_onnx_form_op_blocks(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x = kf_onnx_take(call);
    int64_t size = (int64_t)kf_onnx_operand_number(call, "block_size", 0);
    bool apart = strcmp(call->op, "DepthToSpace") == 0;
    int64_t dims[KF_ONNX_RANK_MAX];
    struct kf_onnx_node *node;

    if (!x || x->rank != 4 || size < 1 || size > 1024 || x->dims[1] == KF_ONNX_FREE) {
        kf_onnx_refuse(call, "its channels or blocks have no size");
        return;
    }
    memcpy(dims, x->dims, sizeof(dims));
    dims[1] = apart ? dims[1] / (size * size) : dims[1] * size * size;
    for (unsigned i = 2; i < 4; i++)
        if (dims[i] != KF_ONNX_FREE)
            dims[i] = apart ? dims[i] * size : dims[i] / size;
    node = kf_onnx_node_new(call->onnx, call->op, &x, 1);
    kf_onnx_set_int(call->onnx, node, "blocksize", size);
    kf_onnx_give_as(call, kf_onnx_output(call->onnx, node, x->dtype, x->rank, dims),
                    !kf_onnx_channels_first(call));
}

/* (..., inputs, filters) becomes (filters, inputs, ...); depthwise (channels * multiplier, 1, ...).
 */
static struct kf_onnx_tensor *kernel_of(struct kf_onnx_call *call, unsigned n, bool depthwise)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *kernel =
        kf_onnx_operand(call, kf_onnx_operand_json(call, "kernel"), KF_DTYPE_FLOAT32);
    unsigned axes[KF_ONNX_SPATIAL_MAX + 2] = {n + !depthwise, n + depthwise};
    int64_t dims[KF_ONNX_RANK_MAX] = {0, 1};

    if (!kernel || kernel->rank != n + 2)
        return NULL;
    for (unsigned i = 0; i < n; i++) {
        axes[i + 2] = i;
        dims[i + 2] = kernel->dims[i];
    }
    if (depthwise && kernel->dims[n] > 0 && kernel->dims[n + 1] > 0)
        dims[0] = kernel->dims[n] * kernel->dims[n + 1];
    kernel = kf_onnx_transpose(onnx, kernel, axes);
    return depthwise ? kf_onnx_reshape(onnx, kernel, dims, n + 2) : kernel;
}

void kf_onnx_form_op_conv(struct kf_onnx_call *call)
{
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_as_real(onnx, kf_onnx_take(call)), *kernel;
    bool depthwise = strcmp(call->op, "depthwise") == 0;
    struct kf_onnx_window window;
    int64_t groups;

    if (!kf_onnx_window_read(call, &window, x, "kernel_size", "strides") ||
        !(kernel = kf_onnx_cast(onnx, kernel_of(call, window.n, depthwise), x->dtype)))
        return;
    for (unsigned i = 0; i < window.n; i++)
        window.size[i] = kernel->dims[i + 2];
    if (x->dims[1] < 1 || kernel->dims[1] < 1) {
        kf_onnx_refuse(call, "its channels have no size");
        return;
    }
    kf_onnx_window_pad(call, &window, x);
    groups = depthwise ? x->dims[1] : x->dims[1] / kernel->dims[1];
    kf_onnx_give_as(call, kf_onnx_conv(call, x, kernel, NULL, &window, groups),
                    !kf_onnx_channels_first(call));
}
