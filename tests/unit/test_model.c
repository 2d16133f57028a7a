/* SPDX-License-Identifier: Apache-2.0 */
#include "keras3_model.h"

struct seen {
    char text[256];
    int stop_after;
};

static int note_ref(json_t *value, void *context)
{
    struct seen *seen = context;
    struct kf_ref ref;

    assert_true(kf_ref_get(value, &ref));
    snprintf(seen->text + strlen(seen->text), 16, "%zu ", ref.layer);
    return --seen->stop_after == 0 ? -7 : 0;
}

static json_t *structure(void)
{
    return json_pack("{s:o, s:[o, i, {s:o}], s:s}", "z", kf_ref_new(4, 0, 0), "b",
                     kf_ref_new(1, 0, 0), 5, "in", kf_ref_new(2, 0, 0), "a", "text");
}

static void refs_are_visited_as_keras_flattens(void **unused)
{
    json_t *value = structure();
    struct seen seen = {.text = ""};

    (void)unused;
    assert_int_equal(kf_refs_each(value, note_ref, &seen), 0);
    assert_string_equal(seen.text, "1 2 4 ");
    seen = (struct seen){.stop_after = 2};
    assert_int_equal(kf_refs_each(value, note_ref, &seen), -7);
    assert_string_equal(seen.text, "1 2 ");
    json_decref(value);
}

static void many_keys_are_sorted_too(void **unused)
{
    json_t *value = json_object();
    struct seen seen = {.text = ""};
    char key[8];

    (void)unused;
    for (size_t i = 0; i < 30; i++) {
        snprintf(key, sizeof(key), "k%02zu", 29 - i);
        json_object_set_new(value, key, kf_ref_new(29 - i, 0, 0));
    }
    assert_int_equal(kf_refs_each(value, note_ref, &seen), 0);
    assert_true(kf_starts(seen.text, "0 1 2 3 4 5 6 7 8 9 10 11 "));
    json_decref(value);
}

static void only_refs_are_refs(void **unused)
{
    static const char *const others[] = {"{}",
                                         "[0,0,0]",
                                         "{\"$ref\":[0,0]}",
                                         "{\"$ref\":[0,0,-1]}",
                                         "{\"$ref\":[0,0,\"0\"]}",
                                         "{\"$ref\":[0,0,0],\"more\":1}"};
    struct kf_ref ref;
    json_t *value = kf_ref_new(1, 2, 3);

    (void)unused;
    assert_true(kf_ref_get(value, &ref));
    assert_int_equal(ref.layer, 1);
    assert_int_equal(ref.call, 2);
    assert_int_equal(ref.output, 3);
    json_decref(value);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        value = json_loads(others[i], 0, NULL);
        assert_false(kf_ref_get(value, &ref));
        json_decref(value);
    }
    assert_false(kf_ref_get(NULL, &ref));
}

static int note_layer(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    struct seen *seen = context;

    snprintf(seen->text + strlen(seen->text), 32, "%s@%s ", layer->name, graph->name);
    return 0;
}

static void tree_is_walked_parents_first(void **unused)
{
    struct kf_report rep;
    struct seen seen = {.text = ""};
    struct kf_model *model;

    (void)unused;
    kf_report_init(&rep);
    model = make_model(json_of("{'name':'m','layers':[{'name':'a','class_name':'A','parts':[{'name'"
                               ":'p','class_name':'P',"
                               "'inner':{'name':'i','layers':[{'name':'b','class_name':'B'}]}}]},"
                               "{'name':'c','class_name':'C'}]}"),
                       &rep);
    assert_int_equal(kf_layers_each(model->graph, note_layer, &seen), 0);
    assert_string_equal(seen.text, "a@m p@m b@i c@m ");
    kf_model_destroy(model);
    kf_report_finish(&rep);
}

static void layers_and_calls_keep_their_order(void **unused)
{
    struct kf_model *model = kf_model_create();
    struct kf_graph *graph = kf_graph_new(model);
    struct kf_layer *layers[100];
    struct kf_report rep;

    (void)unused;
    kf_report_init(&rep);
    for (size_t i = 0; i < 100; i++) {
        layers[i] = kf_layer_new(model);
        assert_int_equal(kf_graph_insert(model, graph, i / 2, layers[i], &rep), 0);
        assert_int_equal(
            kf_layer_add_call(model, layers[0], json_pack("[i]", (int)i), json_object(), &rep), 0);
    }
    assert_int_equal(graph->n_layers, 100);
    assert_ptr_equal(graph->layers[49], layers[99]);
    assert_ptr_equal(graph->layers[99], layers[0]);
    assert_int_equal(layers[0]->n_calls, 100);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(json_integer_value(json_array_get(layers[0]->calls[i].args, 0)), i);
    kf_model_destroy(model);
    kf_report_finish(&rep);
}

static void a_call_without_arguments_is_out_of_memory(void **unused)
{
    struct kf_model *model = kf_model_create();
    struct kf_report rep;

    (void)unused;
    kf_report_init(&rep);
    assert_int_equal(kf_layer_add_call(model, kf_layer_new(model), json_array(), NULL, &rep),
                     -KF_NO_MEMORY);
    kf_model_destroy(model);
    kf_model_destroy(NULL);
    kf_report_finish(&rep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refs_are_visited_as_keras_flattens),
        cmocka_unit_test(many_keys_are_sorted_too),
        cmocka_unit_test(only_refs_are_refs),
        cmocka_unit_test(tree_is_walked_parents_first),
        cmocka_unit_test(layers_and_calls_keep_their_order),
        cmocka_unit_test(a_call_without_arguments_is_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
