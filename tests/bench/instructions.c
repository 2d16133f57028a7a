/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/arena.h"
#include "core/io/h5/h5.h"
#include <fcntl.h>
#include <jansson.h>
#include <kf/convert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/*
 * Conversions in this very process, for a counter of instructions:
 *
 *   instructions make OUT.h5 LAYERS WIDTH   a legacy .h5, a Sequential of Dense layers
 *   instructions graph OUT.h5 LAYERS WIDTH  the same of a graph: after each Dense an Add of what
 *                                           goes in there and what comes out
 *   instructions turned OUT.h5 INPUTS UNITS a CuDNNGRU, whose kernels are turned round
 *   instructions scaled OUT.h5 INPUTS UNITS an LSTM with hard_sigmoid, whose gates are scaled
 *   instructions convert IN TO OUT
 *   instructions time IN TO OUT TIMES       the same again and again; a line of milliseconds each
 *   instructions inspect IN
 */
static int pull_counting(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                         struct kf_report *rep)
{
    (void)payload;
    (void)rep;
    for (size_t i = 0; i < n; i += sizeof(float)) {
        float value = (float)((at + i) % 1021) / 1021.0f;

        memcpy((char *)to + i, &value, sizeof(value));
    }
    return 0;
}

static json_t *dense(int number, int width)
{
    return json_pack("{s:o, s:b, s:s, s:i, s:s, s:b}", "name", json_sprintf("dense_%d", number),
                     "trainable", 1, "dtype", "float32", "units", width, "activation", "relu",
                     "use_bias", 1);
}

/* A layer of a graph, with the layers that it is called on. */
static json_t *call(const char *class_name, json_t *config, const char *const *from)
{
    json_t *inputs = json_array();

    for (; *from; from++)
        json_array_append_new(inputs, json_pack("[s, i, i, {}]", *from, 0, 0));
    return json_pack("{s:s, s:o, s:O, s:[o]}", "class_name", class_name, "config", config, "name",
                     json_object_get(config, "name"), "inbound_nodes", inputs);
}

static char *graph_config(int layers, int width)
{
    json_t *list = json_pack("[{s:s, s:s, s:{s:[n, i], s:s, s:s}, s:[]}]", "class_name",
                             "InputLayer", "name", "x", "config", "batch_input_shape", width,
                             "dtype", "float32", "name", "x", "inbound_nodes");
    char before[32] = "x", inner[32];
    json_t *model;
    char *text;

    for (int i = 0; i < layers; i++) {
        json_t *add = json_pack("{s:o, s:b, s:s}", "name", json_sprintf("add_%d", i), "trainable",
                                1, "dtype", "float32");

        snprintf(inner, sizeof(inner), "dense_%d", i);
        json_array_append_new(list,
                              call("Dense", dense(i, width), (const char *const[]){before, NULL}));
        json_array_append_new(list, call("Add", add, (const char *const[]){inner, before, NULL}));
        snprintf(before, sizeof(before), "add_%d", i);
    }
    model = json_pack("{s:s, s:{s:s, s:b, s:o, s:[[s, i, i]], s:[[s, i, i]]}}", "class_name",
                      "Functional", "config", "name", "graph", "trainable", 1, "layers", list,
                      "input_layers", "x", 0, 0, "output_layers", before, 0, 0);
    text = json_dumps(model, JSON_COMPACT);
    json_decref(model);
    return text;
}

static char *config(int layers, int width)
{
    json_t *list = json_pack("[{s:s, s:{s:[n, i], s:s, s:s}}]", "class_name", "InputLayer",
                             "config", "batch_input_shape", width, "dtype", "float32", "name", "x");
    json_t *model;
    char *text;

    for (int i = 0; i < layers; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:o}", "class_name", "Dense", "config", dense(i, width)));
    model = json_pack("{s:s, s:{s:s, s:o}}", "class_name", "Sequential", "config", "name", "many",
                      "layers", list);
    text = json_dumps(model, JSON_COMPACT);
    json_decref(model);
    return text;
}

/* A model with one layer. */
static char *one_config(const char *class_name, const char *activation, int inputs, int units)
{
    json_t *model = json_pack(
        "{s:s, s:{s:s, s:[{s:s, s:{s:[n, n, i], s:s, s:s}}, {s:s, s:{s:s, s:b, s:s, s:i, s:s*}}]}}",
        "class_name", "Sequential", "config", "name", "one", "layers", "class_name", "InputLayer",
        "config", "batch_input_shape", inputs, "dtype", "float32", "name", "x", "class_name",
        class_name, "config", "name", "rnn", "trainable", 1, "dtype", "float32", "units", units,
        "recurrent_activation", activation);
    char *text = json_dumps(model, JSON_COMPACT);

    json_decref(model);
    return text;
}

struct variable {
    const char *name;
    uint64_t rows, columns; /* no columns: a vector */
};

/* One layer's group; its name goes to `names`. */
static int write_layer(struct kf_h5_out *h5, struct kf_arena *arena, const char *name,
                       const struct variable *variables, unsigned n, struct kf_report *rep)
{
    const char *group = kf_arena_printf(arena, "/model_weights/%s", name), *weights[3];

    for (unsigned i = 0; i < n; i++)
        weights[i] = kf_arena_printf(arena, "%s/%s:0", name, variables[i].name);
    KF_TRY(kf_h5_out_group(h5, group, rep));
    KF_TRY(kf_h5_out_attr_names(h5, group, "weight_names", weights, n, rep));
    for (unsigned i = 0; i < n; i++) {
        struct kf_payload *payload = kf_arena_alloc(arena, sizeof(*payload));

        if (!payload)
            return -KF_NO_MEMORY;
        *payload = (struct kf_payload){.dtype = KF_DTYPE_FLOAT32,
                                       .rank = variables[i].columns ? 2 : 1,
                                       .dims = {variables[i].rows, variables[i].columns},
                                       .pull = pull_counting,
                                       .file_at = KF_NOWHERE};
        KF_TRY(kf_h5_out_payload(h5, kf_arena_printf(arena, "%s/%s", group, weights[i]), payload,
                                 KF_CHECKSUM_NONE, NULL, rep));
    }
    return 0;
}

static int write_dense(struct kf_h5_out *h5, struct kf_arena *arena, int layers, uint64_t width,
                       struct kf_report *rep)
{
    const struct variable variables[] = {{"kernel", width, width}, {"bias", width, 0}};
    const char **names = kf_arena_alloc(arena, (size_t)layers * sizeof(*names));

    for (int i = 0; names && i < layers; i++) {
        names[i] = kf_arena_printf(arena, "dense_%d", i);
        KF_TRY(write_layer(h5, arena, names[i], variables, 2, rep));
    }
    return kf_h5_out_attr_names(h5, "/model_weights", "layer_names", names, (size_t)layers, rep);
}

static int write_recurrent(struct kf_h5_out *h5, struct kf_arena *arena, uint64_t inputs,
                           uint64_t units, uint64_t gates, uint64_t biases, struct kf_report *rep)
{
    const struct variable variables[] = {{"kernel", inputs, gates * units},
                                         {"recurrent_kernel", units, gates * units},
                                         {"bias", biases * units, 0}};

    KF_TRY(write_layer(h5, arena, "rnn", variables, 3, rep));
    return kf_h5_out_attr_names(h5, "/model_weights", "layer_names", (const char *[]){"rnn"}, 1,
                                rep);
}

/* `what` is one of those above. */
static int make(const char *what, const char *path, int layers, int width, struct kf_report *rep)
{
    KF_AUTO(kf_arena) arena = kf_arena_create();
    KF_AUTO(kf_h5_out) h5 = NULL;
    bool turned = strcmp(what, "turned") == 0, scaled = strcmp(what, "scaled") == 0;
    char *text = turned                       ? one_config("CuDNNGRU", NULL, layers, width)
                 : scaled                     ? one_config("LSTM", "hard_sigmoid", layers, width)
                 : strcmp(what, "graph") == 0 ? graph_config(layers, width)
                                              : config(layers, width);
    int r;

    KF_TRY(kf_h5_create(&h5, path, rep));
    r = kf_h5_out_attr_text(h5, "/", "model_config", text, rep);
    free(text);
    KF_TRY(r);
    KF_TRY(kf_h5_out_attr_text(h5, "/", "keras_version", turned ? "2.2.4" : "2.15.0", rep));
    KF_TRY(kf_h5_out_attr_text(h5, "/", "backend", "tensorflow", rep));
    KF_TRY(kf_h5_out_group(h5, "/model_weights", rep));
    if (turned)
        KF_TRY(write_recurrent(h5, arena, (uint64_t)layers, (uint64_t)width, 3, 6, rep));
    else if (scaled)
        KF_TRY(write_recurrent(h5, arena, (uint64_t)layers, (uint64_t)width, 4, 4, rep));
    else
        KF_TRY(write_dense(h5, arena, layers, (uint64_t)width, rep));
    return kf_h5_out_close(h5, rep);
}

static int convert(const char *path, const char *to, const char *out, struct kf_report *rep)
{
    struct kf_options options = KF_OPTIONS_INIT;
    struct kf_input in = {.fd = open(path, O_RDONLY | O_CLOEXEC), .name = path};
    int r;

    options.to = to;
    options.scratch = "/tmp";
    r = kf_convert(&in, out, &options, rep);
    close(in.fd);
    return r;
}

static int inspect(const char *path, struct kf_report *rep)
{
    struct kf_options options = KF_OPTIONS_INIT;
    struct kf_input in = {.fd = open(path, O_RDONLY | O_CLOEXEC), .name = path};
    json_t *facts;
    int r = kf_inspect(&in, &options, rep, &facts);

    json_decref(facts);
    close(in.fd);
    return r;
}

static double milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int convert_again(const char *path, const char *to, const char *out, int times)
{
    int r = 0;

    for (; r == 0 && times > 0; times--) {
        const double began = milliseconds();
        struct kf_report rep;

        kf_report_init(&rep);
        r = convert(path, to, out, &rep);
        kf_report_finish(&rep);
        printf("%.3f\n", milliseconds() - began);
    }
    return r;
}

int main(int argc, char **argv)
{
    struct kf_report rep;
    int r = -1;

    kf_report_init(&rep);
    if (argc == 5 && strcmp(argv[1], "convert") != 0)
        r = make(argv[1], argv[2], atoi(argv[3]), atoi(argv[4]), &rep);
    else if (argc == 3 && strcmp(argv[1], "inspect") == 0)
        r = inspect(argv[2], &rep);
    else if (argc == 5)
        r = convert(argv[2], argv[3], argv[4], &rep);
    else if (argc == 6 && strcmp(argv[1], "time") == 0)
        r = convert_again(argv[2], argv[3], argv[4], atoi(argv[5]));
    for (size_t i = 0; r < 0 && i < rep.n_entries; i++)
        fprintf(stderr, "%s\n", rep.entries[i].what);
    kf_report_finish(&rep);
    return r < 0;
}
