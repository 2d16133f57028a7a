/* SPDX-License-Identifier: Apache-2.0 */
#include "keras3_model.h"

#include "core/adapt/ops/ops.h"

/*
 * A model of an input "x" of six floats, a second one "i" of integers, and behind them the layers
 * of a test, numbered from 2 on. Its output is the last of these.
 */
static struct kf_model *model_of(const char *layers, struct kf_report *rep)
{
    size_t n = 2;
    char *text;
    json_t *spec;
    struct kf_model *model;

    for (const char *at = layers; (at = strstr(at, "'class_name':'TF")); at++)
        n++;
    for (const char *at = layers; (at = strstr(at, "'class_name':'Sl")); at++)
        n++;
    text = calloc(1, strlen(layers) + 512);
    sprintf(text,
            "{'name':'m','inputs':[@0.0.0,@1.0.0],'outputs':@%zu.0.0,'layers':["
            "{'name':'x','class_name':'InputLayer','config':{'dtype':'float32'}},"
            "{'name':'i','class_name':'InputLayer','config':{'dtype':'int32'}},%s]}",
            n - 1, layers);
    spec = json_of(text);
    free(text);
    model = make_model(spec, rep);
    model->dialect = KF_DIALECT_KERAS2;
    return model;
}

static int adapt(struct kf_model *model, int since, struct kf_report *rep)
{
    struct kf_options options = KF_OPTIONS_INIT;
    struct kf_adapt how = {.model = model, .options = &options, .rep = rep, .since = since};

    return kf_adapt_ops(&how, model->graph);
}

#define OP(name, function, args, kwargs)                                                           \
    "{'name':'" name "','class_name':'TFOpLambda','config':{'name':'" name                         \
    "','dtype':'float32','function':'" function "'},'calls':[{'args':[" args "],'kwargs':{" kwargs \
    "}}]}"
#define SLICE(name, args, spec)                                                                    \
    "{'name':'" name "','class_name':'SlicingOpLambda','config':{'name':'" name                    \
    "','function':'__operators__.getitem'},'calls':[{'args':[" args                                \
    "],'kwargs':{'slice_spec':" spec "}}]}"

/* One layer in the form of a node: [class, config, args of its first call]. */
static json_t *shown(const struct kf_layer *layer)
{
    return json_pack("[s, O, O]", layer->class_name, layer->config,
                     layer->n_calls ? layer->calls[0].args : json_null());
}

/* The layers behind the inputs, as they are after the adaptation. */
static void becomes(const char *layers, int since, const char *expected)
{
    struct kf_report rep;
    struct kf_model *model;
    json_t *got = json_array(), *want = json_of(expected);
    char *text;

    kf_report_init(&rep);
    model = model_of(layers, &rep);
    assert_int_equal(adapt(model, since, &rep), 0);
    assert_int_equal(kf_report_status(&rep), 0);
    for (size_t i = 2; i < model->graph->n_layers; i++)
        json_array_append_new(got, shown(model->graph->layers[i]));
    text = json_dumps(got, JSON_COMPACT);
    if (!json_equal(got, want))
        print_message("%s\n", text);
    assert_true(json_equal(got, want));
    free(text);
    json_decref(got);
    json_decref(want);
    kf_model_destroy(model);
    kf_report_finish(&rep);
}

static void refused(const char *layers, int since, const char *what)
{
    struct kf_report rep;
    struct kf_model *model;

    kf_report_init(&rep);
    model = model_of(layers, &rep);
    assert_int_equal(adapt(model, since, &rep), 0);
    assert_int_equal(kf_report_status(&rep), -KF_NO_EQUAL);
    assert_reported(&rep, KF_NO_EQUAL);
    assert_string_equal(rep.entries[rep.n_entries - 1].what, what);
    kf_model_destroy(model);
    kf_report_finish(&rep);
}

static void operations_take_their_arguments_in_order(void **unused)
{
    (void)unused;
    becomes(OP("a", "math.add", "@0.0.0", "'y':1.5,'name':null"), 315,
            "[['Add',{'name':'a'},[@0.0.0,1.5]]]");
    becomes(OP("a", "math.subtract", "1.0", "'y':@0.0.0"), 315,
            "[['Subtract',{'name':'a'},[1.0,@0.0.0]]]");
    becomes(OP("a", "math.reduce_sum", "@0.0.0", "'axis':-1,'keepdims':true"), 315,
            "[['Sum',{'axis':-1,'keepdims':true,'name':'a'},[@0.0.0]]]");
    becomes(OP("a", "concat", "[@0.0.0,@0.0.0]", "'axis':-1"), 315,
            "[['Concatenate',{'axis':-1,'name':'a'},[[@0.0.0,@0.0.0]]]]");
    becomes(OP("a", "one_hot", "@1.0.0", "'depth':4"), 315,
            "[['OneHot',{'num_classes':4,'axis':-1,'dtype':'float32','name':'a'},[@1.0.0]]]");
}

static void what_tensorflow_takes_by_default_is_written_out(void **unused)
{
    (void)unused;
    becomes(OP("a", "math.argmax", "@0.0.0", ""), 315,
            "[['Argmax',{'axis':0,'name':'a'},[@0.0.0]]]");
    becomes(OP("a", "nn.gelu", "@0.0.0", ""), 315,
            "[['Gelu',{'approximate':false,'name':'a'},[@0.0.0]]]");
}

static void array_constants_take_the_dtype_of_the_tensor(void **unused)
{
    (void)unused;
    becomes(OP("a", "math.multiply", "@0.0.0", "'y':[1,2]"), 315,
            "[['Multiply',{'name':'a'},[@0.0.0,{'class_name':'__numpy__','config':{'value':[1,2],"
            "'dtype':'float32'}}]]]");
    becomes(OP("a", "math.multiply", "[1,2]", "'y':@1.0.0"), 315,
            "[['Multiply',{'name':'a'},[{'class_name':'__numpy__','config':{'value':[1,2],"
            "'dtype':'int32'}},@1.0.0]]]");
    becomes(OP("a", "compat.v1.gather", "@0.0.0", "'indices':[1,0],'axis':1"), 315,
            "[['Take',{'axis':1,'name':'a'},[@0.0.0,{'class_name':'__numpy__','config':{'value':"
            "[1,0],'dtype':'int32'}}]]]");
}

static void old_releases_name_operations_with_arguments(void **unused)
{
    (void)unused;
    becomes(OP("a", "math.reduce_max", "@0.0.0", "'axis':1"), 310,
            "[['Max',{'axis':[1],'keepdims':false},[@0.0.0]]]");
    becomes(OP("a", "math.abs", "@0.0.0", ""), 310, "[['Absolute',{'name':'a'},[@0.0.0]]]");
    refused(
        OP("max_1", "math.abs", "@0.0.0", "") "," OP("a", "math.reduce_max", "@2.0.0", "'axis':1"),
        310, "before Keras 3.11 an operation of the model would get this layer's name");
}

static void functions_of_several_operations_are_written_out(void **unused)
{
    (void)unused;
    becomes(OP("a", "math.squared_difference", "@0.0.0", "'y':2.0"), 315,
            "[['Square',{'name':'a'},[@3.0.0]],['Subtract',{'name':'a_subtract'},[@0.0.0,2.0]]]");
    becomes(OP("a", "linalg.matmul", "@0.0.0", "'b':@0.0.0,'transpose_b':true"), 315,
            "[['Matmul',{'name':'a'},[@0.0.0,@3.0.0]],"
            "['Swapaxes',{'axis1':-1,'axis2':-2,'name':'a_swapaxes'},[@0.0.0]]]");
    becomes(OP("a", "math.l2_normalize", "@0.0.0", "'axis':-1"), 315,
            "[['Multiply',{'name':'a'},[@0.0.0,@6.0.0]],['Square',{'name':'a_square'},[@0.0.0]],"
            "['Sum',{'axis':-1,'keepdims':true,'name':'a_sum'},[@3.0.0]],"
            "['Maximum',{'name':'a_maximum'},[@4.0.0,1e-12]],"
            "['Rsqrt',{'name':'a_rsqrt'},[@5.0.0]]]");
    becomes(OP("a", "compat.v1.squeeze", "@0.0.0", "'axis':[1,3]"), 315,
            "[['Squeeze',{'axis':1,'name':'a'},[@3.0.0]],"
            "['Squeeze',{'axis':3,'name':'a_squeeze'},[@0.0.0]]]");
}

static void sizes_to_split_become_places(void **unused)
{
    (void)unused;
    becomes(OP("a", "split", "@0.0.0", "'num_or_size_splits':[1,2,3],'axis':1"), 315,
            "[['Split',{'indices_or_sections':[1,3],'axis':1,'name':'a'},[@0.0.0]]]");
    becomes(OP("a", "split", "@0.0.0", "'num_or_size_splits':[6],'axis':1"), 315,
            "[['Split',{'indices_or_sections':1,'axis':1,'name':'a'},[@0.0.0]]]");
    refused(OP("a", "split", "@0.0.0", "'num_or_size_splits':[-1,2],'axis':1"), 315,
            "tf.split: not all of its sizes are known");
}

static void slices_are_written_as_keras_3_reads_them(void **unused)
{
    (void)unused;
    becomes(SLICE("s", "@0.0.0", "[{'start':null,'stop':null,'step':null},null,-1]"), 315,
            "[['GetItem',{'name':'s'},[@0.0.0,[{'class_name':'__slice__','config':{'start':null,"
            "'stop':null,'step':null}},null,-1]]]]");
    becomes(SLICE("s", "@0.0.0", "0"), 300, "[['GetItem',{'name':'s'},[@0.0.0,0]]]");
    refused(SLICE("s", "@0.0.0", "[0]"), 301,
            "tf.__operators__.getitem: before 3.2 Keras takes only one whole number as index");
    refused(SLICE("s", "@0.0.0", "[{'start':@1.0.0,'stop':null,'step':null}]"), 315,
            "tf.__operators__.getitem: its argument slice_spec is computed, and Keras 3 takes a "
            "constant");
}

#define SIZE_OF(tensor, index)                                                                     \
    OP("shape", "compat.v1.shape", tensor, "'out_type':'int32'") "," SLICE("size", "@2.0.0", index)

static void a_computed_size_is_what_is_left(void **unused)
{
    (void)unused;
    becomes(SIZE_OF("@0.0.0", "1") "," OP("r", "reshape", "@0.0.0", "'shape':[2,@3.0.0]"), 315,
            "[['Reshape',{'newshape':[2,-1],'name':'r'},[@0.0.0]]]");
    refused(SIZE_OF("@0.0.0", "1") "," OP("r", "reshape", "@0.0.0", "'shape':[@3.0.0,-1]"), 315,
            "tf.reshape: more than one size of its shape is computed");
}

static void a_reshape_that_names_the_batch_is_a_layer(void **unused)
{
    (void)unused;
    becomes(SIZE_OF("@0.0.0", "0") "," OP("r", "reshape", "@0.0.0", "'shape':[@3.0.0,-1,2]"), 315,
            "[['Reshape',{'trainable':true,'dtype':'float32','target_shape':[-1,2],'name':'r'},"
            "[@0.0.0]]]");
}

static void the_batch_is_followed_through_operations(void **unused)
{
    (void)unused;
    becomes(SIZE_OF("@0.0.0", "0") "," OP("r", "reshape", "@0.0.0", "'shape':[@3.0.0,2,-1]") "," OP(
                "t", "compat.v1.transpose", "@4.0.0",
                "'perm':[0,2,1]") "," OP("m", "linalg.matmul", "@5.0.0",
                                         "'b':@5.0.0,'transpose_b':true") "," OP("e", "reshape",
                                                                                 "@6.0.0",
                                                                                 "'shape':[@3.0.0,-"
                                                                                 "1,1]"),
            315,
            "[['Reshape',{'trainable':true,'dtype':'float32','target_shape':[2,-1],'name':'r'},"
            "[@0.0.0]],['Transpose',{'axes':[0,2,1],'name':'t'},[@2.0.0]],"
            "['Matmul',{'name':'m'},[@3.0.0,@6.0.0]],"
            "['Reshape',{'trainable':true,'dtype':'float32','target_shape':[-1,1],'name':'e'},"
            "[@4.0.0]],['Swapaxes',{'axis1':-1,'axis2':-2,'name':'m_swapaxes'},[@3.0.0]]]");
    refused(SIZE_OF("@0.0.0", "0") "," OP("r", "reshape", "@0.0.0", "'shape':[-1,3]") "," OP(
                "e", "reshape", "@4.0.0", "'shape':[@3.0.0,-1,1]"),
            315, "tf.reshape: more than one size of its shape is computed");
}

static void operations_may_be_called_twice(void **unused)
{
    static const char twice[] =
        "{'name':'a','class_name':'TFOpLambda','config':{'function':'math.reduce_sum'},'calls':["
        "{'args':[@0.0.0],'kwargs':{'axis':1}},{'args':[@1.0.0],'kwargs':{'axis':%c}}]}";
    char text[256];

    (void)unused;
    snprintf(text, sizeof(text), twice, '1');
    becomes(text, 315, "[['Sum',{'axis':1,'keepdims':false,'name':'a'},[@0.0.0]]]");
    snprintf(text, sizeof(text), twice, '0');
    refused(text, 315, "tf.math.reduce_sum: it is called more than once with other arguments");
    refused("{'name':'a','class_name':'TFOpLambda','config':{'function':'math.abs'}}", 315,
            "tf.math.abs: it is never called");
}

static void what_keras_3_computes_otherwise_is_refused(void **unused)
{
    (void)unused;
    refused(OP("a", "math.reduce_mean", "@1.0.0", "'axis':1"), 315,
            "tf.math.reduce_mean: Keras 3 gives another dtype for this one");
    refused(OP("a", "math.cumsum", "@0.0.0", "'reverse':true"), 315,
            "tf.math.cumsum: its argument reverse has a value that Keras 3 does not know");
    refused(OP("a", "math.abs", "@0.0.0", "'speed':1"), 315,
            "tf.math.abs: its argument speed is not known");
    refused(OP("a", "einsum", "'ij->ji'", ""), 315,
            "tf.einsum: Keras 3 has no operation that computes the same");
    refused(OP("a", "nn.depth_to_space", "@0.0.0", "'block_size':2"), 313,
            "tf.nn.depth_to_space: its equal came with Keras 3.14");
    refused(OP("a", "math.reduce_sum", "@0.0.0", "'axis':[-1,-2]"), 311,
            "tf.math.reduce_sum: before 3.12 Keras takes no several axes of which one is negative");
}

/* What comes out of a refused operation is of no known dtype: that is said once. */
static void refusals_are_not_repeated_downstream(void **unused)
{
    struct kf_report rep;
    struct kf_model *model;

    (void)unused;
    kf_report_init(&rep);
    model = model_of(
        OP("a", "signal.fft", "@0.0.0", "") "," OP("b", "math.reduce_mean", "@2.0.0", ""), &rep);
    assert_int_equal(adapt(model, 315, &rep), 0);
    assert_int_equal(rep.n_entries, 1);
    kf_model_destroy(model);
    kf_report_finish(&rep);
}

static int adapt_again(void *context)
{
    struct kf_report rep;
    struct kf_model *model;
    int r;

    kf_report_init(&rep);
    kf_alloc_fail_after(0);
    model = model_of(
        OP("a", "math.l2_normalize", "@0.0.0", "'axis':[1]") "," SLICE(
            "s", "@2.0.0",
            "[{'start':0,'stop':2,'step':1}]") "," OP("c", "math.add_n", "[@2.0.0,@3.0.0,@2.0.0]",
                                                      "") "," OP("d", "clip_by_value", "@4.0.0",
                                                                 "'clip_value_min':[0,1],'clip_"
                                                                 "value_max':2"),
        &rep);
    kf_alloc_fail_after(*(size_t *)context);
    r = adapt(model, 310, &rep);
    kf_alloc_fail_after(0);
    if (r == 0)
        r = kf_report_status(&rep);
    kf_model_destroy(model);
    kf_report_finish(&rep);
    return r;
}

static void every_allocation_may_fail(void **unused)
{
    int r = -1;
    size_t n;

    (void)unused;
    for (n = 1; r < 0; n++) {
        assert_true(n < 10000);
        r = adapt_again(&n);
        assert_true(r == 0 || r == -KF_NO_MEMORY);
    }
    assert_true(n > 100); /* each piece of JSON is one */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_take_their_arguments_in_order),
        cmocka_unit_test(what_tensorflow_takes_by_default_is_written_out),
        cmocka_unit_test(array_constants_take_the_dtype_of_the_tensor),
        cmocka_unit_test(old_releases_name_operations_with_arguments),
        cmocka_unit_test(functions_of_several_operations_are_written_out),
        cmocka_unit_test(sizes_to_split_become_places),
        cmocka_unit_test(slices_are_written_as_keras_3_reads_them),
        cmocka_unit_test(a_computed_size_is_what_is_left),
        cmocka_unit_test(a_reshape_that_names_the_batch_is_a_layer),
        cmocka_unit_test(the_batch_is_followed_through_operations),
        cmocka_unit_test(operations_may_be_called_twice),
        cmocka_unit_test(what_keras_3_computes_otherwise_is_refused),
        cmocka_unit_test(refusals_are_not_repeated_downstream),
        cmocka_unit_test(every_allocation_may_fail),
    };

    json_set_alloc_funcs(kf_json_alloc, kf_free);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
