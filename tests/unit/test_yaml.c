/* SPDX-License-Identifier: Apache-2.0 */
#include "core_test.h"

#include "core/io/text/json.h"
#include "core/io/text/yaml.h"

static void assert_reads(const char *text, const char *want)
{
    struct kf_report rep;
    size_t n = 0;
    json_t *value;
    char *out;

    kf_report_init(&rep);
    value = kf_yaml_parse(text, strlen(text), &limits, &rep);
    assert_non_null(value);
    out = kf_json_dump(value, &n);
    assert_string_equal(out, want);
    kf_free(out);
    json_decref(value);
    kf_report_finish(&rep);
}

static void assert_refused(const char *text, enum kf_code want)
{
    struct kf_report rep;

    kf_report_init(&rep);
    assert_null(kf_yaml_parse(text, strlen(text), &limits, &rep));
    assert_reported(&rep, want);
    kf_report_finish(&rep);
}

static void plain_scalars_are_of_yaml_1_1(void **state)
{
    (void)state;
    assert_reads("[1, -2, 0x1f, 017, 0b11, 1_000, 09]", "[1,-2,31,15,3,1000,\"09\"]");
    assert_reads("[0.5, -1.0e-07, .5, 1., 1e5, 1.0e5]", "[0.5,-1e-07,0.5,1.0,\"1e5\",\"1.0e5\"]");
    assert_reads("[yes, No, TRUE, off, y]", "[true,false,true,false,\"y\"]");
    assert_reads("{a: ~, b: null, c: , d: Null}", "{\"a\":null,\"b\":null,\"c\":null,\"d\":null}");
    assert_reads("[.inf, -.inf, .NaN]", "[Infinity,-Infinity,NaN]");
    assert_reads("[2.3.1, 1.2, relu, 2.2.4-tf]", "[\"2.3.1\",1.2,\"relu\",\"2.2.4-tf\"]");
    assert_reads("['1', \"true\", 'it''s']", "[\"1\",\"true\",\"it's\"]");
}

static void collections_and_copies_come_in(void **state)
{
    (void)state;
    assert_reads("a: &x {b: [1, 2]}\nc: *x\n", "{\"a\":{\"b\":[1,2]},\"c\":{\"b\":[1,2]}}");
    assert_reads("a: !!python/tuple [null, 3]\nb: !!python/unicode '7'\nc: !!str 7\n",
                 "{\"a\":[null,3],\"b\":\"7\",\"c\":\"7\"}");
    assert_reads("---\na: 1\n...\n", "{\"a\":1}");
    assert_reads("a: &x 1\nb: *x\na: &x [2]\nb: *x\n", "{\"a\":[2],\"b\":[2]}");
}

static void what_is_no_config_is_refused(void **state)
{
    (void)state;
    assert_refused("!!python/object/apply:os.system ['true']", KF_UNSAFE);
    assert_refused("a: !!python/name:os.system", KF_UNSAFE);
    assert_refused("!!python/module:os 1: 2", KF_UNSAFE);
    assert_refused("a: *b", KF_BAD_JSON);
    assert_refused("a: &b [*b]", KF_BAD_JSON);
    assert_refused("[1, 2]: 3", KF_BAD_JSON);
    assert_refused("a: 1\n---\nb: 2\n", KF_BAD_JSON);
    assert_refused("a: [1, 2", KF_BAD_JSON);
    assert_refused("a: \"\\x01NaN\"", KF_BAD_JSON);
    assert_refused("", KF_BAD_JSON);
}

/* Copies of copies: ten times ten times ten ... */
static void copies_count(void **state)
{
    char text[4096];
    size_t n = 0;

    (void)state;
    n += (size_t)snprintf(text, sizeof(text), "x0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n");
    for (int i = 1; i < 9; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n,
                              "x%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i, i,
                              i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    assert_refused(text, KF_TOO_LARGE);
}

static void depth_is_bounded(void **state)
{
    char text[1400];

    (void)state;
    memset(text, '[', 600);
    memset(text + 600, ']', 600);
    text[1200] = '\0';
    assert_refused(text, KF_TOO_LARGE);
}

static int parse_again(void *context)
{
    struct kf_report rep;
    json_t *value;
    int status;

    kf_report_init(&rep);
    value = kf_yaml_parse(context, strlen(context), &limits, &rep);
    status = value ? 0 : kf_report_status(&rep);
    json_decref(value);
    kf_report_finish(&rep);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    torture(parse_again, (void *)(uintptr_t) "a: &x {b: [1, 2.5, yes]}\nc: [*x, 'text']\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_scalars_are_of_yaml_1_1),
        cmocka_unit_test(collections_and_copies_come_in),
        cmocka_unit_test(what_is_no_config_is_refused),
        cmocka_unit_test(copies_count),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(every_allocation_may_fail),
    };

    json_set_alloc_funcs(kf_json_alloc, kf_free);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
