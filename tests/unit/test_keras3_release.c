/* SPDX-License-Identifier: Apache-2.0 */
#include "core/adapt/adapt.h"
#include "core/format/layer_vars.h"
#include "keras3_model.h"

/* What one layer or operation becomes for a release; configs are written with ' for ". */
struct fitted {
    struct kf_model *model;
    struct kf_report rep;
    int status;
};

static struct fitted fit(const char *layer, int keras)
{
    char spec[2048];
    struct fitted fitted = {0};
    struct kf_options options = KF_OPTIONS_INIT;

    snprintf(spec, sizeof(spec),
             "{'topology':'functional','name':'m','inputs':@0.0.0,'outputs':@0.0.0,'layers':[%s]}",
             layer);
    kf_report_init(&fitted.rep);
    fitted.model = make_model(json_of(spec), &fitted.rep);
    fitted.status =
        kf_adapt(fitted.model, KF_DIALECT_KERAS3, keras, KF_RUNS_KERAS, &options, &fitted.rep);
    return fitted;
}

static void finish(struct fitted *fitted)
{
    kf_model_destroy(fitted->model);
    kf_report_finish(&fitted->rep);
}

static void assert_fits(const char *layer, int keras, const char *config)
{
    struct fitted fitted = fit(layer, keras);
    json_t *want = json_of(config), *got = fitted.model->graph->layers[0]->config;
    char *text = json_dumps(got, JSON_ENCODE_ANY);

    assert_int_equal(fitted.status, 0);
    if (!json_equal(got, want))
        fail_msg("%s, expected %s", text, config);
    free(text);
    json_decref(want);
    finish(&fitted);
}

static void assert_refused(const char *layer, int keras, enum kf_code code, const char *what)
{
    struct fitted fitted = fit(layer, keras);

    assert_int_equal(fitted.status, -(int)code);
    if (!strstr(fitted.rep.entries[0].what, what))
        fail_msg("\"%s\" does not say \"%s\"", fitted.rep.entries[0].what, what);
    finish(&fitted);
}

#define LAYER(class_name, config) "{'name':'l','class_name':'" class_name "','config':" config "}"
#define OPERATION(class_name, config, args, kwargs)                                                \
    "{'name':'o','class_name':'" class_name "','operation':true,'config':" config                  \
    ",'calls':[{'args':" args ",'kwargs':" kwargs "}]}"

static void newer_keys_go_where_they_say_nothing(void **unused)
{
    (void)unused;
    assert_fits(LAYER("Resizing", "{'height':3,'antialias':false,'pad_to_aspect_ratio':false}"),
                KF_KERAS(3, 2, 1), "{'height':3}");
    assert_fits(LAYER("Resizing", "{'height':3,'antialias':true}"), KF_KERAS(3, 9, 2),
                "{'height':3,'antialias':true}");
    assert_refused(LAYER("Resizing", "{'height':3,'antialias':true}"), KF_KERAS(3, 8, 0),
                   KF_VALUE_NO_EQUAL, "3.9");
    assert_fits(LAYER("MultiHeadAttention", "{'num_heads':2,'seed':5,'use_gate':null}"),
                KF_KERAS(3, 3, 3), "{'num_heads':2}");
}

static void keys_that_went_away_are_left_out(void **unused)
{
    (void)unused;
    assert_fits(LAYER("RandomRotation", "{'factor':0.1,'value_range':[0,1]}"), KF_KERAS(3, 15, 1),
                "{'factor':0.1}");
    assert_fits(LAYER("RandomRotation", "{'factor':0.1}"), KF_KERAS(3, 15, 1), "{'factor':0.1}");
}

/* RandomCrop crops what it predicts from until 3.8. */
static void layers_that_predict_otherwise_change_their_class(void **unused)
{
    static const char crop[] = LAYER("RandomCrop", "{'name':'l','height':2,'width':3,'seed':1}");
    struct kf_options options = KF_OPTIONS_INIT;
    struct kf_report rep;
    struct kf_model *model;

    (void)unused;
    assert_fits(crop, KF_KERAS(3, 15, 1), "{'name':'l','height':2,'width':3,'seed':1}");
    assert_fits(crop, KF_KERAS(3, 7, 0), "{'name':'l'}");
    kf_report_init(&rep);
    model = make_model(json_of("{'topology':'functional','name':'m','inputs':@0.0.0,"
                               "'outputs':@0.0.0,'layers':[{'name':'l','class_name':'RandomCrop',"
                               "'config':{'height':2,'width':3,'seed':1}}]}"),
                       &rep);
    model->keras = KF_KERAS(3, 7, 0);
    assert_int_equal(
        kf_adapt(model, KF_DIALECT_KERAS3, KF_KERAS(3, 15, 1), KF_RUNS_KERAS, &options, &rep), 0);
    assert_string_equal(model->graph->layers[0]->class_name, "Resizing");
    assert_true(
        json_is_true(json_object_get(model->graph->layers[0]->config, "crop_to_aspect_ratio")));
    kf_model_destroy(model);
    kf_report_finish(&rep);
}

static void values_that_came_later_are_refused(void **unused)
{
    (void)unused;
    assert_refused(LAYER("Conv1DTranspose", "{'output_padding':[0]}"), KF_KERAS(3, 10, 0),
                   KF_VALUE_NO_EQUAL, "3.11");
    assert_fits(LAYER("Conv1DTranspose", "{'output_padding':[1]}"), KF_KERAS(3, 10, 0),
                "{'output_padding':[1]}");
}

/* What releases fail on though they have the class and the key. */
static void limits_of_a_release_are_refused_or_avoided(void **unused)
{
    (void)unused;
    assert_refused(LAYER("Normalization", "{'axis':[-1],'mean':1.5,'variance':[1,2]}"),
                   KF_KERAS(3, 7, 0), KF_VALUE_NO_EQUAL, "one number and many");
    assert_fits(LAYER("Normalization", "{'axis':[-1],'mean':1.5,'variance':2.5}"),
                KF_KERAS(3, 7, 0), "{'axis':null,'mean':1.5,'variance':2.5}");
    assert_fits(LAYER("Normalization", "{'axis':[-1],'mean':1.5,'variance':2.5}"),
                KF_KERAS(3, 8, 0), "{'axis':[-1],'mean':1.5,'variance':2.5}");
    assert_refused(LAYER("MultiHeadAttention", "{'output_shape':3}"), KF_KERAS(3, 6, 0),
                   KF_VALUE_NO_EQUAL, "3.7");
    assert_fits(LAYER("MultiHeadAttention", "{'output_shape':null}"), KF_KERAS(3, 6, 0),
                "{'output_shape':null}");
    assert_refused(LAYER("CategoryEncoding", "{'output_mode':'count'}"), KF_KERAS(3, 2, 0),
                   KF_VALUE_NO_EQUAL, "3.3");
    assert_fits(LAYER("CategoryEncoding", "{'output_mode':'multi_hot'}"), KF_KERAS(3, 2, 0),
                "{'output_mode':'multi_hot'}");
}

static void classes_come_and_operations_come_and_go(void **unused)
{
    (void)unused;
    assert_refused(LAYER("RMSNormalization", "{'axis':-1}"), KF_KERAS(3, 8, 0), KF_NO_EQUAL, "3.9");
    assert_refused(OPERATION("Exp2", "{'name':'o'}", "[1]", "{}"), KF_KERAS(3, 6, 0), KF_NO_EQUAL,
                   "3.7");
    assert_refused(OPERATION("Eye", "{'name':'o'}", "[1]", "{}"), KF_KERAS(3, 11, 0), KF_NO_EQUAL,
                   "3.10");
    assert_refused(OPERATION("Mine", "{}", "[1]", "{}"), KF_KERAS(3, 15, 1), KF_CUSTOM_CLASS,
                   "Mine");
    assert_refused(OPERATION("Exp", "{'base':2}", "[1]", "{}"), KF_KERAS(3, 15, 1), KF_UNKNOWN_KEY,
                   "base");
    assert_refused(LAYER("TFSMLayer", "{'filepath':'x'}"), KF_KERAS(3, 15, 1), KF_NO_EQUAL,
                   "outside");
}

static void dtype_policies_are_names_before_3_4(void **unused)
{
    static const char policy[] =
        LAYER("Activation", "{'activation':'relu','dtype':{'module':'keras','class_name':"
                            "'DTypePolicy','config':{'name':'mixed_float16'}}}");

    (void)unused;
    assert_fits(policy, KF_KERAS(3, 3, 3), "{'activation':'relu','dtype':'mixed_float16'}");
    assert_fits(policy, KF_KERAS(3, 4, 0),
                "{'activation':'relu','dtype':{'module':'keras','class_name':'DTypePolicy',"
                "'config':{'name':'mixed_float16'}}}");
}

#define QUANTIZED(class_name, mode)                                                                \
    LAYER("Activation", "{'activation':'relu','dtype':{'class_name':'" class_name                  \
                        "','config':{'mode':'" mode "','source_name':'float32'}}}")

static void quantized_policies_have_their_age(void **unused)
{
    (void)unused;
    assert_fits(QUANTIZED("QuantizedDTypePolicy", "int8"), KF_KERAS(3, 4, 0),
                "{'activation':'relu','dtype':{'class_name':'QuantizedDTypePolicy','config':"
                "{'mode':'int8','source_name':'float32'}}}");
    assert_refused(QUANTIZED("QuantizedDTypePolicy", "int8"), KF_KERAS(3, 3, 3), KF_VALUE_NO_EQUAL,
                   "no name");
    assert_refused(QUANTIZED("QuantizedDTypePolicy", "int4"), KF_KERAS(3, 10, 0), KF_VALUE_NO_EQUAL,
                   "3.11");
    assert_refused(QUANTIZED("QuantizedDTypePolicy", "int4"), KF_KERAS(3, 13, 2), KF_VALUE_NO_EQUAL,
                   "packed");
    assert_refused(QUANTIZED("GPTQDTypePolicy", "gptq/4/128"), KF_KERAS(3, 11, 3),
                   KF_VALUE_NO_EQUAL, "3.12");
    assert_refused(QUANTIZED("OwnPolicy", "int8"), KF_KERAS(3, 15, 1), KF_CUSTOM_CLASS,
                   "OwnPolicy");
}

static void activations_of_keras_3_have_their_age(void **unused)
{
    (void)unused;
    assert_fits(LAYER("Activation", "{'activation':'celu'}"), KF_KERAS(3, 7, 0),
                "{'activation':'celu'}");
    assert_refused(LAYER("Activation", "{'activation':'celu'}"), KF_KERAS(3, 6, 0),
                   KF_VALUE_NO_EQUAL, "3.7");
}

static void assert_call(const char *operation, int keras, const char *config, const char *args,
                        const char *kwargs)
{
    struct fitted fitted = fit(operation, keras);
    const struct kf_layer *layer = fitted.model->graph->layers[0];
    json_t *want[] = {json_of(config), json_of(args), json_of(kwargs)};

    assert_int_equal(fitted.status, 0);
    assert_true(json_equal(layer->config, want[0]));
    assert_true(json_equal(layer->calls[0].args, want[1]));
    assert_true(json_equal(layer->calls[0].kwargs, want[2]));
    for (size_t i = 0; i < 3; i++)
        json_decref(want[i]);
    finish(&fitted);
}

static void arguments_move_between_call_and_constructor(void **unused)
{
    (void)unused;
    assert_call(OPERATION("Slice", "{}", "[1,[0],[2]]", "{}"), KF_KERAS(3, 11, 0), "{'shape':[2]}",
                "[1,[0]]", "{}");
    assert_call(OPERATION("Slice", "{'shape':[2]}", "[1,[0]]", "{}"), KF_KERAS(3, 10, 0), "{}",
                "[1,[0]]", "{'shape':[2]}");
    assert_call(OPERATION("OnesLike", "{}", "[1]", "{'dtype':'int32'}"), KF_KERAS(3, 15, 1),
                "{'dtype':'int32'}", "[1]", "{}");
    assert_call(OPERATION("Isclose", "{'equal_nan':false}", "[1,2,1e-05,1e-08]", "{}"),
                KF_KERAS(3, 3, 0), "{}", "[1,2]", "{}");
    assert_refused(OPERATION("Isclose", "{}", "[1,2,0.1,1e-08]", "{}"), KF_KERAS(3, 3, 0),
                   KF_VALUE_NO_EQUAL, "3.4");
    assert_call(OPERATION("Threshold", "{'threshold_value':1,'value':2}", "[1]", "{}"),
                KF_KERAS(3, 11, 0), "{'threshold':1,'default_value':2}", "[1]", "{}");
    assert_call(OPERATION("Threshold", "{'threshold':1,'default_value':2}", "[1]", "{}"),
                KF_KERAS(3, 8, 0), "{'threshold_value':1,'value':2}", "[1]", "{}");
}

/* The variables that a class has under a config, space-separated. */
static void assert_variables(enum kf_dialect dialect, const char *class_name, const char *config,
                             const char *want)
{
    struct kf_model *model = kf_model_create();
    struct kf_layer *layer = kf_layer_new(model);
    struct kf_report rep;
    char got[512] = "";

    kf_report_init(&rep);
    model->dialect = dialect;
    layer->class_name = class_name;
    layer->path = "l";
    layer->config = json_of(config);
    assert_int_equal(kf_vars_make(model, layer, &rep), 0);
    for (size_t i = 0; i < layer->n_tensors; i++) {
        size_t n = strlen(got);

        snprintf(got + n, sizeof(got) - n, "%s%s%s", n ? " " : "", layer->tensors[i].variable,
                 layer->tensors[i].trainable ? "" : ".");
    }
    assert_string_equal(got, want);
    kf_report_finish(&rep);
    kf_model_destroy(model);
}

#define POLICY(mode) "'dtype':{'class_name':'P','config':{'mode':'" mode "'}}"

static void variables_follow_the_config(void **unused)
{
    (void)unused;
    assert_variables(KF_DIALECT_KERAS3, "Dense", "{'use_bias':true," POLICY("int8") "}",
                     "kernel. bias kernel_scale.");
    assert_variables(KF_DIALECT_KERAS3, "Dense", "{'use_bias':false," POLICY("int4/128") "}",
                     "kernel. kernel_scale. kernel_zero. g_idx.");
    assert_variables(KF_DIALECT_KERAS3, "Dense", "{" POLICY("int4/-1") "}",
                     "kernel. bias kernel_scale.");
    assert_variables(KF_DIALECT_KERAS3, "Dense", "{" POLICY("gptq/4/128") "}",
                     "bias quantized_kernel. kernel_scale. kernel_zero. g_idx.");
    assert_variables(KF_DIALECT_KERAS3, "LayerNormalization", "{'rms_scaling':true,'scale':false}",
                     "gamma");
    assert_variables(KF_DIALECT_KERAS3, "LayerNormalization", "{}", "gamma beta");
    assert_variables(KF_DIALECT_KERAS3, "ReversibleEmbedding", "{'tie_weights':false}",
                     "embeddings reverse_embeddings");
    assert_variables(KF_DIALECT_KERAS3, "Discretization", "{'num_bins':3}", "");
    assert_variables(KF_DIALECT_KERAS2, "Discretization", "{'num_bins':3}", "summary.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(newer_keys_go_where_they_say_nothing),
        cmocka_unit_test(keys_that_went_away_are_left_out),
        cmocka_unit_test(layers_that_predict_otherwise_change_their_class),
        cmocka_unit_test(values_that_came_later_are_refused),
        cmocka_unit_test(limits_of_a_release_are_refused_or_avoided),
        cmocka_unit_test(classes_come_and_operations_come_and_go),
        cmocka_unit_test(dtype_policies_are_names_before_3_4),
        cmocka_unit_test(quantized_policies_have_their_age),
        cmocka_unit_test(activations_of_keras_3_have_their_age),
        cmocka_unit_test(arguments_move_between_call_and_constructor),
        cmocka_unit_test(variables_follow_the_config),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
