/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/alloc.h"
#include "../format/info.h"
#include "../format/tensor_rows.h"
#include "../format/writer.h"
#include "../io/pack.h"
#include "../io/tensorflow/tensor_bundle_write.h"
#include "../onnx/build.h"
#include "saved_model.h"
#include "translate.h"
#include <kf/progress.h>
#include <stdlib.h>
#include <string.h>

/* Where the files stand in the archive. */
#define FOLDER "saved_model/"

/* The graph without its weights: a message of protocol buffers is never larger. */
#define GRAPH_MAX ((size_t)1 << 30)

extern const struct kf_writer kf_write_savedmodel;

/* A SavedModel in the making. */
struct saved {
    const struct kf_options *options;
    struct kf_report *rep;
    struct kf_onnx onnx; /* the operators */
    struct kf_tf tf;     /* the same in TensorFlow's terms */
    struct kf_buf graph; /* saved_model.pb */
};

static int no_memory(struct kf_report *rep)
{
    return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
}

static void finish(struct saved *saved)
{
    kf_onnx_finish(&saved->onnx);
    kf_buf_finish(&saved->tf.nodes);
    kf_buf_finish(&saved->graph);
    kf_free(saved->tf.variables);
    kf_free(saved->tf.fillers);
    json_decref(saved->tf.taken);
}

static const struct kf_onnx_runtime runtime = {
    .name = "a SavedModel",
    .interpolations = "nearest bilinear bicubic area lanczos3 lanczos5",
    .bfloat16 = true,
    .letters = true,
    .beyond = true,
    .layer_names = true,
};

/* Of the oldest set of operators: it has the fewest, and they are the simplest. */
#define OPSET 13

static int build(struct saved *saved, struct kf_model *model, const struct kf_options *options,
                 struct kf_report *rep)
{
    *saved = (struct saved){
        .options = options,
        .rep = rep,
        .onnx = {.rep = rep, .options = options, .opset = OPSET, .runtime = &runtime},
        .tf = {.arena = model->arena, .rep = rep, .nodes = {.max = GRAPH_MAX}},
        .graph = {.max = GRAPH_MAX},
    };
    saved->tf.taken = json_object();
    if (!saved->tf.taken)
        return no_memory(rep);
    KF_TRY(kf_onnx_build(&saved->onnx, model));
    KF_TRY(kf_tf_add_inputs(&saved->tf, &saved->onnx));
    KF_TRY(kf_tf_translate(&saved->tf, &saved->onnx));
    return kf_tf_saved_model(&saved->graph, &saved->tf, &saved->onnx);
}

/* The variable that a weight of Keras went into, or NULL. */
static const struct kf_tf_variable *variable_of(const struct saved *saved,
                                                const struct kf_onnx_use *use)
{
    const struct kf_tf_place *place = use->target->place;

    return place && place->variable ? &saved->tf.variables[place->variable - 1] : NULL;
}

/* A row of the report's table for each weight of Keras, and where it went. */
static int add_rows(const struct saved *saved, struct kf_report *rep)
{
    for (size_t i = 0; i < saved->onnx.n_uses; i++) {
        const struct kf_onnx_use *use = &saved->onnx.uses[i];
        const struct kf_tf_variable *variable = variable_of(saved, use);
        const struct kf_payload *given = use->tensor->payload;
        bool made = variable && variable->payload != given;

        KF_TRY(kf_weight_row(rep, use->tensor, use->layer->path, variable ? variable->key : "",
                             variable ? variable->payload : given,
                             made ? use->target->done : NULL));
    }
    return 0;
}

static int plan(struct kf_model *model, int keras, const struct kf_options *options,
                struct kf_report *rep)
{
    struct saved saved;
    int r;

    (void)keras;
    kf_report_set(&rep->target.format, kf_write_savedmodel.info->name);
    KF_TRY(kf_layers_count(model->graph, rep));
    r = build(&saved, model, options, rep);
    r = r < 0 ? r : add_rows(&saved, rep);
    finish(&saved);
    return r;
}

/* The variables as a bundle has them: sorted by key. */
static int compare(const void *a, const void *b)
{
    return strcmp(((const struct kf_bundle_tensor *)a)->key,
                  ((const struct kf_bundle_tensor *)b)->key);
}

static struct kf_bundle_tensor *sorted(const struct kf_tf *tf)
{
    struct kf_bundle_tensor *tensors = kf_alloc((tf->n_variables + 1) * sizeof(*tensors));

    for (size_t i = 0; tensors && i < tf->n_variables; i++)
        tensors[i] = (struct kf_bundle_tensor){.key = tf->variables[i].key,
                                               .payload = tf->variables[i].payload};
    if (tensors)
        qsort(tensors, tf->n_variables, sizeof(*tensors), compare);
    return tensors;
}

/* The checksums of the rows. */
static int settle_rows(const struct saved *saved, const struct kf_bundle_tensor *tensors)
{
    for (size_t i = 0; i < saved->onnx.n_uses && i < saved->rep->n_tensors; i++) {
        const struct kf_onnx_use *use = &saved->onnx.uses[i];
        const struct kf_tf_variable *variable = variable_of(saved, use);
        struct kf_bundle_tensor wanted = {.key = variable ? variable->key : ""};
        const struct kf_bundle_tensor *found;

        found = bsearch(&wanted, tensors, saved->tf.n_variables, sizeof(wanted), compare);
        if (found)
            KF_TRY(kf_weight_settle(saved->rep, i, use->tensor, found->payload, &found->sum,
                                    saved->options->checksum));
    }
    return 0;
}

static int write_variables(struct saved *saved, struct kf_pack *pack,
                           struct kf_bundle_tensor *tensors)
{
    static const char shard[] = FOLDER "variables/variables.data-00000-of-00001";
    struct kf_buf index = {.max = GRAPH_MAX};
    size_t n = saved->tf.n_variables;
    struct kf_sink out;
    uint64_t size;
    int r;

    KF_TRY(kf_bundle_size(&size, tensors, n, saved->rep));
    KF_TRY(kf_pack_begin(pack, shard, size, &out, saved->rep));
    KF_TRY(kf_bundle_write(&out, tensors, n, saved->options->checksum, saved->rep));
    KF_TRY(kf_pack_end(pack, size, saved->rep));
    r = kf_bundle_index(&index, tensors, n, saved->rep);
    if (r >= 0)
        r = kf_pack_put(pack, FOLDER "variables/variables.index", index.data, index.n, saved->rep);
    kf_buf_finish(&index);
    return r < 0 ? r : settle_rows(saved, tensors);
}

static int write_files(struct saved *saved, const char *path)
{
    struct kf_bundle_tensor *tensors = sorted(&saved->tf);
    struct kf_pack pack = KF_PACK_NONE;
    int r = tensors ? 0 : no_memory(saved->rep);

    r = r < 0 ? r : kf_pack_create(&pack, path, saved->options->archive, saved->rep);
    if (r >= 0)
        r = kf_pack_put(&pack, FOLDER "saved_model.pb", saved->graph.data, saved->graph.n,
                        saved->rep);
    if (r >= 0 && saved->tf.n_variables)
        r = write_variables(saved, &pack, tensors);
    r = r < 0 ? r : kf_pack_close(&pack, saved->rep);
    kf_pack_finish(&pack);
    kf_free(tensors);
    return r;
}

static int write_savedmodel(const char *path, struct kf_model *model, int keras,
                            const struct kf_options *options, struct kf_report *rep)
{
    struct saved saved;
    int r = build(&saved, model, options, rep);

    (void)keras;
    r = r < 0 ? r : write_files(&saved, path);
    finish(&saved);
    return r;
}

const struct kf_writer kf_write_savedmodel = {
    .info = &kf_info_write_savedmodel,
    .speaks = KF_KERAS(3, 15, 1),
    .takes = KF_TAKES_MODEL,
    .plan = plan,
    .write = write_savedmodel,
};
