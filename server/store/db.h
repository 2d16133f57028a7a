/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_DB_H
#define KF_SERVER_DB_H

#include "auto.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A database that runs one statement at a time, each of which is a transaction of its own; SQLite
 * or PostgreSQL. From any thread.
 *
 * Statements are written in what both understand; parameters are $1, $2, ... and kferry_now() is
 * the database's own clock in ms since 1970, the only one that replicas agree on.
 */
struct db;

/* A parameter: a text, or a number when `text` is NULL and `null` is not set. */
struct db_value {
    const char *text;
    int64_t number;
    bool null;
};
#define DB_TEXT(value)   ((struct db_value){.text = (value), .null = !(value)})
#define DB_NUMBER(value) ((struct db_value){.number = (int64_t)(value)})

struct db_row;
/** Column of the row that is looked at; NULL or 0 where it holds none. Valid in the callback. */
const char *db_text(const struct db_row *row, int column);
int64_t db_number(const struct db_row *row, int column);

/* Takes one row; negative stops with that result. */
typedef int (*db_on_row)(const struct db_row *row, void *context);

enum db_kind { DB_SQLITE, DB_POSTGRES };

/**
 * Open "postgres://..." or the SQLite file at `path`.
 *
 * `error` gets one sentence when it returns NULL; it holds no password.
 */
struct db *db_open(enum db_kind kind, const char *where, char *error, size_t error_max);
void db_close(struct db *db);

static inline void db_destroy(struct db *db)
{
    db_close(db);
}
KF_DEFINE_AUTO(db)

enum db_kind db_kind(const struct db *db);

/** Make the connection again, should it be broken; takes as long as that takes. */
void db_repair(struct db *db);

/**
 * Run one statement; `take` (may be NULL) is called for each row that it returns.
 *
 * Outcomes: rows returned, or changed when it returns none; -1 when the database failed (logged),
 * is away or busy for others for too long, or `take` stopped.
 */
int64_t db_run(struct db *db, const char *sql, const struct db_value *values, size_t n_values,
               db_on_row take, void *context);

/* What the two drivers are made of; `text` and `number` look at the current row. */
struct db_driver {
    void *(*open)(const char *where, char *error, size_t error_max);
    void (*close)(void *state);
    void *(*replace)(const void *state); /* what is to be taken instead, NULL to stay; unlocked */
    int64_t (*run)(void *state, const char *sql, const struct db_value *values, size_t n_values,
                   db_on_row take, void *context);
    const char *(*text)(const void *row, int column);
};

/* The current row of either driver. */
struct db_row {
    const struct db_driver *driver;
    const void *row;
};

extern const struct db_driver db_sqlite, db_postgres;

#endif
