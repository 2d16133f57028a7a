/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "db.h"
#include "store_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * What keeps the store in order: its tables, jobs whose owner is gone, what is over its time, and
 * what there is and has changed.
 */

/* A change may become visible a little after the time that it carries. */
#define OVERLAP_MS 2000

static const char table[] =
    "CREATE TABLE IF NOT EXISTS kferry_jobs ("
    "id text PRIMARY KEY, principal text NOT NULL, client text NOT NULL, state text NOT NULL, "
    "owner text, lease bigint, attempt bigint NOT NULL DEFAULT 0, lost bigint NOT NULL DEFAULT 0, "
    "cancel bigint NOT NULL DEFAULT 0, evicted bigint NOT NULL DEFAULT 0, "
    "revision bigint NOT NULL DEFAULT 1, touched bigint NOT NULL, created bigint NOT NULL, "
    "started bigint, finished bigint, expires bigint, bytes bigint NOT NULL, "
    "idem_key text, fingerprint text, facts text NOT NULL, progress text, result text)";

/* In the order in which releases added to it: the number of steps done is its version. */
static const char *const steps[] = {
    table,
    "CREATE UNIQUE INDEX IF NOT EXISTS kferry_jobs_key ON kferry_jobs (principal, idem_key)",
    "CREATE INDEX IF NOT EXISTS kferry_jobs_state ON kferry_jobs (state, id)",
    "CREATE INDEX IF NOT EXISTS kferry_jobs_counted ON kferry_jobs (state, bytes, created)",
    "CREATE INDEX IF NOT EXISTS kferry_jobs_oldest ON kferry_jobs (state, finished)",
    "CREATE INDEX IF NOT EXISTS kferry_jobs_client ON kferry_jobs (client, started)",
    "CREATE INDEX IF NOT EXISTS kferry_jobs_touched ON kferry_jobs (touched)",
    "CREATE INDEX IF NOT EXISTS kferry_jobs_expires ON kferry_jobs (expires)",
    "CREATE INDEX IF NOT EXISTS kferry_jobs_listed ON kferry_jobs (principal, id)",
};
#define N_STEPS ((int64_t)(sizeof steps / sizeof steps[0]))

/* SQLite gets the function from its driver. Replicas that start together make it one by one. */
static const char postgres_lock[] = "SELECT pg_advisory_lock(5534771)";
static const char postgres_unlock[] = "SELECT pg_advisory_unlock(5534771)";
static const char postgres_now[] =
    "CREATE OR REPLACE FUNCTION kferry_now() RETURNS bigint LANGUAGE sql VOLATILE AS "
    "$$SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint$$";

static int take_number(const struct db_row *row, void *context)
{
    *(int64_t *)context = db_number(row, 0);
    return 0;
}

static int run(struct store *store, const char *sql)
{
    return db_run(store->db, sql, NULL, 0, NULL, NULL) < 0 ? -1 : 0;
}

static int64_t version_of(struct store *store)
{
    int64_t version = 0;

    KF_TRY(run(store, "CREATE TABLE IF NOT EXISTS kferry_schema (version bigint NOT NULL)"));
    if (db_run(store->db, "SELECT coalesce(max(version), 0) FROM kferry_schema", NULL, 0,
               take_number, &version) < 0)
        return -1;
    return version;
}

static int take_steps(struct store *store, char *error, size_t error_max)
{
    int64_t version = version_of(store);

    if (version < 0)
        return -1;
    if (version > N_STEPS) {
        snprintf(error, error_max,
                 "its tables were made by a newer kferry (version %lld, this one knows %lld)",
                 (long long)version, (long long)N_STEPS);
        return -1;
    }
    for (; version < N_STEPS; version++) {
        const struct db_value values[] = {DB_NUMBER(version + 1)};

        KF_TRY(run(store, steps[version]));
        if (db_run(store->db, "INSERT INTO kferry_schema (version) VALUES ($1)", values, 1, NULL,
                   NULL) < 0)
            return -1;
    }
    return 0;
}

static int make_tables(struct store *store, char *error, size_t error_max)
{
    int status;

    if (!store_is_shared(store))
        return take_steps(store, error, error_max);
    KF_TRY(run(store, postgres_lock));
    status = run(store, postgres_now);
    if (status == 0)
        status = take_steps(store, error, error_max);
    run(store, postgres_unlock);
    return status;
}

bool store_is_address(const char *where)
{
    return strncmp(where, "postgres://", 11) == 0 || strncmp(where, "postgresql://", 13) == 0;
}

struct store *store_open(const char *where, char *error, size_t error_max)
{
    KF_AUTO(store) store = calloc(1, sizeof *store);

    snprintf(error, error_max, "its tables cannot be made");
    if (!store)
        return NULL;
    store->db = db_open(store_is_address(where) ? DB_POSTGRES : DB_SQLITE, where, error, error_max);
    return store->db && make_tables(store, error, error_max) == 0 ? store_take(&store) : NULL;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    db_close(store->db);
    free(store);
}

void store_repair(struct store *store)
{
    db_repair(store->db);
}

bool store_is_shared(const struct store *store)
{
    return db_kind(store->db) == DB_POSTGRES;
}

/* One statement, because SET sees the row as it was. A job whose end was asked for has ended. */
int64_t store_take_over(struct store *store, const char *owner, const json_t *result,
                        int64_t ttl_ms)
{
    static const char sql[] =
        "UPDATE kferry_jobs SET lost = lost + 1, owner = NULL, lease = NULL, progress = NULL, "
        "touched = kferry_now(), revision = revision + 1, "
        "finished = CASE WHEN cancel = 1 OR lost + 1 >= CAST($2 AS bigint) THEN kferry_now() END, "
        "expires = CASE WHEN cancel = 1 OR lost + 1 >= CAST($2 AS bigint) "
        "THEN kferry_now() + CAST($4 AS bigint) END, "
        "result = CASE WHEN cancel = 0 AND lost + 1 >= CAST($2 AS bigint) THEN $3 END, "
        "bytes = CASE WHEN cancel = 1 OR lost + 1 >= CAST($2 AS bigint) THEN 0 ELSE bytes END, "
        "state = CASE WHEN cancel = 1 THEN 'cancelled' WHEN lost + 1 >= CAST($2 AS bigint) "
        "THEN 'failed' ELSE 'queued' END "
        "WHERE state = 'running' AND (lease < kferry_now() OR owner = $1 OR $1 = '*')";
    char *text = json_dumps(result, JSON_COMPACT);
    const struct db_value values[] = {DB_TEXT(owner ? owner : ""), DB_NUMBER(STORE_LOST_MAX),
                                      DB_TEXT(text), DB_NUMBER(ttl_ms)};
    int64_t n = text ? db_run(store->db, sql, values, 4, NULL, NULL) : -1;

    free(text);
    return n;
}

struct dropping {
    store_drop drop;
    void *context;
};

static int take_dropped(const struct db_row *row, void *context)
{
    const struct dropping *dropping = context;

    dropping->drop(db_text(row, 0), dropping->context);
    return 0;
}

int64_t store_expire(struct store *store, store_drop drop, void *context)
{
    static const char sql[] = "DELETE FROM kferry_jobs WHERE id IN (SELECT id FROM kferry_jobs "
                              "WHERE expires < kferry_now() LIMIT 100) RETURNING id";
    struct dropping dropping = {drop, context};

    return db_run(store->db, sql, NULL, 0, take_dropped, &dropping);
}

int store_evict(struct store *store, store_drop drop, void *context)
{
    static const char sql[] =
        "UPDATE kferry_jobs SET evicted = 1, bytes = 0, touched = kferry_now(), "
        "revision = revision + 1 WHERE id = (SELECT id FROM kferry_jobs WHERE state = 'succeeded' "
        "AND evicted = 0 AND bytes > 0 ORDER BY finished LIMIT 1) AND evicted = 0 RETURNING id";
    struct dropping dropping = {drop, context};

    return (int)db_run(store->db, sql, NULL, 0, take_dropped, &dropping);
}

static int take_count(const struct db_row *row, void *context)
{
    struct store_counts *counts = context;
    int state = job_state_of(db_text(row, 0));

    if (state < 0)
        return 0;
    counts->jobs[state] = db_number(row, 1);
    counts->bytes += db_number(row, 2);
    if (!job_state_ended((enum job_state)state))
        counts->held += db_number(row, 2);
    if (state == STATE_QUEUED)
        counts->oldest_ms = db_number(row, 3);
    return 0;
}

int store_count(struct store *store, struct store_counts *out)
{
    static const char sql[] = "SELECT state, count(*), CAST(sum(bytes) AS bigint), "
                              "kferry_now() - min(created) FROM kferry_jobs GROUP BY state";

    *out = (struct store_counts){0};
    return db_run(store->db, sql, NULL, 0, take_count, out) < 0 ? -1 : 0;
}

int64_t store_waiting(struct store *store)
{
    static const char sql[] = "SELECT count(*) FROM kferry_jobs WHERE state = 'queued'";
    int64_t n = 0;

    return db_run(store->db, sql, NULL, 0, take_number, &n) < 0 ? -1 : n;
}

static int take_load(const struct db_row *row, void *context)
{
    struct store_load *load = context;

    load->jobs = db_number(row, 0);
    load->bytes = db_number(row, 1);
    return 0;
}

int store_of_client(struct store *store, const char *client, struct store_load *out)
{
    static const char sql[] = "SELECT count(*), CAST(coalesce(sum(bytes), 0) AS bigint) FROM "
                              "kferry_jobs WHERE client = $1 AND state IN ('queued', 'running')";
    const struct db_value values[] = {DB_TEXT(client)};

    *out = (struct store_load){0};
    return db_run(store->db, sql, values, 1, take_load, out) < 0 ? -1 : 0;
}

struct changes {
    store_changed take;
    void *context;
};

static int take_change(const struct db_row *row, void *context)
{
    const struct changes *changes = context;
    int state = job_state_of(db_text(row, 2));

    changes->take(db_text(row, 0), db_number(row, 1),
                  state < 0 || job_state_ended((enum job_state)state), changes->context);
    return 0;
}

int64_t store_changes(struct store *store, int64_t since, store_changed take, void *context)
{
    static const char sql[] =
        "SELECT id, revision, state FROM kferry_jobs WHERE touched >= CAST($1 AS bigint)";
    const struct db_value values[] = {DB_NUMBER(since)};
    struct changes changes = {take, context};
    int64_t now = 0;

    if (db_run(store->db, "SELECT kferry_now()", NULL, 0, take_number, &now) < 0)
        return -1;
    if (since > 0 && db_run(store->db, sql, values, 1, take_change, &changes) < 0)
        return -1;
    return now - OVERLAP_MS;
}
