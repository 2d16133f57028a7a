/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "config.h"
#include "auto.h"
#include "cgroup.h"
#include "config_rows.h"
#include "nearest.h"
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX     "KFERRY_"
#define FILE_END   "_FILE"
#define SHOWN      64
#define SECRET_MAX 4096

/* What the service itself takes of its container, the least that a worker needs, and the most. */
#define OWN_MEMORY   (UINT64_C(128) << 20)
#define LEAST_MEMORY (UINT64_C(256) << 20)
#define MOST_MEMORY  (UINT64_C(2) << 30)

/* How each source writes the name of a row. */
static void name_in(char out[CONFIG_NAME_SIZE], const struct config_row *row,
                    enum config_source source)
{
    if (source == SOURCE_FILE)
        snprintf(out, CONFIG_NAME_SIZE, "%s", row->member);
    else
        config_row_name(out, row, source == SOURCE_ENVIRONMENT);
}

/* The row that is called `name`; NULL, and `nearest` is what may have been meant. */
static const struct config_row *find(const char *name, enum config_source source,
                                     char nearest[CONFIG_NAME_SIZE])
{
    char names[CONFIG_ROWS_MAX][CONFIG_NAME_SIZE];
    const struct config_row *row;
    struct kf_nearest near;

    kf_nearest_init(&near, name);
    for (size_t i = 0; (row = config_row_at(i)); i++) {
        name_in(names[i], row, source);
        if (strcmp(names[i], name) == 0)
            return row;
        kf_nearest_offer(&near, names[i]);
    }
    if (near.best)
        snprintf(nearest, CONFIG_NAME_SIZE, "%s%.60s", source == SOURCE_FLAG ? "--" : "",
                 near.best);
    return NULL;
}

/* Kubernetes sets KFERRY_PORT and its like for every service called kferry. */
static bool is_service_link(const char *name)
{
    return strncmp(name, PREFIX "PORT", 11) == 0 || strncmp(name, PREFIX "SERVICE_", 15) == 0;
}

/* What the command line asks another service with (cli_service.c): no settings of this one. */
static bool is_of_client(const char *name)
{
    static const char *const names[] = {"KFERRY_SERVER", "KFERRY_TOKEN", "KFERRY_TOKEN_FILE"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static int fail_unknown(const char *kind, const char *name, const char *nearest,
                        struct config_error *error)
{
    char shown[SHOWN];

    kf_show(shown, sizeof shown, name);
    if (is_service_link(name))
        return config_fail(
            error,
            "%s is no setting of kferry; Kubernetes sets it for a service of this name: "
            "set enableServiceLinks: false in the pod",
            shown);
    if (*nearest)
        return config_fail(error, "there is no %s %s: did you mean %s?", kind, shown, nearest);
    return config_fail(error, "there is no %s %s", kind, shown);
}

/* The row of a secret whose value stands in the file that `name` names, or NULL. */
static const struct config_row *find_secret(const char *name, enum config_source source)
{
    char base[CONFIG_NAME_SIZE], nearest[CONFIG_NAME_SIZE] = "";
    size_t n = strlen(name), end = strlen(FILE_END);
    const struct config_row *row = NULL;

    if (n > end && strcasecmp(name + n - end, FILE_END) == 0) {
        snprintf(base, sizeof base, "%.*s", (int)(n - end), name);
        row = find(base, source, nearest);
    }
    return row && row->kind == CONFIG_SECRET ? row : NULL;
}

static int set_secret(struct config *config, const struct config_row *row, const char *path,
                      const char *name, enum config_source source, struct config_error *error)
{
    char text[SECRET_MAX];
    FILE *file = fopen(path, "re");
    size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;

    if (!file)
        return config_fail(error, "the file of %s cannot be read: %s", name, strerror(errno));
    fclose(file);
    text[n] = '\0';
    text[strcspn(text, "\r\n")] = '\0';
    return config_row_set(config, row, text, name, source, error);
}

static int set_named(struct config *config, const char *name, const char *value,
                     enum config_source source, struct config_error *error)
{
    char nearest[CONFIG_NAME_SIZE] = "";
    const struct config_row *row = find(name, source, nearest), *secret;

    if (row)
        return config_row_set(config, row, value, name, source, error);
    secret = find_secret(name, source);
    if (secret)
        return set_secret(config, secret, value, name, source, error);
    return fail_unknown("setting", name, nearest, error);
}

static int load_environment(struct config *config, char *const *environment,
                            struct config_error *error)
{
    for (; *environment; environment++) {
        const char *value = strchr(*environment, '=');
        char name[CONFIG_NAME_SIZE];

        if (!value || strncmp(*environment, PREFIX, strlen(PREFIX)) != 0)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)(value - *environment), *environment);
        if (!is_of_client(name))
            KF_TRY(set_named(config, name, value + 1, SOURCE_ENVIRONMENT, error));
    }
    return 0;
}

/* Split "--name=value" or take the next argument; returns how many were used, or -1. */
static int load_flag(struct config *config, int argc, char *const *argv, struct config_error *error)
{
    char name[CONFIG_NAME_SIZE], flag[CONFIG_NAME_SIZE + 2], nearest[CONFIG_NAME_SIZE] = "";
    const char *equals = strchr(argv[0], '='), *value = equals ? equals + 1 : argv[1];
    int used = equals ? 1 : 2;
    const struct config_row *row = NULL;

    if (strncmp(argv[0], "--", 2) == 0) {
        snprintf(name, sizeof name, "%.*s", (int)strcspn(argv[0] + 2, "="), argv[0] + 2);
        row = find(name, SOURCE_FLAG, nearest);
    }
    if (!row)
        return fail_unknown("flag", argv[0], nearest, error);
    if (row->kind == CONFIG_SWITCH && !equals) {
        value = "1";
        used = 1;
    }
    if (used > argc)
        return config_fail(error, "--%s needs a value", name);
    snprintf(flag, sizeof flag, "--%s", name);
    return config_row_set(config, row, value, flag, SOURCE_FLAG, error) < 0 ? -1 : used;
}

/* A value of the file as the text that the environment would have. */
static int load_member(struct config *config, const char *name, const json_t *value,
                       struct config_error *error)
{
    char number[32];

    snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT,
             json_is_boolean(value) ? json_is_true(value) : json_integer_value(value));
    if (json_is_string(value))
        return set_named(config, name, json_string_value(value), SOURCE_FILE, error);
    if (json_is_integer(value) || json_is_boolean(value))
        return set_named(config, name, number, SOURCE_FILE, error);
    return config_fail(error, "%s in the file of settings is no text, number or boolean", name);
}

static int load_file(struct config *config, const char *path, struct config_error *error)
{
    json_error_t wrong;
    json_t *all = json_load_file(path, JSON_REJECT_DUPLICATES, &wrong), *value;
    const char *name;
    int status = 0;

    if (!all)
        return config_fail(error, "%s, line %d: %s", path, wrong.line, wrong.text);
    if (!json_is_object(all))
        status = config_fail(error, "%s holds no JSON object", path);
    json_object_foreach(all, name, value)
    {
        if (status == 0)
            status = load_member(config, name, value, error);
    }
    json_decref(all);
    return status;
}

/* All sources in their order; the file is that of `path`. */
static int load(struct config *config, const char *path, int argc, char *const *argv,
                char *const *environment, struct config_error *error)
{
    const struct config_row *row;

    *config = (struct config){0};
    for (size_t i = 0; (row = config_row_at(i)); i++)
        KF_TRY(config_row_set(config, row, row->initial, row->member, SOURCE_DEFAULT, error));
    if (path[0] != '\0')
        KF_TRY(load_file(config, path, error));
    KF_TRY(load_environment(config, environment, error));
    while (argc > 0) {
        int used = load_flag(config, argc, argv, error);

        KF_TRY(used);
        argv += used;
        argc -= used;
    }
    return 0;
}

/* What is "auto": processors that this process may use, and its part of the memory. */
static void settle(struct config *config)
{
    struct cgroup_limits limits;
    uint64_t memory, n = 1;
    cpu_set_t set;

    cgroup_read(&limits, "");
    memory = limits.memory > OWN_MEMORY ? limits.memory - OWN_MEMORY : limits.memory;
    config->container_memory = memory;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        n = (uint64_t)CPU_COUNT(&set);
    if (limits.processors > 0 && limits.processors < (double)n)
        n = (uint64_t)limits.processors;
    if (memory > 0 && memory / LEAST_MEMORY < n)
        n = memory / LEAST_MEMORY;
    if (config->workers == 0)
        config->workers = n > 0 ? n : 1;
    if (config->worker_memory > 0)
        return;
    config->worker_memory = MOST_MEMORY;
    if (memory > 0 && memory / config->workers < MOST_MEMORY)
        config->worker_memory = memory / config->workers;
    if (config->worker_memory < LEAST_MEMORY)
        config->worker_memory = LEAST_MEMORY;
}

/* What does not go together. */
static int check(const struct config *config, struct config_error *error)
{
    if (config->body_max > config->scratch_max)
        return config_fail(error, "KFERRY_BODY_MAX is more than all of KFERRY_SCRATCH_MAX");
    if ((config->tls_cert[0] == '\0') != (config->tls_key[0] == '\0'))
        return config_fail(error,
                           "KFERRY_TLS_CERT and KFERRY_TLS_KEY go together: one alone is no use");
    if (config->tls_cert[0] != '\0' && strncmp(config->listen, "unix:", 5) == 0)
        return config_fail(error,
                           "KFERRY_TLS_CERT is for the network, KFERRY_LISTEN is a Unix socket");
    if (strncmp(config->listen, "systemd", 7) == 0 &&
        strcmp(config->listen, config->admin_listen) == 0)
        return config_fail(error, "KFERRY_LISTEN and KFERRY_ADMIN_LISTEN are the same socket");
    return 0;
}

int config_load(struct config *config, int argc, char *const *argv, char *const *environment,
                struct config_error *error)
{
    char path[PATH_MAX];

    KF_TRY(load(config, "", argc, argv, environment, error));
    snprintf(path, sizeof path, "%s", config->config);
    if (path[0] != '\0') {
        config_finish(config);
        KF_TRY(load(config, path, argc, argv, environment, error));
    }
    settle(config);
    return check(config, error);
}

void config_finish(struct config *config)
{
    const struct config_row *row;

    for (size_t i = 0; (row = config_row_at(i)); i++)
        if (config_row_is_text(row))
            free(*(char **)((char *)config + row->offset));
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

/* On the command line sizes and time are the user's affair. */
struct remote_settings config_remote(const struct config *config, bool own)
{
    return (struct remote_settings){
        .own = own,
        .urls = (enum remote_urls)config->urls,
        .allow_hosts = config->ssrf_allow_hosts,
        .allow_cidrs = config->ssrf_allow_cidrs,
        .proxy = config->fetch_proxy,
        .file_roots = config->file_roots,
        .s3_endpoint = config->s3_endpoint,
        .s3_region = config->s3_region,
        .s3_ca = config->s3_ca,
        .s3_anonymous = config->s3_anonymous,
        .s3_read = config->s3_read_buckets,
        .s3_write = config->s3_write_buckets,
        .s3_style = (enum remote_style)config->s3_path_style,
        .uploads = "",
        .webhook_secret_file = config->webhook_secret_file,
        .source_max = own ? 0 : config->source_max,
        .rate_min = config->fetch_rate_min,
        .timeout_s = own ? 0 : config->fetch_timeout,
        .part = config->s3_part,
    };
}
