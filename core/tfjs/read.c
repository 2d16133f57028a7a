/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../format/architecture.h"
#include "../format/arrays/arrays.h"
#include "../format/beside.h"
#include "../format/compile_read.h"
#include "../format/info.h"
#include "../format/keras2/keras2_config.h"
#include "../format/reader.h"
#include "../format/release.h"
#include "../io/text/json.h"
#include "manifest.h"
#include "tfjs.h"
#include <string.h>

extern const struct kf_reader kf_read_tfjs;

/*
 * A layers model is of Keras 2, brought by tensorflowjs_converter, whose config and names of
 * weights stand in it as they were; or of TensorFlow.js itself, which then is what is right.
 */
struct layers_model {
    struct kf_model *model;
    const struct kf_options *options;
    struct kf_report *rep;
    json_t *document, *topology;
    bool made_there;
    struct kf_tfjs_weights weights;
    json_t *index, *shorter; /* name -> number of its weight; without the scope next to the last */
    size_t *takers;          /* of each weight: how many tensors asked for it */
};

static int no_memory(const struct layers_model *all)
{
    return kf_report_add(all->rep, KF_NO_MEMORY, "", "out of memory");
}

static const char *name_at(const struct kf_arrays *arrays, size_t index)
{
    const struct layers_model *all = arrays->state;

    return all->weights.items[index].name;
}

/* The weight of that name, or of that name when a cell's is taken out of it. */
static const json_t *find(const struct layers_model *all, const char *name)
{
    const json_t *found = json_object_get(all->index, name);

    return found ? found : json_object_get(all->shorter, name);
}

static bool has(const struct kf_arrays *arrays, const char *name)
{
    return find(arrays->state, name) != NULL;
}

static int payload_of(const struct kf_arrays *arrays, const char *name,
                      const struct kf_payload **out, struct kf_report *rep)
{
    const struct layers_model *all = arrays->state;
    size_t i = (size_t)json_integer_value(find(all, name));

    *out = all->weights.items[i].payload;
    if (all->takers[i]++ == 0)
        return 0;
    return kf_report_add(rep, KF_MAPPING_AMBIGUOUS, "",
                         "the weight %s is called like variables of several layers",
                         all->weights.items[i].name);
}

/* "a/kernel" of "a/cell/kernel", which Keras since 2.2 of TensorFlow writes; NULL of one part. */
static const char *shorten(struct layers_model *all, const char *name)
{
    const char *last = strrchr(name, '/'), *before = last;

    while (before > name && before[-1] != '/')
        before--;
    if (!last || before == name)
        return NULL;
    return kf_arena_printf(all->model->arena, "%.*s%s", (int)(before - name), name, last + 1);
}

static int make_index(struct layers_model *all)
{
    const struct kf_tfjs_weights *weights = &all->weights;

    all->index = json_object();
    all->shorter = json_object();
    all->takers = kf_arena_alloc(all->model->arena, (weights->n + 1) * sizeof(*all->takers));
    if (!all->index || !all->shorter || !all->takers)
        return no_memory(all);
    for (size_t i = 0; i < weights->n; i++) {
        const char *name = weights->items[i].name, *shorter;

        KF_TRY(kf_json_set(all->index, name, json_integer((json_int_t)i), all->rep));
        if ((shorter = shorten(all, name)))
            KF_TRY(kf_json_set(all->shorter, shorter, json_integer((json_int_t)i), all->rep));
    }
    return 0;
}

static int note_done(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    const struct layers_model *all = context;

    (void)graph;
    for (size_t i = 0; i < layer->n_tensors; i++) {
        const json_t *found = layer->tensors[i].source ? find(all, layer->tensors[i].source) : NULL;
        const struct kf_tfjs_weight *weight =
            found ? &all->weights.items[json_integer_value(found)] : NULL;

        if (!weight)
            continue;
        layer->tensors[i].source = weight->name;
        layer->tensors[i].done = weight->done;
        if (weight->done)
            KF_TRY(kf_report_add(all->rep, KF_TENSOR_REWRITTEN, layer->path, "%s: %s",
                                 layer->tensors[i].variable, weight->done));
    }
    return 0;
}

static int read_weights(struct layers_model *all)
{
    const json_t *manifest = json_object_get(all->document, "weightsManifest");
    struct kf_arrays arrays = {.suffix = "",
                               .name = name_at,
                               .has = has,
                               .payload = payload_of,
                               .names = kf_tfjs_names,
                               .state = all};

    KF_TRY(kf_tfjs_manifest(&all->weights, all->model, manifest, all->options, all->rep));
    all->rep->source.size += all->weights.bytes;
    arrays.n = all->weights.n;
    KF_TRY(make_index(all));
    KF_TRY(kf_arrays_bind(all->model, &arrays, all->rep));
    return kf_layers_each(all->model->graph, note_done, all);
}

/* Of Keras as it is; TensorFlow.js says in other words how it compiles its own optimizers. */
static int read_training(struct layers_model *all)
{
    json_t *config = json_object_get(all->topology, "training_config");
    const json_t *own = json_object_get(all->document, "trainingConfig");

    if (all->weights.n_optimizer) {
        all->model->has_optimizer_state = true;
        kf_optimizer_lose(all->model, "it is that of an optimizer of TensorFlow.js");
    }
    if (json_is_object(own))
        return kf_report_add(all->rep, KF_TRAINING_LOST, "compile",
                             "the model was compiled by TensorFlow.js, whose optimizers are not "
                             "those of Keras");
    return json_is_object(config) ? kf_compile_take(all->model, json_incref(config), all->rep) : 0;
}

static int read_graph(struct layers_model *all)
{
    json_t *config = json_object_get(all->topology, "model_config");
    const char *version = kf_json_str(all->topology, "keras_version", "");

    config = json_is_object(config) ? config : all->topology;
    all->made_there = kf_starts(version, "tfjs-layers") ||
                      kf_starts(kf_json_str(all->document, "generatedBy", ""), "TensorFlow.js");
    kf_report_evidence(all->rep, all->made_there ? "TensorFlow.js made the model"
                                                 : "the model was converted from Keras");
    if (kf_starts(version, "3."))
        return kf_report_add(all->rep, KF_UNSUPPORTED_PAIR, "",
                             "tensorflowjs_converter left parts of a model of Keras %s out of it: "
                             "convert the .keras that it was made from",
                             version);
    KF_TRY(kf_tfjs_spoken(config, all->made_there, all->rep));
    all->model->dialect = KF_DIALECT_KERAS2;
    all->model->keras = all->made_there ? KF_TFJS_SPEAKS : kf_release_parse(version);
    KF_TRY(kf_keras2_graph(all->model, config, all->options, all->rep));
    if (!all->made_there)
        return 0;
    all->model->keras = KF_KERAS(2, 13, 0); /* whose activations it has: mish is none of a user's */
    KF_TRY(kf_tfjs_check(all->model, true, all->rep));
    return kf_report_status(all->rep);
}

static int read_document(struct layers_model *all)
{
    KF_TRY(kf_beside_list(&all->document, &all->model->source, &all->options->limits, all->rep));
    all->topology = json_object_get(all->document, "modelTopology");
    if (json_is_object(all->topology))
        KF_TRY(read_graph(all));
    else
        KF_TRY(kf_architecture_read(all->model, all->options, all->rep));
    if (!json_object_get(all->document, "weightsManifest")) {
        all->model->weightless = true;
        return 0;
    }
    KF_TRY(read_weights(all));
    return read_training(all);
}

static int read_tfjs(struct kf_model *model, void *state, const struct kf_options *options,
                     struct kf_report *rep)
{
    struct layers_model all = {.model = model, .options = options, .rep = rep};
    int r = read_document(&all);

    (void)state;
    json_decref(all.document);
    json_decref(all.index);
    json_decref(all.shorter);
    return r;
}

const struct kf_reader kf_read_tfjs = {
    .info = &kf_info_read_tfjs,
    .kind = KF_FILE_TFJS,
    .read = read_tfjs,
};
