/* SPDX-License-Identifier: Apache-2.0 */
#include "../adapt/adapt.h"
#include "../adapt/tfjs/tfjs.h"
#include "../format/architecture.h"
#include "../format/registry.h"
#include "../model/lambda.h"
#include "../model/optimizer.h"
#include "../model/validate.h"
#include "inspect.h"
#include "read.h"
#include <kf/convert.h>
#include <kf/progress.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What a folder is was found out when it was put together. */
static int detect(enum kf_kind_id *out, struct kf_model *model, const struct kf_options *options,
                  struct kf_report *rep)
{
    if (!model->in->kind)
        return kf_detect_config(out, &model->config, &model->source, &options->limits, rep);
    *out = kf_kind_find(model->in->kind);
    kf_report_set(&rep->source.format, kf_kind_info(*out)->name);
    kf_report_set(&rep->source.title, kf_kind_info(*out)->title);
    return 0;
}

static int read_model(struct kf_model **out, const struct kf_input *in, enum kf_takes wanted,
                      const struct kf_options *options, struct kf_report *rep)
{
    KF_AUTO(kf_model) model = kf_model_create();
    enum kf_kind_id kind = KF_FILE_UNKNOWN;

    if (!model)
        return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
    model->in = in;
    model->weights_do = wanted >= KF_TAKES_WEIGHTS;
    model->names_do = wanted == KF_TAKES_NAMES;
    KF_TRY(kf_source_init(&model->source, in, rep));
    rep->source.size = model->source.size;
    KF_TRY(detect(&kind, model, options, rep));
    KF_TRY(kf_registry_reader(&model->reader, kind, options->from, rep));
    KF_TRY(kf_model_read(model, options, rep));
    KF_TRY(kf_model_validate(model, rep));
    *out = kf_model_take(&model);
    return 0;
}

int kf_read_model(struct kf_model **out, const struct kf_input *in,
                  const struct kf_options *options, struct kf_report *rep)
{
    return read_model(out, in, KF_TAKES_WEIGHTS, options, rep);
}

int kf_verify_model(const struct kf_model *model, struct kf_report *rep)
{
    return model->reader->verify ? model->reader->verify(model->state, rep) : 0;
}

/* A file with a config needs none; who gave one should know that nobody looked at it. */
static void note_unused(const struct kf_model *model, struct kf_report *rep)
{
    if (model->in->architecture && !model->architecture)
        kf_report_add(rep, KF_FINDING, "",
                      "the architecture that was given is not used: the file holds its own");
}

/* What the source lacks and the target must have. */
static int check_takes(const struct kf_model *model, const struct kf_writer *writer,
                       struct kf_report *rep)
{
    if (model->weightless && writer->takes != KF_TAKES_GRAPH)
        return kf_report_add(rep, KF_WEIGHTS_NEEDED, "",
                             "the file is an architecture, without the weights that %s holds",
                             writer->info->name);
    if ((!model->graph || model->made_up) && writer->takes < KF_TAKES_WEIGHTS)
        return kf_architecture_missing(KF_DO_WITHOUT, rep);
    return 0;
}

static enum kf_runner runner_of(const struct kf_writer *writer)
{
    if (writer->info->keras_default)
        return KF_RUNS_KERAS;
    return writer->takes < KF_TAKES_WEIGHTS ? KF_RUNS_OTHERS : KF_RUNS_NOBODY;
}

/* Into the config language of the release that is written for. */
static int adapt(struct kf_model *model, const struct kf_writer *writer, int keras,
                 const struct kf_options *options, struct kf_report *rep)
{
    enum kf_dialect dialect = keras < KF_KERAS(3, 0, 0) ? KF_DIALECT_KERAS2 : KF_DIALECT_KERAS3;

    if (!model->graph || model->made_up)
        return kf_adapt_loose(model, dialect, options, rep);
    KF_TRY(kf_adapt(model, dialect, keras, runner_of(writer), options, rep));
    if (writer->for_tfjs)
        KF_TRY(kf_adapt_tfjs(model, options, rep));
    return writer->takes < KF_TAKES_WEIGHTS
               ? kf_adapt_users(model, writer->info->keras_default != 0, options, rep)
               : 0;
}

static const enum kf_verdict allowed[] = {
    [KF_ALLOW_EXACT] = KF_VERDICT_EXACT,
    [KF_ALLOW_ADAPTED] = KF_VERDICT_ADAPTED,
    [KF_ALLOW_LOSSY] = KF_VERDICT_LOSSY,
};

static int check_allowed(const struct kf_options *options, struct kf_report *rep)
{
    enum kf_verdict verdict = kf_report_verdict(rep);

    if (verdict <= allowed[options->allow])
        return 0;
    return kf_report_add(rep, KF_NOT_ALLOWED, "", "the conversion is %s, but allow=%s",
                         kf_verdict_name(verdict), kf_verdict_name(allowed[options->allow]));
}

/* Whether anything was recorded under a code. */
static bool has_entry(const struct kf_report *rep, enum kf_code code)
{
    for (size_t i = 0; i < rep->n_entries; i++)
        if (rep->entries[i].code == code)
            return true;
    return false;
}

/*
 * What a format cannot hold by its nature is not lost, but not there either: true when nothing is
 * left to say. A file of weights may hold a state, but does not say whose: that is lost.
 */
static bool forget_training(struct kf_model *model, const struct kf_options *options,
                            struct kf_report *rep)
{
    if (!model->training) {
        kf_optimizer_lose(model, "the file does not say of which optimizer it is");
        return false;
    }
    json_decref(model->training);
    model->training = NULL;
    model->has_optimizer_state = model->optimizer.bound = false;
    if (options->require_training)
        kf_report_add(rep, KF_TRAINING_REQUIRED, "",
                      "require=training, but no file of this kind holds a training state");
    return true;
}

/* What became of the training state of a model that `had` one. */
static void settle_training(const struct kf_model *model, bool had,
                            const struct kf_options *options, struct kf_report *rep)
{
    const char *why = model->optimizer.lost;

    if (!had)
        return;
    if (why && model->has_optimizer_state)
        kf_report_add(rep, KF_TRAINING_LOST, "optimizer", "the optimizer's state is left out: %s",
                      why);
    rep->training = has_entry(rep, KF_TRAINING_LOST)        ? KF_TRAINING_DROPPED
                    : has_entry(rep, KF_TRAINING_REWRITTEN) ? KF_TRAINING_ADAPTED
                                                            : KF_TRAINING_KEPT;
    if (rep->training == KF_TRAINING_DROPPED && options->require_training)
        kf_report_add(rep, KF_TRAINING_REQUIRED, "",
                      "require=training, but the training state would be dropped");
}

/*
 * The release that is written for: the one that was asked for, else the writer's own; else the
 * last of the generation that the model is of, so that nothing of it is rewritten.
 */
static int target_release(const struct kf_writer *writer, const struct kf_model *model,
                          const struct kf_options *options)
{
    if (options->keras)
        return options->keras;
    if (writer->info->keras_default || writer->speaks)
        return writer->info->keras_default ? writer->info->keras_default : writer->speaks;
    return model->dialect == KF_DIALECT_KERAS3 ? KF_KERAS(3, 15, 1) : KF_KERAS(2, 15, 0);
}

/* Everything up to the first byte: what will be written, what is lost, and is that allowed? */
static int prepare(struct kf_model **out, const struct kf_writer *writer, int *keras_out,
                   const struct kf_input *in, const struct kf_options *options,
                   struct kf_report *rep)
{
    KF_AUTO(kf_model) model = NULL;
    int keras;
    bool had;

    rep->progress = options->progress;
    rep->passes = options->passes;
    rep->histograms_left = options->histograms ? KF_HISTOGRAMS_MAX : 0;
    KF_TRY(read_model(&model, in, writer->takes, options, rep));
    keras = target_release(writer, model, options);
    had = model->training || model->has_optimizer_state;
    if (had && !writer->training)
        had = !forget_training(model, options, rep);
    note_unused(model, rep);
    KF_TRY(check_takes(model, writer, rep));
    kf_progress_phase(rep, KF_PHASE_ADAPT);
    KF_TRY(adapt(model, writer, keras, options, rep));
    KF_TRY(writer->plan(model, keras, options, rep));
    settle_training(model, had, options, rep);
    KF_TRY(kf_report_status(rep));
    KF_TRY(check_allowed(options, rep));
    *keras_out = keras;
    *out = kf_model_take(&model);
    return 0;
}

/* How much is to be written. */
static void count_tensors(struct kf_progress *progress, const struct kf_tensor *tensors, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!tensors[i].payload)
            continue;
        progress->bytes_total += kf_payload_bytes(tensors[i].payload);
        progress->tensors_total++;
    }
}

static int count_layer(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    (void)graph;
    count_tensors(context, layer->tensors, layer->n_tensors);
    return 0;
}

static void count_loose(struct kf_progress *progress, const struct kf_loose *loose)
{
    count_tensors(progress, loose->tensors, loose->n_tensors);
    for (size_t i = 0; i < loose->n_below; i++)
        count_loose(progress, loose->below[i]);
}

static void begin_writing(struct kf_model *model, const struct kf_report *rep)
{
    if (rep->progress && model->graph)
        kf_layers_each(model->graph, count_layer, rep->progress);
    if (rep->progress && model->loose)
        count_loose(rep->progress, model->loose);
    kf_progress_phase(rep, KF_PHASE_WRITE);
}

/* A model to the file `part`. */
static int convert_model(const char *part, const struct kf_writer *writer,
                         const struct kf_input *in, const struct kf_options *options,
                         struct kf_report *rep)
{
    KF_AUTO(kf_model) model = NULL;
    int keras, r;

    KF_TRY(prepare(&model, writer, &keras, in, options, rep));
    begin_writing(model, rep);
    r = writer->write(part, model, keras, options, rep);
    kf_progress_phase(rep, KF_PHASE_FINISH);
    return r < 0 ? r : kf_verify_model(model, rep);
}

/* What needs no model to the file `part`, or nowhere. */
static int convert_direct(const char *part, const struct kf_writer *writer,
                          const struct kf_input *in, const struct kf_options *options,
                          struct kf_report *rep)
{
    KF_TRY(writer->direct(part, in, options, rep));
    return check_allowed(options, rep);
}

int kf_convert(const struct kf_input *in, const char *path, const struct kf_options *options,
               struct kf_report *rep)
{
    const struct kf_writer *writer;
    char part[4096];
    int r;

    KF_TRY(kf_registry_writer(&writer, options->to, rep));
    if (snprintf(part, sizeof(part), "%s.part", path) >= (int)sizeof(part))
        return kf_report_add(rep, KF_WRITE_FAILED, "", "the path of the result is too long");
    r = writer->direct ? convert_direct(part, writer, in, options, rep)
                       : convert_model(part, writer, in, options, rep);
    if (r >= 0 && rename(part, path) < 0)
        r = kf_report_add(rep, KF_WRITE_FAILED, "", "the result cannot be put in its place");
    if (r < 0)
        unlink(part);
    return r;
}

int kf_plan_only(const struct kf_input *in, const struct kf_options *options, struct kf_report *rep)
{
    KF_AUTO(kf_model) model = NULL;
    const struct kf_writer *writer;
    int keras;

    KF_TRY(kf_registry_writer(&writer, options->to, rep));
    if (writer->direct)
        return convert_direct(NULL, writer, in, options, rep);
    KF_TRY(prepare(&model, writer, &keras, in, options, rep));
    return kf_verify_model(model, rep);
}

/* What code a layer holds, told by reading it. */
static int find_code(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    struct kf_buf about = {.max = 700};

    (void)graph;
    if (strcmp(layer->class_name, "Lambda") != 0)
        return 0;
    kf_lambda_describe(layer->config, "function", &about);
    if (about.n > 0)
        kf_report_add(context, KF_CARRIES_CODE, layer->path,
                      "the Lambda holds Python code, which was not run: %s", about.data);
    kf_buf_finish(&about);
    return 0;
}

/* What no layers can be made of may have tensors with names. */
static struct kf_model *read_names(const struct kf_input *in, const struct kf_options *options)
{
    struct kf_model *model = NULL;
    struct kf_report ignored;

    kf_report_init(&ignored);
    read_model(&model, in, KF_TAKES_NAMES, options, &ignored);
    kf_report_finish(&ignored);
    return model;
}

int kf_inspect(const struct kf_input *in, const struct kf_options *options, struct kf_report *rep,
               json_t **facts_out)
{
    KF_AUTO(kf_model) model = NULL;
    KF_AUTO(kf_model) named = NULL;
    int r = kf_read_model(&model, in, options, rep);

    if (r >= 0 && model->graph)
        kf_layers_each(model->graph, find_code, rep);
    if (r >= 0)
        r = kf_verify_model(model, rep);
    else if (kf_code_grade((enum kf_code) - r) != KF_GRADE_FATAL)
        named = read_names(in, options);
    *facts_out = kf_inspect_facts(r < 0 ? named : model, options, rep);
    return r;
}
