/* SPDX-License-Identifier: Apache-2.0 */
#include "../log.h"
#include "db.h"
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Another process has the file: its statements take milliseconds. */
#define BUSY_MS 10000

/* kferry_now(): SQLite has milliseconds only since 3.42. */
static void sql_now(sqlite3_context *context, int n, sqlite3_value **values)
{
    struct timespec t;

    (void)n;
    (void)values;
    clock_gettime(CLOCK_REALTIME, &t);
    sqlite3_result_int64(context, (sqlite3_int64)t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

/*
 * WAL, so that readers and the one writer do not wait for each other; FULL, so that what was
 * accepted is on the disk before the client hears of it.
 */
static bool set_up(sqlite3 *db)
{
    static const char pragmas[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
                                  "PRAGMA journal_size_limit=67108864; PRAGMA temp_store=MEMORY;";

    sqlite3_busy_timeout(db, BUSY_MS);
    sqlite3_extended_result_codes(db, 1);
    return sqlite3_exec(db, pragmas, NULL, NULL, NULL) == SQLITE_OK &&
           sqlite3_create_function_v2(db, "kferry_now", 0, SQLITE_UTF8, NULL, sql_now, NULL, NULL,
                                      NULL) == SQLITE_OK;
}

static void *open_file(const char *path, char *error, size_t error_max)
{
    const int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
    sqlite3 *db = NULL;

    if (sqlite3_open_v2(path, &db, flags, NULL) == SQLITE_OK && set_up(db))
        return db;
    snprintf(error, error_max, "%s: %s", path, db ? sqlite3_errmsg(db) : "out of memory");
    sqlite3_close(db);
    return NULL;
}

static void close_file(void *state)
{
    sqlite3_close(state);
}

static const char *column_text(const void *row, int column)
{
    /* sqlite3 takes no const, and changes at most the form of the value */
    return (const char *)sqlite3_column_text((sqlite3_stmt *)(uintptr_t)row, column);
}

static int bind(sqlite3_stmt *stmt, const struct db_value *values, size_t n)
{
    int bad = 0;

    for (size_t i = 0; i < n; i++) {
        char name[24];
        int at;

        snprintf(name, sizeof name, "$%zu", i + 1);
        at = sqlite3_bind_parameter_index(stmt, name);
        if (at == 0)
            continue; /* the statement does not use it */
        if (values[i].null)
            bad |= sqlite3_bind_null(stmt, at);
        else if (values[i].text)
            bad |= sqlite3_bind_text(stmt, at, values[i].text, -1, SQLITE_STATIC);
        else
            bad |= sqlite3_bind_int64(stmt, at, values[i].number);
    }
    return bad;
}

/* Every row is stepped to, also when nobody takes it: only then the change is made. */
static int64_t step(sqlite3 *db, sqlite3_stmt *stmt, db_on_row take, void *context)
{
    const struct db_row row = {&db_sqlite, stmt};
    int64_t n = 0;
    int status, taken = 0;

    while ((status = sqlite3_step(stmt)) == SQLITE_ROW) {
        n++;
        if (take && taken >= 0)
            taken = take(&row, context);
    }
    if (status != SQLITE_DONE) {
        log_event(LOG_ERROR, "store-failed", NULL, "SQLite: %s", sqlite3_errmsg(db));
        return -1;
    }
    if (taken < 0)
        return taken;
    return n > 0 || sqlite3_stmt_readonly(stmt) ? n : sqlite3_changes(db);
}

static int64_t run(void *state, const char *sql, const struct db_value *values, size_t n_values,
                   db_on_row take, void *context)
{
    sqlite3_stmt *stmt = NULL;
    int64_t n = -1;

    if (sqlite3_prepare_v2(state, sql, -1, &stmt, NULL) == SQLITE_OK &&
        bind(stmt, values, n_values) == 0)
        n = step(state, stmt, take, context);
    else
        log_event(LOG_ERROR, "store-failed", NULL, "SQLite: %s", sqlite3_errmsg(state));
    sqlite3_finalize(stmt);
    return n;
}

const struct db_driver db_sqlite = {open_file, close_file, NULL, run, column_text};
