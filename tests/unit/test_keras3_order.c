/* SPDX-License-Identifier: Apache-2.0 */
#include "keras3_model.h"

#include "core/format/keras3_order.h"
#include "core/format/keras3_paths.h"

/*
 * keras3_order.jsonl holds graphs with the groups that real Keras 3.15.1 and 3.0.5 gave their
 * layers: twins, diamonds, layers shared at several depths, nested models, several outputs, masks,
 * mixed dtypes. null stands for a graph that the release cannot load.
 */
static void check_groups(struct kf_layer *layer, json_t *groups)
{
    const char *group = kf_json_str(groups, layer->path, NULL);

    if (layer->operation || (group == NULL && layer->group == NULL))
        return;
    assert_non_null(group);
    assert_non_null(layer->group);
    assert_string_equal(layer->group, group);
}

static int check_layer(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    (void)graph;
    check_groups(layer, context);
    return 0;
}

static void check_release(json_t *row, int keras, const char *key)
{
    struct kf_report rep;
    struct kf_model *model;
    json_t *groups = json_object_get(row, key);
    int r;

    kf_report_init(&rep);
    model = make_model(json_incref(json_object_get(row, "model")), &rep);
    r = kf_keras3_paths(model, keras, &rep);
    if (json_is_null(groups)) {
        size_t *order = NULL, n = 0;

        /* What cannot be called in the order of any config has an order all the same. */
        if (r < 0)
            assert_reported(&rep, KF_MASK_NO_EQUAL);
        else
            assert_int_equal(kf_keras3_order(&order, &n, model->arena, model->graph, keras, &rep),
                             0);
    } else {
        assert_int_equal(r, 0);
        kf_layers_each(model->graph, check_layer, groups);
    }
    kf_model_destroy(model);
    kf_report_finish(&rep);
}

static void layers_stand_as_real_keras_puts_them(void **unused)
{
    FILE *file = fopen(KF_FIXTURES "/keras3_order.jsonl", "r");
    char *line = NULL;
    size_t cap = 0, n = 0;

    (void)unused;
    assert_non_null(file);
    for (; getline(&line, &cap, file) > 0; n++) {
        json_t *row = json_loads(line, 0, NULL);

        assert_non_null(row);
        check_release(row, KF_KERAS(3, 15, 1), "3.15.1");
        check_release(row, KF_KERAS(3, 0, 5), "3.0.5");
        json_decref(row);
    }
    assert_true(n > 30);
    free(line);
    fclose(file);
}

/* The names of a graph's layers in order, with a space behind each. */
static void assert_order(const char *spec, int keras, const char *expected)
{
    struct kf_report rep;
    struct kf_model *model;
    size_t *order, n;
    char names[256] = "";

    kf_report_init(&rep);
    model = make_model_of(spec, &rep);
    assert_int_equal(kf_keras3_order(&order, &n, model->arena, model->graph, keras, &rep), 0);
    for (size_t i = 0; i < n; i++) {
        strcat(names, model->graph->layers[order[i]]->name);
        strcat(names, " ");
    }
    assert_string_equal(names, expected);
    kf_model_destroy(model);
    kf_report_finish(&rep);
}

#define INPUT(name) "{'name':'" name "','class_name':'InputLayer','config':{}}"
#define CALLED(name, class_name, config, ...)                                                      \
    "{'name':'" name "','class_name':'" class_name "','config':{" config "},'calls':[" __VA_ARGS__ \
    "]}"
#define ON(layer)         "{'args':[{'$ref':[" layer ",0,0]}],'kwargs':{}}"
#define ON_BOTH(one, two) "{'args':[[{'$ref':[" one ",0,0]},{'$ref':[" two ",0,0]}]],'kwargs':{}}"

static void deepest_comes_first_then_what_the_outputs_meet(void **unused)
{
    (void)unused;
    /* b and a are twins of one depth: the sum names b first, the config a. */
    assert_order(
        "{'name':'m','inputs':{'$ref':[0,0,0]},'outputs':{'$ref':[3,0,0]},'layers':[" INPUT(
            "x") "," CALLED("a", "Dense", "",
                            ON("0")) "," CALLED("b", "Dense", "",
                                                ON("0")) "," CALLED("sum", "Add", "",
                                                                    ON_BOTH("2", "1")) "]}",
        KF_KERAS(3, 15, 1), "x b a sum ");
}

static void dict_outputs_are_met_by_their_sorted_keys(void **unused)
{
    (void)unused;
    assert_order("{'name':'m','inputs':{'$ref':[0,0,0]},'outputs':{'z':{'$ref':[1,0,0]},"
                 "'k':{'$ref':[2,0,0]}},'layers':[" INPUT("x") "," CALLED(
                     "a", "Dense", "", ON("0")) "," CALLED("b", "Dense", "", ON("0")) "]}",
                 KF_KERAS(3, 15, 1), "x b a ");
}

/* A mask costs depth: a's Masking needs NotEqual and Any before the LSTM, b's Dropout nothing. */
#define MASKED                                                                                                                                 \
    "{'name':'m','inputs':{'$ref':[0,0,0]},'outputs':{'$ref':[7,0,0]},'layers':[" INPUT("x") "," CALLED("a", "Dense", "", ON("0")) "," CALLED( \
        "mask", "Masking", "",                                                                                                                 \
        ON("1")) "," CALLED("la", "LSTM", "",                                                                                                  \
                            ON("2")) "," CALLED("b", "Dense", "",                                                                              \
                                                ON("0")) "," CALLED("drop", "Dropout", "",                                                     \
                                                                    ON("4")) "," CALLED("lb",                                                  \
                                                                                        "LSTM",                                                \
                                                                                        "",                                                    \
                                                                                        ON("5")) "," CALLED("sum",                             \
                                                                                                            "Add",                             \
                                                                                                            "",                                \
                                                                                                            ON_BOTH(                           \
                                                                                                                "6",                           \
                                                                                                                "3")) "]}"

static void operations_of_masks_count_as_depth(void **unused)
{
    (void)unused;
    assert_order(MASKED, KF_KERAS(3, 15, 1), "x a b drop mask lb la sum ");
    assert_order(MASKED, KF_KERAS(3, 0, 5), "x a b drop mask lb la sum ");
}

/* From 3.10 on a call with arguments of its own does not show the mask that was filled in. */
#define TRAINED(layer) "{'args':[{'$ref':[" layer ",0,0]}],'kwargs':{'training':false}}"
#define MASKED_TRAINED                                                                                                                         \
    "{'name':'m','inputs':{'$ref':[0,0,0]},'outputs':{'$ref':[7,0,0]},'layers':[" INPUT("x") "," CALLED("a", "Dense", "", ON("0")) "," CALLED( \
        "mask", "Masking", "",                                                                                                                 \
        ON("1")) "," CALLED("la", "LSTM", "",                                                                                                  \
                            TRAINED(                                                                                                           \
                                "2")) "," CALLED("b", "Dense", "",                                                                             \
                                                 ON("0")) "," CALLED("drop", "Dropout", "",                                                    \
                                                                     ON("4")) "," CALLED("lb",                                                 \
                                                                                         "LSTM",                                               \
                                                                                         "",                                                   \
                                                                                         ON("5")) "," CALLED("sum",                            \
                                                                                                             "Add",                            \
                                                                                                             "",                               \
                                                                                                             ON_BOTH(                          \
                                                                                                                 "6",                          \
                                                                                                                 "3")) "]}"

static void hidden_masks_cost_no_depth_since_3_10(void **unused)
{
    (void)unused;
    assert_order(MASKED_TRAINED, KF_KERAS(3, 9, 2), "x a b drop mask lb la sum ");
    assert_order(MASKED_TRAINED, KF_KERAS(3, 10, 0), "x b a drop mask lb la sum ");
}

static void sequential_leaves_its_input_out(void **unused)
{
    (void)unused;
    assert_order("{'topology':'sequential','name':'s','layers':[" INPUT("x") "," CALLED(
                     "a", "Dense", "", ) "," CALLED("b", "Dense", "", ) "]}",
                 KF_KERAS(3, 15, 1), "a b ");
}

static void operations_and_dead_ends_are_left_out(void **unused)
{
    (void)unused;
    assert_order(
        "{'name':'m','inputs':[{'$ref':[0,0,0]},{'$ref':[4,0,0]}],'outputs':"
        "{'$ref':[2,0,0]},'layers':[" INPUT(
            "x") ","
                 "{'name':'op','class_name':'Relu','operation':true,'config':{},'calls':[" ON(
                     "0") "]}," CALLED("a", "Dense", "",
                                       ON("1")) "," CALLED("dead", "Dense", "",
                                                           ON("0")) "," INPUT("unused") "]}",
        KF_KERAS(3, 15, 1), "x unused a ");
}

static void refused(const char *spec, int keras, enum kf_code code)
{
    struct kf_report rep;
    struct kf_model *model;
    size_t *order = NULL, n = 0;

    kf_report_init(&rep);
    model = make_model_of(spec, &rep);
    assert_int_equal(kf_keras3_order(&order, &n, model->arena, model->graph, keras, &rep),
                     -(int)code);
    assert_reported(&rep, code);
    assert_null(order);
    kf_model_destroy(model);
    kf_report_finish(&rep);
}

static void bad_graphs_are_refused(void **unused)
{
    static const char loop[] =
        "{'name':'m','inputs':{'$ref':[0,0,0]},'outputs':{'$ref':[2,0,0]},"
        "'layers':[" INPUT("x") "," CALLED("a", "Dense", "", ON("2")) "," CALLED("b", "Dense", "",
                                                                                 ON("1")) "]}";
    static const char nowhere[] = "{'name':'m','inputs':{'$ref':[0,0,0]},'outputs':"
                                  "{'$ref':[7,0,0]},'layers':[" INPUT("x") "]}";
    static const char call[] = "{'name':'m','inputs':{'$ref':[0,0,0]},'outputs':{'$ref':[0,3,0]},"
                               "'layers':[" INPUT("x") "]}";
    static const char alone[] = "{'name':'m','inputs':{'$ref':[0,0,0]},'outputs':{'$ref':[0,0,0]},"
                                "'layers':[" INPUT("x") "]}";

    (void)unused;
    refused(loop, KF_KERAS(3, 15, 1), KF_BAD_GRAPH);
    refused(nowhere, KF_KERAS(3, 15, 1), KF_BAD_GRAPH);
    refused(call, KF_KERAS(3, 15, 1), KF_BAD_GRAPH);
    refused(alone, KF_KERAS(3, 12, 4), KF_GRAPH_NO_EQUAL);
    assert_order(alone, KF_KERAS(3, 14, 0), "x ");
}

/* A shared layer, called in a row many times: neither recursion nor a square of the length. */
static void long_chains_are_no_trouble(void **unused)
{
    enum { LONG = 50000 };
    struct kf_report rep;
    struct kf_model *model;
    size_t *order, n;

    (void)unused;
    kf_report_init(&rep);
    model = make_model_of("{'name':'m','inputs':{'$ref':[0,0,0]},'layers':[" INPUT("x") "," CALLED(
                              "a", "Dense", "", ON("0")) "]}",
                          &rep);
    for (size_t i = 0; i < LONG; i++)
        kf_layer_add_call(model, model->graph->layers[1], json_pack("[o]", kf_ref_new(1, i, 0)),
                          json_object(), &rep);
    model->graph->outputs = kf_ref_new(1, LONG, 0);
    assert_int_equal(
        kf_keras3_order(&order, &n, model->arena, model->graph, KF_KERAS(3, 15, 1), &rep), 0);
    assert_int_equal(n, 2);
    assert_int_equal(order[1], 1);
    kf_model_destroy(model);
    kf_report_finish(&rep);
}

static int order_once(void *context)
{
    struct kf_model *model = context;
    struct kf_report rep;
    size_t *order, n;
    int r;

    kf_report_init(&rep);
    r = kf_keras3_order(&order, &n, model->arena, model->graph, KF_KERAS(3, 9, 2), &rep);
    kf_report_finish(&rep);
    return r;
}

static void every_allocation_may_fail(void **unused)
{
    struct kf_report rep;
    struct kf_model *model;

    (void)unused;
    kf_report_init(&rep);
    model = make_model_of(MASKED, &rep);
    torture(order_once, model);
    kf_model_destroy(model);
    kf_report_finish(&rep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_stand_as_real_keras_puts_them),
        cmocka_unit_test(deepest_comes_first_then_what_the_outputs_meet),
        cmocka_unit_test(dict_outputs_are_met_by_their_sorted_keys),
        cmocka_unit_test(operations_of_masks_count_as_depth),
        cmocka_unit_test(hidden_masks_cost_no_depth_since_3_10),
        cmocka_unit_test(sequential_leaves_its_input_out),
        cmocka_unit_test(operations_and_dead_ends_are_left_out),
        cmocka_unit_test(bad_graphs_are_refused),
        cmocka_unit_test(long_chains_are_no_trouble),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
