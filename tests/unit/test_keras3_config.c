/* SPDX-License-Identifier: Apache-2.0 */
#include "keras3_model.h"

#include "core/format/keras3/keras3_config.h"

static int dump(json_t **out, const char *spec, int keras, struct kf_report *rep)
{
    struct kf_model *model = make_model(json_of(spec), rep);
    int r = kf_keras3_config(out, model, keras, rep);

    kf_model_destroy(model);
    return r;
}

static json_t *config_of(const char *spec, int keras)
{
    struct kf_report rep;
    json_t *config = NULL;

    kf_report_init(&rep);
    assert_int_equal(dump(&config, spec, keras, &rep), 0);
    kf_report_finish(&rep);
    return config;
}

/* What stands at config/key of the model's object equals `expected`. */
static void assert_config(const char *spec, int keras, const char *key, const char *expected)
{
    json_t *object = config_of(spec, keras), *want = json_of(expected);
    json_t *got = json_object_get(json_object_get(object, "config"), key);
    char *text = json_dumps(got, JSON_ENCODE_ANY | JSON_COMPACT);

    if (!json_equal(got, want))
        print_message("%s\n", text);
    assert_true(json_equal(got, want));
    free(text);
    json_decref(want);
    json_decref(object);
}

static void refused(const char *spec, int keras, enum kf_code code)
{
    struct kf_report rep;
    json_t *config = NULL;

    kf_report_init(&rep);
    assert_int_equal(dump(&config, spec, keras, &rep), -(int)code);
    assert_null(config);
    assert_reported(&rep, code);
    kf_report_finish(&rep);
}

static const char one_input[] =
    "{'name':'m','inputs':@0.0.0,'outputs':@0.0.0,'layers':["
    "{'name':'x','class_name':'InputLayer','module':'keras.layers','config':{'name':'x'}}]}";

static void models_say_what_they_are(void **unused)
{
    json_t *object = config_of(one_input, KF_KERAS(3, 15, 1));

    (void)unused;
    assert_string_equal(kf_json_str(object, "module", ""), "keras.src.models.functional");
    assert_string_equal(kf_json_str(object, "class_name", ""), "Functional");
    assert_string_equal(kf_json_str(object, "registered_name", ""), "Functional");
    json_decref(object);
    object = config_of("{'topology':'sequential','name':'s','layers':[]}", KF_KERAS(3, 15, 1));
    assert_string_equal(kf_json_str(object, "module", ""), "keras");
    assert_string_equal(kf_json_str(object, "class_name", ""), "Sequential");
    assert_true(json_is_null(json_object_get(object, "registered_name")));
    assert_null(json_object_get(json_object_get(object, "config"), "input_layers"));
    json_decref(object);
}

static void refs_become_tensors_at_any_depth(void **unused)
{
    (void)unused;
    assert_config("{'name':'m','inputs':@0.0.0,'outputs':@1.1.0,'layers':["
                  "{'name':'x','class_name':'InputLayer','config':{}},"
                  "{'name':'d','class_name':'Dense','module':'keras.layers','config':{'units':2},"
                  "'calls':[{'args':[@0.0.0],'kwargs':{}},"
                  "{'args':[[@1.0.2,1]],'kwargs':{'a':{'b':[@0.0.0]},'training':false}}]}]}",
                  KF_KERAS(3, 15, 1), "layers",
                  "[{'module':null,'class_name':'InputLayer','config':{},'registered_name':null,"
                  "'name':'x','inbound_nodes':[]},"
                  "{'module':'keras.layers','class_name':'Dense','config':{'units':2},"
                  "'registered_name':null,'name':'d','inbound_nodes':["
                  "{'args':[{'class_name':'__keras_tensor__','config':{'shape':[],"
                  "'dtype':'float32','keras_history':['x',0,0]}}],'kwargs':{}},"
                  "{'args':[[{'class_name':'__keras_tensor__','config':{'shape':[],"
                  "'dtype':'float32','keras_history':['d',0,2]}},1]],'kwargs':{'a':{'b':["
                  "{'class_name':'__keras_tensor__','config':{'shape':[],'dtype':'float32',"
                  "'keras_history':['x',0,0]}}]},'training':false}}]}]");
}

static void one_end_is_a_triple_from_3_4_on(void **unused)
{
    (void)unused;
    assert_config(one_input, KF_KERAS(3, 15, 1), "input_layers", "['x',0,0]");
    assert_config(one_input, KF_KERAS(3, 4, 0), "output_layers", "['x',0,0]");
    assert_config(one_input, KF_KERAS(3, 3, 3), "input_layers", "[['x',0,0]]");
}

static void ends_keep_their_structure(void **unused)
{
    static const char flat[] = "{'name':'m','inputs':[@0.0.0],'outputs':{'b':@0.0.0,'a':@0.0.0},"
                               "'layers':[{'name':'x','class_name':'InputLayer','config':{}}]}";
    static const char nested[] = "{'name':'m','inputs':[[@0.0.0]],'outputs':@0.0.0,'layers':["
                                 "{'name':'x','class_name':'InputLayer','config':{}}]}";

    (void)unused;
    assert_config(flat, KF_KERAS(3, 0, 5), "input_layers", "[['x',0,0]]");
    assert_config(flat, KF_KERAS(3, 0, 5), "output_layers", "{'b':['x',0,0],'a':['x',0,0]}");
    assert_config(flat, KF_KERAS(3, 15, 1), "output_layers", "{'b':['x',0,0],'a':['x',0,0]}");
    assert_config(nested, KF_KERAS(3, 4, 0), "input_layers", "[[['x',0,0]]]");
    refused(nested, KF_KERAS(3, 3, 3), KF_GRAPH_NO_EQUAL);
}

static const char with_functional[] =
    "{'name':'m','inputs':@0.0.0,'outputs':@1.1.0,'layers':["
    "{'name':'x','class_name':'InputLayer','config':{}},"
    "{'name':'n','class_name':'Model','config':{},'inner':{'name':'other','inputs':@0.0.0,"
    "'outputs':@0.0.0,'layers':[{'name':'y','class_name':'InputLayer','config':{}}]},"
    "'calls':[{'args':[@0.0.0],'kwargs':{}},{'args':[@1.0.0],'kwargs':{}}]}]}";

static const char with_sequential[] =
    "{'name':'m','inputs':@0.0.0,'outputs':@1.0.0,'layers':["
    "{'name':'x','class_name':'InputLayer','config':{}},"
    "{'name':'n','class_name':'Model','config':{},'inner':{'topology':'sequential','name':'other',"
    "'layers':[]},'calls':[{'args':[@0.0.0],'kwargs':{}}]}]}";

static void nested_functional_counts_itself_in_the_outputs(void **unused)
{
    (void)unused;
    assert_config(with_functional, KF_KERAS(3, 15, 1), "output_layers", "['n',2,0]");
    assert_config(with_functional, KF_KERAS(3, 3, 0), "output_layers", "[['n',2,0]]");
    assert_config(with_functional, KF_KERAS(3, 2, 1), "output_layers", "[['n',1,0]]");
    assert_config(with_sequential, KF_KERAS(3, 15, 1), "output_layers", "['n',0,0]");
}

static void nested_models_are_called_what_the_layer_is(void **unused)
{
    json_t *object = config_of(with_sequential, KF_KERAS(3, 15, 1));
    json_t *list = json_object_get(json_object_get(object, "config"), "layers");
    json_t *entry = json_array_get(list, 1);

    (void)unused;
    assert_string_equal(kf_json_str(entry, "class_name", ""), "Sequential");
    assert_string_equal(kf_json_str(entry, "name", ""), "n");
    assert_string_equal(kf_json_str(json_object_get(entry, "config"), "name", ""), "n");
    json_decref(object);
}

static void graph_of_a_part_goes_into_the_parent(void **unused)
{
    (void)unused;
    assert_config("{'topology':'sequential','name':'s','layers':[{'name':'t','class_name':'T',"
                  "'config':{'layer':{'class_name':'old','config':{}},'kept':1},'parts':["
                  "{'name':'in','class_name':'Model','config':{},'attribute':'layer',"
                  "'config_key':'layer','inner':{'topology':'sequential','name':'in',"
                  "'layers':[]}}]}]}",
                  KF_KERAS(3, 15, 1), "layers",
                  "[{'module':null,'class_name':'T','config':{'layer':{'module':'keras',"
                  "'class_name':'Sequential','config':{'name':'in','trainable':true,'layers':[]},"
                  "'registered_name':null},'kept':1},'registered_name':null}]");
}

static void graph_in_a_list_of_parts_keeps_its_place(void **unused)
{
    (void)unused;
    assert_config("{'topology':'sequential','name':'s','layers':[{'name':'t','class_name':'T',"
                  "'config':{'cells':[{'class_name':'C','config':{}},{'class_name':'old'}]},"
                  "'parts':[{'name':'c','class_name':'C','config':{},'attribute':'cells',"
                  "'config_key':'cells','in_container':true},{'name':'in','class_name':'Model',"
                  "'config':{},'attribute':'cells','config_key':'cells','in_container':true,"
                  "'inner':{'topology':'sequential','name':'in','layers':[]}}]}]}",
                  KF_KERAS(3, 15, 1), "layers",
                  "[{'module':null,'class_name':'T','config':{'cells':[{'class_name':'C',"
                  "'config':{}},{'module':'keras','class_name':'Sequential','config':{"
                  "'name':'in','trainable':true,'layers':[]},'registered_name':null}]},"
                  "'registered_name':null}]");
}

static void layers_stand_behind_what_they_need(void **unused)
{
    json_t *object = config_of("{'name':'m','inputs':@1.0.0,'outputs':@0.0.0,'layers':["
                               "{'name':'d','class_name':'Dense','config':{},'calls':["
                               "{'args':[@1.0.0],'kwargs':{}}]},"
                               "{'name':'x','class_name':'InputLayer','config':{}}]}",
                               KF_KERAS(3, 15, 1));
    json_t *list = json_object_get(json_object_get(object, "config"), "layers");

    (void)unused;
    assert_string_equal(kf_json_str(json_array_get(list, 0), "name", ""), "x");
    assert_string_equal(kf_json_str(json_array_get(list, 1), "name", ""), "d");
    json_decref(object);
}

/* a(b(a(x))): no order of the layers has every input ready. */
static void layers_around_others_need_3_7(void **unused)
{
    static const char around[] = "{'name':'m','inputs':@0.0.0,'outputs':@1.1.0,'layers':["
                                 "{'name':'x','class_name':'InputLayer','config':{}},"
                                 "{'name':'a','class_name':'Dense','config':{},'calls':["
                                 "{'args':[@0.0.0],'kwargs':{}},{'args':[@2.0.0],'kwargs':{}}]},"
                                 "{'name':'b','class_name':'Dense','config':{},'calls':["
                                 "{'args':[@1.0.0],'kwargs':{}}]}]}";

    (void)unused;
    refused(around, KF_KERAS(3, 6, 0), KF_GRAPH_NO_EQUAL);
    json_decref(config_of(around, KF_KERAS(3, 7, 0)));
}

static void refs_to_nothing_are_refused(void **unused)
{
    (void)unused;
    refused("{'name':'m','inputs':@0.0.0,'outputs':@4.0.0,'layers':["
            "{'name':'x','class_name':'InputLayer','config':{}}]}",
            KF_KERAS(3, 15, 1), KF_BAD_GRAPH);
}

static void a_sequential_keeps_the_shape_it_was_built_with(void **unused)
{
    (void)unused;
    assert_config("{'topology':'sequential','name':'s','config':{'build_input_shape':[null,3],"
                  "'other':1},'layers':[{'name':'d','class_name':'Dense','config':{}}]}",
                  KF_KERAS(3, 15, 1), "build_input_shape", "[null,3]");
}

static const char with_operation[] =
    "{'name':'m','inputs':@0.0.0,'outputs':@1.0.0,'layers':["
    "{'name':'x','class_name':'InputLayer','config':{}},"
    "{'name':'o','class_name':'Clip','module':'keras.src.ops.numpy','operation':true,"
    "'config':{'name':'o','x_min':0},'calls':[{'args':[@0.0.0],'kwargs':{}}]}]}";

static bool operation_has_name(int keras)
{
    json_t *object = config_of(with_operation, keras);
    json_t *list = json_object_get(json_object_get(object, "config"), "layers");
    json_t *entry = json_array_get(list, 1);
    bool has = json_object_get(json_object_get(entry, "config"), "name") != NULL;

    assert_string_equal(kf_json_str(entry, "name", ""), "o");
    json_decref(object);
    return has;
}

static void operations_take_a_name_from_3_11_on(void **unused)
{
    (void)unused;
    assert_true(operation_has_name(KF_KERAS(3, 11, 0)));
    assert_false(operation_has_name(KF_KERAS(3, 10, 0)));
}

static void names_that_keras_may_give_are_refused(void **unused)
{
    static const char clash[] =
        "{'name':'m','inputs':@0.0.0,'outputs':@1.0.0,'layers':["
        "{'name':'clip_3','class_name':'InputLayer','config':{}},"
        "{'name':'o','class_name':'Clip','module':'keras.src.ops.numpy','operation':true,"
        "'config':{'name':'o'},'calls':[{'args':[@0.0.0],'kwargs':{}}]}]}";

    (void)unused;
    refused(clash, KF_KERAS(3, 10, 0), KF_GRAPH_NO_EQUAL);
    json_decref(config_of(clash, KF_KERAS(3, 11, 0)));
}

static int dump_once(void *context)
{
    struct kf_report rep;
    json_t *config = NULL;
    int r;

    kf_report_init(&rep);
    r = kf_keras3_config(&config, context, KF_KERAS(3, 15, 1), &rep);
    json_decref(config);
    kf_report_finish(&rep);
    return r;
}

static void every_allocation_may_fail(void **unused)
{
    struct kf_report rep;
    struct kf_model *model;

    (void)unused;
    kf_report_init(&rep);
    json_set_alloc_funcs(kf_json_alloc, kf_free);
    model = make_model(json_of(with_functional), &rep);
    torture(dump_once, model);
    kf_model_destroy(model);
    json_set_alloc_funcs(malloc, free);
    kf_report_finish(&rep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models_say_what_they_are),
        cmocka_unit_test(refs_become_tensors_at_any_depth),
        cmocka_unit_test(one_end_is_a_triple_from_3_4_on),
        cmocka_unit_test(ends_keep_their_structure),
        cmocka_unit_test(nested_functional_counts_itself_in_the_outputs),
        cmocka_unit_test(nested_models_are_called_what_the_layer_is),
        cmocka_unit_test(graph_of_a_part_goes_into_the_parent),
        cmocka_unit_test(graph_in_a_list_of_parts_keeps_its_place),
        cmocka_unit_test(layers_stand_behind_what_they_need),
        cmocka_unit_test(layers_around_others_need_3_7),
        cmocka_unit_test(refs_to_nothing_are_refused),
        cmocka_unit_test(a_sequential_keeps_the_shape_it_was_built_with),
        cmocka_unit_test(operations_take_a_name_from_3_11_on),
        cmocka_unit_test(names_that_keras_may_give_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
