/* SPDX-License-Identifier: Apache-2.0 */
#include "core_test.h"

#include "core/format/tensorflow/saved_model.h"
#include <stdlib.h>

/* What each operation does outside of the graph: all that saved_model_ops.def has to know. */
static const struct {
    const char *op, *what;
} known[] = {
    {"ReadFile", "reads a file"},
    {"WriteFile", "writes a file"},
    {"MatchingFiles", "lists files"},
    {"PyFunc", "calls Python code"},
    {"PyFuncStateless", "calls Python code"},
    {"EagerPyFunc", "calls Python code"},
    {"WholeFileReaderV2", "reads files"},
    {"TextLineReaderV2", "reads files"},
    {"TFRecordReaderV2", "reads files"},
    {"TextLineDataset", "reads files"},
    {"TFRecordDataset", "reads files"},
    {"LoadAndRemapMatrix", "reads a file"},
    {"WriteSummary", "writes a file"},
    {"RpcCall", "calls another machine"},
    {"DebugIdentityV2", "writes to a URL"},
};
#define N_KNOWN (sizeof(known) / sizeof(known[0]))

/* The report of a graph that has two of `op`, in the graph itself or in a function of it. */
static void look(const char *op, bool in_function, struct kf_report *rep)
{
    Kf__Tf__Node node = KF__TF__NODE__INIT, *nodes[] = {&node, &node};
    Kf__Tf__Function__Operation inner = KF__TF__FUNCTION__OPERATION__INIT,
                                *inners[] = {&inner, &inner};
    Kf__Tf__Function function = KF__TF__FUNCTION__INIT, *functions[] = {&function};
    Kf__Tf__FunctionLibrary library = KF__TF__FUNCTION_LIBRARY__INIT;
    Kf__Tf__Graph graph = KF__TF__GRAPH__INIT;
    Kf__Tf__MetaGraph meta = KF__TF__META_GRAPH__INIT;
    const struct kf_saved_model saved = {.meta = &meta};

    node.op = inner.op = (char *)(uintptr_t)op;
    node.name = inner.name = (char[]){"here"};
    meta.graph = &graph;
    if (in_function) {
        graph.library = &library;
        library.n_function = 1;
        library.function = functions;
        function.n_node_def = 2;
        function.node_def = inners;
    } else {
        graph.n_node = 2;
        graph.node = nodes;
    }
    kf_report_init(rep);
    kf_saved_model_unsafe(&saved, rep);
}

static void every_way_out_of_a_graph_is_told(void **state)
{
    struct kf_report rep;

    (void)state;
    for (size_t i = 0; i < 2 * N_KNOWN; i++) {
        char want[128];

        snprintf(want, sizeof(want), "has 2 of the operation %s, which %s ", known[i / 2].op,
                 known[i / 2].what);
        look(known[i / 2].op, i % 2, &rep);
        assert_int_equal(rep.n_entries, 1);
        assert_int_equal(rep.entries[0].code, KF_CARRIES_CODE);
        if (!strstr(rep.entries[0].what, want))
            fail_msg("%s, expected %s", rep.entries[0].what, want);
        kf_report_finish(&rep);
    }
}

static void what_stays_inside_is_not(void **state)
{
    struct kf_report rep;

    (void)state;
    look("MatMul", true, &rep);
    assert_int_equal(rep.n_entries, 0);
    kf_report_finish(&rep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_out_of_a_graph_is_told),
        cmocka_unit_test(what_stays_inside_is_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
