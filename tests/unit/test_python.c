/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/adapt/lambda/python.h"
#include "core/base/alloc.h"

static const struct {
    const char *python, *function, *code;
} lambdas[] = {
#define LAMBDA(python, function, code) {python, #function, code},
#include "traces.def"
#undef LAMBDA
};

#define N_ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

/* What each function is given, and what it computes; NULL for one that must not be understood. */
static const struct {
    const char *function, *given, *nodes;
} expected[] = {
    {"scale", "{'x': {'$ref': [0, 0, 0]}}",
     "[{'function': 'math.truediv', 'args': [{'$ref': [0, 0, 0]}], 'kwargs': {'y': 127.5}},"
     " {'function': 'math.subtract', 'args': [{'$node': 0}], 'kwargs': {'y': 1.0}}]"},
    {"index", "{'t': [{'$ref': [0, 0, 0]}, {'$ref': [1, 0, 0]}]}",
     "[{'function': '__operators__.getitem', 'args': [{'$ref': [0, 0, 0]}], 'kwargs':"
     "  {'slice_spec': [{'start': null, 'stop': null, 'step': null},"
     "                  {'start': 1, 'stop': 3, 'step': null}]}},"
     " {'function': '__operators__.getitem', 'args': [{'$ref': [1, 0, 0]}], 'kwargs':"
     "  {'slice_spec': [{'class_name': '__ellipsis__'}, 2]}},"
     " {'function': 'math.subtract', 'args': [{'$node': 0}], 'kwargs': {'y': {'$node': 1}}},"
     " {'function': 'math.abs', 'args': [{'$node': 2}], 'kwargs': {}}]"},
    {"named", "{'x': {'$ref': [0, 0, 0]}, 'axis': 1}",
     "[{'function': 'math.negative', 'args': [{'$ref': [0, 0, 0]}], 'kwargs': {}},"
     " {'function': 'math.reduce_mean', 'args': [{'$node': 0}],"
     "  'kwargs': {'axis': 1, 'keepdims': true}},"
     " {'function': 'math.pow', 'args': [{'$node': 1}], 'kwargs': {'y': 2}}]"},
    {"joined", "{'t': [{'$ref': [0, 0, 0]}, {'$ref': [1, 0, 0]}]}",
     "[{'function': 'math.multiply', 'args': [{'$ref': [0, 0, 0]}], 'kwargs': {'y': 1e-7}},"
     " {'function': 'concat', 'kwargs': {'axis': 1},"
     "  'args': [[{'$ref': [0, 0, 0]}, {'$ref': [1, 0, 0]}, {'$node': 0}]]}]"},
    {"unpacked", "{'pair': [{'$ref': [0, 0, 0]}, {'$ref': [1, 0, 0]}]}",
     "[{'function': 'math.multiply', 'args': [{'$ref': [0, 0, 0]}], 'kwargs': {'y': 2}},"
     " {'function': 'reshape', 'args': [{'$node': 0}], 'kwargs': {'shape': [2, 3, 4]}},"
     " {'function': 'math.subtract', 'args': [{'$node': 1}],"
     "  'kwargs': {'y': {'$ref': [1, 0, 0]}}},"
     " {'function': 'math.square', 'args': [{'$node': 2}], 'kwargs': {}},"
     " {'function': 'math.reduce_sum', 'args': [{'$node': 3}],"
     "  'kwargs': {'axis': [1, 2], 'keepdims': false}},"
     " {'function': 'math.maximum', 'args': [{'$node': 4}], 'kwargs': {'y': 0.0}},"
     " {'function': 'math.sqrt', 'args': [{'$node': 5}], 'kwargs': {}}]"},
    {"looped", "{'x': {'$ref': [0, 0, 0]}}", NULL},
    {"closed", "{'x': {'$ref': [0, 0, 0]}}", NULL},
    {"unknown", "{'x': {'$ref': [0, 0, 0]}}", NULL},
    {"asked", "{'x': {'$ref': [0, 0, 0]}}", NULL},
    {"spread", "{'x': {'$ref': [0, 0, 0]}}", NULL},
};

/* JSON with single quotes. */
static json_t *json_of(const char *text)
{
    char *copy = strdup(text);
    json_t *value;

    for (char *c = copy; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    value = json_loads(copy, 0, NULL);
    free(copy);
    assert_non_null(value);
    return value;
}

/* With allocation `fail` failing and all after it; 0 is none. */
static bool trace_failing(struct kf_trace *trace, const char *text, const char *given_text,
                          size_t fail)
{
    json_t *function = json_pack("[s, n, n]", text), *given = json_of(given_text);
    struct kf_lambda_code code = {0};
    bool understood;

    kf_alloc_fail_after(fail);
    understood = kf_lambda_code_read(&code, function) && kf_python_trace(trace, &code, given);
    kf_alloc_fail_after(0);
    kf_lambda_code_finish(&code);
    json_decref(function);
    json_decref(given);
    return understood;
}

static bool trace_of(struct kf_trace *trace, const char *text, const char *given_text)
{
    return trace_failing(trace, text, given_text, 0);
}

static void each_python_means_the_same(void **unused)
{
    (void)unused;
    assert_int_equal(N_ROWS(lambdas), 9 * N_ROWS(expected));
    for (size_t i = 0; i < N_ROWS(lambdas); i++) {
        const char *nodes = expected[i % N_ROWS(expected)].nodes;
        struct kf_trace trace = {0};

        assert_string_equal(lambdas[i].function, expected[i % N_ROWS(expected)].function);
        if (strcmp(lambdas[i].python, "2.7") == 0 && strcmp(lambdas[i].function, "scale") == 0)
            nodes = NULL; /* its division has a name of its own, see below */
        else
            assert_int_equal(
                trace_of(&trace, lambdas[i].code, expected[i % N_ROWS(expected)].given),
                nodes != NULL);
        if (nodes) {
            json_t *wanted = json_of(nodes);

            assert_true(json_equal(trace.nodes, wanted));
            json_decref(wanted);
        }
        kf_trace_finish(&trace);
    }
}

/* The division of Python 2 cuts off integers. */
static void python_2_divides_otherwise(void **unused)
{
    struct kf_trace trace = {0};

    (void)unused;
    assert_string_equal(lambdas[0].python, "2.7");
    assert_true(trace_of(&trace, lambdas[0].code, expected[0].given));
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(trace.nodes, 0), "function")),
        "compat.v1.div");
    kf_trace_finish(&trace);
}

/* What is given must be what is taken. */
static void arguments_must_fit(void **unused)
{
    static const char *const wrong[] = {"{}", "{'y': {'$ref': [0, 0, 0]}}",
                                        "{'x': {'$ref': [0, 0, 0]}, 'mask': null}"};

    (void)unused;
    for (size_t i = 0; i < N_ROWS(wrong); i++) {
        struct kf_trace trace = {0};

        assert_false(trace_of(&trace, lambdas[0].code, wrong[i]));
        kf_trace_finish(&trace);
    }
}

/* Without memory nothing is understood, and it is said why. */
static void memory_may_run_out(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < 5; i++)
        for (size_t n = 1, fine = 0; !fine; n++) {
            struct kf_trace trace = {0};

            fine = trace_failing(&trace, lambdas[i].code, expected[i].given, n);
            assert_true(fine || trace.starved || !trace.nodes);
            kf_trace_finish(&trace);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_python_means_the_same),
        cmocka_unit_test(python_2_divides_otherwise),
        cmocka_unit_test(arguments_must_fit),
        cmocka_unit_test(memory_may_run_out),
    };

    json_set_alloc_funcs(kf_json_alloc, kf_free);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
