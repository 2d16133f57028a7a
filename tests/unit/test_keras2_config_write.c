/* SPDX-License-Identifier: Apache-2.0 */
#include "core/format/keras2/keras2_config.h"
#include "core/format/keras2/keras2_settle.h"
#include "keras3_model.h"
#include <stdlib.h>

/* A config of Keras 2 in, and what is written of it. Configs are written with ' for ". */
#define ENTRY(class_name, name, nodes)                                                             \
    "{'class_name': '" class_name "', 'config': {'name': '" name "'}, 'name': '" name              \
    "', 'inbound_nodes': " nodes "}"
#define MODEL(layers, inputs, outputs)                                                             \
    "{'class_name': 'Functional', 'config': {'name': 'm', 'trainable': true, 'layers': [" layers   \
    "], 'input_layers': " inputs ", 'output_layers': " outputs "}}"

static json_t *written(const char *text, int keras, enum kf_keras2_form form)
{
    struct kf_model *model = kf_model_create();
    struct kf_options options = KF_OPTIONS_INIT;
    json_t *object = json_of(text), *out = NULL;
    struct kf_report rep;

    kf_report_init(&rep);
    assert_int_equal(kf_keras2_graph(model, object, &options, &rep), 0);
    assert_int_equal(kf_keras2_settle(model, keras, &rep), 0);
    assert_int_equal(kf_keras2_config(&out, model, keras, form, &rep), 0);
    json_decref(object);
    kf_model_destroy(model);
    kf_report_finish(&rep);
    return out;
}

static void assert_written(const char *text, int keras, enum kf_keras2_form form, const char *want)
{
    json_t *got = written(text, keras, form), *value = json_of(want);
    char *dumped = json_dumps(got, 0);

    if (!json_equal(got, value))
        fail_msg("%s, expected %s", dumped, want);
    free(dumped);
    json_decref(got);
    json_decref(value);
}

static void assert_same(const char *text)
{
    assert_written(text, KF_KERAS(2, 15, 0), KF_KERAS2_LEGACY, text);
}

static void calls_are_written_as_they_were_read(void **state)
{
    (void)state;
    assert_same(MODEL(
        ENTRY("InputLayer", "a", "[]") "," ENTRY("Dense", "d", "[[['a', 0, 0, {'training': 0}]]]"),
        "[['a', 0, 0]]", "[['d', 0, 0]]"));
    assert_same(MODEL(ENTRY("InputLayer", "a", "[]") "," ENTRY(
                          "Add", "s", "[[['a', 0, 0, {}], ['_CONSTANT_VALUE', -1, 2.5, {}]]]"),
                      "[['a', 0, 0]]", "{'out': ['s', 0, 0]}"));
}

/* A list of one is a list to an operation, and the tensor itself to a layer. */
static void operations_keep_their_structure(void **state)
{
    (void)state;
    assert_same(MODEL(ENTRY("InputLayer", "a", "[]") "," ENTRY(
                          "TFOpLambda", "t", "[['a', 0, 0, {'y': ['a', 0, 0], 'name': null}]]"),
                      "[['a', 0, 0]]", "[['t', 0, 0]]"));
    assert_same(MODEL(
        ENTRY("InputLayer", "a", "[]") "," ENTRY("TFOpLambda", "t", "[[['a', 0, 0, {'axis': 1}]]]"),
        "[['a', 0, 0]]", "[['t', 0, 0]]"));
    assert_same(
        MODEL(ENTRY("InputLayer", "a", "[]") "," ENTRY(
                  "TFOpLambda", "t", "[['_CONSTANT_VALUE', -1, [1, 2], {'y': ['a', 0, 0]}]]"),
              "[['a', 0, 0]]", "[['t', 0, 0]]"));
}

/* The construction of a model on its input was its first call. */
static void calls_of_nested_models_count_from_one(void **state)
{
    (void)state;
    assert_same(MODEL(
        ENTRY("InputLayer", "a",
              "[]") ",{'class_name': 'Functional', 'config': {'name': 'i', "
                    "'trainable': false, 'layers': [" ENTRY("InputLayer", "x", "[]") "," ENTRY(
                        "Flatten", "f",
                        "[[['x', 0, 0, {}]]]") "], 'input_layers': [['x', 0, "
                                               "0]], 'output_layers': [['f', "
                                               "0, 0]]}, 'name': 'i', "
                                               "'inbound_nodes': [[['a', 0, 0, "
                                               "{}]]]}," ENTRY("Flatten", "g",
                                                               "[[['i', 1, 0, {}]]]"),
        "[['a', 0, 0]]", "[['g', 0, 0], ['i', 1, 0]]"));
}

/* Keras 2 puts the layers in the order of their depth; the file may have had another. */
static void layers_are_put_in_the_order_of_the_model(void **state)
{
    (void)state;
    assert_written(
        MODEL(ENTRY("InputLayer", "a", "[]") "," ENTRY(
                  "Flatten", "late", "[[['soon', 0, 0, {}]]]") "," ENTRY("Flatten", "soon",
                                                                         "[[['a', 0, 0, {}]]]"),
              "[['a', 0, 0]]", "[['late', 0, 0]]"),
        KF_KERAS(2, 15, 0), KF_KERAS2_LEGACY,
        MODEL(ENTRY("InputLayer", "a", "[]") "," ENTRY(
                  "Flatten", "soon", "[[['a', 0, 0, {}]]]") "," ENTRY("Flatten", "late",
                                                                      "[[['soon', 0, 0, {}]]]"),
              "[['a', 0, 0]]", "[['late', 0, 0]]"));
}

#define OBJECTS(initializer, activation, dtype)                                                    \
    "'kernel_initializer': " initializer ", 'activation': " activation ", 'dtype': " dtype
#define PLAIN_OBJECTS                                                                              \
    OBJECTS("{'class_name': 'Zeros', 'config': {}}", "'relu'",                                     \
            "{'class_name': 'Policy', 'config': {'name': 'mixed_float16'}}")
#define MODULE_OBJECTS                                                                             \
    OBJECTS("{'module': 'keras.initializers', 'class_name': 'Zeros', 'config': {}, "               \
            "'registered_name': null}",                                                            \
            "'relu'",                                                                              \
            "{'module': 'keras.mixed_precision', 'class_name': 'Policy', 'config': {'name': "      \
            "'mixed_float16'}, 'registered_name': null}")
#define GIVEN_OBJECTS                                                                              \
    OBJECTS("{'module': 'keras.initializers', 'class_name': 'Zeros', 'config': {}, "               \
            "'registered_name': null, 'shared_object_id': 3}",                                     \
            "{'module': 'builtins', 'class_name': 'function', 'config': 'relu', "                  \
            "'registered_name': 'function'}",                                                      \
            "{'class_name': 'Policy', 'config': {'name': 'mixed_float16'}}")
#define SEQUENTIAL(layer)                                                                          \
    "{'class_name': 'Sequential', 'config': {'name': 's', 'layers': [{'class_name': 'InputLayer'," \
    " 'config': {'name': 'i'}}, " layer "]}}"

static void objects_are_plain_before_2_13(void **state)
{
    (void)state;
    assert_written(
        SEQUENTIAL("{'class_name': 'Dense', 'config': {'name': 'd', " GIVEN_OBJECTS "}}"),
        KF_KERAS(2, 12, 0), KF_KERAS2_LEGACY,
        SEQUENTIAL("{'class_name': 'Dense', 'config': {'name': 'd', " PLAIN_OBJECTS "}}"));
}

static void objects_say_their_module_from_2_13_on(void **state)
{
    (void)state;
    assert_written(
        SEQUENTIAL("{'class_name': 'Dense', 'config': {'name': 'd', " PLAIN_OBJECTS "}}"),
        KF_KERAS(2, 13, 1), KF_KERAS2_LEGACY,
        SEQUENTIAL("{'class_name': 'Dense', 'config': {'name': 'd', " MODULE_OBJECTS "}}"));
}

static void layers_say_their_module_in_a_zip(void **state)
{
    (void)state;
    assert_written(
        SEQUENTIAL("{'class_name': 'Dense', 'config': {'name': 'd', " PLAIN_OBJECTS "}}"),
        KF_KERAS(2, 15, 0), KF_KERAS2_V3,
        "{'module': 'keras', 'class_name': 'Sequential', 'registered_name': null, 'config': "
        "{'name': 's', 'layers': [{'module': 'keras.layers', 'class_name': 'InputLayer', 'config': "
        "{'name': 'i'}, 'registered_name': null}, {'module': 'keras.layers', 'class_name': "
        "'Dense', 'config': {'name': 'd', " MODULE_OBJECTS "}, 'registered_name': null}]}}");
}

static void custom_classes_have_their_package(void **state)
{
    (void)state;
    assert_written(
        SEQUENTIAL("{'class_name': 'my>Own', 'config': {'name': 'o'}}"), KF_KERAS(2, 15, 0),
        KF_KERAS2_V3,
        "{'module': 'keras', 'class_name': 'Sequential', 'registered_name': null, 'config': "
        "{'name': 's', 'layers': [{'module': 'keras.layers', 'class_name': 'InputLayer', 'config': "
        "{'name': 'i'}, 'registered_name': null}, {'module': null, 'class_name': 'Own', 'config': "
        "{'name': 'o'}, 'registered_name': 'my>Own'}]}}");
    assert_same(SEQUENTIAL("{'class_name': 'my>Own', 'config': {'name': 'o'}}"));
}

static void tf_keras_has_a_module_of_its_own(void **state)
{
    json_t *got = written(MODEL(ENTRY("InputLayer", "a", "[]"), "[['a', 0, 0]]", "[['a', 0, 0]]"),
                          KF_KERAS(2, 21, 0), KF_KERAS2_V3);

    (void)state;
    assert_string_equal(kf_json_str(got, "module", ""), "tf_keras.src.engine.functional");
    json_decref(got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_written_as_they_were_read),
        cmocka_unit_test(operations_keep_their_structure),
        cmocka_unit_test(calls_of_nested_models_count_from_one),
        cmocka_unit_test(layers_are_put_in_the_order_of_the_model),
        cmocka_unit_test(objects_are_plain_before_2_13),
        cmocka_unit_test(objects_say_their_module_from_2_13_on),
        cmocka_unit_test(layers_say_their_module_in_a_zip),
        cmocka_unit_test(custom_classes_have_their_package),
        cmocka_unit_test(tf_keras_has_a_module_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
