/* SPDX-License-Identifier: Apache-2.0 */
#include "keras3_model.h"

#include "core/format/keras3/keras3_order.h"
#include "core/format/keras3/keras3_paths.h"

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

/* A layer, called on one layer, or on a list of two: numbers of layers in the table. */
struct row {
    const char *name, *class_name;
    int on[2]; /* -1 for none */
    bool training, operation;
};

#define N_OF(rows) (sizeof(rows) / sizeof((rows)[0]))

static json_t *ref_to(int layer)
{
    return kf_ref_new((size_t)layer, 0, 0);
}

static void call_row(struct kf_model *model, struct kf_layer *layer, const struct row *row,
                     struct kf_report *rep)
{
    json_t *args = row->on[1] < 0 ? json_pack("[o]", ref_to(row->on[0]))
                                  : json_pack("[[o, o]]", ref_to(row->on[0]), ref_to(row->on[1]));
    json_t *kwargs = row->training ? json_pack("{s:b}", "training", 0) : json_object();

    assert_int_equal(kf_layer_add_call(model, layer, args, kwargs, rep), 0);
}

/* A functional graph, its input the first row, its output the last. */
static struct kf_model *make_rows(const struct row *rows, size_t n, struct kf_report *rep)
{
    struct kf_model *model = kf_model_create();
    struct kf_graph *graph = model->graph = kf_graph_new(model);

    graph->topology = KF_FUNCTIONAL;
    graph->path = "";
    graph->name = "m";
    graph->inputs = ref_to(0);
    graph->outputs = ref_to((int)n - 1);
    for (size_t i = 0; i < n; i++) {
        struct kf_layer *layer = kf_layer_new(model);

        layer->name = layer->path = rows[i].name;
        layer->class_name = rows[i].class_name;
        layer->operation = rows[i].operation;
        layer->config = json_object();
        if (rows[i].on[0] >= 0)
            call_row(model, layer, &rows[i], rep);
        assert_int_equal(kf_graph_insert(model, graph, i, layer, rep), 0);
    }
    return model;
}

/* The names of the layers in order, with a space behind each; the model goes. */
static void assert_order_of(struct kf_model *model, int keras, const char *expected)
{
    struct kf_report rep;
    size_t *order, n;
    char names[256] = "";

    kf_report_init(&rep);
    assert_int_equal(kf_keras3_order(&order, &n, model->arena, model->graph, keras, &rep), 0);
    for (size_t i = 0; i < n; i++) {
        strcat(names, model->graph->layers[order[i]]->name);
        strcat(names, " ");
    }
    assert_string_equal(names, expected);
    kf_model_destroy(model);
    kf_report_finish(&rep);
}

static struct kf_report scratch;

static const struct row twins[] = {
    {"x", "InputLayer", {-1, -1}, 0, 0},
    {"a", "Dense", {0, -1}, 0, 0},
    {"b", "Dense", {0, -1}, 0, 0},
    {"sum", "Add", {2, 1}, 0, 0},
};

static void deepest_comes_first_then_what_the_outputs_meet(void **unused)
{
    (void)unused;
    assert_order_of(make_rows(twins, N_OF(twins), &scratch), KF_KERAS(3, 15, 1), "x b a sum ");
    assert_order_of(make_rows(twins, N_OF(twins), &scratch), KF_KERAS(3, 0, 5), "x b a sum ");
}

static void dict_outputs_are_met_by_their_sorted_keys(void **unused)
{
    struct kf_model *model = make_rows(twins, 3, &scratch);

    (void)unused;
    json_decref(model->graph->outputs);
    model->graph->outputs = json_pack("{s:o, s:o}", "z", ref_to(1), "k", ref_to(2));
    assert_order_of(model, KF_KERAS(3, 15, 1), "x b a ");
}

/* A mask costs depth: la needs NotEqual and Any behind a, where lb has a Dropout behind b. */
static const struct row masked[] = {
    {"x", "InputLayer", {-1, -1}, 0, 0}, {"a", "Dense", {0, -1}, 0, 0},
    {"mask", "Masking", {1, -1}, 0, 0},  {"la", "LSTM", {2, -1}, 0, 0},
    {"b", "Dense", {0, -1}, 0, 0},       {"drop", "Dropout", {4, -1}, 0, 0},
    {"lb", "LSTM", {5, -1}, 0, 0},       {"sum", "Add", {6, 3}, 0, 0},
};

static void operations_of_masks_count_as_depth(void **unused)
{
    (void)unused;
    assert_order_of(make_rows(masked, N_OF(masked), &scratch), KF_KERAS(3, 15, 1),
                    "x a b drop mask lb la sum ");
    assert_order_of(make_rows(masked, N_OF(masked), &scratch), KF_KERAS(3, 0, 5),
                    "x a b drop mask lb la sum ");
}

static void hidden_masks_cost_no_depth_since_3_10(void **unused)
{
    struct row rows[N_OF(masked)];

    (void)unused;
    memcpy(rows, masked, sizeof(rows));
    rows[3].training = true; /* a call with arguments of its own does not show the mask */
    assert_order_of(make_rows(rows, N_OF(rows), &scratch), KF_KERAS(3, 9, 2),
                    "x a b drop mask lb la sum ");
    assert_order_of(make_rows(rows, N_OF(rows), &scratch), KF_KERAS(3, 10, 0),
                    "x b a drop mask lb la sum ");
}

static void sequential_leaves_its_input_out(void **unused)
{
    struct kf_model *model = make_rows(twins, N_OF(twins), &scratch);

    (void)unused;
    model->graph->topology = KF_SEQUENTIAL;
    assert_order_of(model, KF_KERAS(3, 15, 1), "a b sum ");
}

static void operations_and_dead_ends_are_left_out(void **unused)
{
    static const struct row rows[] = {
        {"x", "InputLayer", {-1, -1}, 0, 0}, {"unused", "InputLayer", {-1, -1}, 0, 0},
        {"dead", "Dense", {0, -1}, 0, 0},    {"op", "Relu", {0, -1}, 0, true},
        {"a", "Dense", {3, -1}, 0, 0},
    };
    struct kf_model *model = make_rows(rows, N_OF(rows), &scratch);

    (void)unused;
    json_decref(model->graph->inputs);
    model->graph->inputs = json_pack("[o, o]", ref_to(0), ref_to(1));
    assert_order_of(model, KF_KERAS(3, 15, 1), "x unused a ");
}

static void refused(struct kf_model *model, int keras, enum kf_code code)
{
    struct kf_report rep;
    size_t *order = NULL, n = 0;

    kf_report_init(&rep);
    assert_int_equal(kf_keras3_order(&order, &n, model->arena, model->graph, keras, &rep),
                     -(int)code);
    assert_reported(&rep, code);
    assert_null(order);
    kf_model_destroy(model);
    kf_report_finish(&rep);
}

static struct kf_model *with_output(size_t layer, size_t call)
{
    struct kf_model *model = make_rows(twins, N_OF(twins), &scratch);

    json_decref(model->graph->outputs);
    model->graph->outputs = kf_ref_new(layer, call, 0);
    return model;
}

static void bad_graphs_are_refused(void **unused)
{
    static const struct row loop[] = {{"x", "InputLayer", {-1, -1}, 0, 0},
                                      {"a", "Dense", {2, -1}, 0, 0},
                                      {"b", "Dense", {1, -1}, 0, 0}};

    (void)unused;
    refused(make_rows(loop, N_OF(loop), &scratch), KF_KERAS(3, 15, 1), KF_BAD_GRAPH);
    refused(with_output(7, 0), KF_KERAS(3, 15, 1), KF_BAD_GRAPH);
    refused(with_output(1, 3), KF_KERAS(3, 15, 1), KF_BAD_GRAPH);
}

static void inputs_need_a_user_from_3_10_to_3_13(void **unused)
{
    (void)unused;
    refused(make_rows(twins, 1, &scratch), KF_KERAS(3, 12, 4), KF_GRAPH_NO_EQUAL);
    assert_order_of(make_rows(twins, 1, &scratch), KF_KERAS(3, 9, 2), "x ");
    assert_order_of(make_rows(twins, 1, &scratch), KF_KERAS(3, 14, 0), "x ");
}

/* A shared layer, called in a row many times: neither recursion nor a square of the length. */
static void long_chains_are_no_trouble(void **unused)
{
    enum { LONG = 50000 };
    struct kf_model *model = with_output(1, LONG);
    struct kf_layer *shared = model->graph->layers[1];

    (void)unused;
    for (size_t i = 0; i < LONG; i++)
        kf_layer_add_call(model, shared, json_pack("[o]", kf_ref_new(1, i, 0)), json_object(),
                          &scratch);
    assert_order_of(model, KF_KERAS(3, 15, 1), "x a ");
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
    struct kf_model *model = make_rows(masked, N_OF(masked), &scratch);

    (void)unused;
    torture(order_once, model);
    kf_model_destroy(model);
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
        cmocka_unit_test(inputs_need_a_user_from_3_10_to_3_13),
        cmocka_unit_test(long_chains_are_no_trouble),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
