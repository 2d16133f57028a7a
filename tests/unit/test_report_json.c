/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../report_of.h"
#include <stdlib.h>
#include <string.h>

/* A report with one entry of each kind that does not refuse. */
static void fill(struct kf_report *rep)
{
    struct kf_tensor_report *row;
    json_t *before = json_string("old"), *after = json_null();

    kf_report_init(rep);
    kf_report_set(&rep->source.format, "keras-h5");
    kf_report_set(&rep->source.title, "legacy whole model in HDF5 (.h5)");
    kf_report_set(&rep->source.keras_version, "2.3.1");
    kf_report_evidence(rep, "attribute keras_version is 2.3.1");
    kf_report_set(&rep->target.format, "keras");
    rep->training = KF_TRAINING_DROPPED;
    rep->n_layers = 2;
    row = kf_report_tensor(rep);
    kf_report_set(&row->source, "dense/kernel:0");
    kf_report_set(&row->target, "layers/dense/vars/0");
    kf_report_set(&row->layer, "layers/dense");
    kf_report_set(&row->done, "copied");
    row->dtype_before = row->dtype_after = "float32";
    row->rank_before = row->rank_after = 2;
    row->dims_before[0] = row->dims_after[0] = 5;
    row->dims_before[1] = row->dims_after[1] = 6;
    row->before.algorithm = "xxh3-128";
    memcpy(row->before.value, "00112233445566778899aabbccddeeff", 33);
    kf_report_change(rep, KF_KEY_RENAMED, "layers/dense", "a", before, after, "a is b");
    kf_report_change(rep, KF_LAYER_RENAMED, "layers/x", NULL, before, NULL, "x is y");
    kf_report_add(rep, KF_TRAINING_LOST, "", "the optimizer has another layout");
    kf_report_add(rep, KF_FINDING, "", "something");
    kf_report_add(rep, KF_CUSTOM_KEPT, "layers/z", "package.Z");
    json_decref(before);
    json_decref(after);
}

static json_int_t count(const json_t *report, const char *name)
{
    return json_integer_value(json_object_get(json_object_get(report, "counts"), name));
}

static const char *text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static const json_t *first(const json_t *report, const char *list)
{
    return json_array_get(json_object_get(report, list), 0);
}

static void result_stands_under_its_headings(void **state)
{
    struct kf_report rep;
    json_t *report;

    (void)state;
    fill(&rep);
    report = report_of(&rep);
    assert_string_equal(text(report, "verdict"), "adapted");
    assert_string_equal(text(report, "training"), "dropped");
    assert_string_equal(text(first(report, "config_changes"), "code"), "config-key-renamed");
    assert_string_equal(text(first(report, "config_changes"), "key"), "a");
    assert_true(json_is_null(json_object_get(first(report, "config_changes"), "after")));
    assert_null(json_object_get(first(report, "renamed_layers"), "after"));
    assert_string_equal(text(first(report, "renamed_tensors"), "before"), "dense/kernel:0");
    assert_string_equal(text(first(report, "tensors"), "done"), "copied");
    assert_int_equal(count(report, "lost"), 1);
    assert_int_equal(count(report, "findings"), 1);
    assert_int_equal(count(report, "needs"), 1);
    assert_int_equal(count(report, "problems"), 0);
    json_decref(report);
    kf_report_finish(&rep);
}

static void checksum_that_was_not_computed_is_null(void **state)
{
    struct kf_report rep;
    const json_t *sums;
    json_t *report;

    (void)state;
    fill(&rep);
    report = report_of(&rep);
    sums = json_object_get(first(report, "tensors"), "checksum");
    assert_string_equal(text(json_object_get(sums, "before"), "algorithm"), "xxh3-128");
    assert_true(json_is_null(json_object_get(sums, "after")));
    json_decref(report);
    kf_report_finish(&rep);
}

static void every_refusal_is_a_problem_the_first_first(void **state)
{
    struct kf_refusal refusal;
    struct kf_report rep;
    json_t *report;

    (void)state;
    fill(&rep);
    kf_report_add(&rep, KF_LAMBDA, "layers/f", "the layer is a Lambda");
    kf_report_add(&rep, KF_CORRUPT, "", "it is damaged");
    report = report_of(&rep);
    assert_string_equal(text(report, "verdict"), "refused");
    assert_int_equal(count(report, "problems"), 2);
    assert_int_equal(count(report, "needs"), 2);
    assert_true(kf_report_json_refusal(report, &refusal));
    assert_true(kf_report_json_refused(report, KF_LAMBDA));
    assert_false(kf_report_json_refused(report, KF_CORRUPT));
    assert_string_equal(refusal.code, "lambda");
    assert_string_equal(refusal.where, "layers/f");
    assert_non_null(refusal.way_out);
    json_decref(report);
    kf_report_finish(&rep);
}

static void refusal_without_an_entry_still_has_its_code(void **state)
{
    struct kf_refusal refusal;
    struct kf_report rep;
    json_t *report;

    (void)state;
    kf_report_init(&rep);
    rep.worst = KF_GRADE_FATAL;
    rep.first_failure = KF_NO_MEMORY;
    rep.n_dropped = 1;
    report = report_of(&rep);
    assert_true(kf_report_json_refusal(report, &refusal));
    assert_string_equal(refusal.code, "out-of-memory");
    assert_int_equal(count(report, "dropped_entries"), 1);
    json_decref(report);
    kf_report_finish(&rep);
}

static void same_report_same_bytes(void **state)
{
    struct kf_report rep;
    json_t *one, *two;
    char *a, *b;

    (void)state;
    fill(&rep);
    one = report_of(&rep);
    two = report_of(&rep);
    a = json_dumps(one, 0);
    b = json_dumps(two, 0);
    assert_string_equal(a, b);
    free(a);
    free(b);
    json_decref(one);
    json_decref(two);
    kf_report_finish(&rep);
}

static void program_adds_what_only_it_knows(void **state)
{
    struct kf_report rep;
    const json_t *source;
    json_t *report;

    (void)state;
    fill(&rep);
    report = report_of(&rep);
    source = json_object_get(report, "source");
    kf_report_json_set_source(report, "");
    assert_true(json_is_null(json_object_get(source, "sha256")));
    kf_report_json_set_source(report, "ab");
    kf_report_json_set_filename(report, "m.h5");
    kf_report_json_set_timing(report, "work", 1.5);
    assert_string_equal(text(source, "sha256"), "ab");
    assert_string_equal(text(source, "filename"), "m.h5");
    assert_float_equal(
        json_real_value(json_object_get(json_object_get(report, "timings"), "work_ms")), 1.5, 0);
    json_decref(report);
    kf_report_finish(&rep);
}

static void rows_of_tensors_are_left_out_for_who_reads_none(void **state)
{
    char text_of[8192] = "";
    FILE *out = fmemopen(text_of, sizeof text_of, "w");
    struct kf_report rep;
    json_t *report;

    (void)state;
    fill(&rep);
    assert_non_null(out);
    assert_int_equal(kf_report_json_write(&rep, "m.h5", false, report_put, out), 0);
    fclose(out);
    report = json_loads(text_of, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(report, "tensors")), 0);
    assert_int_equal(json_array_size(json_object_get(report, "renamed_tensors")), 0);
    assert_int_equal(count(report, "tensors"), 1);
    assert_int_equal(count(report, "renamed_tensors"), 1);
    assert_string_equal(text(json_object_get(report, "source"), "filename"), "m.h5");
    json_decref(report);
    kf_report_finish(&rep);
}

static void summary_header_fits_or_is_empty(void **state)
{
    char out[512], small[16];
    struct kf_report rep;
    json_t *report;

    (void)state;
    fill(&rep);
    report = report_of(&rep);
    assert_int_equal(kf_report_json_summary(report, out, sizeof out), 0);
    assert_string_equal(out, "verdict=adapted, training=dropped, tensors=1, renamed=1, "
                             "renamed-layers=1, mismatches=0, changes=1, lost=1, findings=1, "
                             "needs=1");
    assert_int_equal(kf_report_json_summary(report, small, sizeof small), -1);
    assert_string_equal(small, "");
    assert_int_equal(kf_report_json_summary(NULL, out, sizeof out), -1);
    json_decref(report);
    kf_report_finish(&rep);
}

static void summary_for_people_is_short(void **state)
{
    struct kf_report rep;
    size_t lines = 0;
    char *summary;

    (void)state;
    fill(&rep);
    for (int i = 0; i < 1000; i++)
        kf_report_add(&rep, KF_NO_EQUAL, "layers/q", "nothing like it");
    summary = kf_report_summary(&rep);
    for (const char *c = summary; *c; c++)
        lines += *c == '\n';
    assert_in_range(lines, 5, 24);
    assert_non_null(strstr(summary, "refused: legacy whole model"));
    assert_non_null(strstr(summary, "and 992 more"));
    free(summary);
    kf_report_finish(&rep);
}

/* Jansson's allocations fail from number `allowed` on. */
static size_t allowed = SIZE_MAX;

static void *scarce_malloc(size_t n)
{
    if (allowed == 0)
        return NULL;
    allowed--;
    return malloc(n);
}

static void failed_allocation_gives_no_half_report(void **state)
{
    struct kf_report rep;
    json_t *whole, *report = NULL;
    size_t n = 0;

    (void)state;
    fill(&rep);
    kf_report_add(&rep, KF_LAMBDA, "layers/f", "the layer is a Lambda");
    whole = report_of(&rep);
    for (; !report; n++) {
        allowed = n;
        report = report_of(&rep);
    }
    allowed = SIZE_MAX;
    assert_true(n > 100);
    assert_true(json_equal(report, whole));
    json_decref(report);
    json_decref(whole);
    kf_report_finish(&rep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(result_stands_under_its_headings),
        cmocka_unit_test(checksum_that_was_not_computed_is_null),
        cmocka_unit_test(every_refusal_is_a_problem_the_first_first),
        cmocka_unit_test(refusal_without_an_entry_still_has_its_code),
        cmocka_unit_test(same_report_same_bytes),
        cmocka_unit_test(program_adds_what_only_it_knows),
        cmocka_unit_test(rows_of_tensors_are_left_out_for_who_reads_none),
        cmocka_unit_test(summary_header_fits_or_is_empty),
        cmocka_unit_test(summary_for_people_is_short),
        cmocka_unit_test(failed_allocation_gives_no_half_report),
    };

    json_set_alloc_funcs(scarce_malloc, free);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
