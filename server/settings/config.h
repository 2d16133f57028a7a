/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_CONFIG_H
#define KF_SERVER_CONFIG_H

#include "../jobs/job.h"
#include "../log.h"
#include "../remote/remote.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a setting's value is from; the later go before the earlier. */
enum config_source { SOURCE_DEFAULT, SOURCE_FILE, SOURCE_ENVIRONMENT, SOURCE_FLAG };

#define CONFIG_ROWS_MAX 96

/*
 * How the service is set up: one table, config.def, gives each member its environment name, flag,
 * key in the file, default, bounds and help.
 */
struct config {
    char *config;       /* path of a file of settings; "" for none */
    char *listen;       /* "host:port" or "unix:/path?mode=0660" */
    char *admin_listen; /* the same for the admin listener; "" for none */
    char *scratch_dir;  /* where job folders are made */
    uint64_t workers;   /* jobs at once */
    uint64_t queue_max; /* jobs that may wait */
    uint64_t connections_max, client_connections_max;
    uint64_t body_max;        /* bytes */
    uint64_t scratch_max;     /* bytes of all jobs together */
    uint64_t worker_memory;   /* bytes of address space */
    uint64_t job_timeout;     /* seconds */
    uint64_t drain_timeout;   /* seconds */
    uint64_t upload_idle;     /* seconds without a byte of the body */
    uint64_t upload_rate_min; /* bytes a second, 0 for none */
    uint64_t header_timeout;  /* seconds */
    uint64_t report_ttl;      /* seconds that GET /v1/reports/{id} answers */
    uint64_t stall_timeout;   /* seconds, 0 for none */
    uint64_t queue_timeout;   /* seconds */
    char *store;              /* "sqlite" or "postgres://..." */
    char *data;               /* folder of jobs, "" for "data" in scratch_dir */
    uint64_t data_max;        /* bytes */
    uint64_t jobs_max;
    uint64_t client_jobs_max, client_bytes_max, client_requests_max; /* 0 for none */
    uint64_t job_ttl;                                                /* seconds */
    uint64_t lease;                                                  /* seconds */
    uint64_t sandbox;                                                /* enum sandbox_mode */
    uint64_t log_level;                                              /* enum log_level */
    uint64_t auth;                                                   /* enum auth_mode */
    char *keys_file;                                                 /* "" for none */
    char *proxy_header, *proxy_from;
    uint64_t urls; /* enum remote_urls */
    char *ssrf_allow_hosts, *ssrf_allow_cidrs, *fetch_proxy, *file_roots;
    uint64_t source_max;     /* bytes */
    uint64_t fetch_timeout;  /* seconds */
    uint64_t fetch_rate_min; /* bytes a second, 0 for none */
    char *s3_endpoint, *s3_region, *s3_ca, *s3_read_buckets, *s3_write_buckets;
    uint64_t s3_path_style; /* enum remote_style */
    uint64_t s3_part;       /* bytes */
    bool s3_anonymous;
    char *webhook_secret_file;
    char *tls_cert, *tls_key; /* PEM files; "" for none */
    bool allow_unauthenticated;
    uint64_t container_memory;        /* bytes that cgroup v2 leaves to workers; 0: no limit */
    uint8_t sources[CONFIG_ROWS_MAX]; /* enum config_source of each row */
};

/* Why the configuration does not hold: one sentence. */
struct config_error {
    char text[512];
};

/**
 * Read flags ("--workers 4", "--workers=4"), the environment (KFERRY_WORKERS=4) and the file that
 * one of them names ({"workers": 4}). Of a secret, KFERRY_X_FILE names a file that holds it.
 *
 * `argv` holds the flags only. An unknown flag, KFERRY_ name or key of the file is an error, with
 * the nearest name. 0, or -1 with `error`; `config` is to be finished in both cases.
 */
int config_load(struct config *config, int argc, char *const *argv, char *const *environment,
                struct config_error *error);
void config_finish(struct config *config);

/** Limits of one job's worker. */
struct job_limits config_job_limits(const struct config *config);

/** What is far away, for the service; `own` for the command line. Borrows from `config`. */
struct remote_settings config_remote(const struct config *config, bool own);

/** Row `index` for help texts; false past the end. */
bool config_describe(size_t index, const char **name, const char **value, const char **help);

/** What holds and where it is from, with secrets masked: a member for each setting. New. */
json_t *config_show(const struct config *config);

/** The table of settings in Markdown, to standard output. */
void config_print_docs(void);

#endif
