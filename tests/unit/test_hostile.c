/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/str.h"
#include "core/format/kind.h"
#include "core/io/h5/h5.h"
#include "core/io/text/json.h"
#include "core/io/zip/zip.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Every file of tests/fixtures/hostile (made by tests/hostile/make.py) ends as
 * tests/hostile/EXPECT.tsv says: "ok <kind>", or the slug of the first failure. What a reader does
 * is done here to each: the config is parsed, every name and every byte is read.
 */
struct file {
    struct kf_source src;
    struct kf_limits limits;
    struct kf_report rep;
    struct kf_arena *arena;
};

static int read_json(struct file *f, const struct kf_buf *text)
{
    json_t *value = kf_json_parse(text->data, text->n, &f->limits, "config", &f->rep);

    json_decref(value);
    return value ? 0 : kf_report_status(&f->rep);
}

static int read_tree(struct file *f, struct kf_h5 *h5, const char *path)
{
    const char **names;
    size_t n;

    if (kf_h5_has_attr(h5, path, "weight_names"))
        KF_TRY(kf_h5_attr_names(h5, path, "weight_names", f->arena, &names, &n, &f->rep));
    if (kf_h5_has_attr(h5, path, "layer_names"))
        KF_TRY(kf_h5_attr_names(h5, path, "layer_names", f->arena, &names, &n, &f->rep));
    if (!kf_h5_is_group(h5, path)) {
        struct kf_payload payload;
        char piece[4096];

        KF_TRY(kf_h5_payload(h5, path, f->arena, &payload, &f->rep));
        for (uint64_t at = 0, end = kf_payload_bytes(&payload); at < end; at += sizeof(piece)) {
            n = end - at < sizeof(piece) ? (size_t)(end - at) : sizeof(piece);
            KF_TRY(payload.pull(&payload, at, piece, n, &f->rep));
        }
        return 0;
    }
    KF_TRY(kf_h5_children(h5, path, f->arena, &names, &n, &f->rep));
    for (size_t i = 0; i < n; i++)
        KF_TRY(read_tree(f, h5, kf_arena_printf(f->arena, "%s/%s", path, names[i])));
    return 0;
}

static int read_h5(struct file *f)
{
    KF_AUTO(kf_h5) h5 = NULL;
    struct kf_buf text = {.max = 1 << 20};
    int status = 0;

    KF_TRY(kf_h5_open(&h5, &f->src, &f->limits, &f->rep));
    if (kf_h5_has_attr(h5, "/", "model_config")) {
        status = kf_h5_attr_text(h5, "/", "model_config", &text, &f->rep);
        if (status == 0)
            status = read_json(f, &text);
    }
    kf_buf_finish(&text);
    return status < 0 ? status : read_tree(f, h5, "");
}

static int read_zip(struct file *f)
{
    KF_AUTO(kf_zip) zip = NULL;
    struct kf_buf text = {.max = 1 << 20};
    struct kf_options options = KF_OPTIONS_INIT;
    struct kf_spool spool = KF_SPOOL_NONE;
    int status;

    KF_TRY(kf_zip_open(&zip, &f->src, &f->limits, &f->rep));
    if (!kf_zip_has(zip, "config.json"))
        return 0;
    status = kf_zip_read(zip, "config.json", &text, &f->rep);
    if (status == 0)
        status = read_json(f, &text);
    kf_buf_finish(&text);
    KF_TRY(status);
    status = kf_zip_member(zip, "model.weights.h5", &spool, &options, &f->src, &f->rep);
    if (status == 0)
        status = read_h5(f);
    if (status == 0)
        status = kf_zip_verify(zip, &f->rep);
    kf_spool_finish(&spool);
    return status;
}

static int read_all(struct file *f, enum kf_kind_id *kind)
{
    uint64_t at;
    char head[2] = "";

    KF_TRY(kf_detect(kind, &f->src, &f->limits, &f->rep));
    if (kf_h5_signature(&f->src, &at, &f->rep))
        return read_h5(f);
    if (f->src.size >= 2)
        KF_TRY(kf_source_read(&f->src, 0, head, 2, &f->rep));
    return memcmp(head, "PK", 2) == 0 ? read_zip(f) : 0;
}

/* What became of the file, as EXPECT.tsv says it. */
static void look(const char *name, char *out, size_t out_n)
{
    struct file f = {.limits = KF_LIMITS_INIT, .arena = kf_arena_create()};
    enum kf_kind_id kind = KF_FILE_UNKNOWN;
    char path[512];
    struct kf_input in = {.name = name};
    int status;

    snprintf(path, sizeof(path), "%s/hostile/%s", KF_FIXTURES, name);
    in.fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(in.fd >= 0);
    kf_report_init(&f.rep);
    status = kf_source_init(&f.src, &in, &f.rep);
    if (status == 0)
        status = read_all(&f, &kind);
    assert_int_equal(status, kf_report_status(&f.rep));
    snprintf(out, out_n, "%s%s", status < 0 ? kf_code_slug((enum kf_code) - status) : "ok ",
             status < 0 ? "" : kf_kind_info(kind)->name);
    if (getenv("KF_SHOW"))
        fprintf(stderr, "%s\t%s\t%s\n", name, out, f.rep.n_entries ? f.rep.entries[0].what : "");
    kf_report_finish(&f.rep);
    kf_arena_destroy(f.arena);
    close(in.fd);
}

static void every_file_ends_as_expected(void **state)
{
    FILE *expect = fopen(KF_FIXTURES "/../hostile/EXPECT.tsv", "r");
    char line[512], got[128];
    int wrong = 0, n = 0;

    (void)state;
    assert_non_null(expect);
    while (fgets(line, sizeof(line), expect)) {
        char *name = strtok(line, "\t"), *want = strtok(NULL, "\t\n");

        if (line[0] == '#')
            continue;
        look(name, got, sizeof(got));
        n++;
        if (strcmp(got, want) != 0) {
            wrong++;
            print_error("%s: %s, expected %s\n", name, got, want);
        }
    }
    fclose(expect);
    assert_int_equal(wrong, 0);
    assert_true(n > 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_file_ends_as_expected)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
