/* SPDX-License-Identifier: Apache-2.0 */
#include "core_test.h"

static void the_worst_grade_wins(void **state)
{
    struct kf_report rep;

    (void)state;
    kf_report_init(&rep);
    assert_int_equal(kf_report_verdict(&rep), KF_VERDICT_EXACT);
    assert_int_equal(kf_report_add(&rep, KF_KEY_DROPPED, "a", "dropped %s", "x"), 0);
    assert_int_equal(kf_report_verdict(&rep), KF_VERDICT_ADAPTED);
    assert_int_equal(kf_report_add(&rep, KF_FINDING, "", "x"), 0);
    assert_int_equal(kf_report_verdict(&rep), KF_VERDICT_ADAPTED);
    assert_int_equal(kf_report_status(&rep), 0);
    assert_int_equal(kf_report_add(&rep, KF_LAMBDA, "b", "x"), -KF_LAMBDA);
    assert_int_equal(kf_report_add(&rep, KF_NO_MEMORY, "", "x"), -KF_NO_MEMORY);
    assert_int_equal(kf_report_status(&rep), -KF_LAMBDA);
    assert_int_equal(kf_report_verdict(&rep), KF_VERDICT_REFUSED);
    assert_int_equal(rep.n_entries, 4);
    assert_string_equal(rep.entries[0].where, "a");
    assert_string_equal(rep.entries[0].what, "dropped x");
    kf_report_finish(&rep);
    kf_report_finish(&rep);
}

static void entries_are_bounded_and_counted(void **state)
{
    struct kf_report rep;

    (void)state;
    kf_report_init(&rep);
    for (int i = 0; i < KF_REPORT_ENTRIES_MAX + 5; i++)
        kf_report_add(&rep, KF_KEY_DROPPED, "", "x");
    assert_int_equal(rep.n_entries, KF_REPORT_ENTRIES_MAX);
    assert_int_equal(rep.n_dropped, 5);
    assert_int_equal(kf_report_add(&rep, KF_UNSAFE, "", "x"), -KF_UNSAFE);
    assert_int_equal(kf_report_status(&rep), -KF_UNSAFE);
    kf_report_finish(&rep);
}

static void texts_become_one_clean_line(void **state)
{
    struct kf_report rep;
    char text[5000];

    (void)state;
    kf_report_init(&rep);
    kf_report_add(&rep, KF_FINDING, "a\nb\xff", "line\r\n\xc3\xbc\xc3");
    assert_string_equal(rep.entries[0].where, "a b?");
    assert_string_equal(rep.entries[0].what, "line  \xc3\xbc?");
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    kf_report_add(&rep, KF_FINDING, text, "%s", text);
    assert_true(strlen(rep.entries[1].where) < 3000);
    assert_string_equal(rep.entries[1].where + strlen(rep.entries[1].where) - 4, "x...");
    assert_true(strlen(rep.entries[1].what) < 3000);
    kf_report_finish(&rep);
}

static void changes_keep_copies_of_small_values(void **state)
{
    struct kf_report rep;
    json_t *before = json_pack("{s:[i,i]}", "a", 1, 2), *big = json_array();

    (void)state;
    kf_report_init(&rep);
    for (int i = 0; i < 5000; i++)
        json_array_append_new(big, json_integer(i));
    kf_report_change(&rep, KF_VALUE_REWRITTEN, "l", "k", before, big, "why");
    kf_report_change(&rep, KF_KEY_DROPPED, "l", "k", NULL, NULL, "why");
    assert_true(json_equal(rep.entries[0].before, before));
    json_object_clear(before);
    assert_int_equal(json_object_size(rep.entries[0].before), 1);
    assert_true(json_is_string(rep.entries[0].after));
    assert_null(rep.entries[1].before);
    json_decref(before);
    json_decref(big);
    kf_report_finish(&rep);
}

static void evidence_is_bounded(void **state)
{
    struct kf_report rep;

    (void)state;
    kf_report_init(&rep);
    for (int i = 0; i < KF_EVIDENCE_MAX + 3; i++)
        kf_report_evidence(&rep, "fact %d", i);
    assert_int_equal(rep.source.n_evidence, KF_EVIDENCE_MAX);
    assert_string_equal(rep.source.evidence[1], "fact 1");
    kf_report_finish(&rep);
}

static void fields_are_replaced(void **state)
{
    struct kf_report rep;

    (void)state;
    kf_report_init(&rep);
    kf_report_set(&rep.source.format, "a");
    kf_report_set(&rep.source.format, "b");
    assert_string_equal(rep.source.format, "b");
    kf_report_set(&rep.source.format, rep.source.format);
    assert_string_equal(rep.source.format, "b");
    kf_report_set(&rep.source.format, NULL);
    assert_null(rep.source.format);
    kf_report_finish(&rep);
}

static void rules_are_kept_once(void **state)
{
    struct kf_report rep;

    (void)state;
    kf_report_init(&rep);
    kf_report_rule(&rep, "a");
    kf_report_rule(&rep, "b");
    kf_report_rule(&rep, "a");
    assert_int_equal(rep.n_rules, 2);
    kf_report_finish(&rep);
}

static void every_code_has_a_name_and_a_grade(void **state)
{
    (void)state;
#define KF_CODE(name, number, kind, grade, slug, way_out)                                          \
    assert_string_equal(kf_code_slug(KF_##name), slug);                                            \
    assert_int_equal(kf_code_grade(KF_##name), KF_GRADE_##grade);                                  \
    assert_int_equal(kf_code_kind(KF_##name), KF_KIND_##kind);                                     \
    assert_true((kf_code_way_out(KF_##name) == NULL) == ((const char *)(way_out) == NULL));
#include <kf/codes.def>
#undef KF_CODE
    assert_string_equal(kf_verdict_name(KF_VERDICT_LOSSY), "lossy");
    assert_string_equal(kf_training_name(KF_TRAINING_KEPT), "kept");
}

static int use_report(void *context)
{
    struct kf_report rep;
    json_t *value = context;
    bool whole;

    kf_report_init(&rep);
    kf_report_add(&rep, KF_KEY_DROPPED, "a", "b");
    kf_report_change(&rep, KF_VALUE_REWRITTEN, "a", "k", value, value, "b");
    kf_report_evidence(&rep, "x");
    kf_report_set(&rep.source.title, "x");
    kf_report_rule(&rep, "x");
    whole = kf_report_tensor(&rep) && rep.n_dropped == 0 && rep.n_rules == 1 &&
            rep.source.n_evidence == 1 && rep.source.title;
    /* The grade is there, whatever was lost. */
    assert_true(rep.worst >= KF_GRADE_ADAPTED);
    kf_report_finish(&rep);
    return whole ? 0 : -KF_NO_MEMORY;
}

static void grades_survive_lack_of_memory(void **state)
{
    json_t *value = json_pack("[i,s]", 1, "a");

    (void)state;
    json_set_alloc_funcs(kf_json_alloc, kf_free);
    torture(use_report, value);
    json_decref(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worst_grade_wins),
        cmocka_unit_test(entries_are_bounded_and_counted),
        cmocka_unit_test(texts_become_one_clean_line),
        cmocka_unit_test(changes_keep_copies_of_small_values),
        cmocka_unit_test(evidence_is_bounded),
        cmocka_unit_test(fields_are_replaced),
        cmocka_unit_test(rules_are_kept_once),
        cmocka_unit_test(every_code_has_a_name_and_a_grade),
        cmocka_unit_test(grades_survive_lack_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
