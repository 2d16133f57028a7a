/* SPDX-License-Identifier: Apache-2.0 */
#include "core/format/keras2/keras2_config.h"
#include "keras3_model.h"
#include <stdlib.h>

/*
 * inbound_nodes of Keras 2 in, calls with refs out. Configs are written with ' for ", and what is
 * expected with @L.C.O for output O of call C of layer L.
 */
#define LAYER_OF(class_name, name, config, nodes)                                                  \
    "{'class_name': '" class_name "', 'name': '" name "', 'config': " config                       \
    ", 'inbound_nodes': " nodes "}"
#define INPUT(name)                                                                                \
    LAYER_OF("InputLayer", name, "{'name': '" name "', 'batch_input_shape': [null, 3]}", "[]")
#define DENSE(name, nodes) LAYER_OF("Dense", name, "{'name': '" name "', 'units': 3}", nodes)
#define ADD(name, nodes)   LAYER_OF("Add", name, "{'name': '" name "'}", nodes)
#define CONFIG(name, layers, inputs, outputs)                                                      \
    "{'name': '" name "', 'layers': [" layers "], 'input_layers': " inputs                         \
    ", 'output_layers': " outputs "}"
#define MODEL(layers, inputs, outputs)                                                             \
    "{'class_name': 'Functional', 'config': " CONFIG("m", layers, inputs, outputs) "}"

struct parsed {
    struct kf_model *model;
    struct kf_report rep;
    int status;
};

static struct parsed parse(const char *text)
{
    struct parsed parsed = {.model = kf_model_create()};
    struct kf_options options = KF_OPTIONS_INIT;
    json_t *object = json_of(text);

    kf_report_init(&parsed.rep);
    parsed.status = kf_keras2_graph(parsed.model, object, &options, &parsed.rep);
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

static void assert_call(const struct parsed *parsed, size_t layer, size_t call, const char *args,
                        const char *kwargs)
{
    const struct kf_layer *at = parsed->model->graph->layers[layer];

    assert_int_equal(parsed->status, 0);
    assert_true(call < at->n_calls);
    assert_json(at->calls[call].args, args);
    assert_json(at->calls[call].kwargs, kwargs);
}

/* The text is refused, and the last entry says `what`. */
static void assert_refused(const char *text, enum kf_code code, const char *what)
{
    struct parsed parsed = parse(text);

    assert_int_equal(parsed.status, -(int)code);
    assert_reported(&parsed.rep, code);
    if (!strstr(parsed.rep.entries[parsed.rep.n_entries - 1].what, what))
        fail_msg("\"%s\" does not say \"%s\"", parsed.rep.entries[0].what, what);
    finish(&parsed);
}

static void one_input_is_the_tensor_itself(void **state)
{
    struct parsed parsed = parse(
        MODEL(INPUT("a") "," DENSE("d", "[[['a', 0, 0, {}]]]"), "[['a', 0, 0]]", "[['d', 0, 0]]"));

    (void)state;
    assert_call(&parsed, 1, 0, "[@0.0.0]", "{}");
    assert_int_equal(parsed.model->graph->layers[0]->n_calls, 0);
    assert_json(parsed.model->graph->inputs, "@0.0.0");
    assert_json(parsed.model->graph->outputs, "@1.0.0");
    finish(&parsed);
}

static void several_inputs_are_a_list(void **state)
{
    struct parsed parsed =
        parse(MODEL(INPUT("a") "," INPUT("b") "," ADD("s", "[[['a', 0, 0, {}], ['b', 0, 0, {}]]]"),
                    "[['a', 0, 0], ['b', 0, 0]]", "[['s', 0, 0], ['a', 0, 0]]"));

    (void)state;
    assert_call(&parsed, 2, 0, "[[@0.0.0, @1.0.0]]", "{}");
    assert_json(parsed.model->graph->inputs, "[@0.0.0, @1.0.0]");
    assert_json(parsed.model->graph->outputs, "[@2.0.0, @0.0.0]");
    finish(&parsed);
}

static void specs_without_kwargs_are_read(void **state)
{
    struct parsed parsed = parse(
        MODEL(INPUT("a") "," DENSE("d", "[[['a', 0, 0]]]"), "[['a', 0, 0]]", "[['d', 0, 0]]"));

    (void)state;
    assert_call(&parsed, 1, 0, "[@0.0.0]", "{}");
    finish(&parsed);
}

static void shared_layer_is_called_twice(void **state)
{
    struct parsed parsed =
        parse(MODEL(INPUT("a") "," DENSE("d", "[[['a', 0, 0, {}]], [['d', 0, 0, {}]]]"),
                    "[['a', 0, 0]]", "[['d', 1, 0]]"));

    (void)state;
    assert_call(&parsed, 1, 0, "[@0.0.0]", "{}");
    assert_call(&parsed, 1, 1, "[@1.0.0]", "{}");
    assert_json(parsed.model->graph->outputs, "@1.1.0");
    finish(&parsed);
}

#define INNER                                                                                      \
    LAYER_OF("Functional", "inner",                                                                \
             CONFIG("inner", INPUT("x") "," DENSE("y", "[[['x', 0, 0, {}]]]"), "[['x', 0, 0]]",    \
                    "[['y', 0, 0]]"),                                                              \
             "[[['a', 0, 0, {}]]]")

/* Its own construction was call 0, so that the first call in this graph is number 1 in the file. */
static void calls_of_a_nested_model_count_from_zero(void **state)
{
    struct parsed parsed =
        parse(MODEL(INPUT("a") "," INNER "," DENSE("d", "[[['inner', 1, 0, {}]]]"), "[['a', 0, 0]]",
                    "[['d', 0, 0]]"));

    (void)state;
    assert_call(&parsed, 2, 0, "[@1.0.0]", "{}");
    assert_non_null(parsed.model->graph->layers[1]->inner);
    assert_string_equal(parsed.model->graph->layers[1]->inner->layers[1]->path, "inner/y");
    finish(&parsed);
}

static void tensors_in_kwargs_become_refs(void **state)
{
    struct parsed parsed = parse(MODEL(
        INPUT("a") "," INPUT("b") "," DENSE("d", "[[['a', 0, 0, {'mask': ['b', 0, 0], "
                                                 "'training': false, 'many': [['b', 0, 0]]}]]]"),
        "[['a', 0, 0], ['b', 0, 0]]", "[['d', 0, 0]]"));

    (void)state;
    assert_call(&parsed, 2, 0, "[@0.0.0]", "{'mask': @1.0.0, 'training': false, 'many': [@1.0.0]}");
    finish(&parsed);
}

/* A list of plain values in kwargs that looks like a spec of a layer the model does not have. */
static void plain_lists_in_kwargs_stay(void **state)
{
    struct parsed parsed = parse(
        MODEL(INPUT("a") "," DENSE("d", "[[['a', 0, 0, {'axes': ['z', 0, 0], 'n': [1, 2]}]]]"),
              "[['a', 0, 0]]", "[['d', 0, 0]]"));

    (void)state;
    assert_call(&parsed, 1, 0, "[@0.0.0]", "{'axes': ['z', 0, 0], 'n': [1, 2]}");
    finish(&parsed);
}

static void constants_are_values(void **state)
{
    struct parsed parsed = parse(
        MODEL(INPUT("a") "," ADD("s", "[[['a', 0, 0, {}], ['_CONSTANT_VALUE', -1, 2.5, {}]]]"),
              "[['a', 0, 0]]", "[['s', 0, 0]]"));

    (void)state;
    assert_call(&parsed, 1, 0, "[[@0.0.0, 2.5]]", "{}");
    finish(&parsed);
}

static void dicts_keep_their_keys(void **state)
{
    struct parsed parsed = parse(MODEL(
        INPUT("a") "," INPUT("b") "," ADD("s", "[{'l': ['a', 0, 0, {}], 'r': ['b', 0, 0, {}]}]"),
        "{'one': ['a', 0, 0], 'two': ['b', 0, 0]}", "{'sum': ['s', 0, 0]}"));

    (void)state;
    assert_call(&parsed, 2, 0, "[{'l': @0.0.0, 'r': @1.0.0}]", "{}");
    assert_json(parsed.model->graph->inputs, "{'one': @0.0.0, 'two': @1.0.0}");
    assert_json(parsed.model->graph->outputs, "{'sum': @2.0.0}");
    finish(&parsed);
}

#define ONE(nodes) MODEL(INPUT("a") "," DENSE("d", nodes), "[['a', 0, 0]]", "[['d', 0, 0]]")

static void what_is_not_there_is_refused(void **state)
{
    (void)state;
    assert_refused(ONE("[[['z', 0, 0, {}]]]"), KF_BAD_GRAPH, "comes from layer z");
    assert_refused(ONE("[[['a', 1, 0, {}]]]"), KF_BAD_GRAPH, "");
    assert_refused(ONE("[[['a', -1, 0, {}]]]"), KF_BAD_GRAPH, "negative index");
    assert_refused(ONE("[[['a', 0, -1, {}]]]"), KF_BAD_GRAPH, "negative index");
    assert_refused(MODEL(INPUT("a") "," DENSE("d", "[[['a', 0, 0]], [['d', 7, 0]]]"),
                         "[['a', 0, 0]]", "[['d', 0, 0]]"),
                   KF_BAD_GRAPH, "used but not described");
}

static void names_must_differ(void **state)
{
    (void)state;
    assert_refused(MODEL(INPUT("a") "," INPUT("a"), "[['a', 0, 0]]", "[['a', 0, 0]]"), KF_BAD_GRAPH,
                   "two layers are called a");
}

static void ends_must_be_there(void **state)
{
    (void)state;
    assert_refused(MODEL(INPUT("a"), "null", "[['a', 0, 0]]"), KF_BAD_GRAPH, "no input_layers");
    assert_refused(MODEL(INPUT("a"), "[['a', 0, 0]]", "3"), KF_BAD_GRAPH, "no output_layers");
}

/* The way refs are written here is not the file's: what looks like one must not be taken for one.
 */
static void forged_refs_are_refused(void **state)
{
    (void)state;
    assert_refused(ONE("[[['a', 0, 0, {'mask': {'$ref': [99999, 0, 0]}}]]]"), KF_BAD_GRAPH, "");
    assert_refused(ONE("[[['a', 0, 0, {'$ref': [99999, 0, 0]}]]]"), KF_BAD_GRAPH, "");
    assert_refused(ONE("[[['_CONSTANT_VALUE', -1, {'$ref': [99999, 0, 0]}, {}]]]"), KF_BAD_GRAPH,
                   "");
    assert_refused(ONE("[{'$ref': [['_CONSTANT_VALUE', 0, 99999], ['_CONSTANT_VALUE', 0, 0], "
                       "['_CONSTANT_VALUE', 0, 0]]}]"),
                   KF_BAD_GRAPH, "");
    assert_refused(MODEL(INPUT("a"), "{'$ref': [99999, 0, 0]}", "[['a', 0, 0]]"), KF_BAD_GRAPH, "");
}

static int parse_once(void *text)
{
    struct kf_options options = KF_OPTIONS_INIT;
    struct kf_model *model = kf_model_create();
    struct kf_report rep;
    json_t *object;
    int r = -KF_NO_MEMORY;

    kf_report_init(&rep);
    object = json_loads(text, 0, NULL);
    if (model && object)
        r = kf_keras2_graph(model, object, &options, &rep);
    json_decref(object);
    kf_model_destroy(model);
    kf_report_finish(&rep);
    return r;
}

static void every_allocation_may_fail(void **state)
{
    char *text = expand(MODEL(
        INPUT("a") "," INPUT("b") "," INNER "," ADD(
            "s", "[[['inner', 1, 0, {}], ['b', 0, 0, {'k': [['a', 0, 0], {'x': ['b', 0, 0]}]}], "
                 "['_CONSTANT_VALUE', -1, [1, 2], {}]]]"),
        "{'one': ['a', 0, 0], 'two': ['b', 0, 0]}", "[['s', 0, 0], ['a', 0, 0]]"));

    (void)state;
    json_set_alloc_funcs(kf_json_alloc, kf_free);
    torture(parse_once, text);
    json_set_alloc_funcs(malloc, free);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_input_is_the_tensor_itself),
        cmocka_unit_test(several_inputs_are_a_list),
        cmocka_unit_test(specs_without_kwargs_are_read),
        cmocka_unit_test(shared_layer_is_called_twice),
        cmocka_unit_test(calls_of_a_nested_model_count_from_zero),
        cmocka_unit_test(tensors_in_kwargs_become_refs),
        cmocka_unit_test(plain_lists_in_kwargs_stay),
        cmocka_unit_test(constants_are_values),
        cmocka_unit_test(dicts_keep_their_keys),
        cmocka_unit_test(what_is_not_there_is_refused),
        cmocka_unit_test(names_must_differ),
        cmocka_unit_test(ends_must_be_there),
        cmocka_unit_test(forged_refs_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
