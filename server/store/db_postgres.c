/* SPDX-License-Identifier: Apache-2.0 */
#include "../log.h"
#include "db.h"
#include <libpq-fe.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUES_MAX 24

struct connection {
    PGconn *pg;
    _Atomic bool broken; /* statements fail until it is replaced */
    char where[];        /* NUL-terminated */
};

/* What libpq is to use unless the address says otherwise: nothing may wait for ever. */
static PGconn *connect_to(const char *where)
{
    static const char *const names[] = {"connect_timeout",
                                        "keepalives_idle",
                                        "tcp_user_timeout",
                                        "application_name",
                                        "options",
                                        "dbname",
                                        NULL};
    const char *const values[] = {
        "5",   "10", "10000", "kferry", "-c statement_timeout=10000 -c lock_timeout=10000",
        where, NULL};

    return PQconnectdbParams(names, values, 1);
}

/* libpq ends its sentences with a line break; its messages hold no password. */
static void say(char *to, size_t max, const char *message)
{
    int n = (int)strcspn(message, "\n");

    snprintf(to, max, "PostgreSQL: %.*s", n, message);
}

static void on_notice(void *context, const char *message)
{
    char text[512];

    (void)context;
    say(text, sizeof text, message);
    log_event(LOG_DEBUG, "store", NULL, "%s", text);
}

static void *open_connection(const char *where, char *error, size_t error_max)
{
    size_t n = strlen(where) + 1;
    struct connection *c = calloc(1, sizeof *c + n);

    if (!c)
        return NULL;
    memcpy(c->where, where, n);
    c->pg = connect_to(where);
    if (PQstatus(c->pg) == CONNECTION_OK) {
        PQsetNoticeProcessor(c->pg, on_notice, NULL);
        return c;
    }
    say(error, error_max, PQerrorMessage(c->pg));
    PQfinish(c->pg);
    free(c);
    return NULL;
}

/* A connection that broke is made again; the statement that it broke in is not repeated. */
static void *replace(const void *state)
{
    const struct connection *c = state;
    char error[512];

    return atomic_load(&c->broken) ? open_connection(c->where, error, sizeof error) : NULL;
}

static void close_connection(void *state)
{
    struct connection *c = state;

    PQfinish(c->pg);
    free(c);
}

struct position {
    const PGresult *result;
    int row;
};

static const char *column_text(const void *row, int column)
{
    const struct position *at = row;

    return PQgetisnull(at->result, at->row, column) ? NULL
                                                    : PQgetvalue(at->result, at->row, column);
}

static int64_t fail(struct connection *c)
{
    char text[512];

    say(text, sizeof text, PQerrorMessage(c->pg));
    log_event(LOG_ERROR, "store-failed", NULL, "%s", text);
    if (PQstatus(c->pg) != CONNECTION_OK)
        atomic_store(&c->broken, true);
    return -1;
}

static int64_t take_rows(const PGresult *result, db_on_row take, void *context)
{
    struct position at = {result, 0};
    const struct db_row row = {&db_postgres, &at};
    int n = PQntuples(result), taken = 0;

    for (; take && taken >= 0 && at.row < n; at.row++)
        taken = take(&row, context);
    return taken < 0 ? taken : n;
}

static int64_t run(void *state, const char *sql, const struct db_value *values, size_t n_values,
                   db_on_row take, void *context)
{
    struct connection *c = state;
    const char *texts[VALUES_MAX];
    char numbers[VALUES_MAX][24];
    PGresult *result;
    int64_t n;

    if (n_values > VALUES_MAX || atomic_load(&c->broken))
        return -1;
    for (size_t i = 0; i < n_values; i++) {
        snprintf(numbers[i], sizeof numbers[i], "%lld", (long long)values[i].number);
        texts[i] = values[i].null ? NULL : values[i].text ? values[i].text : numbers[i];
    }
    result = PQexecParams(c->pg, sql, (int)n_values, NULL, texts, NULL, NULL, 0);
    switch (PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
        n = take_rows(result, take, context);
        break;
    case PGRES_COMMAND_OK:
        n = strtoll(PQcmdTuples(result), NULL, 10);
        break;
    default:
        n = fail(c);
        break;
    }
    PQclear(result);
    return n;
}

const struct db_driver db_postgres = {open_connection, close_connection, replace, run, column_text};
