/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/text/json.h"
#include "operation.h"
#include "window.h"

/* Operations that take a signal or an image apart in windows. */
#define WINDOWS_MAX ((int64_t)1 << 20)

struct kf_onnx_tensor *kf_onnx_windows_places(struct kf_onnx *onnx,
                                              const struct kf_onnx_windows *windows)
{
    int64_t n = windows->n * windows->size;
    int64_t dims[2] = {windows->turned ? windows->size : windows->n,
                       windows->turned ? windows->n : windows->size};
    int64_t *all = kf_onnx_alloc(onnx, (size_t)(n + 1) * sizeof(*all));

    for (int64_t i = 0; all && i < n; i++) {
        int64_t a = i / dims[1], b = i % dims[1];

        all[i] = (windows->turned ? b : a) * windows->step +
                 (windows->turned ? a : b) * windows->dilation;
    }
    return all ? kf_onnx_constant(onnx, KF_DTYPE_INT64, 2, dims, all) : kf_onnx_no_memory(onnx);
}

bool kf_onnx_windows_count(struct kf_onnx_call *call, struct kf_onnx_windows *windows,
                           int64_t length)
{
    int64_t reach = (windows->size - 1) * windows->dilation + 1;

    windows->n = 0;
    if (windows->size > 0 && windows->step > 0 && windows->dilation > 0 && length >= reach)
        windows->n = (length - reach) / windows->step + 1;
    if (windows->n && windows->n <= WINDOWS_MAX / windows->size)
        return true;
    kf_onnx_refuse(call, "its size is not known, or it has no window of %lld, or too many",
                   (long long)windows->size);
    return false;
}

void kf_onnx_form_op_sequences(struct kf_onnx_call *call)
{
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call);
    struct kf_onnx_windows windows = {
        .size = (int64_t)kf_onnx_operand_number(call, "sequence_length", 0),
        .step = (int64_t)kf_onnx_operand_number(call, "sequence_stride", 0),
        .dilation = 1,
    };

    if (x && x->rank && kf_onnx_windows_count(call, &windows, x->dims[x->rank - 1]))
        kf_onnx_give(call,
                     kf_onnx_gather(call->onnx, x, kf_onnx_windows_places(call->onnx, &windows),
                                    (int)x->rank - 1));
}

/* Blocks of images (batch, channels, height, width) as columns. */
void kf_onnx_form_op_unfold(struct kf_onnx_call *call)
{
    static const char *const keys[4] = {"kernel_size", "stride", "dilation", "padding"};
    static const unsigned order[6] = {0, 1, 2, 4, 3, 5};
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call);
    int64_t sizes[4][2], pads[8] = {0}, dims[3] = {0};
    struct kf_onnx_windows windows[2];

    if (!x || x->rank != 4 || x->dims[1] < 1)
        return;
    for (unsigned i = 0; i < 4; i++)
        if (!kf_onnx_sizes(call, keys[i], i < 3, sizes[i], 2))
            return;
    for (unsigned i = 0; i < 2; i++)
        pads[2 + i] = pads[6 + i] = sizes[3][i];
    if (sizes[3][0] > 0 || sizes[3][1] > 0)
        x = kf_onnx_pad(onnx, x, pads, "constant", NULL);
    for (unsigned i = 0; i < 2; i++) {
        windows[i] = (struct kf_onnx_windows){0, sizes[0][i], sizes[1][i], sizes[2][i], true};
        if (!x || !kf_onnx_windows_count(call, &windows[i], x->dims[2 + i]))
            return;
    }
    dims[1] = x->dims[1] * windows[0].size * windows[1].size;
    dims[2] = windows[0].n * windows[1].n;
    x = kf_onnx_gather(onnx, x, kf_onnx_windows_places(onnx, &windows[0]), 2);
    x = kf_onnx_gather(onnx, x, kf_onnx_windows_places(onnx, &windows[1]), 4);
    kf_onnx_give(call, kf_onnx_reshape(onnx, kf_onnx_transpose(onnx, x, order), dims, 3));
}

/* Zeros around an axis so that there are as many windows as steps begin in it. */
static int64_t same_pads(int64_t *pads, const struct kf_onnx_windows *windows, int64_t n)
{
    int64_t reach = (windows->size - 1) * windows->dilation + 1;
    int64_t all = ((n + windows->step - 1) / windows->step - 1) * windows->step + reach - n;

    all = all > 0 ? all : 0;
    pads[0] = all / 2;
    pads[4] = all - all / 2;
    return n + all;
}

/* Blocks of images (batch, height, width, channels), each as one list of all that is in it. */
void kf_onnx_form_op_patches(struct kf_onnx_call *call)
{
    static const unsigned order[6] = {0, 1, 3, 2, 4, 5};
    struct kf_onnx *onnx = call->onnx;
    struct kf_onnx_tensor *x = kf_onnx_operand_first(call);
    bool same = kf_streq(kf_json_str(call->layer->config, "padding", "valid"), "same");
    const char *strides = kf_onnx_operand_json(call, "strides") ? "strides" : "size";
    int64_t sizes[3][2], pads[8] = {0}, dims[4] = {0};
    struct kf_onnx_windows windows[2];

    if (!x || x->rank != 4 || x->dims[3] < 1 || kf_onnx_channels_first(call)) {
        kf_onnx_refuse(call, "its images are no batch with the channels last");
        return;
    }
    if (!kf_onnx_sizes(call, "size", 1, sizes[0], 2) ||
        !kf_onnx_sizes(call, strides, 1, sizes[1], 2) ||
        !kf_onnx_sizes(call, "dilation_rate", 1, sizes[2], 2))
        return;
    for (unsigned i = 0; i < 2; i++) {
        int64_t n = x->dims[1 + i];

        windows[i] = (struct kf_onnx_windows){0, sizes[0][i], sizes[1][i], sizes[2][i], false};
        if (same && n > 0 && windows[i].step > 0)
            n = same_pads(&pads[1 + i], &windows[i], n);
        if (!kf_onnx_windows_count(call, &windows[i], n))
            return;
        dims[1 + i] = windows[i].n;
    }
    if (same)
        x = kf_onnx_pad(onnx, x, pads, "constant", NULL);
    if (!x)
        return;
    dims[3] = windows[0].size * windows[1].size * x->dims[3];
    x = kf_onnx_gather(onnx, x, kf_onnx_windows_places(onnx, &windows[0]), 1);
    x = kf_onnx_gather(onnx, x, kf_onnx_windows_places(onnx, &windows[1]), 3);
    kf_onnx_give(call, kf_onnx_reshape(onnx, kf_onnx_transpose(onnx, x, order), dims, 4));
}
