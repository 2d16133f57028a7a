/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/problem.h"
#include <string.h>

#include "server/jobs/job_outcome.c" /* in no library: it belongs to the service */

static void every_outcome_has_a_row(void **state)
{
    (void)state;
    for (enum job_outcome outcome = JOB_REFUSED; outcome <= JOB_INTERNAL; outcome++)
        assert_string_equal(kf_problem_type(job_outcome_slug(outcome))->code,
                            job_outcome_slug(outcome));
}

static void every_code_that_ends_a_conversion_has_a_row(void **state)
{
    static const enum kf_code codes[] = {
#define KF_CODE(name, number, kind, grade, slug, way_out) KF_##name,
#include <kf/codes.def>
#undef KF_CODE
    };

    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (kf_code_grade(codes[i]) >= KF_GRADE_REFUSED)
            assert_string_equal(kf_problem_type(kf_code_slug(codes[i]))->code,
                                kf_code_slug(codes[i]));
}

static void rows_are_sound(void **state)
{
    const struct kf_problem_type *type;

    (void)state;
    for (size_t i = 0; (type = kf_problem_at(i)); i++) {
        assert_in_range(type->status, 400, 599);
        assert_true(*type->title);
        assert_true(type->status != 422 || !type->retryable);
    }
    assert_string_equal(kf_problem_type("no-such-code")->code, "internal-error");
}

static void body_has_what_is_known_and_nothing_else(void **state)
{
    struct kf_problem problem = {.code = "queue-full", .detail = "busy", .retry_after = 3};
    json_t *body = kf_problem_json(&problem);

    (void)state;
    assert_string_equal(json_string_value(json_object_get(body, "type")), "/problems/queue-full");
    assert_int_equal(json_integer_value(json_object_get(body, "status")), 429);
    assert_int_equal(json_integer_value(json_object_get(body, "retry_after_s")), 3);
    assert_true(json_is_true(json_object_get(body, "retryable")));
    assert_null(json_object_get(body, "limit"));
    assert_null(json_object_get(body, "errors"));
    assert_null(json_object_get(body, "report"));
    json_decref(body);
}

static void wrong_parameter_is_named(void **state)
{
    struct kf_problem problem = {
        .code = "invalid-parameter", .detail = "no", .parameter = "to", .limit = 2, .actual = 3};
    json_t *body = kf_problem_json(&problem);
    const json_t *error = json_array_get(json_object_get(body, "errors"), 0);

    (void)state;
    assert_string_equal(json_string_value(json_object_get(error, "parameter")), "to");
    assert_int_equal(json_integer_value(json_object_get(body, "actual")), 3);
    json_decref(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_outcome_has_a_row),
        cmocka_unit_test(every_code_that_ends_a_conversion_has_a_row),
        cmocka_unit_test(rows_are_sound),
        cmocka_unit_test(body_has_what_is_known_and_nothing_else),
        cmocka_unit_test(wrong_parameter_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
