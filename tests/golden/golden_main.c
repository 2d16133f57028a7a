/* SPDX-License-Identifier: Apache-2.0 */
#include "../report_of.h"
#include "golden.h"
#include <dirent.h>
#include <fcntl.h>
#include <kf/convert.h>
#include <params.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * golden_main FOLDER [CASE...]             compare each case with what it expects
 * golden_main --out DIR FOLDER [CASE...]   write what is, for tests/tools/accept.py
 *
 * A case is a folder: in.<suffix>, architecture.<suffix> where one is given, further files of the
 * same model as shard_<name>, options.json where it has any, and what is expected of them:
 * report.json, and where there is a result its config.json and tree.json, as far as it has them.
 */
struct golden {
    const char *folder, *out; /* `out` NULL: compare */
    const char *name;         /* of the case */
    char scratch[4096];       /* empty between conversions */
    bool failed;
};

/* What one conversion gave; `read` is NULL where it gave no file. */
struct result {
    json_t *report, *read;
};

static void fail(struct golden *golden, const char *what, const char *where)
{
    fprintf(stderr, "%s: %s%s%s\n", golden->name, what, *where ? " at " : "", where);
    golden->failed = true;
}

static char *path_in(const struct golden *golden, char path[4096], const char *file)
{
    snprintf(path, 4096, "%s/%s/%s", golden->folder, golden->name, file);
    return path;
}

/* A JSON file of the case; an empty object where there is none. */
static json_t *load(struct golden *golden, const char *file)
{
    char path[4096];
    json_error_t error;
    json_t *value;

    if (access(path_in(golden, path, file), F_OK) < 0)
        return json_object();
    value = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!value)
        fail(golden, file, error.text);
    return value ? value : json_object();
}

/* How many files stand in the scratch folder. */
static size_t count_scratch(const struct golden *golden)
{
    DIR *dir = opendir(golden->scratch);
    const struct dirent *entry;
    size_t n = 0;

    while (dir && (entry = readdir(dir)))
        n += entry->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return n;
}

/* What is not the conversion's own: names, sizes, times, and which rows of tables it used. */
static void normalise(json_t *report)
{
    json_t *source = json_object_get(report, "source");

    json_object_del(report, "timings");
    json_object_del(report, "rules");
    json_object_del(source, "size");
    json_object_del(source, "sha256");
    json_object_del(source, "filename");
}

/* Open the case's file called `stem` with any suffix; fd -1 where there is none. */
static struct kf_input open_input(const struct golden *golden, const char *stem, char name[256])
{
    char path[4096];
    DIR *dir = opendir(path_in(golden, path, ""));
    const struct dirent *entry;
    struct kf_input in = {.fd = -1, .name = name};
    size_t n = strlen(stem);

    while (dir && in.fd < 0 && (entry = readdir(dir)))
        if (strncmp(entry->d_name, stem, n) == 0 && entry->d_name[n] == '.') {
            snprintf(name, 256, "%s", entry->d_name);
            in.fd = open(path_in(golden, path, name), O_RDONLY | O_CLOEXEC);
        }
    if (dir)
        closedir(dir);
    return in;
}

/* The case's further files, open, in the order of their names; at most `max`. */
static size_t open_shards(const struct golden *golden, struct kf_input *out, size_t max)
{
    char path[4096];
    struct dirent **entries;
    int n = scandir(path_in(golden, path, ""), &entries, NULL, alphasort);
    size_t found = 0;

    for (int i = 0; i < n; i++) {
        if (strncmp(entries[i]->d_name, "shard_", 6) == 0 && found < max) {
            out[found].fd = open(path_in(golden, path, entries[i]->d_name), O_RDONLY | O_CLOEXEC);
            out[found++].name = strdup(entries[i]->d_name);
        }
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    return found;
}

static void close_shards(struct kf_input *shards, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        close(shards[i].fd);
        free((char *)(uintptr_t)shards[i].name);
    }
}

/* Convert to the file `out`, or only plan where it is NULL; the report, normalised. */
static json_t *convert(struct golden *golden, const struct kf_options *options, const char *out)
{
    char name[256], architecture_name[256];
    struct kf_input in = open_input(golden, "in", name);
    struct kf_input architecture = open_input(golden, "architecture", architecture_name);
    struct kf_input shards[8] = {0};
    struct kf_report rep;
    json_t *report;
    int r;

    if (architecture.fd >= 0)
        in.architecture = &architecture;
    in.n_shards = open_shards(golden, shards, sizeof(shards) / sizeof(shards[0]));
    in.shards = shards;
    kf_report_init(&rep);
    r = out ? kf_convert(&in, out, options, &rep) : kf_plan_only(&in, options, &rep);
    if (r != kf_report_status(&rep))
        fail(golden, "the returned code is not the report's", "");
    if (out && (access(out, F_OK) == 0) != (r >= 0))
        fail(golden, r < 0 ? "a refusal with a result" : "success without a result", "");
    report = report_of(&rep);
    normalise(report);
    kf_report_finish(&rep);
    close(in.fd);
    close_shards(shards, in.n_shards);
    if (architecture.fd >= 0)
        close(architecture.fd);
    return report;
}

static void compare(struct golden *golden, const json_t *want, const json_t *got, const char *what)
{
    char where[1024];

    if (golden_differ(want, got, where, sizeof(where)))
        fail(golden, what, *where ? where : ".");
}

static void expect(struct golden *golden, const char *file, const json_t *got)
{
    json_t *want = load(golden, file);

    compare(golden, want, got, file);
    json_decref(want);
}

static bool same_bytes(const char *a, const char *b)
{
    FILE *one = fopen(a, "rb"), *other = fopen(b, "rb");
    bool same = one && other;

    for (int c = 0; same && c != EOF;) {
        c = fgetc(one);
        same = c == fgetc(other);
    }
    if (one)
        fclose(one);
    if (other)
        fclose(other);
    return same;
}

/* Once more: the same report, and the same bytes where there were any. */
static void check_again(struct golden *golden, const struct kf_options *options, const char *first,
                        const json_t *report)
{
    char second[4200];
    json_t *again;

    snprintf(second, sizeof(second), "%s/again.keras", golden->scratch);
    again = convert(golden, options, second);
    compare(golden, report, again, "a second conversion reports something else");
    if (access(first, F_OK) == 0 && !same_bytes(first, second))
        fail(golden, "a second conversion gives other bytes", "");
    json_decref(again);
    unlink(second);
}

static void blank_checksums(json_t *report)
{
    json_t *row;
    size_t i;

    json_array_foreach(json_object_get(report, "tensors"), i, row)
    {
        json_object_del(row, "checksum");
    }
}

/* A plan reports what the conversion does, checksums excepted. */
static void check_plan(struct golden *golden, const struct kf_options *options,
                       const json_t *report)
{
    json_t *plan = convert(golden, options, NULL), *copy = json_deep_copy(report);

    blank_checksums(plan);
    blank_checksums(copy);
    compare(golden, copy, plan, "the plan reports something else");
    json_decref(plan);
    json_decref(copy);
}

static const json_t *find_dataset(const json_t *datasets, const char *path)
{
    json_t *one;
    size_t i;

    json_array_foreach((json_t *)datasets, i, one)
    {
        if (strcmp(json_string_value(json_object_get(one, "path")), path) == 0)
            return one;
    }
    return NULL;
}

static void check_tensor(struct golden *golden, const json_t *datasets, json_t *row)
{
    const char *target = json_string_value(json_object_get(row, "target"));
    const char *algorithm = "", *value = "";
    const json_t *found = find_dataset(datasets, target);

    json_unpack(row, "{s:{s:{s:s, s:s}}}", "checksum", "after", "algorithm", &algorithm, "value",
                &value);
    if (!found) {
        fail(golden, "the result has not the reported tensor", target);
        return;
    }
    compare(golden, json_object_get(json_object_get(row, "shape"), "after"),
            json_object_get(found, "shape"), target);
    if (strcmp(algorithm, "xxh3-128") == 0 &&
        strcmp(value, json_string_value(json_object_get(found, "xxh3_128"))) != 0)
        fail(golden, "the reported checksum is not the one of the bytes", target);
}

/* The report's table of tensors says what is in the file, no more and no less. */
static void check_tensors(struct golden *golden, const struct result *result)
{
    const json_t *datasets = json_object_get(json_object_get(result->read, "tree"), "datasets");
    json_t *rows = json_object_get(result->report, "tensors"), *row;
    size_t i;

    json_array_foreach(rows, i, row) check_tensor(golden, datasets, row);
    if (json_array_size(rows) != json_array_size(datasets))
        fail(golden, "the result has not as many datasets as the report", "");
}

static void write_out(struct golden *golden, const char *file, const json_t *value)
{
    char path[4200];

    snprintf(path, sizeof(path), "%s/%s", golden->out, golden->name);
    mkdir(path, 0777);
    snprintf(path, sizeof(path), "%s/%s/%s", golden->out, golden->name, file);
    if (value && json_dump_file(value, path, JSON_INDENT(2)) < 0)
        fail(golden, "cannot write", path);
}

static void judge(struct golden *golden, const struct result *result)
{
    void (*take)(struct golden *, const char *, const json_t *) = golden->out ? write_out : expect;
    bool whole = json_is_object(result->read);

    take(golden, "report.json", result->report);
    if (whole) {
        if (json_object_get(result->read, "config"))
            take(golden, "config.json", json_object_get(result->read, "config"));
        if (json_object_get(result->read, "tree")) {
            take(golden, "tree.json", json_object_get(result->read, "tree"));
            check_tensors(golden, result);
        }
    }
}

static bool read_options(struct golden *golden, struct kf_request *request)
{
    json_t *object = load(golden, "options.json");
    struct kf_param_error error = {0};
    bool good =
        (json_object_get(object, "to") || kf_request_set(request, "to", "keras", &error) == 0) &&
        kf_request_from_json(request, object, &error) == 0 &&
        kf_request_check(request, &error) == 0;

    if (!good)
        fail(golden, "options.json", error.detail);
    json_decref(object);
    return good;
}

static void convert_case(struct golden *golden, const struct kf_options *options)
{
    struct result result = {0};
    char first[4200];

    snprintf(first, sizeof(first), "%s/first.keras", golden->scratch);
    result.report = convert(golden, options, first);
    if (access(first, F_OK) == 0 && !(result.read = golden_read(first)))
        fail(golden, "the result cannot be read", "");
    judge(golden, &result);
    check_again(golden, options, first, result.report);
    check_plan(golden, options, result.report);
    unlink(first);
    if (count_scratch(golden))
        fail(golden, "files stay behind", golden->scratch);
    json_decref(result.report);
    json_decref(result.read);
}

static bool run_case(struct golden *golden, const char *name)
{
    struct kf_request request;

    golden->name = name;
    golden->failed = false;
    kf_request_init(&request);
    if (read_options(golden, &request))
        convert_case(golden, &request.options);
    kf_request_finish(&request);
    printf("%s %s\n", golden->failed ? "[  FAILED  ]" : "[       OK ]", name);
    return !golden->failed;
}

static int is_case(const struct dirent *entry)
{
    return entry->d_type == DT_DIR && entry->d_name[0] != '.';
}

static int run_all(struct golden *golden)
{
    struct dirent **cases;
    int n = scandir(golden->folder, &cases, is_case, alphasort), failed = 0;

    for (int i = 0; i < n; i++) {
        failed += !run_case(golden, cases[i]->d_name);
        free(cases[i]);
    }
    if (n >= 0)
        free(cases);
    return n <= 0 ? 1 : failed;
}

int main(int argc, char **argv)
{
    struct golden golden = {0};
    const char *tmp = getenv("TMPDIR");
    int failed = 0;

    if (argc > 2 && strcmp(argv[1], "--out") == 0) {
        golden.out = argv[2];
        argv += 2;
        argc -= 2;
    }
    if (argc < 2)
        return 64;
    golden.folder = argv[1];
    snprintf(golden.scratch, sizeof(golden.scratch), "%s/kferry-golden.XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(golden.scratch))
        return 73;
    for (int i = 2; i < argc; i++)
        failed += !run_case(&golden, argv[i]);
    if (argc == 2)
        failed = run_all(&golden);
    rmdir(golden.scratch);
    return failed ? 1 : 0;
}
