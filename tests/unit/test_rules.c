/* SPDX-License-Identifier: Apache-2.0 */
#include "core/adapt/adapt.h"
#include "core/model/classes.h"
#include "keras3_model.h"
#include <stdlib.h>

/*
 * What the rows of core/adapt do to the config of one layer: every kind of row once, by a row that
 * stands in the tables. Whether the rows are right is for the conformance run.
 */
struct adapted {
    struct kf_model *model;
    struct kf_report rep;
    struct kf_options options;
    struct kf_layer *layer;
    int since;
};

static struct adapted begin(const char *class_name, const char *config)
{
    struct adapted a = {.options = KF_OPTIONS_INIT, .since = 315, .model = kf_model_create()};

    kf_report_init(&a.rep);
    a.layer = kf_layer_new(a.model);
    a.layer->class_name = class_name;
    a.layer->name = a.layer->path = "l";
    a.layer->config = json_of(config);
    return a;
}

static void finish(struct adapted *a)
{
    kf_model_destroy(a->model);
    kf_report_finish(&a->rep);
}

static int run(struct adapted *a, int (*step)(struct kf_adapt *, struct kf_layer *))
{
    struct kf_adapt how = {
        .model = a->model, .options = &a->options, .rep = &a->rep, .since = a->since};

    return step(&how, a->layer);
}

static void assert_config(const struct adapted *a, const char *want)
{
    json_t *value = json_of(want);
    char *got = json_dumps(a->layer->config, 0);

    if (!json_equal(a->layer->config, value))
        fail_msg("%s, expected %s", got, want);
    free(got);
    json_decref(value);
}

/* One class whose config becomes another one by `step`, which reports `code`; OK is nothing. */
static void becomes(int (*step)(struct kf_adapt *, struct kf_layer *), int since,
                    const char *class_name, const char *before, const char *after,
                    enum kf_code code)
{
    struct adapted a = begin(class_name, before);

    a.since = since;
    assert_int_equal(run(&a, step), 0);
    assert_config(&a, after);
    if (code == KF_OK)
        assert_int_equal(a.rep.n_entries, 0);
    else
        assert_reported(&a.rep, code);
    finish(&a);
}

/* The same, and the report says that it cannot be: the model is refused. */
static void is_refused(int (*step)(struct kf_adapt *, struct kf_layer *), int since,
                       const char *class_name, const char *config, enum kf_code code)
{
    struct adapted a = begin(class_name, config);

    a.since = since;
    assert_int_equal(run(&a, step), 0); /* all that has no equal is listed, not the first alone */
    assert_int_equal(kf_report_status(&a.rep), -(int)code);
    finish(&a);
}

#define RULES   kf_rules_apply
#define OBJECTS kf_objects_apply

static void useless_keys_are_dropped(void **state)
{
    (void)state;
    becomes(RULES, 315, "Embedding", "{'input_length':7,'units':3}", "{'units':3}", KF_KEY_DROPPED);
}

static void neutral_values_are_dropped_and_others_refused(void **state)
{
    (void)state;
    becomes(RULES, 315, "LSTM",
            "{'time_major':false,'recurrent_activation':'tanh','unit_forget_bias':true}",
            "{'recurrent_activation':'tanh','unit_forget_bias':true}", KF_KEY_DROPPED);
    is_refused(RULES, 315, "LSTM", "{'time_major':true}", KF_VALUE_NO_EQUAL);
}

static void numbers_are_the_same_as_int_and_float(void **state)
{
    (void)state;
    becomes(RULES, 315, "Conv2DTranspose", "{'groups':1.0}", "{}", KF_KEY_DROPPED);
    is_refused(RULES, 315, "Conv2DTranspose", "{'groups':2}", KF_VALUE_NO_EQUAL);
}

static void newer_releases_keep_what_they_know(void **state)
{
    (void)state;
    becomes(RULES, 314, "BatchNormalization", "{'renorm':true}", "{'renorm':true}", KF_OK);
    is_refused(RULES, 313, "BatchNormalization", "{'renorm':true}", KF_VALUE_NO_EQUAL);
}

static void keys_are_renamed(void **state)
{
    (void)state;
    becomes(RULES, 315, "InputLayer", "{'batch_input_shape':[null,3]}", "{'batch_shape':[null,3]}",
            KF_KEY_RENAMED);
    becomes(RULES, 315, "LeakyReLU", "{'alpha':0.3}", "{'negative_slope':0.3}", KF_KEY_RENAMED);
}

static void rows_of_every_layer_spare_the_input(void **state)
{
    (void)state;
    becomes(RULES, 315, "Dense", "{'batch_input_shape':[null,3]}", "{}", KF_KEY_DROPPED);
    becomes(RULES, 315, "InputLayer", "{'dynamic':false}", "{'dynamic':false}", KF_OK);
}

static void silent_defaults_are_written_out(void **state)
{
    (void)state;
    becomes(RULES, 315, "LSTM", "{'units':2}", "{'units':2,'recurrent_activation':'hard_sigmoid'}",
            KF_KEY_DEFAULTED);
    becomes(RULES, 315, "LSTM", "{'recurrent_activation':'sigmoid'}",
            "{'recurrent_activation':'sigmoid'}", KF_OK);
    becomes(RULES, 315, "GRU", "{'recurrent_activation':'tanh'}",
            "{'recurrent_activation':'tanh','reset_after':false}", KF_KEY_DEFAULTED);
}

static void lists_of_one_are_unwrapped(void **state)
{
    (void)state;
    becomes(RULES, 315, "BatchNormalization", "{'axis':[3]}", "{'axis':3}", KF_VALUE_REWRITTEN);
    becomes(RULES, 315, "BatchNormalization", "{'axis':3}", "{'axis':3}", KF_OK);
    is_refused(RULES, 315, "BatchNormalization", "{'axis':[1,2]}", KF_VALUE_NO_EQUAL);
    is_refused(RULES, 315, "BatchNormalization", "{'axis':[]}", KF_VALUE_NO_EQUAL);
}

static void classes_are_replaced_after_their_own_rows(void **state)
{
    struct adapted a = begin("ThresholdedReLU", "{'theta':0.5}");

    (void)state;
    assert_int_equal(run(&a, RULES), 0);
    assert_string_equal(a.layer->class_name, "ReLU");
    assert_config(&a, "{'threshold':0.5}");
    assert_reported(&a.rep, KF_CLASS_REPLACED);
    finish(&a);
}

static void replaced_class_gets_what_the_old_one_always_did(void **state)
{
    struct adapted a = begin("CuDNNGRU", "{'units':2}");

    (void)state;
    assert_int_equal(run(&a, RULES), 0);
    assert_string_equal(a.layer->class_name, "GRU");
    assert_config(&a, "{'units':2,'activation':'tanh','recurrent_activation':'sigmoid',"
                      "'reset_after':true}");
    finish(&a);
}

static void only_training_differs(void **state)
{
    struct adapted a = begin("RandomHeight", "{'factor':0.2,'seed':1}");

    (void)state;
    assert_int_equal(run(&a, RULES), 0);
    assert_string_equal(a.layer->class_name, "Identity");
    assert_config(&a, "{}");
    assert_int_equal(a.rep.entries[0].code, KF_TRAINING_DIFFERS);
    assert_int_equal(kf_report_status(&a.rep), 0);
    finish(&a);
}

static void changes_say_what_was_and_what_is(void **state)
{
    struct adapted a = begin("LeakyReLU", "{'alpha':0.3}");
    const struct kf_entry *entry;

    (void)state;
    assert_int_equal(run(&a, RULES), 0);
    assert_int_equal(a.rep.n_entries, 1);
    entry = &a.rep.entries[0];
    assert_string_equal(entry->where, "l");
    assert_string_equal(entry->key, "alpha");
    assert_float_equal(json_real_value(entry->before), 0.3, 0);
    assert_string_equal(a.rep.rules[0], "rule:LeakyReLU.alpha");
    finish(&a);
}

static void gone_classes_have_a_reason(void **state)
{
    struct kf_options options = {.to = "keras"};
    struct kf_adapt to_keras3 = {.rules = KF_RULES_KERAS3, .options = &options};
    struct kf_adapt to_keras2 = {.rules = KF_RULES_KERAS2, .options = &options};
    const char *rule = NULL;

    (void)state;
    assert_non_null(kf_rules_gone(&to_keras3, "LocallyConnected1D", &rule));
    assert_string_equal(rule, "gone:LocallyConnected1D");
    assert_null(kf_rules_gone(&to_keras3, "Dense", &rule));
    assert_null(kf_rules_gone(&to_keras2, "LocallyConnected1D", &rule));
    assert_non_null(kf_rules_gone(&to_keras2, "Merge", &rule));
}

static void some_kinds_of_files_have_a_class(void **state)
{
    struct kf_options h5 = {.to = "h5"}, weights = {.to = "weights.h5"};
    struct kf_adapt to_h5 = {.rules = KF_RULES_KERAS2, .options = &h5};
    struct kf_adapt to_weights = {.rules = KF_RULES_KERAS2, .options = &weights};
    const char *rule = NULL;

    (void)state;
    assert_non_null(kf_rules_gone(&to_h5, "SpectralNormalization", &rule));
    assert_null(kf_rules_gone(&to_weights, "SpectralNormalization", &rule));
}

static void policies_become_their_name(void **state)
{
    (void)state;
    becomes(OBJECTS, 315, "Dense",
            "{'dtype':{'class_name':'Policy','config':{'name':'mixed_float16'}}}",
            "{'dtype':'mixed_float16'}", KF_VALUE_REWRITTEN);
    becomes(OBJECTS, 315, "Dense", "{'dtype':'float64'}", "{'dtype':'float64'}", KF_OK);
    is_refused(OBJECTS, 315, "Dense", "{'dtype':{'class_name':'Policy','config':{}}}",
               KF_VALUE_NO_EQUAL);
}

static void initializers_say_their_module(void **state)
{
    (void)state;
    becomes(OBJECTS, 315, "Dense", "{'kernel_initializer':{'class_name':'Zeros','config':{}}}",
            "{'kernel_initializer':{'module':'keras.initializers','class_name':'Zeros',"
            "'config':{},'registered_name':null}}",
            KF_OK);
    becomes(OBJECTS, 315, "Dense", "{'kernel_initializer':null}", "{'kernel_initializer':null}",
            KF_OK);
}

static void initializers_lose_the_dtype_of_tensorflow_1(void **state)
{
    (void)state;
    becomes(OBJECTS, 315, "Dense",
            "{'bias_initializer':{'class_name':'Zeros','config':{'dtype':'float32'}}}",
            "{'bias_initializer':{'module':'keras.initializers','class_name':'Zeros',"
            "'config':{},'registered_name':null}}",
            KF_KEY_DROPPED);
}

static void names_of_classes_follow_the_release(void **state)
{
    (void)state;
    becomes(OBJECTS, 300, "LSTM",
            "{'recurrent_initializer':{'class_name':'Orthogonal','config':{}}}",
            "{'recurrent_initializer':{'module':'keras.initializers',"
            "'class_name':'OrthogonalInitializer','config':{},'registered_name':null}}",
            KF_OK);
    becomes(OBJECTS, 315, "LSTM",
            "{'recurrent_initializer':{'class_name':'Orthogonal','config':{}}}",
            "{'recurrent_initializer':{'module':'keras.initializers','class_name':'Orthogonal',"
            "'config':{},'registered_name':null}}",
            KF_OK);
}

static void version_suffixes_go(void **state)
{
    (void)state;
    becomes(OBJECTS, 315, "Dense", "{'kernel_initializer':{'class_name':'ZerosV2','config':{}}}",
            "{'kernel_initializer':{'module':'keras.initializers','class_name':'Zeros',"
            "'config':{},'registered_name':null}}",
            KF_OK);
}

static void custom_initializer_is_dropped_and_regularizer_refused(void **state)
{
    struct adapted a = begin("Dense", "{'kernel_initializer':{'class_name':'Own','config':{}}}");

    (void)state;
    assert_int_equal(run(&a, OBJECTS), 0);
    assert_config(&a, "{}");
    assert_int_equal(kf_report_status(&a.rep), 0);
    finish(&a);
    is_refused(OBJECTS, 315, "Dense", "{'kernel_regularizer':{'class_name':'Own','config':{}}}",
               KF_CUSTOM_CLASS);
}

static void activations_are_known_by_name(void **state)
{
    (void)state;
    becomes(OBJECTS, 315, "Dense", "{'activation':'relu'}", "{'activation':'relu'}", KF_OK);
    becomes(OBJECTS, 315, "Dense", "{'activation':{'class_name':'function','config':'relu'}}",
            "{'activation':'relu'}", KF_VALUE_REWRITTEN);
    is_refused(OBJECTS, 315, "Dense", "{'activation':'wave'}", KF_CUSTOM_CLASS);
}

static void custom_activation_may_be_kept(void **state)
{
    struct adapted a = begin("Dense", "{'activation':'wave'}");

    (void)state;
    a.options.custom = KF_CUSTOM_KEEP;
    assert_int_equal(run(&a, OBJECTS), 0);
    assert_config(&a, "{'activation':'wave'}");
    assert_reported(&a.rep, KF_CUSTOM_KEPT);
    assert_int_equal(kf_report_status(&a.rep), 0);
    finish(&a);
}

static void layer_as_activation_is_adapted_too(void **state)
{
    (void)state;
    becomes(OBJECTS, 315, "Dense",
            "{'activation':{'class_name':'LeakyReLU','config':{'alpha':0.25}}}",
            "{'activation':{'module':'keras.layers','class_name':'LeakyReLU',"
            "'config':{'negative_slope':0.25},'registered_name':null}}",
            KF_KEY_RENAMED);
    is_refused(OBJECTS, 303, "Dense", "{'activation':{'class_name':'LeakyReLU','config':{}}}",
               KF_VALUE_NO_EQUAL);
}

static void values_without_an_equal_are_refused(void **state)
{
    (void)state;
    becomes(OBJECTS, 315, "UpSampling2D", "{'interpolation':'nearest'}",
            "{'interpolation':'nearest'}", KF_OK);
    is_refused(OBJECTS, 315, "UpSampling2D", "{'interpolation':'gaussian'}", KF_VALUE_NO_EQUAL);
}

static void numpy_values_become_numbers(void **state)
{
    (void)state;
    becomes(OBJECTS, 315, "LeakyReLU", "{'negative_slope':{'type':'ndarray','value':0.25}}",
            "{'negative_slope':0.25}", KF_VALUE_REWRITTEN);
}

/* Configs that no Keras wrote: values of the wrong type. Refused or not, but without a crash. */
static void odd_values_do_no_harm(void **state)
{
    static const char *const values[] = {"null",
                                         "true",
                                         "-1",
                                         "1e300",
                                         "'x'",
                                         "[]",
                                         "[[]]",
                                         "{}",
                                         "{'class_name':7}",
                                         "{'class_name':'L2','config':[]}",
                                         "{'class_name':'LeakyReLU','config':{'alpha':[]}}"};
    static const char *const keys[] = {"axis",  "alpha", "time_major",         "groups",
                                       "dtype", "seed",  "kernel_initializer", "kernel_regularizer",
                                       "name",  "theta", "interpolation",      "activation"};
    static const char *const classes[] = {"BatchNormalization", "LeakyReLU",       "LSTM",
                                          "Conv2DTranspose",    "ThresholdedReLU", "RandomHeight",
                                          "UpSampling2D",       "InputLayer"};
    const size_t n_values = sizeof(values) / sizeof(values[0]);
    const size_t n_keys = sizeof(keys) / sizeof(keys[0]);
    char config[256];

    (void)state;
    for (size_t i = 0; i < n_values * n_keys * (sizeof(classes) / sizeof(classes[0])); i++) {
        struct adapted a;

        snprintf(config, sizeof(config), "{'%s':%s}", keys[i / n_values % n_keys],
                 values[i % n_values]);
        a = begin(classes[i / n_values / n_keys], config);
        assert_int_equal(run(&a, RULES), 0);
        assert_int_equal(run(&a, OBJECTS), 0);
        finish(&a);
    }
}

/* A key that a row speaks of stood in files of Keras, so that it makes no layer the user's. */
static void keys_of_rows_are_keys_of_keras(void **state)
{
    static const struct {
        const char *classes, *key, *what;
    } rows[] = {
#define KF_RULE(classes, key, what, ...) {classes, key, #what},
#include "core/adapt/keras2_keras3.def"
#define KF_RULE(classes, key, what, ...) {classes, key, #what},
#include "core/adapt/keras2.def"
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char classes[512], *rest = NULL;

        snprintf(classes, sizeof(classes), "%s",
                 strcmp(rows[i].classes, "*") == 0 ? "Dense" : rows[i].classes);
        for (char *name = strtok_r(classes, " ", &rest); name; name = strtok_r(NULL, " ", &rest))
            if (strcmp(rows[i].what, "SET") != 0 && !kf_class_ever_took(name, rows[i].key))
                fail_msg("%s of %s would be taken for the user's", rows[i].key, name);
    }
}

static void other_keys_are_the_users(void **state)
{
    (void)state;
    assert_false(kf_class_ever_took("Attention", "step_dim"));
    assert_true(kf_class_ever_took("Attention", "causal"));
    assert_true(kf_class_ever_took("Dense", "input_dtype"));
    assert_int_equal(kf_class_late("GroupNormalization")->since, 211);
    assert_null(kf_class_late("Dense"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_rows_are_keys_of_keras),
        cmocka_unit_test(other_keys_are_the_users),
        cmocka_unit_test(useless_keys_are_dropped),
        cmocka_unit_test(neutral_values_are_dropped_and_others_refused),
        cmocka_unit_test(numbers_are_the_same_as_int_and_float),
        cmocka_unit_test(newer_releases_keep_what_they_know),
        cmocka_unit_test(keys_are_renamed),
        cmocka_unit_test(rows_of_every_layer_spare_the_input),
        cmocka_unit_test(silent_defaults_are_written_out),
        cmocka_unit_test(lists_of_one_are_unwrapped),
        cmocka_unit_test(classes_are_replaced_after_their_own_rows),
        cmocka_unit_test(replaced_class_gets_what_the_old_one_always_did),
        cmocka_unit_test(only_training_differs),
        cmocka_unit_test(changes_say_what_was_and_what_is),
        cmocka_unit_test(gone_classes_have_a_reason),
        cmocka_unit_test(some_kinds_of_files_have_a_class),
        cmocka_unit_test(policies_become_their_name),
        cmocka_unit_test(initializers_say_their_module),
        cmocka_unit_test(initializers_lose_the_dtype_of_tensorflow_1),
        cmocka_unit_test(names_of_classes_follow_the_release),
        cmocka_unit_test(version_suffixes_go),
        cmocka_unit_test(custom_initializer_is_dropped_and_regularizer_refused),
        cmocka_unit_test(activations_are_known_by_name),
        cmocka_unit_test(custom_activation_may_be_kept),
        cmocka_unit_test(layer_as_activation_is_adapted_too),
        cmocka_unit_test(values_without_an_equal_are_refused),
        cmocka_unit_test(numpy_values_become_numbers),
        cmocka_unit_test(odd_values_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
