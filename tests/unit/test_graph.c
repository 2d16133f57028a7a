/* SPDX-License-Identifier: Apache-2.0 */
#include "core/convert/graph.h"
#include "keras3_model.h"

/* What a model is drawn from: its nodes with their calls, the shapes on the way, what is inside. */
static json_t *draw(const char *spec, uint64_t room)
{
    struct kf_report rep;
    struct kf_model *model;
    json_t *out = NULL;

    kf_report_init(&rep);
    model = make_model(json_of(spec), &rep);
    assert_int_equal(kf_graph_facts(model, room, &rep, &out), 0);
    assert_int_equal(rep.n_entries, 0);
    kf_model_destroy(model);
    kf_report_finish(&rep);
    return out;
}

/* The calls of the node number `index` are as `want` has it: inbound as "path call output". */
static void assert_calls(const json_t *graph, size_t index, const char *want)
{
    const json_t *node = json_array_get(json_object_get(graph, "nodes"), index), *call, *end;
    json_t *wanted = json_of(want), *got = json_array();
    size_t i, k;

    json_array_foreach(json_object_get(node, "calls"), i, call)
    {
        json_t *row = json_array();

        json_array_foreach(json_object_get(call, "inbound"), k, end) json_array_append_new(
            row, json_sprintf("%s %d %d", json_string_value(json_object_get(end, "path")),
                              (int)json_integer_value(json_object_get(end, "call")),
                              (int)json_integer_value(json_object_get(end, "output"))));
        json_array_append_new(got, row);
        json_array_append(got, json_object_get(call, "output_shape"));
    }
    if (!json_equal(got, wanted))
        fail_msg("node %zu: %s, expected %s", index, json_dumps(got, 0), want);
    json_decref(got);
    json_decref(wanted);
}

#define INPUT(name, shape)                                                                         \
    "{'name': '" name "', 'class_name': 'InputLayer', 'config': {'batch_shape': " shape "}}"
#define DENSE(name, units, calls)                                                                  \
    "{'name': '" name "', 'class_name': 'Dense', 'config': {'units': " units "}, 'calls': [" calls \
    "]}"
#define CALL(args) "{'args': [" args "], 'kwargs': {}}"

/* One layer that two inputs share, and both results in one. */
#define TWINS                                                                                      \
    "{'layers': [" INPUT("a", "[null, 4]") "," INPUT("b", "[null, 4]") "," DENSE(                  \
        "d", "3",                                                                                  \
        CALL("@0.0.0") "," CALL(                                                                   \
            "@1.0.0")) ","                                                                         \
                       "{'name': 'add', 'class_name': 'Add', 'config': {}, 'calls': [" CALL(       \
                           "[@2.0.0, @2.1.0]") "]}], 'inputs': [@0.0.0, @1.0.0], 'outputs': "      \
                                               "[@3.0.0]}"

static void every_call_says_what_it_takes(void **state)
{
    json_t *graph = draw(TWINS, 1 << 20);

    (void)state;
    assert_calls(graph, 0, "[[], [null, 4]]");
    assert_calls(graph, 2, "[['a 0 0'], [null, 3], ['b 0 0'], [null, 3]]");
    assert_calls(graph, 3, "[['d 0 0', 'd 1 0'], [null, 3]]");
    assert_int_equal(json_array_size(json_object_get(graph, "inputs")), 2);
    assert_int_equal(json_array_size(json_object_get(graph, "outputs")), 1);
    assert_int_equal(json_integer_value(json_object_get(graph, "more")), 0);
    json_decref(graph);
}

static void what_has_no_room_is_counted(void **state)
{
    json_t *graph;

    (void)state;
    graph = draw(TWINS, 64 * 3 + 41 * 2); /* three calls, and two ends of one letter */
    assert_int_equal(json_array_size(json_object_get(graph, "nodes")), 4);
    assert_true(json_integer_value(json_object_get(graph, "more")) >= 4);
    json_decref(graph);
    graph = draw(TWINS, 0);
    assert_calls(graph, 2, "[]");
    assert_int_equal(json_integer_value(json_object_get(graph, "more")), 5 + 2 + 1);
    json_decref(graph);
}

static void layers_of_a_sequential_follow_one_another(void **state)
{
    json_t *graph =
        draw("{'topology': 'sequential', 'layers': [" INPUT("i", "[null, 8, 4]") "," DENSE(
                 "d", "3", "") ","
                               "{'name': 'f', 'class_name': 'Flatten', 'config': {}}]}",
             1 << 20);

    (void)state;
    assert_calls(graph, 0, "[[], [null, 8, 4]]");
    assert_calls(graph, 1, "[['i 0 0'], [null, 8, 3]]");
    assert_calls(graph, 2, "[['d 0 0'], [null, 24]]");
    json_decref(graph);
}

/* A model in it, called for two sizes: its own input leaves open what it is given. */
#define INNER                                                                                      \
    "{'name': 'm', 'class_name': 'Functional', 'config': {}, 'inner': {'layers': [" INPUT(         \
        "in",                                                                                      \
        "[null, null, 4]") "," DENSE("e", "5",                                                     \
                                     CALL("@0.0.0")) "],"                                          \
                                                     "'inputs': [@0.0.0], 'outputs': [@1.0.0]}, "  \
                                                     "'calls': [" CALL("@0.0.0") "," CALL(         \
                                                         "@1.0.0") "," CALL("@0.0.0") "]}"

static void a_model_inside_is_opened(void **state)
{
    json_t *graph = draw("{'layers': [" INPUT("a", "[null, 7, 4]") "," INPUT(
                             "b", "[null, 9, 4]") "," INNER "], 'inputs': [], 'outputs': [@2.0.0]}",
                         1 << 20);
    const json_t *node = json_array_get(json_object_get(graph, "nodes"), 2);
    const json_t *inner = json_object_get(node, "model");

    (void)state;
    assert_calls(graph, 2, "[['a 0 0'], [null, 7, 5], ['b 0 0'], null, ['a 0 0'], [null, 7, 5]]");
    assert_calls(inner, 0, "[[], [null, 7, 4]]");
    assert_calls(inner, 1, "[['m/in 0 0'], [null, 7, 5]]");
    json_decref(graph);
}

static void parts_of_a_wrapper_are_in_it(void **state)
{
    json_t *graph = draw(
        "{'layers': [{'name': 'w', 'class_name': 'Bidirectional', 'config': {}, 'parts': ["
        "{'name': 'x', 'class_name': 'LSTM', 'config': {'units': 2}, 'attribute': 'forward_layer'},"
        "{'name': 'x', 'class_name': 'LSTM', 'config': {'units': 2}, 'attribute': 'backward_layer'}"
        "]}], 'inputs': [], 'outputs': []}",
        1 << 20);
    const json_t *node = json_array_get(json_object_get(graph, "nodes"), 0);
    const json_t *parts = json_object_get(node, "parts");

    (void)state;
    assert_int_equal(json_array_size(parts), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(parts, 1), "attribute")),
                        "backward_layer");
    assert_string_equal(json_string_value(json_object_get(json_array_get(parts, 1), "path")),
                        "w/x");
    assert_int_equal(json_array_size(json_object_get(json_array_get(parts, 1), "calls")), 0);
    json_decref(graph);
}

/* One layer behind an input: what it makes of the shape. */
static void becomes(const char *input, const char *class_name, const char *config, const char *want)
{
    char spec[1024], wanted[256];
    json_t *graph;

    snprintf(spec, sizeof(spec),
             "{'topology': 'sequential', 'layers': [{'name': 'i', 'class_name': 'InputLayer', "
             "'config': {'batch_shape': %s}}, {'name': 'l', 'class_name': '%s', %s}]}",
             input, class_name, config);
    snprintf(wanted, sizeof(wanted), "[['i 0 0'], %s]", want);
    graph = draw(spec, 1 << 20);
    assert_calls(graph, 1, wanted);
    json_decref(graph);
}

#define PART(class_name, config)                                                                   \
    "'parts': [{'name': 'p', 'class_name': '" class_name "', 'config': {" config "}}]"

static void layers_change_shapes_as_keras_does(void **state)
{
    (void)state;
    becomes("[null, 8, 6, 3]", "ZeroPadding2D", "'config': {'padding': [[1, 2], [0, 3]]}",
            "[null, 11, 9, 3]");
    becomes("[null, 8, 3]", "ZeroPadding1D", "'config': {'padding': [1, 2]}", "[null, 11, 3]");
    becomes("[null, 8, null, 3]", "ZeroPadding2D", "'config': {'padding': 1}",
            "[null, 10, null, 3]");
    becomes("[null, 8, 6, 3]", "Cropping2D", "'config': {'cropping': [[1, 1], [2, 0]]}",
            "[null, 6, 4, 3]");
    becomes("[null, 2, 6, 3]", "Cropping2D", "'config': {'cropping': 1}", "[null, null, 4, 3]");
    becomes("[null, 3, 8, 6]", "UpSampling2D",
            "'config': {'size': [2, 3], 'data_format': 'channels_first'}", "[null, 3, 16, 18]");
    becomes("[null, 9, 9, 4]", "DepthwiseConv2D",
            "'config': {'kernel_size': [3, 3], 'strides': [2, 2], 'padding': 'same', "
            "'depth_multiplier': 2}",
            "[null, 5, 5, 8]");
    becomes("[null, 9, 9, 4]", "GlobalAveragePooling2D", "'config': {'keepdims': true}",
            "[null, 1, 1, 4]");
}

static void wrappers_change_shapes_by_what_is_in_them(void **state)
{
    (void)state;
    becomes("[null, 5, 8, 3]", "TimeDistributed", "'config': {}, " PART("Flatten", ""),
            "[null, 5, 24]");
    becomes("[null, 3]", "TimeDistributed", "'config': {}, " PART("Dense", "'units': 2"), "null");
    becomes(
        "[null, 5, 3]", "Bidirectional",
        "'config': {'merge_mode': 'concat'}, " PART("LSTM", "'units': 4, 'return_sequences': true"),
        "[null, 5, 8]");
    becomes("[null, 5, 3]", "Bidirectional",
            "'config': {'merge_mode': 'sum'}, " PART("GRU", "'units': 4"), "[null, 4]");
}

/* What one stretches the other has; an axis that neither tells is not known. */
static void merges_stretch_axes_of_one(void **state)
{
    json_t *graph = draw(
        "{'layers': [" INPUT("a", "[null, 7, 7, 4]") "," INPUT("b", "[null, 1, 1, 4]") "," INPUT(
            "c", "[null, 4]") ","
                              "{'name': 'm', 'class_name': 'Multiply', 'config': {}, 'calls': "
                              "[" CALL("[@1.0.0, @0.0.0]") "," CALL(
                                  "[@0.0.0, @2.0.0]") "]}], 'inputs': [], 'outputs': []}",
        1 << 20);

    (void)state;
    assert_calls(graph, 3, "[['b 0 0', 'a 0 0'], [null, 7, 7, 4], ['a 0 0', 'c 0 0'], null]");
    json_decref(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_says_what_it_takes),
        cmocka_unit_test(what_has_no_room_is_counted),
        cmocka_unit_test(layers_of_a_sequential_follow_one_another),
        cmocka_unit_test(a_model_inside_is_opened),
        cmocka_unit_test(parts_of_a_wrapper_are_in_it),
        cmocka_unit_test(layers_change_shapes_as_keras_does),
        cmocka_unit_test(wrappers_change_shapes_by_what_is_in_them),
        cmocka_unit_test(merges_stretch_axes_of_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
