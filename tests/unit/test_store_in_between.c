/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/store/store.h"
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What others do between two statements of the store; triggers of SQLite stand in for them. */
static char folder[] = "/tmp/kferry-store-XXXXXX", file[64];

static void run_sql(const char *sql)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static enum store_added add(struct store *store, const char *id)
{
    json_t *facts = json_object();
    const struct store_new job = {
        .id = id, .principal = "", .client = "c", .key = "key", .print = "print", .facts = facts};
    char same[ID_SIZE];
    enum store_added added = store_add(store, &job, same);

    json_decref(facts);
    return added;
}

/* The first row is not made, as if another had its key; and none is found that has it. */
static void a_key_whose_job_is_deleted_meanwhile_is_free(void **state)
{
    char error[512];
    struct store *store;
    struct stored job;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/jobs.db", folder);
    assert_non_null(store = store_open(file, error, sizeof error));
    run_sql("CREATE TABLE once (n); "
            "CREATE TRIGGER in_the_way BEFORE INSERT ON kferry_jobs "
            "WHEN (SELECT count(*) FROM once) = 0 "
            "BEGIN INSERT INTO once VALUES (1); SELECT raise(IGNORE); END");
    assert_int_equal(add(store, "00000000-0000-7000-8000-000000000001"), STORE_ADDED);
    assert_int_equal(store_list(store, "", STATE_QUEUED, "", &job, 1), 1);
    stored_finish(&job);
    assert_int_equal(add(store, "00000000-0000-7000-8000-000000000002"), STORE_REPLAY);
    store_close(store);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_whose_job_is_deleted_meanwhile_is_free),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
