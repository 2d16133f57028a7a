/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/cli_rows.h"

/* The report of a text, its lists left in a file. */
static json_t *load(struct cli_rows *rows, const char *text)
{
    char path[] = "/tmp/kf-rows-XXXXXX";
    int fd = mkstemp(path);
    json_t *report;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    report = cli_rows_load(rows, path);
    unlink(path);
    return report;
}

static void written_as_if_all_had_been_read(void **unused)
{
    static const char *const texts[] = {
        "{}",
        "{\"tensors\":[]}",
        "{\"verdict\":\"lossless\",\"renamed_tensors\":[],\"tensors\":[],\"counts\":{\"tensors\":0}"
        "}",
        "{\"renamed_tensors\":[{\"before\":\"a\",\"after\":\"b\"}],\"tensors\":[{\"shape\":[]}]}",
        "{\"tensors\":[{\"shape\":{\"before\":[1,2],\"after\":null},\"none\":{},\"x\":[{},[[]]]},"
        "{\"source\":\"\\\"]}[{,:\\\\\",\"low\":-0.125}],\"rules\":[\"tensors\",\"a\"],\"n\":1}",
        "{\"head\":{\"tensors\":[{\"a\":[1]}]},\"lost\":[\"tensors\",[\"renamed_tensors\"]],"
        "\"tensors\":[1,\"\\u0001é\",true]}",
        "{\"a key of more than thirty-two characters\":[1],\"tensors\":[[1,2]],\"\":[3]}",
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        json_t *all = json_loads(texts[i], 0, NULL), *report, *list;
        char *want = json_dumps(all, JSON_INDENT(2)), *got = NULL;
        struct cli_rows rows;
        size_t n;
        FILE *out = open_memstream(&got, &n);

        assert_non_null(want);
        report = load(&rows, texts[i]);
        assert_non_null(report);
        list = json_object_get(report, "tensors");
        assert_int_equal(json_array_size(list), 0);
        assert_int_equal(cli_rows_write(&rows, report, out), 0);
        fclose(out);
        assert_string_equal(got, want);
        cli_rows_finish(&rows);
        json_decref(report);
        json_decref(all);
        free(want);
        free(got);
    }
}

static void what_is_changed_is_written(void **unused)
{
    struct cli_rows rows;
    json_t *report = load(&rows, "{\"tensors\":[1],\"timings\":{}}");
    char *got = NULL;
    size_t n;
    FILE *out = open_memstream(&got, &n);

    (void)unused;
    json_object_set_new(json_object_get(report, "timings"), "work_ms", json_integer(7));
    assert_int_equal(cli_rows_write(&rows, report, out), 0);
    fclose(out);
    assert_string_equal(got, "{\n  \"tensors\": [\n    1\n  ],\n  \"timings\": {\n"
                             "    \"work_ms\": 7\n  }\n}");
    cli_rows_finish(&rows);
    json_decref(report);
    free(got);
}

static void what_is_no_json_is_not_loaded(void **unused)
{
    static const char *const texts[] = {"",  "{\"tensors\":[{\"a\":1}", "{\"tensors\":[\"]}",
                                        "x", "{\"tensors\":[1]]}",      "]"};
    struct cli_rows rows;

    (void)unused;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_null(load(&rows, texts[i]));
    assert_null(cli_rows_load(&rows, "/no/such/report.json"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_as_if_all_had_been_read),
        cmocka_unit_test(what_is_changed_is_written),
        cmocka_unit_test(what_is_no_json_is_not_loaded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
