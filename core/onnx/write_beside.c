/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/alloc.h"
#include "../base/num.h"
#include "../format/info.h"
#include "../format/writer.h"
#include "../io/checksum.h"
#include "../io/pack.h"
#include "../io/proto_write.h"
#include "build.h"
#include "message.h"

/*
 * An ONNX model with its weights in a file beside it, which has no limit: a folder of two files.
 * A weight that is in Keras as ONNX wants it goes from file to file by the kernel.
 *
 * Source: github.com/onnx/onnx, docs/ExternalData.md
 */
#define FOLDER "onnx/"
#define MODEL  "model.onnx"
#define DATA   "model.onnx.data"

/* Weights of fewer bytes stay in the model: shapes, axes, numbers alone. */
#define BESIDE_MIN 1024
/* Large weights begin at pages, so that they can be mapped; the others as numbers like it. */
#define LARGE ((uint64_t)1 << 16)
#define PAGE  4096
#define WORD  64

extern const struct kf_writer kf_write_onnx_data;

struct out {
    const struct kf_options *options;
    struct kf_report *rep;
    struct kf_onnx onnx;
    struct kf_buf model;
    uint64_t size; /* of the file beside it */
};

static int no_memory(struct kf_report *rep)
{
    return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
}

static bool is_beside(const struct kf_onnx_tensor *tensor)
{
    return kf_payload_bytes(tensor->payload) >= BESIDE_MIN;
}

/* Where the next weight begins; false when the file has no size. */
static bool place(const struct kf_onnx_tensor *tensor, uint64_t *end, uint64_t *at)
{
    uint64_t n = kf_payload_bytes(tensor->payload), step = n >= LARGE ? PAGE : WORD;

    if (!kf_add(*end, step - 1, at))
        return false;
    *at -= *at % step;
    return kf_add(*at, n, end);
}

/* A weight that stays in the model; its checksum is taken on the way. */
static int put_inside(struct out *out, struct kf_buf *graph, const struct kf_onnx_tensor *tensor)
{
    size_t n = (size_t)kf_payload_bytes(tensor->payload);
    char bytes[BESIDE_MIN];
    struct kf_hasher hasher;
    struct kf_checksum after;

    KF_TRY(n ? tensor->payload->pull(tensor->payload, 0, bytes, n, out->rep) : 0);
    kf_hasher_init(&hasher, out->options->checksum);
    kf_hasher_update(&hasher, bytes, n);
    kf_hasher_finish(&hasher, &after);
    if (!kf_onnx_put_weight_head(graph, tensor) || !kf_buf_add(graph, bytes, n))
        return no_memory(out->rep);
    return kf_onnx_settle_rows(&out->onnx, tensor, &after);
}

static int put_weights(struct out *out, struct kf_buf *graph)
{
    uint64_t at;

    for (size_t i = 0; i < out->onnx.n_weights; i++) {
        const struct kf_onnx_tensor *tensor = out->onnx.weights[i];

        if (!tensor->used)
            continue;
        if (!is_beside(tensor))
            KF_TRY(put_inside(out, graph, tensor));
        else if (!place(tensor, &out->size, &at))
            return kf_report_add(out->rep, KF_TOO_LARGE, "", "the weights have no size");
        else if (!kf_onnx_put_weight_place(graph, tensor, DATA, at))
            return no_memory(out->rep);
    }
    return 0;
}

/* The whole message, with the places of the weights. */
static int make_model(struct out *out, const char *name)
{
    struct kf_buf graph = {.max = KF_ONNX_AROUND_MAX};
    int r = kf_onnx_put_around(&graph, &out->onnx, name) ? 0 : no_memory(out->rep);

    r = r < 0 ? r : put_weights(out, &graph);
    if (r >= 0 && (!kf_onnx_put_model(&out->model, &out->onnx) ||
                   !kf_proto_put(&out->model, 7, graph.data, graph.n)))
        r = no_memory(out->rep);
    kf_buf_finish(&graph);
    return r;
}

static int write_data(struct out *out, struct kf_pack *pack)
{
    struct kf_mover mover = {.to = KF_SINK_NONE};
    uint64_t end = 0, at;
    int r = kf_pack_begin(pack, FOLDER DATA, out->size, &mover.to, out->rep);

    for (size_t i = 0; r >= 0 && i < out->onnx.n_weights; i++) {
        const struct kf_onnx_tensor *tensor = out->onnx.weights[i];

        if (tensor->used && is_beside(tensor) && place(tensor, &end, &at))
            r = kf_onnx_move_weight(&out->onnx, tensor, &mover, at);
    }
    kf_mover_finish(&mover);
    return r < 0 ? r : kf_pack_end(pack, out->size, out->rep);
}

static int write_files(struct out *out, const char *path)
{
    struct kf_pack pack = KF_PACK_NONE;
    int r = kf_pack_create(&pack, path, out->options->archive, out->rep);

    if (r >= 0)
        r = kf_pack_put(&pack, FOLDER MODEL, out->model.data, out->model.n, out->rep);
    if (r >= 0 && out->size)
        r = write_data(out, &pack);
    r = r < 0 ? r : kf_pack_close(&pack, out->rep);
    kf_pack_finish(&pack);
    return r;
}

static int plan(struct kf_model *model, int keras, const struct kf_options *options,
                struct kf_report *rep)
{
    struct kf_onnx onnx;
    int r = kf_onnx_plan(&onnx, model, kf_write_onnx_data.info, options, rep);

    (void)keras;
    kf_onnx_finish(&onnx);
    return r;
}

static int write_onnx_data(const char *path, struct kf_model *model, int keras,
                           const struct kf_options *options, struct kf_report *rep)
{
    struct out out = {.options = options, .rep = rep, .model = {.max = KF_ONNX_AROUND_MAX}};
    int r;

    (void)keras;
    kf_onnx_begin(&out.onnx, options, rep);
    r = kf_onnx_build(&out.onnx, model);
    r = r < 0 ? r : make_model(&out, model->graph->name ? model->graph->name : "model");
    r = r < 0 ? r : write_files(&out, path);
    kf_buf_finish(&out.model);
    kf_onnx_finish(&out.onnx);
    return r;
}

const struct kf_writer kf_write_onnx_data = {
    .info = &kf_info_write_onnx_data,
    .speaks = KF_KERAS(3, 15, 1),
    .takes = KF_TAKES_MODEL,
    .plan = plan,
    .write = write_onnx_data,
};
