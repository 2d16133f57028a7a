/* SPDX-License-Identifier: Apache-2.0 */
#include "core_test.h"

#include "core/io/text/json.h"
#include <stdlib.h>

/* Parse and write again; NULL when it is refused, with the code. */
static char *again(const char *text, enum kf_code *code)
{
    struct kf_report rep;
    size_t n = 0;
    json_t *value;
    char *out;

    kf_report_init(&rep);
    value = kf_json_parse(text, strlen(text), &limits, "", &rep);
    out = kf_json_dump(value, &n);
    *code = (enum kf_code) - kf_report_status(&rep);
    if (out)
        assert_int_equal(n, strlen(out));
    json_decref(value);
    kf_report_finish(&rep);
    return out;
}

static void assert_again(const char *text, const char *want)
{
    enum kf_code code;
    char *out = again(text, &code);

    assert_non_null(out);
    assert_string_equal(out, want);
    kf_free(out);
}

static void assert_refused(const char *text, enum kf_code want)
{
    enum kf_code code;
    char *out = again(text, &code);

    assert_null(out);
    assert_string_equal(kf_code_slug(code), kf_code_slug(want));
}

static void values_come_back(void **state)
{
    (void)state;
    assert_again("{ \"b\" : [1, -2, true, false, null, \"x\"], \"a\": {} }",
                 "{\"b\":[1,-2,true,false,null,\"x\"],\"a\":{}}");
    assert_again("[]", "[]");
    assert_again("9223372036854775807", "9223372036854775807");
    assert_again("[\"\\u00fc\\ud83d\\ude00\"]", "[\"\xc3\xbc\xf0\x9f\x98\x80\"]");
    assert_again("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0002\x7f\"]",
                 "[\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0002\x7f\"]");
}

static void reals_have_the_fewest_digits(void **state)
{
    (void)state;
    assert_again("[0.1, 1e-07, 1e22, 2.0, -0.0, 0.30000000000000004, 1.7976931348623157e308]",
                 "[0.1,1e-07,1e+22,2.0,-0.0,0.30000000000000004,1.7976931348623157e+308]");
    assert_again("5e-324", "4.94065645841247e-324");
    assert_again("[1e15, 123456789012345680.0]", "[1e+15,1.2345678901234568e+17]");
}

static void pythons_words_come_back(void **state)
{
    (void)state;
    assert_again("{\"a\":NaN,\"b\":[Infinity,-Infinity, -1]}",
                 "{\"a\":NaN,\"b\":[Infinity,-Infinity,-1]}");
    assert_again("NaN", "NaN");
    assert_again("\"NaN -Infinity\"", "\"NaN -Infinity\"");
    assert_again("[\"\\\"NaN\"]", "[\"\\\"NaN\"]");
    assert_refused("[NaNa]", KF_BAD_JSON);
    assert_refused("[nan]", KF_BAD_JSON);
    assert_refused("{\"NaN\":1,NaN:2}", KF_BAD_JSON);
    assert_refused("\"\\u0001NaN\"", KF_BAD_JSON);
}

static void wrapping_is_taken_off(void **state)
{
    struct kf_report rep;
    json_t *value;

    (void)state;
    assert_again("\"{\\\"a\\\": 1}\"", "{\"a\":1}");
    assert_again("\xef\xbb\xbf{\"a\":1}", "{\"a\":1}");
    kf_report_init(&rep);
    value = kf_json_parse("{}\0\0", 4, &limits, "", &rep);
    assert_true(json_is_object(value));
    json_decref(value);
    assert_null(kf_json_parse("{\0}", 3, &limits, "", &rep));
    assert_reported(&rep, KF_BAD_JSON);
    kf_report_finish(&rep);
}

static void bad_text_is_refused(void **state)
{
    (void)state;
    assert_refused("", KF_BAD_JSON);
    assert_refused("{\"a\":1,\"a\":2}", KF_BAD_JSON);
    assert_refused("\"\\ud800\"", KF_BAD_JSON);
    assert_refused("\"\xff\"", KF_BAD_JSON);
    assert_refused("[1", KF_BAD_JSON);
    assert_refused("[1] 2", KF_BAD_JSON);
    assert_refused("1e999", KF_BAD_JSON);
    assert_refused("\"abc", KF_BAD_JSON);
    assert_refused("\"abc\\", KF_BAD_JSON);
}

/* Bytecode in a Lambda's list may hold NULs; names may not. */
static void nul_is_for_lists_alone(void **state)
{
    (void)state;
    assert_again("{\"function\":[\"c\\u0001\\u0000\",null]}",
                 "{\"function\":[\"c\\u0001\\u0000\",null]}");
    assert_refused("{\"class_name\":\"Dense\\u0000x\"}", KF_BAD_JSON);
    assert_refused("{\"a\\u0000\":1}", KF_BAD_JSON);
    assert_again("{\"a\":\"\\\\u0000\"}", "{\"a\":\"\\\\u0000\"}");
}

static void limits_hold(void **state)
{
    struct kf_limits small = KF_LIMITS_INIT;
    struct kf_report rep;
    json_t *value;

    (void)state;
    small.json_depth = 3;
    small.json_bytes = 20;
    kf_report_init(&rep);
    value = kf_json_parse("[[[\"[[[[\"]]]", 12, &small, "", &rep);
    assert_non_null(value);
    json_decref(value);
    value = kf_json_parse("[[[]],[[]],[[]]]", 16, &small, "", &rep);
    assert_non_null(value);
    json_decref(value);
    assert_null(kf_json_parse("[[[[]]]]", 8, &small, "", &rep));
    assert_reported(&rep, KF_TOO_LARGE);
    assert_null(kf_json_parse("[1,1,1,1,1,1,1,1,1,1]", 21, &small, "", &rep));
    assert_reported(&rep, KF_TOO_LARGE);
    kf_report_finish(&rep);
}

static void getters_have_defaults(void **state)
{
    json_t *object =
        json_pack("{s:s, s:b, s:i, s:f, s:f}", "s", "x", "b", 1, "i", 5, "r", 2.0, "h", 2.5);

    (void)state;
    assert_string_equal(kf_json_str(object, "s", "y"), "x");
    assert_string_equal(kf_json_str(object, "i", "y"), "y");
    assert_null(kf_json_str(NULL, "i", NULL));
    assert_true(kf_json_bool(object, "b", false));
    assert_true(kf_json_bool(object, "s", true));
    assert_int_equal(kf_json_int(object, "i", 0), 5);
    assert_int_equal(kf_json_int(object, "r", 0), 2);
    assert_int_equal(kf_json_int(object, "h", 9), 9);
    assert_int_equal(kf_json_int(object, "s", 9), 9);
    json_decref(object);
}

static void objects_of_a_class_are_recognised(void **state)
{
    json_t *yes = json_pack("{s:s, s:{}}", "class_name", "Dense", "config");
    json_t *no = json_pack("{s:s, s:[]}", "class_name", "Dense", "config");

    (void)state;
    assert_true(kf_json_is_object_of_class(yes));
    assert_false(kf_json_is_object_of_class(no));
    assert_false(kf_json_is_object_of_class(NULL));
    json_decref(yes);
    json_decref(no);
}

static int use_json(void *context)
{
    static const char text[] = "{\"a\": [NaN, 1.5, \"x\\u00fc\"], \"b\": {\"c\": null}}";
    struct kf_report rep;
    size_t n;
    char *out = NULL;
    json_t *value;
    int status;

    (void)context;
    kf_report_init(&rep);
    value = kf_json_parse(text, sizeof(text) - 1, &limits, "", &rep);
    status = kf_report_status(&rep);
    assert_true((value == NULL) == (status < 0));
    if (value && (kf_json_set(value, "d", json_integer(1), &rep) < 0 ||
                  kf_json_append(json_object_get(value, "a"), json_array(), &rep) < 0))
        status = -KF_NO_MEMORY;
    if (status == 0) {
        out = kf_json_dump(value, &n);
        status = out ? 0 : -KF_NO_MEMORY;
    }
    kf_free(out);
    json_decref(value);
    kf_report_finish(&rep);
    return status;
}

static void lack_of_memory_is_told(void **state)
{
    (void)state;
    json_set_alloc_funcs(kf_json_alloc, kf_free);
    torture(use_json, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_back),
        cmocka_unit_test(reals_have_the_fewest_digits),
        cmocka_unit_test(pythons_words_come_back),
        cmocka_unit_test(wrapping_is_taken_off),
        cmocka_unit_test(bad_text_is_refused),
        cmocka_unit_test(nul_is_for_lists_alone),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(getters_have_defaults),
        cmocka_unit_test(objects_of_a_class_are_recognised),
        cmocka_unit_test(lack_of_memory_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
