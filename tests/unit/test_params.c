/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/params.h"
#include <kf/format.h>
#include <stdlib.h>
#include <string.h>

/* Set one parameter of a fresh request; the detail of the error, or "" */
static const char *try_set(const char *name, const char *value)
{
    static struct kf_param_error err;
    struct kf_request req;

    err = (struct kf_param_error){0};
    kf_request_init(&req);
    if (kf_request_set(&req, name, value, &err) < 0)
        assert_string_equal(err.parameter, name);
    kf_request_finish(&req);
    return err.detail;
}

static void set(struct kf_request *req, const char *name, const char *value)
{
    struct kf_param_error err = {0};

    if (kf_request_set(req, name, value, &err) < 0)
        fail_msg("%s=%s: %s", name, value, err.detail);
}

static void all_parameters_reach_the_options(void **state)
{
    struct kf_request req;
    struct kf_param_error err;

    (void)state;
    kf_request_init(&req);
    set(&req, "to", "keras");
    set(&req, "from", "keras-h5");
    set(&req, "keras", "3.4");
    set(&req, "allow", "lossy");
    set(&req, "custom", "keep");
    set(&req, "require", "training");
    set(&req, "guess", "yes");
    set(&req, "backend", "theano");
    set(&req, "input_shape", "None,7;3");
    set(&req, "checksum", "sha256");
    set(&req, "opset", "13");
    set(&req, "checkpoints", "all");
    set(&req, "histograms", "yes");
    set(&req, "filename", "a.h5");
    assert_int_equal(kf_request_check(&req, &err), 0);
    assert_string_equal(req.options.to, "keras");
    assert_string_equal(req.options.from, "keras-h5");
    assert_int_equal(req.options.keras / 100, KF_KERAS(3, 4, 0) / 100);
    assert_int_equal(req.options.allow, KF_ALLOW_LOSSY);
    assert_int_equal(req.options.custom, KF_CUSTOM_KEEP);
    assert_true(req.options.require_training);
    assert_true(req.options.guess);
    assert_int_equal(req.options.backend, KF_BACKEND_THEANO);
    assert_string_equal(req.options.input_shape, "None,7;3");
    assert_int_equal(req.options.checksum, KF_CHECKSUM_SHA256);
    assert_int_equal(req.options.opset, 13);
    assert_true(req.options.all_checkpoints);
    assert_true(req.options.histograms);
    assert_string_equal(req.filename, "a.h5");
    kf_request_finish(&req);
}

static void unknown_name_gets_a_suggestion(void **state)
{
    (void)state;
    assert_non_null(strstr(try_set("input-shap", "7"), "did you mean \"input_shape\"?"));
    assert_non_null(strstr(try_set("too", "keras"), "did you mean \"to\"?"));
    assert_null(strstr(try_set("wholly_else", ""), "did you mean"));
}

static void name_of_a_later_version_is_told_as_such(void **state)
{
    (void)state;
    assert_non_null(strstr(try_set("verify", "full"), "it may be: no script"));
    assert_true(kf_param_known("allow"));
}

static void file_has_no_text(void **state)
{
    (void)state;
    assert_non_null(strstr(try_set("architecture", "a.json"), "as the part \"architecture\""));
    assert_true(kf_param_known("architecture"));
}

static void bad_values_are_refused(void **state)
{
    static const char *const bad[][2] = {
        {"to", "kera"},        {"from", "keras_h5"},   {"allow", "all"},
        {"allow", ""},         {"custom", "Keep"},     {"require", "yes"},
        {"guess", "true"},     {"backend", "jax"},     {"checksum", "md5"},
        {"input_shape", ""},   {"input_shape", "0"},   {"input_shape", "7,"},
        {"input_shape", ",7"}, {"input_shape", "7;"},  {"input_shape", "none"},
        {"input_shape", "-1"}, {"input_shape", "7x7"}, {"input_shape", "12345678901"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (try_set(bad[i][0], bad[i][1])[0] == '\0')
            fail_msg("%s=%s was taken", bad[i][0], bad[i][1]);
}

static void message_shows_no_foreign_bytes(void **state)
{
    (void)state;
    for (const char *c = try_set("allow", "\x1b[31m\xff\n"); *c; c++)
        assert_in_range(*c, 0x20, 0x7e);
}

static void two_values_are_refused_one_twice_is_not(void **state)
{
    struct kf_param_error err;
    struct kf_request req;

    (void)state;
    kf_request_init(&req);
    set(&req, "allow", "exact");
    set(&req, "allow", "exact");
    assert_int_equal(kf_request_set(&req, "allow", "lossy", &err), -1);
    assert_non_null(strstr(err.detail, "given twice"));
    assert_int_equal(req.options.allow, KF_ALLOW_EXACT);
    kf_request_finish(&req);
}

static void target_is_required_and_release_must_fit(void **state)
{
    struct kf_param_error err;
    struct kf_request req;

    (void)state;
    kf_request_init(&req);
    assert_int_equal(kf_request_check(&req, &err), -1);
    assert_string_equal(err.parameter, "to");
    set(&req, "to", "keras");
    assert_int_equal(kf_request_check(&req, &err), 0);
    assert_int_equal(req.options.keras, 0);
    set(&req, "keras", "9.9");
    assert_int_equal(kf_request_check(&req, &err), -1);
    assert_string_equal(err.parameter, "keras");
    kf_request_finish(&req);
}

static void json_and_back_is_the_same(void **state)
{
    struct kf_param_error err;
    struct kf_request req, back;
    json_t *one, *two;

    (void)state;
    kf_request_init(&req);
    kf_request_init(&back);
    set(&req, "to", "keras");
    set(&req, "guess", "yes");
    set(&req, "filename",
        "gr\xc3\xbc\xc3\x9f"
        "e.h5");
    one = kf_request_to_json(&req);
    assert_int_equal(kf_request_from_json(&back, one, &err), 0);
    two = kf_request_to_json(&back);
    assert_true(json_equal(one, two));
    assert_true(back.options.guess);
    json_decref(one);
    json_decref(two);
    kf_request_finish(&req);
    kf_request_finish(&back);
}

static void json_takes_booleans_and_no_numbers(void **state)
{
    struct kf_param_error err;
    struct kf_request req;
    json_t *object = json_pack("{s:b}", "guess", 1), *number = json_pack("{s:f}", "keras", 3.10);

    (void)state;
    kf_request_init(&req);
    assert_int_equal(kf_request_from_json(&req, object, &err), 0);
    assert_true(req.options.guess);
    assert_int_equal(kf_request_from_json(&req, number, &err), -1);
    assert_string_equal(err.parameter, "keras");
    json_decref(object);
    json_decref(number);
    kf_request_finish(&req);
}

static void assert_named(const char *filename, const char *keras, const char *expected)
{
    struct kf_param_error err;
    struct kf_request req;
    char *name;

    kf_request_init(&req);
    set(&req, "to", "keras");
    if (filename)
        set(&req, "filename", filename);
    if (keras)
        set(&req, "keras", keras);
    assert_int_equal(kf_request_check(&req, &err), 0);
    name = kf_artifact_name(&req);
    assert_string_equal(name, expected);
    free(name);
    kf_request_finish(&req);
}

static void artifact_is_named_after_the_input(void **state)
{
    (void)state;
    assert_named("model.h5", NULL, "model.keras");
    assert_named("model.weights.h5", NULL, "model.keras");
    assert_named("model.v2.hdf5", NULL, "model.v2.keras");
    assert_named("model.h5.gz", NULL, "model.keras");
    assert_named("model", NULL, "model.keras");
    assert_named("model.keras", NULL, "model-keras3.15.keras");
    assert_named("model.keras", "3.4", "model-keras3.4.keras");
    assert_named(".h5", NULL, "model.keras");
    assert_named(NULL, NULL, "model.keras");
}

static void file_name_is_made_harmless(void **state)
{
    char long_name[400] = {0};
    struct kf_request req;

    (void)state;
    assert_named("../../etc/x.h5", NULL, "x.keras");
    assert_named("C:\\models\\x.h5", NULL, "x.keras");
    assert_named("a\nb:c.h5", NULL, "a_b_c.keras");
    assert_named("\xff.h5", NULL, "_.keras");
    assert_named("..", NULL, "model.keras");
    assert_named("a/", NULL, "model.keras");
    memset(long_name, 'x', sizeof long_name - 1);
    memcpy(long_name + sizeof long_name - 5, ".h5", 4);
    kf_request_init(&req);
    set(&req, "filename", long_name);
    assert_int_equal(strlen(req.filename), 200);
    assert_string_equal(req.filename + 197, ".h5");
    kf_request_finish(&req);
}

static void target_follows_from_a_suffix(void **state)
{
    (void)state;
    assert_string_equal(kf_writer_of_name("out/model.keras"), "keras");
    assert_string_equal(kf_writer_of_name("model.onnx"), "onnx");
    assert_null(kf_writer_of_name("model.keras.txt"));
    assert_null(kf_writer_of_name("model"));
}

static void archive_is_for_folders(void **state)
{
    struct kf_param_error err;
    struct kf_request req;
    char *name;

    (void)state;
    kf_request_init(&req);
    set(&req, "to", "savedmodel");
    set(&req, "filename", "m.keras");
    assert_false(kf_request_has(&req, "archive"));
    assert_string_equal(kf_artifact_type(&req), "application/x-tar");
    set(&req, "archive", kf_archive_of_name("a/m.zip"));
    assert_int_equal(kf_request_check(&req, &err), 0);
    assert_int_equal(req.options.archive, KF_ARCHIVE_ZIP);
    assert_string_equal(kf_artifact_type(&req), "application/zip");
    name = kf_artifact_name(&req);
    assert_string_equal(name, "m.zip");
    free(name);
    kf_request_finish(&req);
    kf_request_init(&req);
    set(&req, "to", "keras");
    set(&req, "archive", "tar");
    assert_int_equal(kf_request_check(&req, &err), -1);
    assert_string_equal(err.parameter, "archive");
    kf_request_finish(&req);
    assert_null(kf_archive_of_name("m/"));
    assert_false(kf_writes_folder(NULL));
}

static void every_parameter_is_described(void **state)
{
    const char *name, *values, *help;
    size_t n = 0;

    (void)state;
    for (; kf_param_describe(n, &name, &values, &help); n++)
        assert_true(kf_param_known(name) && *values && *help);
    assert_int_equal(n, 18);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_parameters_reach_the_options),
        cmocka_unit_test(unknown_name_gets_a_suggestion),
        cmocka_unit_test(name_of_a_later_version_is_told_as_such),
        cmocka_unit_test(file_has_no_text),
        cmocka_unit_test(bad_values_are_refused),
        cmocka_unit_test(message_shows_no_foreign_bytes),
        cmocka_unit_test(two_values_are_refused_one_twice_is_not),
        cmocka_unit_test(target_is_required_and_release_must_fit),
        cmocka_unit_test(json_and_back_is_the_same),
        cmocka_unit_test(json_takes_booleans_and_no_numbers),
        cmocka_unit_test(artifact_is_named_after_the_input),
        cmocka_unit_test(file_name_is_made_harmless),
        cmocka_unit_test(target_follows_from_a_suffix),
        cmocka_unit_test(archive_is_for_folders),
        cmocka_unit_test(every_parameter_is_described),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
