/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../architecture.h"
#include "../compile_read.h"
#include "../info.h"
#include "../keras2/keras2_config.h"
#include "../reader.h"
#include "../release.h"
#include "checkpoint_bind.h"
#include "checkpoint_optimizer.h"
#include "saved_model.h"

struct reading {
    struct kf_saved_model saved;
    struct kf_checkpoint checkpoint;
    struct kf_model *model;
    const struct kf_options *options;
    struct kf_report *rep;
    json_t *used; /* names of variables, once they are asked for */
};

/* The config of the model in the metadata of its object, a new reference; NULL for none. */
static json_t *config_of(const json_t *metadata)
{
    json_t *whole = json_object_get(metadata, "model_config");

    if (kf_json_is_object_of_class(whole))
        return json_incref(whole);
    return kf_json_is_object_of_class(metadata) ? json_incref((json_t *)metadata) : NULL;
}

static bool has_layers(const json_t *config)
{
    return json_is_array(json_object_get(json_object_get(config, "config"), "layers"));
}

static int take_training(struct reading *reading, const json_t *metadata)
{
    json_t *training = json_object_get(metadata, "training_config");

    return json_is_object(training)
               ? kf_compile_take(reading->model, json_incref(training), reading->rep)
               : 0;
}

/* The graph and what training there was, out of the metadata. */
static int read_config(struct reading *reading, json_t *metadata, json_t *config)
{
    const char *version = kf_json_str(metadata, "keras_version", NULL);
    struct kf_model *model = reading->model;

    kf_report_set(&reading->rep->source.keras_version, version);
    kf_report_set(&reading->rep->source.backend, kf_json_str(metadata, "backend", NULL));
    model->dialect = KF_DIALECT_KERAS2;
    model->keras = kf_release_parse(version);
    KF_TRY(kf_keras2_graph(model, config, reading->options, reading->rep));
    return take_training(reading, metadata);
}

static int take_layer(void *context, struct kf_layer *layer, const char *path,
                      struct kf_report *rep)
{
    const struct reading *reading = context;

    return kf_saved_model_vocabulary(&reading->saved, layer, path, rep);
}

static bool takes(void *context, const char *name, struct kf_report *rep)
{
    struct reading *reading = context;

    if (!reading->used)
        reading->used = kf_saved_model_used(&reading->saved, rep);
    return json_object_get(reading->used, name) != NULL;
}

static int count_tensors(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    size_t *n = context;

    (void)graph;
    *n += layer->n_tensors;
    return 0;
}

/* What is known of the variables: those that the model or its objects need, and those found. */
static void list_variables(struct reading *reading)
{
    if (!reading->model->graph)
        kf_saved_model_list(&reading->saved, reading->rep);
    kf_checkpoint_list(&reading->checkpoint, reading->model->graph, reading->rep);
}

/* That the variables are not there, and which they would be. */
static int report_no_index(struct reading *reading)
{
    kf_report_add(reading->rep, KF_VARIABLES_MISSING, "",
                  "the file " KF_SAVED_MODEL_INDEX " is missing, which lists the variables");
    list_variables(reading);
    return kf_report_status(reading->rep);
}

/* Index and data; where any is missing, all that is known of the variables is said. */
static int open_variables(struct reading *reading)
{
    const struct kf_input *in = kf_saved_model_file(reading->model, KF_SAVED_MODEL_INDEX);
    struct kf_source index;
    size_t n = 0;
    int r;

    if (!in) {
        if (reading->model->graph)
            kf_layers_each(reading->model->graph, count_tensors, &n);
        return n || !reading->model->graph ? report_no_index(reading) : 0;
    }
    KF_TRY(kf_source_init(&index, in, reading->rep));
    reading->rep->source.size = reading->model->source.size;
    r = kf_checkpoint_open(&reading->checkpoint, reading->model, &index, &reading->options->limits,
                           reading->rep);
    if (r == -KF_VARIABLES_MISSING || r == -KF_CORRUPT)
        list_variables(reading);
    return r;
}

static bool has_variables(const struct kf_model *model)
{
    bool data = false;

    for (size_t i = 0; i < model->in->n_shards; i++)
        data = data || kf_starts(model->in->shards[i].name, "variables/variables.data-");
    return data && kf_saved_model_file(model, KF_SAVED_MODEL_INDEX);
}

/* An architecture needs none: what a folder without its variables still has. */
static bool is_graph_enough(struct reading *reading)
{
    if (has_variables(reading->model) || !kf_streq(reading->options->to, "json"))
        return false;
    kf_report_add(
        reading->rep, KF_FINDING, "",
        "the folder's variables are missing, and the architecture was taken without them");
    reading->model->weightless = true;
    return true;
}

/* By the edges from the model's object on. */
static int bind_objects(struct reading *reading)
{
    const struct kf_checkpoint_visit visit = {
        .layer = take_layer, .takes = takes, .context = reading};
    int r;

    if (is_graph_enough(reading))
        return 0;
    KF_TRY(open_variables(reading));
    if (!reading->checkpoint.bundle)
        return 0;
    r = kf_checkpoint_bind(&reading->checkpoint, reading->model, 0, &visit, reading->rep);
    json_decref(reading->used);
    if (r < 0)
        kf_checkpoint_list(&reading->checkpoint, reading->model->graph, reading->rep);
    KF_TRY(r);
    return kf_checkpoint_optimizer(
        &reading->checkpoint, reading->model,
        kf_checkpoint_optimizer_of(&reading->checkpoint, reading->model, 0, true), reading->rep);
}

/* With an architecture that the user gives; objects of Keras have edges, others only names. */
static int bind_given(struct reading *reading)
{
    struct kf_checkpoint *cp = &reading->checkpoint;
    int r;

    KF_TRY(kf_architecture_read(reading->model, reading->options, reading->rep));
    KF_TRY(open_variables(reading));
    if (!cp->bundle)
        return 0;
    r = kf_checkpoint_bind_given(cp, reading->model, reading->options, reading->rep);
    if (r < 0)
        kf_checkpoint_list(cp, reading->model->graph, reading->rep);
    return r;
}

static int refuse(struct reading *reading)
{
    kf_saved_model_refuse(&reading->saved, reading->rep);
    if (kf_saved_model_file(reading->model, KF_SAVED_MODEL_INDEX) && open_variables(reading) >= 0)
        kf_checkpoint_list(&reading->checkpoint, NULL, reading->rep);
    else
        kf_saved_model_list(&reading->saved, reading->rep);
    return kf_report_status(reading->rep);
}

/* No layers, but tensors with names do. */
static int take_loose(struct reading *reading)
{
    KF_TRY(open_variables(reading));
    return kf_checkpoint_loose(&reading->checkpoint, reading->model, reading->rep);
}

/* A model that is no list of layers: code that is not in the file. */
static int refuse_code(struct reading *reading, const json_t *metadata, const char *what)
{
    return kf_report_add(reading->rep, KF_ARCHITECTURE_MISSING, "",
                         "%s is a model defined by Python code: %s; its variables can be had as "
                         "npz or safetensors",
                         kf_json_str(metadata, "class_name", "it"), what);
}

static int read_metadata(struct reading *reading, json_t *metadata)
{
    json_t *config = config_of(metadata);
    bool given = reading->model->in->architecture && !has_layers(config);
    bool loose = !given && reading->model->names_do && !has_layers(config);
    int r = 0;

    if (!given && !loose)
        r = has_layers(config)
                ? read_config(reading, metadata, config)
                : refuse_code(reading, metadata,
                              config ? "its config has no layers" : "it has no config");
    json_decref(config);
    if (r == -KF_CUSTOM_CLASS || r == -KF_ARCHITECTURE_MISSING)
        kf_saved_model_list(&reading->saved, reading->rep);
    KF_TRY(r);
    if (loose)
        return take_loose(reading);
    return given ? bind_given(reading) : bind_objects(reading);
}

/* export_saved_model() of TensorFlow 1.13 to 2.4 keeps what to_json() gives among the assets. */
static int find_architecture(struct kf_model *model, struct kf_report *rep)
{
    const struct kf_input *json = kf_saved_model_file(model, KF_SAVED_MODEL_JSON);
    struct kf_input *in;

    if (!json || model->in->architecture)
        return 0;
    in = kf_arena_alloc(model->arena, sizeof(*in));
    if (!in)
        return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
    *in = *model->in;
    in->architecture = json;
    model->in = in;
    kf_report_evidence(rep, KF_SAVED_MODEL_JSON " has the config of Keras");
    return 0;
}

static int read_saved_model(struct kf_model *model, void *state, const struct kf_options *options,
                            struct kf_report *rep)
{
    struct reading reading = {.model = model, .options = options, .rep = rep};
    json_t *metadata;
    int r;

    (void)state;
    KF_TRY(kf_saved_model_open(&reading.saved, model, options, rep));
    kf_saved_model_unsafe(&reading.saved, rep);
    kf_saved_model_print(&reading.saved, rep);
    if (!reading.saved.metadata || !reading.saved.metadata[0]) {
        KF_TRY(find_architecture(model, rep));
        if (model->in->architecture)
            return bind_given(&reading);
        return model->names_do ? take_loose(&reading) : refuse(&reading);
    }
    metadata = kf_saved_model_metadata(&reading.saved, 0, rep);
    if (!metadata)
        return kf_report_status(rep);
    r = read_metadata(&reading, metadata);
    json_decref(metadata);
    return r;
}

const struct kf_reader kf_read_saved_model = {
    .info = &kf_info_read_saved_model,
    .kind = KF_FILE_SAVED_MODEL_FOLDER,
    .read = read_saved_model,
};
