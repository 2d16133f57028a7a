/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/store/store.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * The state machine of jobs: once on SQLite and, where KF_TEST_POSTGRES has the address of a
 * server, once more on PostgreSQL.
 */
#define LEASE 60000
#define TTL   60000

static struct store *store;
static unsigned serial;
static char folder[] = "/tmp/kferry-store-XXXXXX"; /* of the SQLite file that is open */

static int open_sqlite(void **state)
{
    char file[64], error[512] = "";

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/jobs.db", folder);
    store = store_open(file, error, sizeof error);
    if (!store)
        fail_msg("%s", error);
    return 0;
}

static void drop_nothing(const char *id, void *context)
{
    (void)id;
    (void)context;
}

static int open_postgres(void **state)
{
    char error[512] = "";
    struct stored job;

    (void)state;
    store = store_open(getenv("KF_TEST_POSTGRES"), error, sizeof error);
    if (!store)
        fail_msg("%s", error);
    while (store_list(store, "", -1, "", &job, 1) == 1) {
        store_delete(store, job.id, "", &(bool){0});
        stored_finish(&job);
    }
    return 0;
}

/* SQLite has put its other files into the one by then. */
static void remove_file(const char *dir)
{
    char file[64];

    snprintf(file, sizeof file, "%s/jobs.db", dir);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(dir), 0);
}

static int close_postgres(void **state)
{
    (void)state;
    store_close(store);
    return 0;
}

static int close_sqlite(void **state)
{
    close_postgres(state);
    remove_file(folder);
    return 0;
}

static json_t *facts(void)
{
    return json_pack("{s:s, s:i}", "filename", "m\"o'd\xc3\xa9l.h5", "bytes", 12);
}

static enum store_added add_with_key(const char *client, const char *key, const char *print,
                                     char id[ID_SIZE])
{
    char own[ID_SIZE];
    json_t *told = facts();
    const struct store_new job = {.id = own,
                                  .principal = "",
                                  .client = client,
                                  .key = key,
                                  .print = print,
                                  .bytes = 100,
                                  .facts = told};
    enum store_added added;

    snprintf(own, sizeof own, "00000000-0000-7000-8000-%012u", ++serial);
    added = store_add(store, &job, id);
    json_decref(told);
    return added;
}

static void add(const char *client, char id[ID_SIZE])
{
    assert_int_equal(add_with_key(client, NULL, NULL, id), STORE_ADDED);
}

static void claim(const char *owner, int64_t lease, struct stored *out)
{
    assert_int_equal(store_claim(store, owner, lease, out), 1);
    assert_int_equal(out->state, STATE_RUNNING);
    assert_string_equal(out->owner, owner);
}

static enum job_state state_now(const char *id)
{
    struct stored job;
    enum job_state state;

    assert_int_equal(store_get(store, id, "", &job), 1);
    state = job.state;
    stored_finish(&job);
    return state;
}

static void end(struct stored *job, enum job_state state)
{
    json_t *result = json_pack("{s:s}", "outcome", "done");
    const struct store_end how = {state, result, NULL, 50, TTL};

    assert_int_equal(store_end(store, job, &how), 1);
    stored_finish(job);
    json_decref(result);
}

static int take_over(void)
{
    json_t *lost = json_pack("{s:s}", "outcome", "job-lost");
    int n = (int)store_take_over(store, NULL, lost, TTL);

    json_decref(lost);
    return n;
}

static void a_job_goes_from_queued_to_its_end(void **state)
{
    enum job_state state_seen;
    struct store_load load;
    struct stored job;
    int64_t attempt;
    char id[ID_SIZE];

    (void)state;
    assert_int_equal(store_claim(store, "a", LEASE, &job), 0);
    add("c", id);
    assert_int_equal(store_look(store, id, &state_seen, &attempt), 1);
    assert_true(state_seen == STATE_QUEUED && attempt == 0);
    assert_int_equal(store_waiting(store), 1);
    assert_int_equal(store_of_client(store, "c", &load), 0);
    assert_true(load.jobs == 1 && load.bytes == 100);
    claim("a", LEASE, &job);
    assert_true(strcmp(job.id, id) == 0 && job.attempt == 1);
    assert_string_equal(json_string_value(json_object_get(job.facts, "filename")),
                        "m\"o'd\xc3\xa9l.h5");
    assert_true(job.created > 0 && job.started >= job.created);
    end(&job, STATE_SUCCEEDED);
    assert_int_equal(store_get(store, id, "", &job), 1);
    assert_int_equal(job.state, STATE_SUCCEEDED);
    assert_int_equal(job.bytes, 50);
    assert_true(job.expires >= job.finished + TTL);
    assert_non_null(json_object_get(job.result, "outcome"));
    stored_finish(&job);
    assert_int_equal(store_of_client(store, "c", &load), 0);
    assert_true(load.jobs == 0 && load.bytes == 0);
}

static void another_principal_sees_nothing(void **state)
{
    struct stored job;
    char id[ID_SIZE];

    (void)state;
    add("c", id);
    assert_int_equal(store_get(store, id, "eve", &job), 0);
    assert_int_equal(store_cancel(store, id, "eve", TTL, &(bool){0}), 0);
    assert_int_equal(store_delete(store, id, "eve", &(bool){0}), 0);
    assert_int_equal(store_list(store, "eve", -1, "", &job, 1), 0);
    assert_int_equal(store_delete(store, id, "", &(bool){0}), 1);
    assert_int_equal(store_get(store, id, "", &job), 0);
}

static void an_end_is_recorded_once(void **state)
{
    struct stored first, second;
    json_t *result = json_pack("{s:s}", "outcome", "done");
    const struct store_end failed = {STATE_FAILED, result, NULL, 0, TTL};
    const struct store_end done = {STATE_SUCCEEDED, result, NULL, 0, TTL};
    char id[ID_SIZE];

    (void)state;
    add("c", id);
    claim("a", -1, &first); /* a lease that is over at once */
    assert_int_equal(take_over(), 1);
    claim("b", LEASE, &second);
    assert_int_equal(second.attempt, 2);
    assert_int_equal(store_end(store, &first, &failed), 0);
    assert_int_equal(store_end(store, &second, &done), 1);
    assert_int_equal(store_end(store, &second, &done), 1); /* was done */
    assert_int_equal(store_end(store, &second, &failed), 0);
    assert_int_equal(state_now(id), STATE_SUCCEEDED);
    stored_finish(&first);
    stored_finish(&second);
    json_decref(result);
}

static void a_lease_that_is_renewed_holds(void **state)
{
    json_t *progress = json_pack("{s:i}", "percent", 42);
    bool cancel = true, running;
    struct stored job, now;
    char id[ID_SIZE];

    (void)state;
    add("c", id);
    claim("a", -1, &job);
    assert_int_equal(store_renew(store, &job, progress, LEASE, &cancel), 1);
    assert_false(cancel);
    assert_int_equal(take_over(), 0);
    assert_int_equal(store_get(store, id, "", &now), 1);
    assert_int_equal(json_integer_value(json_object_get(now.progress, "percent")), 42);
    assert_int_equal(now.revision, job.revision + 1);
    stored_finish(&now);
    assert_int_equal(store_renew(store, &job, progress, LEASE, &cancel), 1);
    assert_int_equal(store_renew(store, &job, NULL, LEASE, &cancel), 1);
    assert_int_equal(store_get(store, id, "", &now), 1);
    assert_int_equal(now.revision, job.revision + 1); /* nothing new */
    stored_finish(&now);
    assert_int_equal(store_delete(store, id, "", &running), 1);
    assert_true(running);
    assert_int_equal(store_renew(store, &job, progress, LEASE, &cancel), 0);
    stored_finish(&job);
    json_decref(progress);
}

static void a_job_that_is_lost_too_often_fails(void **state)
{
    struct stored job;
    char id[ID_SIZE];

    (void)state;
    add("c", id);
    for (int i = 0; i < STORE_LOST_MAX; i++) {
        claim("a", -1, &job);
        stored_finish(&job);
        assert_int_equal(take_over(), 1);
    }
    assert_int_equal(state_now(id), STATE_FAILED);
    assert_int_equal(store_claim(store, "a", LEASE, &job), 0);
    assert_int_equal(store_get(store, id, "", &job), 1);
    assert_non_null(job.result);
    stored_finish(&job);
}

static void a_job_is_given_back(void **state)
{
    struct stored job;
    char id[ID_SIZE];

    (void)state;
    add("c", id);
    for (int i = 0; i < 2 * STORE_LOST_MAX; i++) { /* at a stop: as often as need be */
        claim("a", LEASE, &job);
        assert_int_equal(store_release(store, &job, false), 1);
        stored_finish(&job);
        assert_int_equal(state_now(id), STATE_QUEUED);
    }
    for (int i = 1; i < STORE_LOST_MAX; i++) {
        claim("a", LEASE, &job);
        assert_int_equal(store_release(store, &job, true), 1);
        stored_finish(&job);
    }
    claim("a", LEASE, &job);
    assert_int_equal(store_release(store, &job, true), 0);
    end(&job, STATE_FAILED);
}

static void a_job_is_cancelled_wherever_it_is(void **state)
{
    struct stored job;
    bool cancel = false, ended;
    char id[ID_SIZE];

    (void)state;
    add("c", id);
    assert_int_equal(store_cancel(store, id, "", TTL, &ended), 1);
    assert_true(ended);
    assert_int_equal(state_now(id), STATE_CANCELLED);
    assert_int_equal(store_cancel(store, id, "", TTL, &ended), 0);
    assert_int_equal(store_claim(store, "a", LEASE, &job), 0);
    add("c", id);
    claim("a", LEASE, &job);
    assert_int_equal(store_cancel(store, id, "", TTL, &ended), 1);
    assert_false(ended);
    assert_int_equal(state_now(id), STATE_RUNNING);
    assert_int_equal(store_renew(store, &job, NULL, LEASE, &cancel), 1);
    assert_true(cancel);
    assert_int_equal(store_release(store, &job, false), 0);
    end(&job, STATE_CANCELLED);
    add("c", id); /* its owner dies before it hears of it */
    claim("a", -1, &job);
    stored_finish(&job);
    assert_int_equal(store_cancel(store, id, "", TTL, &ended), 1);
    assert_int_equal(take_over(), 1);
    assert_int_equal(state_now(id), STATE_CANCELLED);
}

static void clients_are_served_in_turn(void **state)
{
    static const char *const order = "abcabaa"; /* of aaaa, bb, c */
    char served[8] = "", id[ID_SIZE];

    (void)state;
    for (const char *c = "aaaabbc"; *c; c++)
        add((char[]){'f', *c, '\0'}, id);
    for (int i = 0; i < 7; i++) {
        struct stored job;
        unsigned n;

        claim("a", LEASE, &job);
        sscanf(job.id + 24, "%u", &n);
        n -= serial - 7;
        served[i] = n <= 4 ? 'a' : n <= 6 ? 'b' : 'c';
        end(&job, STATE_SUCCEEDED);
        usleep(2000); /* turns are told apart by the clock */
    }
    assert_string_equal(served, order);
}

static void a_key_brings_the_same_job_again(void **state)
{
    char first[ID_SIZE], second[ID_SIZE];

    (void)state;
    assert_false(store_has_key(store, "", "key"));
    assert_int_equal(add_with_key("c", "key", "print", first), STORE_ADDED);
    assert_true(store_has_key(store, "", "key"));
    assert_false(store_has_key(store, "eve", "key"));
    assert_int_equal(add_with_key("c", "key", "print", second), STORE_REPLAY);
    assert_string_equal(first, second);
    assert_int_equal(add_with_key("c", "key", "other", second), STORE_CONFLICT);
    assert_int_equal(store_delete(store, first, "", &(bool){0}), 1);
}

static void jobs_are_listed_page_by_page(void **state)
{
    struct stored page[3];
    char ids[5][ID_SIZE], after[ID_SIZE] = "";
    int n, seen = 0;

    (void)state;
    for (int i = 0; i < 5; i++)
        add("c", ids[i]);
    while ((n = store_list(store, "", STATE_QUEUED, after, page, 2)) > 0)
        for (int i = 0; i < n; i++, seen++) {
            assert_string_equal(page[i].id, ids[4 - seen]);
            memcpy(after, page[i].id, sizeof after);
            stored_finish(&page[i]);
        }
    assert_int_equal(seen, 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(store_delete(store, ids[i], "", &(bool){0}), 1);
}

struct dropped {
    unsigned n;
    char last[ID_SIZE];
};

static void note_drop(const char *id, void *context)
{
    struct dropped *dropped = context;

    dropped->n++;
    snprintf(dropped->last, sizeof dropped->last, "%s", id);
}

static void old_results_go(void **state)
{
    json_t *result = json_object();
    struct dropped dropped = {0};
    struct store_counts before, counts;
    char ids[2][ID_SIZE];
    struct stored job;

    (void)state;
    while (store_evict(store, drop_nothing, NULL) > 0)
        continue;
    assert_int_equal(store_count(store, &before), 0);
    for (int i = 0; i < 2; i++) {
        const struct store_end how = {STATE_SUCCEEDED, result, NULL, 70, i == 0 ? TTL : -1};

        add("c", ids[i]);
        claim("a", LEASE, &job);
        assert_int_equal(store_end(store, &job, &how), 1);
        stored_finish(&job);
        usleep(2000);
    }
    assert_int_equal(store_count(store, &counts), 0);
    assert_int_equal(counts.bytes - before.bytes, 140);
    assert_int_equal(store_evict(store, note_drop, &dropped), 1);
    assert_string_equal(dropped.last, ids[0]);
    assert_int_equal(store_get(store, ids[0], "", &job), 1);
    assert_true(job.evicted);
    stored_finish(&job);
    assert_int_equal(store_expire(store, note_drop, &dropped), 1);
    assert_string_equal(dropped.last, ids[1]);
    assert_int_equal(store_get(store, ids[1], "", &job), 0);
    assert_int_equal(store_evict(store, note_drop, &dropped), 0);
    json_decref(result);
}

static void note_change(const char *id, int64_t revision, bool ended, void *context)
{
    struct stored *out = context;

    if (strcmp(id, out->id) != 0)
        return;
    out->revision = revision;
    out->state = ended ? STATE_SUCCEEDED : STATE_QUEUED;
}

static void changes_are_seen(void **state)
{
    struct stored seen = {0}, job;
    int64_t since = store_changes(store, 0, note_change, &seen);

    (void)state;
    assert_true(since > 0);
    add("c", seen.id);
    assert_true(store_changes(store, since, note_change, &seen) >= since);
    assert_int_equal(seen.revision, 1);
    claim("a", LEASE, &job);
    end(&job, STATE_FAILED);
    store_changes(store, since, note_change, &seen);
    assert_int_equal(seen.revision, 3);
    assert_int_equal(seen.state, STATE_SUCCEEDED);
}

static void a_store_is_opened_again(void **state)
{
    char path[] = "/tmp/kferry-store-XXXXXX", file[64], error[512], id[ID_SIZE];
    struct store *mine = store;

    (void)state;
    assert_non_null(mkdtemp(path));
    snprintf(file, sizeof file, "%s/jobs.db", path);
    assert_non_null(store = store_open(file, error, sizeof error));
    add("c", id);
    store_close(store);
    assert_non_null(store = store_open(file, error, sizeof error));
    assert_int_equal(state_now(id), STATE_QUEUED);
    store_close(store);
    remove_file(path);
    store = mine;
    assert_null(store_open("/nonexistent/jobs.db", error, sizeof error));
    assert_non_null(strstr(error, "/nonexistent/jobs.db"));
    assert_null(store_open("postgres://user:secret@127.0.0.1:1/x", error, sizeof error));
    assert_null(strstr(error, "secret"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_job_goes_from_queued_to_its_end),
    cmocka_unit_test(another_principal_sees_nothing),
    cmocka_unit_test(an_end_is_recorded_once),
    cmocka_unit_test(a_lease_that_is_renewed_holds),
    cmocka_unit_test(a_job_that_is_lost_too_often_fails),
    cmocka_unit_test(a_job_is_given_back),
    cmocka_unit_test(a_job_is_cancelled_wherever_it_is),
    cmocka_unit_test(clients_are_served_in_turn),
    cmocka_unit_test(a_key_brings_the_same_job_again),
    cmocka_unit_test(jobs_are_listed_page_by_page),
    cmocka_unit_test(old_results_go),
    cmocka_unit_test(changes_are_seen),
    cmocka_unit_test(a_store_is_opened_again),
};

int main(void)
{
    if (getenv("KF_TEST_POSTGRES"))
        return cmocka_run_group_tests_name("PostgreSQL", tests, open_postgres, close_postgres);
    return cmocka_run_group_tests_name("SQLite", tests, open_sqlite, close_sqlite);
}
