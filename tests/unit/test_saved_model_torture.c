/* SPDX-License-Identifier: Apache-2.0 */
#include "core_test.h"

#include <kf/bundle.h>
#include <kf/convert.h>

/*
 * Whole conversions of SavedModels and checkpoints with allocation 1, 2, 3, ... failing, and all
 * that follow it: each ends for want of memory, and nothing leaks or stays behind. See
 * test_torture.c for the steps.
 */
#define EACH 300
#define STEP 31

static char out_path[64];
static const char config[] =
    "{\"class_name\": \"Sequential\", \"keras_version\": \"2.15.0\", \"config\": {\"name\": \"m\", "
    "\"layers\": []}}";

static int convert(const struct kf_input *in, const char *to)
{
    struct kf_options options = KF_OPTIONS_INIT;
    struct kf_report rep;
    int r;

    options.to = to;
    options.keras = strcmp(to, "weights.h5") == 0 ? KF_KERAS(2, 15, 0) : 0;
    kf_report_init(&rep);
    r = kf_convert(in, out_path, &options, &rep);
    assert_int_equal(r, kf_report_status(&rep));
    assert_int_equal(access(out_path, F_OK) == 0, r >= 0);
    unlink(out_path);
    kf_report_finish(&rep);
    return r;
}

/* `ends` is how it ends with all the memory it wants. */
static void torture_model(const struct kf_input *in, const char *to, int ends)
{
    size_t n = 1;
    int r;

    assert_int_equal(convert(in, to), ends);
    do {
        kf_alloc_fail_after(n);
        r = convert(in, to);
        kf_alloc_fail_after(0);
        assert_true(r == ends || r == -KF_NO_MEMORY);
        n += n < EACH ? 1 : STEP;
    } while (r == -KF_NO_MEMORY);
    assert_true(n > 5); /* something was allocated at all */
}

/* The only model of a tar of fixtures/savedmodel. */
static void torture_fixture(const char *name, const char *architecture, const char *to, int ends)
{
    struct kf_source src = open_fixture(name), graph = make_source(config, sizeof(config) - 1);
    const struct kf_input given = {.fd = graph.fd, .name = "a.json"};
    const struct kf_input in = {
        .fd = src.fd, .name = "m.tar", .architecture = architecture ? &given : NULL};
    struct kf_options options = KF_OPTIONS_INIT;
    struct kf_bundle *bundle;
    struct kf_report rep;

    kf_report_init(&rep);
    options.scratch = "/tmp";
    assert_int_equal(kf_bundle_open(&bundle, &in, &options, &rep), 0);
    torture_model(kf_bundle_one(bundle, &rep), to, ends);
    kf_bundle_destroy(bundle);
    kf_report_finish(&rep);
    close(src.fd);
    close(graph.fd);
}

static void memory_may_run_out_of_a_saved_model(void **state)
{
    (void)state;
    torture_fixture("savedmodel/bare_string_lookup_mask.tar", NULL, "keras", 0);
    torture_fixture("savedmodel/trained_legacy_adam.tar", NULL, "keras", 0);
}

static void memory_may_run_out_of_what_is_mended(void **state)
{
    (void)state;
    torture_fixture("savedmodel/trained_legacy_adam.tar", NULL, "savedmodel-repaired", 0);
}

/* Alone, and with an architecture of another model. */
static void memory_may_run_out_of_a_checkpoint(void **state)
{
    (void)state;
    torture_fixture("savedmodel/weights_dense.tar", NULL, "weights.h5", 0);
    torture_fixture("savedmodel/weights_dense.tar", config, "keras", -KF_WEIGHT_COUNT);
}

static void memory_may_run_out_of_variables_by_name(void **state)
{
    (void)state;
    torture_fixture("savedmodel/module.tar", NULL, "npz", 0);
    torture_fixture("savedmodel/keras3_export.tar", NULL, "npz", 0);
}

static void memory_may_run_out_of_a_refusal(void **state)
{
    (void)state;
    torture_fixture("savedmodel/module.tar", NULL, "keras", -KF_NOT_A_MODEL);
    torture_fixture("savedmodel/plain.tar", NULL, "keras", -KF_ARCHITECTURE_MISSING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_may_run_out_of_a_saved_model),
        cmocka_unit_test(memory_may_run_out_of_what_is_mended),
        cmocka_unit_test(memory_may_run_out_of_a_checkpoint),
        cmocka_unit_test(memory_may_run_out_of_variables_by_name),
        cmocka_unit_test(memory_may_run_out_of_a_refusal),
    };

    snprintf(out_path, sizeof(out_path), "/tmp/kf_torture_%d.out", (int)getpid());
    json_set_alloc_funcs(kf_json_alloc, kf_free);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
