/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "db.h"
#include "../clock.h"
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define LOCK_S 5

struct db {
    pthread_mutex_t lock; /* one statement at a time */
    enum db_kind kind;
    const struct db_driver *driver;
    void *state;
};

static const struct db_driver *const drivers[] = {
    [DB_SQLITE] = &db_sqlite,
    [DB_POSTGRES] = &db_postgres,
};

struct db *db_open(enum db_kind kind, const char *where, char *error, size_t error_max)
{
    struct db *db = calloc(1, sizeof *db);

    if (!db)
        return NULL;
    db->kind = kind;
    db->driver = drivers[kind];
    db->state = db->driver->open(where, error, error_max);
    if (!db->state) {
        free(db);
        return NULL;
    }
    pthread_mutex_init(&db->lock, NULL);
    return db;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    db->driver->close(db->state);
    pthread_mutex_destroy(&db->lock);
    free(db);
}

enum db_kind db_kind(const struct db *db)
{
    return db->kind;
}

void db_repair(struct db *db)
{
    void *fresh, *old = NULL;

    if (!db->driver->replace)
        return;
    fresh = db->driver->replace(db->state);
    if (!fresh)
        return;
    pthread_mutex_lock(&db->lock);
    old = db->state;
    db->state = fresh;
    pthread_mutex_unlock(&db->lock);
    db->driver->close(old);
}

#ifdef KF_SANITIZED /* ThreadSanitizer of GCC 12 does not see that the other one locks */
static bool lock(struct db *db)
{
    return pthread_mutex_lock(&db->lock) == 0;
}
#else
/* Whoever answers a client does not wait for a database that hangs. */
static bool lock(struct db *db)
{
    const struct timespec t = clock_after(LOCK_S * 1000);

    return pthread_mutex_clocklock(&db->lock, CLOCK_MONOTONIC, &t) == 0;
}
#endif

int64_t db_run(struct db *db, const char *sql, const struct db_value *values, size_t n_values,
               db_on_row take, void *context)
{
    int64_t n;

    if (!lock(db))
        return -1;
    n = db->driver->run(db->state, sql, values, n_values, take, context);
    pthread_mutex_unlock(&db->lock);
    return n;
}

const char *db_text(const struct db_row *row, int column)
{
    return row->driver->text(row->row, column);
}

int64_t db_number(const struct db_row *row, int column)
{
    const char *text = db_text(row, column);

    return text ? strtoll(text, NULL, 10) : 0;
}
