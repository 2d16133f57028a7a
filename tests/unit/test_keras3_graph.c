/* SPDX-License-Identifier: Apache-2.0 */
#include "core/format/keras3/keras3_config.h"
#include "core/format/keras3/keras3_graph.h"
#include "keras3_model.h"
#include <stdlib.h>

/*
 * Configs of Keras 3 in, calls with refs out. Configs are written with ' for ", and what is
 * expected with @L.C.O for output O of call C of layer L.
 */
#define TENSOR(layer, call, output)                                                                \
    "{'class_name': '__keras_tensor__', 'config': {'shape': [null, 3], 'dtype': 'float32', "       \
    "'keras_history': ['" layer "', " #call ", " #output "]}}"
#define CALL(args) "{'args': [" args "], 'kwargs': {}}"
#define ENTRY(module, class_name, name, config, nodes)                                             \
    "{'module': " module ", 'class_name': '" class_name "', 'config': " config                     \
    ", 'registered_name': null, 'name': '" name "', 'inbound_nodes': [" nodes "]}"
#define BARE(class_name, name, config, nodes)                                                      \
    "{'class_name': '" class_name "', 'config': " config ", 'name': '" name                        \
    "', 'inbound_nodes': [" nodes "]}"
#define INPUT(name)                                                                                \
    ENTRY("'keras.layers'", "InputLayer", name, "{'name': '" name "', 'batch_shape': [null, 3]}",  \
          "")
#define DENSE(name, nodes)                                                                         \
    ENTRY("'keras.layers'", "Dense", name, "{'name': '" name "', 'trainable': false, 'units': 3}", \
          nodes)
#define CONFIG(name, layers, inputs, outputs)                                                      \
    "{'name': '" name "', 'trainable': true, 'layers': [" layers "], 'input_layers': " inputs      \
    ", 'output_layers': " outputs "}"
#define MODEL(layers, inputs, outputs)                                                             \
    "{'module': 'keras.src.models.functional', 'class_name': 'Functional', "                       \
    "'registered_name': 'Functional', 'config': " CONFIG("m", layers, inputs, outputs) "}"
#define NESTED(name, nodes)                                                                        \
    ENTRY("'keras.src.models.functional'", "Functional", name,                                     \
          CONFIG(name, INPUT("i"), "['i', 0, 0]", "['i', 0, 0]"), nodes)

struct parsed {
    struct kf_model *model;
    struct kf_report rep;
    int status;
};

/* A tensor as a call has it: the shape that the file says stays beside it. */
#define SHAPED(layer, output) "{'$ref': [" #layer ", 0, " #output "], 'shape': [null, 3]}"

static struct parsed parse(const char *text, int keras)
{
    struct parsed parsed = {.model = kf_model_create()};
    struct kf_options options = KF_OPTIONS_INIT;
    json_t *object = json_of(text);

    kf_report_init(&parsed.rep);
    parsed.model->dialect = KF_DIALECT_KERAS3;
    parsed.model->keras = keras;
    parsed.status = kf_keras3_graph(parsed.model, object, &options, &parsed.rep);
    assert_int_equal(parsed.status, kf_report_status(&parsed.rep));
    json_decref(object);
    return parsed;
}

static void finish(struct parsed *parsed)
{
    kf_model_destroy(parsed->model);
    kf_report_finish(&parsed->rep);
}

static void assert_json(const json_t *got, const char *want)
{
    json_t *value = json_of(want);
    char *text = json_dumps(got, JSON_ENCODE_ANY);

    if (!json_equal((json_t *)got, value))
        fail_msg("%s, expected %s", text, want);
    free(text);
    json_decref(value);
}

static void assert_refused(const char *text, int keras, enum kf_code code, const char *what)
{
    struct parsed parsed = parse(text, keras);

    assert_int_equal(parsed.status, -(int)code);
    assert_reported(&parsed.rep, code);
    if (!strstr(parsed.rep.entries[parsed.rep.n_entries - 1].what, what))
        fail_msg("\"%s\" does not say \"%s\"", parsed.rep.entries[0].what, what);
    finish(&parsed);
}

static void tensors_become_refs_wherever_they_stand(void **unused)
{
    struct parsed parsed = parse(
        MODEL(INPUT("x") ", " DENSE(
                  "d", CALL(TENSOR("x", 0, 0)) ", {'args': [[1, " TENSOR(
                           "d", 0,
                           1) "]], 'kwargs': {'mask': {'a': " TENSOR("x", 0,
                                                                     0) "}, 'training': false}}"),
              "['x', 0, 0]", "['d', 1, 0]"),
        KF_KERAS(3, 15, 1));
    const struct kf_graph *graph = parsed.model->graph;

    (void)unused;
    assert_int_equal(parsed.status, 0);
    assert_int_equal(graph->n_layers, 2);
    assert_int_equal(graph->layers[1]->n_calls, 2);
    assert_false(graph->layers[1]->trainable);
    assert_json(graph->layers[1]->calls[0].args, "[" SHAPED(0, 0) "]");
    assert_json(graph->layers[1]->calls[1].args, "[[1, " SHAPED(1, 1) "]]");
    assert_json(graph->layers[1]->calls[1].kwargs,
                "{'mask': {'a': " SHAPED(0, 0) "}, 'training': false}");
    assert_json(graph->inputs, "@0.0.0");
    assert_json(graph->outputs, "@1.1.0");
    finish(&parsed);
}

static void operations_are_no_layers(void **unused)
{
    struct parsed parsed =
        parse(MODEL(INPUT("x") ", " ENTRY("'keras.src.ops.numpy'", "Add", "a", "{'name': 'a'}",
                                          CALL(TENSOR("x", 0, 0) ", 1.5")),
                    "[['x', 0, 0]]", "[['a', 0, 0]]"),
              KF_KERAS(3, 1, 0));
    const struct kf_layer *operation = parsed.model->graph->layers[1];

    (void)unused;
    assert_int_equal(parsed.status, 0);
    assert_true(operation->operation);
    assert_string_equal(operation->module, "keras.src.ops.numpy");
    assert_json(operation->calls[0].args, "[" SHAPED(0, 0) ", 1.5]");
    finish(&parsed);
}

/* clang-format off */
#define WITHOUT_MODULE                                                                             \
    BARE("InputLayer", "x", "{'name': 'x', 'batch_shape': [null, 3]}", "") ", "                    \
    BARE("Add", "o", "{'name': 'o'}", CALL(TENSOR("x", 0, 0) ", 1.5")) ", "                        \
    BARE("Add", "l", "{'name': 'l', 'trainable': true}",                                           \
         CALL("[" TENSOR("o", 0, 0) ", " TENSOR("x", 0, 0) "]")) ", "                              \
    BARE("Exp", "e", "{'name': 'e'}", CALL(TENSOR("l", 0, 0)))
/* clang-format on */

/* In an .h5 nothing says what an entry is but its class, or where that is both, its config. */
static void entries_without_module_are_told_apart(void **unused)
{
    struct parsed parsed = parse("{'class_name': 'Functional', 'config': " CONFIG(
                                     "m", WITHOUT_MODULE, "['x', 0, 0]", "['e', 0, 0]") "}",
                                 KF_KERAS(3, 15, 1));
    struct kf_layer **layers = parsed.model->graph->layers;

    (void)unused;
    assert_int_equal(parsed.status, 0);
    assert_false(layers[0]->operation);
    assert_true(layers[1]->operation);
    assert_string_equal(layers[1]->module, "keras.src.ops.numpy");
    assert_string_equal(layers[1]->registered_name, "Add");
    assert_false(layers[2]->operation);
    assert_null(layers[2]->module);
    assert_true(layers[3]->operation);
    finish(&parsed);
}

static void assert_ends(const char *inputs, int keras, const char *want)
{
    char text[1024];
    struct parsed parsed;

    snprintf(text, sizeof(text),
             "{'class_name': 'Functional', 'config': {'name': 'm', 'layers': [%s, %s], "
             "'input_layers': %s, 'output_layers': ['x', 0, 0]}}",
             INPUT("x"), INPUT("y"), inputs);
    parsed = parse(text, keras);
    assert_int_equal(parsed.status, 0);
    assert_json(parsed.model->graph->inputs, want);
    finish(&parsed);
}

static void ends_keep_their_structure(void **unused)
{
    (void)unused;
    assert_ends("[['x', 0, 0]]", KF_KERAS(3, 10, 0), "@0.0.0");
    assert_ends("[['x', 0, 0]]", KF_KERAS(3, 11, 0), "[@0.0.0]");
    assert_ends("[['x', 0, 0]]", 0, "@0.0.0");
    assert_ends("['x', 0, 0]", KF_KERAS(3, 11, 0), "@0.0.0");
    assert_ends("[['x', 0, 0], ['y', 0, 0]]", KF_KERAS(3, 0, 5), "[@0.0.0, @1.0.0]");
    assert_ends("{'b': ['x', 0, 0], 'a': [['y', 0, 0]]}", KF_KERAS(3, 5, 0),
                "{'b': @0.0.0, 'a': [@1.0.0]}");
}

#define TWO_CALLS(outputs)                                                                         \
    MODEL(INPUT("x") ", " NESTED("n", CALL(TENSOR("x", 0, 0)) ", " CALL(TENSOR("n", 0, 0))),       \
          "['x', 0, 0]", outputs)
#define ONE_CALL(outputs)                                                                          \
    MODEL(INPUT("x") ", " NESTED("n", CALL(TENSOR("x", 0, 0))), "['x', 0, 0]", outputs)

static void assert_outputs(const char *text, int keras, const char *want)
{
    struct parsed parsed = parse(text, keras);

    assert_int_equal(parsed.status, 0);
    assert_json(parsed.model->graph->outputs, want);
    finish(&parsed);
}

/* Keras counts the ends of a Functional that is a layer from 1. */
static void ends_of_models_count_from_one(void **unused)
{
    (void)unused;
    assert_outputs(TWO_CALLS("[['n', 1, 0], ['n', 2, 0]]"), KF_KERAS(3, 15, 1), "[@1.0.0, @1.1.0]");
    assert_outputs(TWO_CALLS("['n', 2, 0]"), KF_KERAS(3, 2, 1), "@1.1.0");
    assert_outputs(ONE_CALL("['n', 1, 0]"), KF_KERAS(3, 1, 1), "@1.0.0");
    assert_outputs(ONE_CALL("['n', 0, 0]"), KF_KERAS(3, 1, 1), "@1.0.0");
    assert_refused(TWO_CALLS("['n', 1, 0]"), KF_KERAS(3, 2, 1), KF_MAPPING_AMBIGUOUS, "3.3");
    assert_refused(TWO_CALLS("['n', 3, 0]"), KF_KERAS(3, 15, 1), KF_BAD_GRAPH, "not described");
    assert_refused(TWO_CALLS("['n', 0, 0]"), KF_KERAS(3, 15, 1), KF_BAD_GRAPH, "not described");
    assert_refused(TWO_CALLS("['n', -1, 0]"), KF_KERAS(3, 15, 1), KF_BAD_GRAPH, "not described");
}

static void sequentials_and_nested_models_are_read(void **unused)
{
    struct parsed parsed = parse(
        "{'module': 'keras', 'class_name': 'Sequential', 'config': {'name': 's', 'layers': ["
        "{'module': 'keras.layers', 'class_name': 'InputLayer', 'config': {'name': 'i'}},"
        "{'module': 'keras.layers', 'class_name': 'Bidirectional', 'config': {'name': 'b', "
        "'layer': {'module': 'keras.layers', 'class_name': 'LSTM', 'config': {'name': 'l', "
        "'units': 2}}}}, {'module': 'keras', 'class_name': 'Sequential', 'config': {'name': 't', "
        "'layers': []}}], 'build_input_shape': [null, 2]}}",
        KF_KERAS(3, 8, 0));
    struct kf_graph *graph = parsed.model->graph;

    (void)unused;
    assert_int_equal(parsed.status, 0);
    assert_int_equal(graph->topology, KF_SEQUENTIAL);
    assert_int_equal(graph->n_layers, 3);
    assert_int_equal(graph->layers[1]->n_parts, 2);
    assert_int_equal(graph->layers[1]->parts[0]->n_tensors, 3);
    assert_non_null(graph->layers[2]->inner);
    finish(&parsed);
}

static void hostile_configs_are_refused(void **unused)
{
    (void)unused;
    assert_refused(MODEL(INPUT("x") ", " DENSE("d", CALL("{'$ref': [0, 0, 0]}")), "['x', 0, 0]",
                         "['d', 0, 0]"),
                   0, KF_BAD_GRAPH, "$ref");
    assert_refused(MODEL(INPUT("x"), "{'$ref': [0, 0, 0]}", "['x', 0, 0]"), 0, KF_BAD_GRAPH,
                   "$ref");
    assert_refused(MODEL(INPUT("x") ", " DENSE("d", "{'args': 1}"), "['x', 0, 0]", "['d', 0, 0]"),
                   0, KF_BAD_GRAPH, "args");
    assert_refused(
        MODEL(INPUT("x") ", " DENSE("d", "[['x', 0, 0, {}]]"), "['x', 0, 0]", "['d', 0, 0]"), 0,
        KF_BAD_GRAPH, "args");
    assert_refused(
        MODEL(INPUT("x") ", " DENSE("d", CALL(TENSOR("y", 0, 0))), "['x', 0, 0]", "['d', 0, 0]"), 0,
        KF_BAD_GRAPH, "layer y");
    assert_refused(
        MODEL(INPUT("x") ", " DENSE("d", CALL(TENSOR("x", -1, 0))), "['x', 0, 0]", "['d', 0, 0]"),
        0, KF_BAD_GRAPH, "negative");
    assert_refused(MODEL(INPUT("x") ", " DENSE("d", CALL("{'class_name': '__keras_tensor__', "
                                                         "'config': {'keras_history': ['x']}}")),
                         "['x', 0, 0]", "['d', 0, 0]"),
                   0, KF_BAD_GRAPH, "does not say");
    assert_refused(MODEL(INPUT("x") ", " INPUT("x"), "['x', 0, 0]", "['x', 0, 0]"), 0, KF_BAD_GRAPH,
                   "two layers");
    assert_refused(MODEL(INPUT("x"), "null", "['x', 0, 0]"), 0, KF_BAD_GRAPH, "input_layers");
    assert_refused("{'module': 'a', 'class_name': 'Mine', 'config': {'units': 3}}", 0,
                   KF_CUSTOM_CLASS, "Python code");
    assert_refused("{'config': {}}", 0, KF_BAD_CONFIG, "class_name");
}

/* What Keras wrote, read and written again for the same release, says the same. */
static void what_is_read_is_written_back(void **unused)
{
    struct parsed parsed = parse(
        MODEL(INPUT("x") ", " NESTED("n", CALL(TENSOR("x", 0, 0)) ", " CALL(TENSOR("n", 0, 0))),
              "[['x', 0, 0]]", "{'a': ['n', 1, 0], 'b': ['n', 2, 0]}"),
        KF_KERAS(3, 15, 1));
    json_t *object = NULL, *config;

    (void)unused;
    assert_int_equal(parsed.status, 0);
    assert_int_equal(kf_keras3_config(&object, parsed.model, KF_KERAS(3, 15, 1), &parsed.rep), 0);
    config = json_object_get(object, "config");
    assert_json(json_object_get(config, "input_layers"), "[['x', 0, 0]]");
    assert_json(json_object_get(config, "output_layers"), "{'a': ['n', 1, 0], 'b': ['n', 2, 0]}");
    json_decref(object);
    finish(&parsed);
}

static int parse_once(void *text)
{
    struct kf_model *model = kf_model_create();
    struct kf_options options = KF_OPTIONS_INIT;
    struct kf_report rep;
    int r = -KF_NO_MEMORY;

    kf_report_init(&rep);
    if (model)
        r = kf_keras3_graph(model, text, &options, &rep);
    kf_model_destroy(model);
    kf_report_finish(&rep);
    return r;
}

static void memory_may_run_out_at_any_time(void **unused)
{
    json_t *object = json_of(TWO_CALLS("[['n', 1, 0], {'a': ['n', 2, 0]}]"));

    (void)unused;
    torture(parse_once, object);
    json_decref(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_become_refs_wherever_they_stand),
        cmocka_unit_test(operations_are_no_layers),
        cmocka_unit_test(entries_without_module_are_told_apart),
        cmocka_unit_test(ends_keep_their_structure),
        cmocka_unit_test(ends_of_models_count_from_one),
        cmocka_unit_test(sequentials_and_nested_models_are_read),
        cmocka_unit_test(hostile_configs_are_refused),
        cmocka_unit_test(what_is_read_is_written_back),
        cmocka_unit_test(memory_may_run_out_at_any_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
