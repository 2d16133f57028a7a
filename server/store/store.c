/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "store.h"
#include "db.h"
#include "store_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How often a key's job may be deleted just when it comes again. */
#define ADD_TRIES 3

static const char *const states[] = {
    [STATE_QUEUED] = "queued", [STATE_RUNNING] = "running",     [STATE_SUCCEEDED] = "succeeded",
    [STATE_FAILED] = "failed", [STATE_CANCELLED] = "cancelled",
};

const char *job_state_name(enum job_state state)
{
    return states[state];
}

int job_state_of(const char *name)
{
    for (int i = 0; i < JOB_STATES; i++)
        if (name && strcmp(states[i], name) == 0)
            return i;
    return -1;
}

void stored_finish(struct stored *job)
{
    json_decref(job->facts);
    json_decref(job->progress);
    json_decref(job->result);
    *job = (struct stored){0};
}

static void copy(char *to, size_t max, const char *from)
{
    snprintf(to, max, "%s", from ? from : "");
}

static json_t *json_of(const char *text)
{
    return text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
}

static int read_row(const struct db_row *row, struct stored *out)
{
    int state = job_state_of(db_text(row, 3));

    *out = (struct stored){.state = state < 0 ? STATE_FAILED : (enum job_state)state};
    copy(out->id, sizeof out->id, db_text(row, 0));
    copy(out->owner, sizeof out->owner, db_text(row, 1));
    copy(out->principal, sizeof out->principal, db_text(row, 2));
    out->attempt = db_number(row, 4);
    out->revision = db_number(row, 5);
    out->created = db_number(row, 6);
    out->started = db_number(row, 7);
    out->finished = db_number(row, 8);
    out->expires = db_number(row, 9);
    out->bytes = db_number(row, 10);
    out->cancel = db_number(row, 11) != 0;
    out->evicted = db_number(row, 12) != 0;
    out->facts = json_of(db_text(row, 13));
    out->progress = json_of(db_text(row, 14));
    out->result = json_of(db_text(row, 15));
    return out->facts ? 0 : -1;
}

static int take_row(const struct db_row *row, void *context)
{
    return read_row(row, context);
}

/* What a statement says of its one row: 1, 0 or -1. */
static int one(int64_t n)
{
    return n > 0 ? 1 : (int)n;
}

/* The job that a key stands for, and whether it was asked for by the same request. */
struct replay {
    const char *print;
    char *same;
    bool is_same;
};

static int take_replay(const struct db_row *row, void *context)
{
    struct replay *replay = context;
    const char *print = db_text(row, 1);

    copy(replay->same, ID_SIZE, db_text(row, 0));
    replay->is_same = print && strcmp(print, replay->print) == 0;
    return 0;
}

/* What stands in the way of a new job; STORE_ADDED when that has gone meanwhile. */
static enum store_added find_replay(struct store *store, const struct store_new *job,
                                    char same[ID_SIZE])
{
    static const char sql[] =
        "SELECT id, fingerprint FROM kferry_jobs WHERE principal = $1 AND idem_key = $2";
    const struct db_value values[] = {DB_TEXT(job->principal), DB_TEXT(job->key)};
    struct replay replay = {.print = job->print, .same = same};
    int64_t n = db_run(store->db, sql, values, 2, take_replay, &replay);

    if (n <= 0)
        return n < 0 ? STORE_FAILED : STORE_ADDED;
    return replay.is_same ? STORE_REPLAY : STORE_CONFLICT;
}

/* 1, 0 when there is one already, -1. */
static int insert(struct store *store, const struct store_new *job, const char *facts)
{
    static const char sql[] =
        "INSERT INTO kferry_jobs (id, principal, client, state, idem_key, fingerprint, bytes, "
        "facts, created, touched) VALUES ($1, $2, $3, 'queued', $4, $5, $6, $7, kferry_now(), "
        "kferry_now()) ON CONFLICT DO NOTHING";
    const struct db_value values[] = {
        DB_TEXT(job->id),    DB_TEXT(job->principal), DB_TEXT(job->client), DB_TEXT(job->key),
        DB_TEXT(job->print), DB_NUMBER(job->bytes),   DB_TEXT(facts)};

    return one(db_run(store->db, sql, values, 7, NULL, NULL));
}

/* The job of a key may be deleted between the two questions: then the way is free. */
enum store_added store_add(struct store *store, const struct store_new *job, char same[ID_SIZE])
{
    char *facts = json_dumps(job->facts, JSON_COMPACT);
    enum store_added added = STORE_ADDED;
    int n = facts ? 0 : -1;

    for (int i = 0; n == 0 && added == STORE_ADDED && i < ADD_TRIES; i++) {
        copy(same, ID_SIZE, job->id);
        n = insert(store, job, facts);
        if (n == 0)
            added = find_replay(store, job, same);
    }
    free(facts);
    return n < 0 || (n == 0 && added == STORE_ADDED) ? STORE_FAILED : added;
}

bool store_has_key(struct store *store, const char *principal, const char *key)
{
    static const char sql[] = "SELECT id FROM kferry_jobs WHERE principal = $1 AND idem_key = $2";
    const struct db_value values[] = {DB_TEXT(principal), DB_TEXT(key)};

    return db_run(store->db, sql, values, 2, NULL, NULL) > 0;
}

struct look {
    int state;
    int64_t attempt;
};

static int take_look(const struct db_row *row, void *context)
{
    struct look *look = context;

    look->state = job_state_of(db_text(row, 0));
    look->attempt = db_number(row, 1);
    return look->state;
}

int store_look(struct store *store, const char *id, enum job_state *state, int64_t *attempt)
{
    static const char sql[] = "SELECT state, attempt FROM kferry_jobs WHERE id = $1";
    const struct db_value values[] = {DB_TEXT(id)};
    struct look look = {0};
    int64_t n = db_run(store->db, sql, values, 1, take_look, &look);

    *state = (enum job_state)look.state;
    *attempt = look.attempt;
    return one(n);
}

int store_get(struct store *store, const char *id, const char *principal, struct stored *out)
{
    static const char sql[] =
        "SELECT " STORE_COLUMNS " FROM kferry_jobs WHERE id = $1 AND principal = $2";
    const struct db_value values[] = {DB_TEXT(id), DB_TEXT(principal)};
    int64_t n;

    *out = (struct stored){0};
    n = db_run(store->db, sql, values, 2, take_row, out);
    if (n <= 0)
        stored_finish(out);
    return one(n);
}

struct list {
    struct stored *out;
    size_t n;
};

static int take_listed(const struct db_row *row, void *context)
{
    struct list *list = context;

    return read_row(row, &list->out[list->n++]);
}

int store_list(struct store *store, const char *principal, int state, const char *after,
               struct stored *out, size_t max)
{
    static const char sql[] =
        "SELECT " STORE_COLUMNS " FROM kferry_jobs WHERE principal = $1 AND ($2 = '' OR state = $2)"
        " AND ($3 = '' OR id < $3) ORDER BY id DESC LIMIT CAST($4 AS bigint)";
    const struct db_value values[] = {DB_TEXT(principal), DB_TEXT(state < 0 ? "" : states[state]),
                                      DB_TEXT(after), DB_NUMBER(max)};
    struct list list = {out, 0};
    int64_t n = db_run(store->db, sql, values, 4, take_listed, &list);

    for (size_t i = 0; n < 0 && i < list.n; i++)
        stored_finish(&out[i]);
    return (int)n;
}

/* Nobody else gets a row that one replica looks at: PostgreSQL skips it, SQLite has one writer. */
#define CLAIM(lock)                                                                                \
    "UPDATE kferry_jobs SET state = 'running', owner = $1, attempt = attempt + 1, "                \
    "lease = kferry_now() + CAST($2 AS bigint), started = kferry_now(), touched = kferry_now(), "  \
    "revision = revision + 1 WHERE id = (SELECT j.id FROM kferry_jobs j WHERE j.state = 'queued' " \
    "ORDER BY coalesce((SELECT max(r.started) FROM kferry_jobs r WHERE r.client = j.client), 0), " \
    "j.id LIMIT 1" lock ") AND state = 'queued' RETURNING " STORE_COLUMNS

int store_claim(struct store *store, const char *owner, int64_t lease_ms, struct stored *out)
{
    static const char *const sql[] = {
        [DB_SQLITE] = CLAIM(""),
        [DB_POSTGRES] = CLAIM(" FOR UPDATE OF j SKIP LOCKED"),
    };
    const struct db_value values[] = {DB_TEXT(owner), DB_NUMBER(lease_ms)};
    int64_t n;

    *out = (struct stored){0};
    n = db_run(store->db, sql[db_kind(store->db)], values, 2, take_row, out);
    if (n <= 0)
        stored_finish(out);
    return one(n);
}

/* The condition of all who run a job: $1, $2 and $3 are its id, owner and attempt. */
#define HELD             "id = $1 AND owner = $2 AND attempt = CAST($3 AS bigint) AND state = 'running'"
#define HELD_VALUES(job) DB_TEXT((job)->id), DB_TEXT((job)->owner), DB_NUMBER((job)->attempt)

static int take_flag(const struct db_row *row, void *context)
{
    *(bool *)context = db_number(row, 0) != 0;
    return 0;
}

int store_renew(struct store *store, const struct stored *job, const json_t *progress,
                int64_t lease_ms, bool *cancel)
{
    static const char sql[] =
        "UPDATE kferry_jobs SET lease = kferry_now() + CAST($4 AS bigint), "
        "revision = revision + CASE WHEN progress = $5 OR $5 IS NULL THEN 0 ELSE 1 END, "
        "touched = CASE WHEN progress = $5 OR $5 IS NULL THEN touched ELSE kferry_now() END, "
        "progress = coalesce($5, progress) WHERE " HELD " RETURNING cancel";
    char *text = progress ? json_dumps(progress, JSON_COMPACT) : NULL;
    const struct db_value values[] = {HELD_VALUES(job), DB_NUMBER(lease_ms), DB_TEXT(text)};
    int64_t n = db_run(store->db, sql, values, 5, take_flag, cancel);

    free(text);
    return one(n);
}

/* A statement that reached the database may have been done although its answer was lost. */
static int was_done(struct store *store, const struct stored *job, enum job_state state)
{
    static const char sql[] = "SELECT id FROM kferry_jobs WHERE id = $1 AND owner = $2 AND attempt "
                              "= CAST($3 AS bigint) AND state = $4";
    const struct db_value values[] = {HELD_VALUES(job), DB_TEXT(states[state])};

    return one(db_run(store->db, sql, values, 4, NULL, NULL));
}

int store_end(struct store *store, const struct stored *job, const struct store_end *end)
{
    static const char sql[] =
        "UPDATE kferry_jobs SET state = $4, result = $5, bytes = $6, finished = kferry_now(), "
        "expires = kferry_now() + CAST($7 AS bigint), touched = kferry_now(), "
        "progress = coalesce($8, progress), revision = revision + 1 WHERE " HELD;
    char *result = json_dumps(end->result, JSON_COMPACT);
    char *progress = end->progress ? json_dumps(end->progress, JSON_COMPACT) : NULL;
    const struct db_value values[] = {HELD_VALUES(job),       DB_TEXT(states[end->state]),
                                      DB_TEXT(result),        DB_NUMBER(end->bytes),
                                      DB_NUMBER(end->ttl_ms), DB_TEXT(progress)};
    int64_t n = result ? db_run(store->db, sql, values, 8, NULL, NULL) : -1;

    free(result);
    free(progress);
    return n == 0 ? was_done(store, job, end->state) : one(n);
}

int store_release(struct store *store, const struct stored *job, bool failed)
{
    static const char sql[] =
        "UPDATE kferry_jobs SET state = 'queued', owner = NULL, lease = NULL, progress = NULL, "
        "lost = lost + CAST($4 AS bigint), touched = kferry_now(), revision = revision + 1 "
        "WHERE " HELD " AND cancel = 0 AND lost + CAST($4 AS bigint) < CAST($5 AS bigint)";
    const struct db_value values[] = {HELD_VALUES(job), DB_NUMBER(failed),
                                      DB_NUMBER(STORE_LOST_MAX)};

    return one(db_run(store->db, sql, values, 5, NULL, NULL));
}

int store_cancel(struct store *store, const char *id, const char *principal, int64_t ttl_ms,
                 bool *ended_out)
{
    static const char sql[] =
        "UPDATE kferry_jobs SET cancel = 1, touched = kferry_now(), revision = revision + 1, "
        "finished = CASE WHEN state = 'queued' THEN kferry_now() END, "
        "expires = CASE WHEN state = 'queued' THEN kferry_now() + CAST($3 AS bigint) END, "
        "bytes = CASE WHEN state = 'queued' THEN 0 ELSE bytes END, "
        "state = CASE WHEN state = 'queued' THEN 'cancelled' ELSE state END "
        "WHERE id = $1 AND principal = $2 AND state IN ('queued', 'running') "
        "RETURNING CASE WHEN state = 'cancelled' THEN 1 ELSE 0 END";
    const struct db_value values[] = {DB_TEXT(id), DB_TEXT(principal), DB_NUMBER(ttl_ms)};

    *ended_out = false;
    return one(db_run(store->db, sql, values, 3, take_flag, ended_out));
}

int store_delete(struct store *store, const char *id, const char *principal, bool *running_out)
{
    static const char sql[] = "DELETE FROM kferry_jobs WHERE id = $1 AND principal = $2 "
                              "RETURNING CASE WHEN state = 'running' THEN 1 ELSE 0 END";
    const struct db_value values[] = {DB_TEXT(id), DB_TEXT(principal)};

    *running_out = false;
    return one(db_run(store->db, sql, values, 2, take_flag, running_out));
}
