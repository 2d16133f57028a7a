/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/alloc.h"
#include "../base/buf.h"
#include "../base/num.h"
#include "../format/info.h"
#include "../format/tensor_rows.h"
#include "../format/writer.h"
#include "../io/proto_write.h"
#include "build.h"
#include "message.h"
#include <kf/progress.h>

/* An ONNX model in one file, its weights in it. */

/* A message of protocol buffers is never larger, and readers refuse one that is. */
#define MESSAGE_MAX ((UINT64_C(1) << 31) - 1)

extern const struct kf_writer kf_write_onnx;

/* The file, and what has been computed of it. */
struct out {
    struct kf_onnx *onnx;
    struct kf_report *rep;
    struct kf_mover file;
    uint64_t at;        /* where it goes on */
    struct kf_buf text; /* heads on their way */
};

static int no_memory(struct kf_report *rep)
{
    return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
}

/* Bytes of GraphProto: what stands around the weights, and they. */
static int graph_size(struct out *out, uint64_t *size)
{
    for (size_t i = 0; i < out->onnx->n_weights; i++) {
        const struct kf_onnx_tensor *tensor = out->onnx->weights[i];

        if (!tensor->used)
            continue;
        out->text.n = 0;
        if (!kf_onnx_put_weight_head(&out->text, tensor))
            return no_memory(out->rep);
        if (!kf_add(*size, out->text.n, size) ||
            !kf_add(*size, kf_payload_bytes(tensor->payload), size))
            return kf_report_add(out->rep, KF_TOO_LARGE, "", "the weights have no size");
    }
    return 0;
}

static int check_size(const struct kf_onnx *onnx, struct kf_report *rep)
{
    struct out out = {
        .onnx = (struct kf_onnx *)onnx, .rep = rep, .text = {.max = KF_ONNX_AROUND_MAX}};
    uint64_t size = KF_ONNX_AROUND_MAX / 16;
    int r = graph_size(&out, &size);

    kf_buf_finish(&out.text);
    KF_TRY(r);
    if (size <= MESSAGE_MAX)
        return 0;
    return kf_report_add(rep, KF_NO_EQUAL, "",
                         "the weights have %llu bytes, and an ONNX model in one file has less than "
                         "2 GiB: write it as onnx-data, with the weights in a file beside it",
                         (unsigned long long)size);
}

static const struct kf_onnx_runtime runtime = {
    .name = "ONNX",
    .interpolations = "nearest bilinear",
};

void kf_onnx_begin(struct kf_onnx *onnx, const struct kf_options *options, struct kf_report *rep)
{
    *onnx = (struct kf_onnx){
        .rep = rep,
        .options = options,
        .opset = options->opset ? options->opset : 17,
        .runtime = &runtime,
    };
}

int kf_onnx_plan(struct kf_onnx *onnx, struct kf_model *model, const struct kf_format_info *info,
                 const struct kf_options *options, struct kf_report *rep)
{
    kf_onnx_begin(onnx, options, rep);
    kf_report_set(&rep->target.format, info->name);
    KF_TRY(kf_layers_count(model->graph, rep));
    KF_TRY(kf_onnx_build(onnx, model));
    for (size_t i = 0; i < onnx->n_uses; i++) {
        const struct kf_onnx_use *use = &onnx->uses[i];
        const struct kf_onnx_tensor *target = use->target;

        KF_TRY(kf_weight_row(rep, use->tensor, use->layer->path, target->name, target->payload,
                             target->done));
    }
    return 0;
}

static int plan(struct kf_model *model, int keras, const struct kf_options *options,
                struct kf_report *rep)
{
    struct kf_onnx onnx;
    int r = kf_onnx_plan(&onnx, model, kf_write_onnx.info, options, rep);

    (void)keras;
    r = r < 0 ? r : check_size(&onnx, rep);
    kf_onnx_finish(&onnx);
    return r;
}

/* Fill the row of use number `number` and of those behind it. */
static int settle_from(const struct kf_onnx *onnx, size_t number,
                       const struct kf_onnx_tensor *tensor, const struct kf_checksum *after)
{
    while (number > 0 && number <= onnx->rep->n_tensors) {
        const struct kf_onnx_use *use = &onnx->uses[number - 1];

        KF_TRY(kf_weight_settle(onnx->rep, number - 1, use->tensor, tensor->payload, after,
                                onnx->options->checksum));
        kf_progress_tensor(onnx->rep);
        number = use->next;
    }
    return 0;
}

int kf_onnx_settle_rows(const struct kf_onnx *onnx, const struct kf_onnx_tensor *tensor,
                        const struct kf_checksum *after)
{
    return settle_from(onnx, tensor->first_use, tensor, after);
}

int kf_onnx_move_weight(const struct kf_onnx *onnx, const struct kf_onnx_tensor *tensor,
                        struct kf_mover *mover, uint64_t at)
{
    struct kf_report *rep = onnx->rep;
    struct kf_tensor_report *row = NULL;

    if (tensor->bytes)
        return kf_sink_write(&mover->to, at, tensor->bytes,
                             (size_t)kf_payload_bytes(tensor->payload), tensor->name, rep);
    if (tensor->first_use > 0 && tensor->first_use <= rep->n_tensors)
        row = &rep->tensors[tensor->first_use - 1];
    KF_TRY(kf_move(mover, tensor->payload, at, onnx->options->checksum, row, tensor->name, rep));
    return row ? settle_from(onnx, onnx->uses[tensor->first_use - 1].next, tensor, &row->after) : 0;
}

static int put(struct out *out, const void *bytes, size_t n)
{
    KF_TRY(kf_sink_write(&out->file.to, out->at, bytes, n, "", out->rep));
    out->at += n;
    return 0;
}

static int write_weight(struct out *out, const struct kf_onnx_tensor *tensor)
{
    out->text.n = 0;
    if (!kf_onnx_put_weight_head(&out->text, tensor))
        return no_memory(out->rep);
    KF_TRY(put(out, out->text.data, out->text.n));
    KF_TRY(kf_onnx_move_weight(out->onnx, tensor, &out->file, out->at));
    out->at += kf_payload_bytes(tensor->payload);
    return 0;
}

static int write_graph(struct out *out, const char *name)
{
    struct kf_buf around = {.max = KF_ONNX_AROUND_MAX};
    bool made = kf_onnx_put_around(&around, out->onnx, name);
    uint64_t size = around.n;
    uint8_t head[20];
    int r = made ? graph_size(out, &size) : no_memory(out->rep);

    if (r >= 0)
        r = put(out, head, kf_proto_head(head, 7, size));
    if (r >= 0)
        r = put(out, around.data, around.n);
    kf_buf_finish(&around);
    for (size_t i = 0; r >= 0 && i < out->onnx->n_weights; i++)
        if (out->onnx->weights[i]->used)
            r = write_weight(out, out->onnx->weights[i]);
    return r;
}

static int write_model(struct out *out, const char *path, const char *name)
{
    if (!kf_onnx_put_model(&out->text, out->onnx))
        return no_memory(out->rep);
    KF_TRY(kf_sink_create(&out->file.to, path, out->rep));
    KF_TRY(put(out, out->text.data, out->text.n));
    return write_graph(out, name);
}

static int write_onnx(const char *path, struct kf_model *model, int keras,
                      const struct kf_options *options, struct kf_report *rep)
{
    struct kf_onnx onnx;
    struct out out = {.onnx = &onnx,
                      .rep = rep,
                      .file = {.to = KF_SINK_NONE},
                      .text = {.max = KF_ONNX_AROUND_MAX}};
    int r;

    (void)keras;
    kf_onnx_begin(&onnx, options, rep);
    r = kf_onnx_build(&onnx, model);
    r = r < 0 ? r : write_model(&out, path, model->graph->name ? model->graph->name : "model");
    kf_sink_finish(&out.file.to);
    kf_mover_finish(&out.file);
    kf_buf_finish(&out.text);
    kf_onnx_finish(&onnx);
    return r;
}

const struct kf_writer kf_write_onnx = {
    .info = &kf_info_write_onnx,
    .speaks = KF_KERAS(3, 15, 1),
    .takes = KF_TAKES_MODEL,
    .plan = plan,
    .write = write_onnx,
};
