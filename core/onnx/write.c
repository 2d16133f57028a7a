/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/alloc.h"
#include "../base/buf.h"
#include "../base/num.h"
#include "../format/info.h"
#include "../format/tensor_rows.h"
#include "../format/writer.h"
#include "../io/checksum.h"
#include "../io/proto_write.h"
#include "../io/spool.h"
#include "build.h"
#include "message.h"
#include <kf/progress.h>
#include <string.h>

/* An ONNX model in one file, its weights in it. */

/* A message of protocol buffers is never larger, and readers refuse one that is. */
#define MESSAGE_MAX ((UINT64_C(1) << 31) - 1)
#define PIECE       ((size_t)1 << 20)

extern const struct kf_writer kf_write_onnx;

static enum kf_dialect dialect(int keras)
{
    (void)keras;
    return KF_DIALECT_KERAS3;
}

/* The file: where it goes, and what has been computed of it. */
struct out {
    struct kf_onnx *onnx;
    const struct kf_options *options;
    struct kf_report *rep;
    struct kf_spool file;
    struct kf_buf text; /* heads on their way */
    char *piece;
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

int kf_onnx_add_rows(const struct kf_onnx *onnx, struct kf_report *rep)
{
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
    int r = kf_layers_count(model->graph, rep);

    (void)keras;
    kf_report_set(&rep->target.format, kf_write_onnx.info->name);
    kf_onnx_begin(&onnx, options, rep);
    r = r < 0 ? r : kf_onnx_build(&onnx, model);
    r = r < 0 ? r : kf_onnx_add_rows(&onnx, rep);
    r = r < 0 ? r : check_size(&onnx, rep);
    kf_onnx_finish(&onnx);
    return r;
}

/* Pull a payload in pieces, write it and hash it. */
static int write_payload(struct out *out, const struct kf_payload *payload, struct kf_checksum *sum)
{
    struct kf_hasher hasher;
    uint64_t end = kf_payload_bytes(payload);

    kf_hasher_init(&hasher, out->options->checksum);
    for (uint64_t at = 0; at < end; at += PIECE) {
        size_t n = (size_t)kf_min(end - at, PIECE);

        KF_TRY(payload->pull(payload, at, out->piece, n, out->rep));
        kf_hasher_update(&hasher, out->piece, n);
        KF_TRY(kf_spool_write(&out->file, out->piece, n, out->rep));
        kf_progress_bytes(out->rep, n);
    }
    kf_hasher_finish(&hasher, sum);
    return 0;
}

int kf_onnx_settle_rows(const struct kf_onnx *onnx, const struct kf_onnx_tensor *tensor,
                        const struct kf_checksum *after, const struct kf_options *options,
                        struct kf_report *rep)
{
    for (size_t i = 0; i < onnx->n_uses && i < rep->n_tensors; i++) {
        const struct kf_onnx_use *use = &onnx->uses[i];

        if (use->target != tensor)
            continue;
        KF_TRY(kf_weight_settle(rep, i, use->tensor, tensor->payload, after, options->checksum));
        kf_progress_tensor(rep);
    }
    return 0;
}

static int write_weight(struct out *out, const struct kf_onnx_tensor *tensor)
{
    struct kf_checksum after = {0};

    out->text.n = 0;
    if (!kf_onnx_put_weight_head(&out->text, tensor))
        return no_memory(out->rep);
    KF_TRY(kf_spool_write(&out->file, out->text.data, out->text.n, out->rep));
    KF_TRY(write_payload(out, tensor->payload, &after));
    return kf_onnx_settle_rows(out->onnx, tensor, &after, out->options, out->rep);
}

static int write_graph(struct out *out, const char *name)
{
    struct kf_buf around = {.max = KF_ONNX_AROUND_MAX};
    bool made = kf_onnx_put_around(&around, out->onnx, name);
    uint64_t size = around.n;
    uint8_t head[20];
    int r = made ? graph_size(out, &size) : no_memory(out->rep);

    if (r >= 0)
        r = kf_spool_write(&out->file, head, kf_proto_head(head, 7, size), out->rep);
    if (r >= 0)
        r = kf_spool_write(&out->file, around.data, around.n, out->rep);
    kf_buf_finish(&around);
    for (size_t i = 0; r >= 0 && i < out->onnx->n_weights; i++)
        if (out->onnx->weights[i]->used)
            r = write_weight(out, out->onnx->weights[i]);
    return r;
}

static int write_model(struct out *out, const char *path, const char *name)
{
    out->piece = kf_alloc(PIECE);
    if (!out->piece || !kf_onnx_put_model(&out->text, out->onnx))
        return no_memory(out->rep);
    KF_TRY(kf_spool_create_named(&out->file, path, MESSAGE_MAX, out->rep));
    KF_TRY(kf_spool_write(&out->file, out->text.data, out->text.n, out->rep));
    return write_graph(out, name);
}

static int write_onnx(const char *path, struct kf_model *model, int keras,
                      const struct kf_options *options, struct kf_report *rep)
{
    struct kf_onnx onnx;
    struct out out = {.onnx = &onnx,
                      .options = options,
                      .rep = rep,
                      .file = KF_SPOOL_NONE,
                      .text = {.max = KF_ONNX_AROUND_MAX}};
    int r;

    (void)keras;
    kf_onnx_begin(&onnx, options, rep);
    r = kf_onnx_build(&onnx, model);
    r = r < 0 ? r : write_model(&out, path, model->graph->name ? model->graph->name : "model");
    kf_spool_finish(&out.file);
    kf_buf_finish(&out.text);
    kf_free(out.piece);
    kf_onnx_finish(&onnx);
    return r;
}

const struct kf_writer kf_write_onnx = {
    .info = &kf_info_write_onnx,
    .speaks = KF_KERAS(3, 15, 1),
    .takes = KF_TAKES_MODEL,
    .dialect = dialect,
    .plan = plan,
    .write = write_onnx,
};
