/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/settings/cgroup.h"
#include "server/settings/config.h"
#include "server/settings/keys.h"
#include "server/settings/networks.h"
#include "server/settings/units.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* SHA-256 of "secret" and of "other". */
#define SECRET "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
#define OTHER  "d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa"

static char folder[] = "/tmp/kferry-settings-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    static const char *const files[] = {"keys",
                                        "settings",
                                        "password",
                                        "proc/self/cgroup",
                                        "sys/fs/cgroup/a/b/cpu.max",
                                        "sys/fs/cgroup/a/b/memory.max",
                                        "sys/fs/cgroup/a/memory.max",
                                        "sys/fs/cgroup/cpu.max",
                                        "sys/fs/cgroup/a/b",
                                        "sys/fs/cgroup/a",
                                        "sys/fs/cgroup",
                                        "sys/fs",
                                        "sys",
                                        "proc/self",
                                        "proc",
                                        ""};

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[256];

        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        (void)remove(path);
    }
    return 0;
}

/* Write a file below the folder, with the folders that it is in; its path. */
static const char *put(const char *name, const char *text)
{
    static char path[256];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    for (char *slash = strchr(path + strlen(folder) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(path, 0700);
        *slash = '/';
    }
    file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return path;
}

static void units_are_read_and_bounded(void **state)
{
    int64_t n;

    (void)state;
    assert_true(units_read(&n, "4GiB", UNITS_BYTES) && n == INT64_C(4) << 30);
    assert_true(units_read(&n, "5m", UNITS_SECONDS) && n == 300);
    assert_true(units_read(&n, "64", UNITS_NONE) && n == 64);
    assert_false(units_read(&n, "5m", UNITS_NONE));
    assert_false(units_read(&n, "-1", UNITS_NONE));
    assert_false(units_read(&n, "4GB", UNITS_BYTES));
    assert_false(units_read(&n, "", UNITS_NONE));
    assert_false(units_read(&n, "9223372036854775807KiB", UNITS_BYTES));
    assert_false(units_read(&n, "99999999999999999999", UNITS_BYTES));
}

static struct keys *load(const char *text, char error[512])
{
    error[0] = '\0';
    return keys_load(put("keys", text), error, 512);
}

static void keys_open_what_their_line_says(void **state)
{
    char error[512];
    struct grant grant;
    struct keys *keys = load("# ours\n\nci:" SECRET "\n"
                             "mon.itor:" OTHER ":read,metrics:requests=2,jobs=3,bytes=1GiB\r\n",
                             error);

    (void)state;
    assert_string_equal(error, "");
    assert_non_null(keys);
    assert_true(keys_find(keys, "secret", &grant));
    assert_string_equal(grant.name, "ci");
    assert_int_equal(grant.scopes, SCOPE_READ | SCOPE_CONVERT);
    assert_int_equal(grant.limits.jobs, 0);
    assert_true(keys_find(keys, "other", &grant));
    assert_string_equal(grant.name, "mon.itor");
    assert_int_equal(grant.scopes, SCOPE_READ | SCOPE_METRICS);
    assert_int_equal(grant.limits.requests, 2);
    assert_int_equal(grant.limits.jobs, 3);
    assert_int_equal(grant.limits.bytes, 1 << 30);
    assert_false(keys_find(keys, "Secret", &grant));
    assert_false(keys_find(keys, "", &grant));
    assert_false(keys_find(keys, SECRET, &grant));
    keys_destroy(keys);
}

static void keys_files_that_are_wrong_are_refused(void **state)
{
    static const struct {
        const char *text, *told;
    } wrong[] = {
        {"", "no key"},
        {"# nothing\n", "no key"},
        {"a b:" SECRET "\n", "line 1: the name"},
        {"a:" SECRET "\nb:secret\n", "line 2: there is no SHA-256"},
        {"a:" SECRET "0\n", "there is no SHA-256"},
        {"a\n", "there is no SHA-256"},
        {"a:" SECRET ":write\n", "scope"},
        {"a:" SECRET ":read,,convert\n", "scope"},
        {"a:" SECRET "::jobs\n", "limit"},
        {"a:" SECRET "::jobs=0\n", "limit"},
        {"a:" SECRET "::bytes=1GB\n", "limit"},
        {"a:" SECRET ":read:jobs=1:more\n", "too much"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char error[512];

        assert_null(load(wrong[i].text, error));
        if (!strstr(error, wrong[i].told))
            fail_msg("\"%s\" gave \"%s\"", wrong[i].text, error);
        assert_null(strstr(error, SECRET));
    }
}

static bool has(const struct networks *networks, const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return networks_have(networks, (void *)&v4);
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return networks_have(networks, (void *)&v6);
}

static void networks_have_their_addresses(void **state)
{
    struct networks networks;

    (void)state;
    assert_true(networks_parse(&networks, "10.0.0.0/8,192.168.1.128/25,fd00::/9,127.0.0.1"));
    assert_true(has(&networks, "10.255.3.4") && has(&networks, "::ffff:10.1.1.1"));
    assert_true(has(&networks, "192.168.1.200") && has(&networks, "fd7f::1"));
    assert_false(has(&networks, "11.0.0.1") || has(&networks, "192.168.1.100"));
    assert_false(has(&networks, "127.0.0.2") || has(&networks, "fd80::1"));
    assert_true(networks_parse(&networks, "0.0.0.0/0") && has(&networks, "8.8.8.8"));
    assert_false(has(&networks, "::1"));
    assert_true(networks_parse(&networks, "") && !has(&networks, "127.0.0.1"));
    assert_false(networks_parse(&networks, "10.0.0.0/33"));
    assert_false(networks_parse(&networks, "::/129"));
    assert_false(networks_parse(&networks, "10.0.0.0/"));
    assert_false(networks_parse(&networks, "10.0.0.0/8 "));
    assert_false(networks_parse(&networks, "localhost"));
}

static void cgroup_limits_are_the_tightest(void **state)
{
    struct cgroup_limits limits;

    (void)state;
    put("proc/self/cgroup", "12:cpu:/old\n0::/a/b\n");
    put("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    put("sys/fs/cgroup/a/b/memory.max", "max\n");
    put("sys/fs/cgroup/a/memory.max", "1073741824\n");
    put("sys/fs/cgroup/cpu.max", "150000 100000\n");
    cgroup_read(&limits, folder);
    assert_int_equal(limits.memory, 1 << 30);
    assert_true(limits.processors > 1.49 && limits.processors < 1.51);
    put("sys/fs/cgroup/a/b/cpu.max", "50000 100000\n");
    put("sys/fs/cgroup/a/b/memory.max", "536870912\n");
    cgroup_read(&limits, folder);
    assert_int_equal(limits.memory, 512 << 20);
    assert_true(limits.processors > 0.49 && limits.processors < 0.51);
    put("proc/self/cgroup", "12:cpu:/old\n");
    cgroup_read(&limits, "/nonexistent");
    assert_true(limits.memory == 0 && limits.processors == 0);
}

/* One setting as config_show() has it. */
static const char *shown(const struct config *config, const char *name, const char *member)
{
    static char text[512];
    json_t *all = config_show(config);
    const char *value = json_string_value(json_object_get(json_object_get(all, name), member));

    snprintf(text, sizeof text, "%s", value ? value : "none");
    json_decref(all);
    return text;
}

static void flags_go_before_environment_before_file(void **state)
{
    const char *path = put("settings", "{\"workers\": 3, \"queue_max\": \"7\", \"jobs_max\": 9,"
                                       " \"allow_unauthenticated\": true}");
    char flag[300], queue[] = "KFERRY_QUEUE_MAX=8", jobs[] = "KFERRY_JOBS_MAX=10";
    char jobs_flag[] = "--jobs-max=11";
    char *environment[] = {queue, jobs, NULL}, *flags[] = {flag, jobs_flag};
    struct config_error error = {""};
    struct config config;

    (void)state;
    snprintf(flag, sizeof flag, "--config=%s", path);
    if (config_load(&config, 2, flags, environment, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(config.workers, 3);
    assert_int_equal(config.queue_max, 8);
    assert_int_equal(config.jobs_max, 11);
    assert_true(config.allow_unauthenticated);
    assert_string_equal(shown(&config, "KFERRY_WORKERS", "source"), "file");
    assert_string_equal(shown(&config, "KFERRY_QUEUE_MAX", "source"), "environment");
    assert_string_equal(shown(&config, "KFERRY_JOBS_MAX", "source"), "flag");
    assert_string_equal(shown(&config, "KFERRY_LEASE", "source"), "default");
    assert_string_equal(shown(&config, "KFERRY_LEASE", "value"), "15s");
    assert_string_equal(shown(&config, "KFERRY_BODY_MAX", "value"), "4GiB");
    assert_string_equal(shown(&config, "KFERRY_ALLOW_UNAUTHENTICATED", "value"), "1");
    config_finish(&config);
}

static void secrets_are_masked_and_read_from_files(void **state)
{
    static const char *const stores[][2] = {
        {"postgres://kferry:hunter2@db:5432/kferry", "postgres://kferry:***@db:5432/kferry"},
        {"postgres://db/k?user=a&password=hunter2&x=1", "postgres://db/k?user=a&password=***&x=1"},
        {"postgres://kferry@db/kferry", "postgres://kferry@db/kferry"},
        {"sqlite", "sqlite"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof stores / sizeof stores[0]; i++) {
        char variable[300], *environment[] = {variable, NULL};
        struct config_error error = {""};
        struct config config;

        snprintf(variable, sizeof variable, "KFERRY_STORE_FILE=%s", put("password", stores[i][0]));
        if (config_load(&config, 0, NULL, environment, &error) < 0)
            fail_msg("%s", error.text);
        assert_string_equal(config.store, stores[i][0]);
        assert_string_equal(shown(&config, "KFERRY_STORE", "value"), stores[i][1]);
        config_finish(&config);
    }
}

static void wrong_files_are_refused(void **state)
{
    static const char *const wrong[][2] = {
        {"{\"worker\": 3}", "did you mean workers?"}, {"{\"workers\": 0}", "from 1 to"},
        {"{\"workers\": 1.5}", "no text, number"},    {"[]", "no JSON object"},
        {"{\"workers\": 1, \"workers\": 2}", "line"}, {"{", "line 1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char flag[300], *flags[] = {flag}, *environment[] = {NULL};
        struct config_error error = {""};
        struct config config;

        snprintf(flag, sizeof flag, "--config=%s", put("settings", wrong[i][0]));
        assert_int_equal(config_load(&config, 1, flags, environment, &error), -1);
        if (!strstr(error.text, wrong[i][1]))
            fail_msg("%s gave \"%s\"", wrong[i][0], error.text);
        config_finish(&config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_are_read_and_bounded),
        cmocka_unit_test(keys_open_what_their_line_says),
        cmocka_unit_test(keys_files_that_are_wrong_are_refused),
        cmocka_unit_test(networks_have_their_addresses),
        cmocka_unit_test(cgroup_limits_are_the_tightest),
        cmocka_unit_test(flags_go_before_environment_before_file),
        cmocka_unit_test(secrets_are_masked_and_read_from_files),
        cmocka_unit_test(wrong_files_are_refused),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
