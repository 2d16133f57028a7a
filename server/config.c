/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "config.h"
#include "auto.h"
#include "nearest.h"
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX         "KFERRY_"
#define SHOWN          64
#define NAME_MAX_BYTES 64

enum config_kind {
    CONFIG_TEXT,
    CONFIG_COUNT,
    CONFIG_BYTES,
    CONFIG_SECONDS,
    CONFIG_CHOICE,
    CONFIG_SWITCH
};

static const struct row {
    const char *member;
    enum config_kind kind;
    size_t offset;
    const char *initial;
    int64_t least, most; /* of a text: its length */
    const char *words;   /* of a choice, in the order of its enum */
    const char *help;
} rows[] = {
#define KF_CONFIG(member, kind, initial, least, most, words, help)                                 \
    {#member, CONFIG_##kind, offsetof(struct config, member), initial, least, most, words, help},
#include "config.def"
#undef KF_CONFIG
};
#define N_ROWS (sizeof rows / sizeof rows[0])

static int fail(struct config_error *error, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static int fail(struct config_error *error, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(error->text, sizeof error->text, fmt, args);
    va_end(args);
    return -1;
}

/* "KFERRY_UPLOAD_IDLE" or "upload-idle" of "upload_idle". */
static void name_of(char out[NAME_MAX_BYTES], const struct row *row, bool environment)
{
    size_t i;

    snprintf(out, NAME_MAX_BYTES, "%s%s", environment ? PREFIX : "", row->member);
    for (i = 0; out[i]; i++)
        if (environment)
            out[i] = (char)toupper((unsigned char)out[i]);
        else if (out[i] == '_')
            out[i] = '-';
}

/* Processors that this process may use: the affinity, bounded by the cgroup's quota. */
static int64_t count_processors(void)
{
    cpu_set_t set;
    long quota, period;
    int64_t n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "re");

    if (f && fscanf(f, "%ld %ld", &quota, &period) == 2 && period > 0 && quota / period < n)
        n = quota / period;
    if (f)
        fclose(f);
    return n > 0 ? n : 1;
}

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit byte_units[] = {{"", 1},
                                         {"KiB", INT64_C(1) << 10},
                                         {"MiB", INT64_C(1) << 20},
                                         {"GiB", INT64_C(1) << 30},
                                         {"TiB", INT64_C(1) << 40},
                                         {NULL, 0}};
static const struct unit time_units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {NULL, 0}};
static const struct unit no_units[] = {{"", 1}, {NULL, 0}};

/* What a number of each kind may end with, and how that is told. */
static const struct {
    const struct unit *units;
    const char *told;
} numbers[] = {
    [CONFIG_COUNT] = {no_units, "a number"},
    [CONFIG_BYTES] = {byte_units, "a size as 256MiB or 4GiB"},
    [CONFIG_SECONDS] = {time_units, "a time as 30s, 5m or 1h"},
};

static bool read_number(int64_t *out, const char *text, const struct unit *units)
{
    char *end;
    long long n;

    if (!isdigit((unsigned char)*text))
        return false;
    errno = 0;
    n = strtoll(text, &end, 10);
    for (; units->name; units++)
        if (strcmp(units->name, end) == 0) {
            *out = n * units->factor;
            return errno == 0 && n <= INT64_MAX / units->factor;
        }
    return false;
}

static int set_number(void *to, const struct row *row, const char *text, const char *name,
                      struct config_error *error)
{
    char shown[SHOWN];
    int64_t n = 0;

    kf_show(shown, sizeof shown, text);
    if (row->kind == CONFIG_COUNT && strcmp(text, "auto") == 0 && strcmp(row->initial, text) == 0)
        n = count_processors();
    else if (!read_number(&n, text, numbers[row->kind].units))
        return fail(error, "%s is \"%s\", but must be %s", name, shown, numbers[row->kind].told);
    if (n < row->least || n > row->most)
        return fail(error, "%s is \"%s\", but must be from %" PRId64 " to %" PRId64, name, shown,
                    row->least, row->most);
    *(uint64_t *)to = (uint64_t)n;
    return 0;
}

static int set_text(void *to, const struct row *row, const char *text, const char *name,
                    struct config_error *error)
{
    char *copy;

    if ((int64_t)strlen(text) < row->least || (int64_t)strlen(text) > row->most)
        return fail(error, "%s is empty or too long", name);
    copy = strdup(text);
    if (!copy)
        return fail(error, "out of memory");
    free(*(char **)to);
    *(char **)to = copy;
    return 0;
}

static int set_word(void *to, const struct row *row, const char *text, const char *name,
                    struct config_error *error)
{
    char words[128], shown[SHOWN], *rest = words, *word;
    unsigned at = 0;

    snprintf(words, sizeof words, "%s", row->words);
    for (; (word = strsep(&rest, " ")); at++)
        if (strcmp(word, text) == 0)
            break;
    kf_show(shown, sizeof shown, text);
    if (!word)
        return fail(error, "%s is \"%s\", but must be one of: %s", name, shown, row->words);
    if (row->kind == CONFIG_SWITCH)
        *(bool *)to = at == 1;
    else
        *(uint64_t *)to = at;
    return 0;
}

static int set(struct config *config, const struct row *row, const char *text, const char *name,
               struct config_error *error)
{
    void *to = (char *)config + row->offset;

    switch (row->kind) {
    case CONFIG_TEXT:
        return set_text(to, row, text, name, error);
    case CONFIG_CHOICE:
    case CONFIG_SWITCH:
        return set_word(to, row, text, name, error);
    default:
        return set_number(to, row, text, name, error);
    }
}

/* The row that is called `name`; NULL, and `nearest` is what may have been meant. */
static const struct row *find(const char *name, bool environment, char nearest[NAME_MAX_BYTES])
{
    char names[N_ROWS][NAME_MAX_BYTES];
    struct kf_nearest near;

    kf_nearest_init(&near, name);
    for (size_t i = 0; i < N_ROWS; i++) {
        name_of(names[i], &rows[i], environment);
        if (strcmp(names[i], name) == 0)
            return &rows[i];
        kf_nearest_offer(&near, names[i]);
    }
    if (near.best)
        snprintf(nearest, NAME_MAX_BYTES, "%s%.60s", environment ? "" : "--", near.best);
    return NULL;
}

/* Kubernetes sets KFERRY_PORT and its like for every service called kferry. */
static bool is_service_link(const char *name)
{
    return strncmp(name, PREFIX "PORT", 11) == 0 || strncmp(name, PREFIX "SERVICE_", 15) == 0;
}

static int fail_unknown(const char *kind, const char *name, const char *nearest,
                        struct config_error *error)
{
    char shown[SHOWN];

    kf_show(shown, sizeof shown, name);
    if (is_service_link(name))
        return fail(error,
                    "%s is no setting of kferry; Kubernetes sets it for a service of this name: "
                    "set enableServiceLinks: false in the pod",
                    shown);
    if (*nearest)
        return fail(error, "there is no %s %s: did you mean %s?", kind, shown, nearest);
    return fail(error, "there is no %s %s", kind, shown);
}

static int load_environment(struct config *config, char *const *environment,
                            struct config_error *error)
{
    for (; *environment; environment++) {
        char name[NAME_MAX_BYTES], nearest[NAME_MAX_BYTES] = "";
        const char *value = strchr(*environment, '=');
        const struct row *row;

        if (!value || strncmp(*environment, PREFIX, strlen(PREFIX)) != 0)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)(value - *environment), *environment);
        row = find(name, true, nearest);
        if (!row)
            return fail_unknown("setting", name, nearest, error);
        KF_TRY(set(config, row, value + 1, name, error));
    }
    return 0;
}

/* Split "--name=value" or take the next argument; returns how many were used, or -1. */
static int load_flag(struct config *config, int argc, char *const *argv, struct config_error *error)
{
    char name[NAME_MAX_BYTES], flag[NAME_MAX_BYTES + 2], nearest[NAME_MAX_BYTES] = "";
    const char *equals = strchr(argv[0], '='), *value = equals ? equals + 1 : argv[1];
    int used = equals ? 1 : 2;
    const struct row *row = NULL;

    if (strncmp(argv[0], "--", 2) == 0) {
        snprintf(name, sizeof name, "%.*s", (int)strcspn(argv[0] + 2, "="), argv[0] + 2);
        row = find(name, false, nearest);
    }
    if (!row)
        return fail_unknown("flag", argv[0], nearest, error);
    if (row->kind == CONFIG_SWITCH && !equals) {
        value = "1";
        used = 1;
    }
    if (used > argc)
        return fail(error, "--%s needs a value", name);
    snprintf(flag, sizeof flag, "--%s", name);
    return set(config, row, value, flag, error) < 0 ? -1 : used;
}

int config_load(struct config *config, int argc, char *const *argv, char *const *environment,
                struct config_error *error)
{
    *config = (struct config){0};
    for (size_t i = 0; i < N_ROWS; i++)
        KF_TRY(set(config, &rows[i], rows[i].initial, rows[i].member, error));
    KF_TRY(load_environment(config, environment, error));
    while (argc > 0) {
        int used = load_flag(config, argc, argv, error);

        KF_TRY(used);
        argv += used;
        argc -= used;
    }
    if (config->body_max > config->scratch_max)
        return fail(error, "KFERRY_BODY_MAX is more than all of KFERRY_SCRATCH_MAX");
    return 0;
}

void config_finish(struct config *config)
{
    for (size_t i = 0; i < N_ROWS; i++)
        if (rows[i].kind == CONFIG_TEXT)
            free(*(char **)((char *)config + rows[i].offset));
    *config = (struct config){0};
}

struct job_limits config_job_limits(const struct config *config)
{
    return (struct job_limits){
        .memory = config->worker_memory,
        .file_size = config->scratch_max,
        .cpu = (unsigned)config->job_timeout,
        .deadline_ms = (unsigned)config->job_timeout * 1000,
        .stall_ms = (unsigned)config->stall_timeout * 1000,
    };
}

bool config_describe(size_t index, const char **name, const char **value, const char **help)
{
    if (index >= N_ROWS)
        return false;
    *name = rows[index].member;
    *value = rows[index].initial;
    *help = rows[index].help;
    return true;
}
