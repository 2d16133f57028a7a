/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/address.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char *denied(const struct address_rules *rules, const char *text)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr_in v4 = {.sin_family = AF_INET};

    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return address_denied(rules, (const struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return address_denied(rules, (const struct sockaddr *)&v6);
}

static struct address_rules *make(const char *hosts, const char *networks)
{
    char error[256];
    struct address_rules *rules = address_rules_create(hosts, networks, error, sizeof error);

    assert_non_null(rules);
    return rules;
}

static void only_the_internet_is_allowed(void **state)
{
    static const char *const bad[] = {
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "169.254.170.2",
        "100.64.0.1",
        "100.100.100.200",
        "100.127.255.255",
        "192.0.0.192",
        "198.18.0.1",
        "198.19.255.255",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "168.63.129.16",
        "192.0.2.1",
        "::1",
        "::",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:0:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001::1",
        "2001:db8::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "100::1",
        "3fff::1",
        "5f00::1",
        "4000::1",
    };
    static const char *const good[] = {"8.8.8.8",      "1.1.1.1",           "172.15.255.255",
                                       "172.32.0.1",   "100.63.255.255",    "100.128.0.1",
                                       "169.253.0.1",  "11.0.0.1",          "223.255.255.255",
                                       "2606:4700::1", "2a00:1450:4001::1", "2400::1"};
    KF_AUTO(address_rules) rules = make("", "");

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (!denied(rules, bad[i]))
            fail_msg("%s is allowed", bad[i]);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (denied(rules, good[i]))
            fail_msg("%s is denied: %s", good[i], denied(rules, good[i]));
}

static void networks_are_exceptions(void **state)
{
    KF_AUTO(address_rules) rules = make("", "10.1.0.0/16, fd00:1::/32 192.168.7.3");

    (void)state;
    assert_null(denied(rules, "10.1.2.3"));
    assert_non_null(denied(rules, "10.2.0.1"));
    assert_null(denied(rules, "fd00:1::5"));
    assert_non_null(denied(rules, "fd00:2::5"));
    assert_null(denied(rules, "192.168.7.3"));
    assert_non_null(denied(rules, "192.168.7.4"));
    assert_non_null(denied(rules, "::ffff:10.1.2.3"));
}

static void hosts_are_exceptions(void **state)
{
    KF_AUTO(address_rules) rules = make("minio,api.internal:8443 .svc.cluster.local", "");

    (void)state;
    assert_true(address_host_named(rules, "minio", 9000));
    assert_true(address_host_named(rules, "MINIO", 80));
    assert_false(address_host_named(rules, "xminio", 80));
    assert_true(address_host_named(rules, "api.internal", 8443));
    assert_false(address_host_named(rules, "api.internal", 443));
    assert_true(address_host_named(rules, "a.b.svc.cluster.local", 80));
    assert_false(address_host_named(rules, ".svc.cluster.local", 80));
    assert_false(address_host_named(rules, "svc.cluster.local", 80));
}

static void a_wrong_network_is_told(void **state)
{
    static const char *const bad[] = {"10.0.0.0/33", "10.0.0/8",  "minio",
                                      "::1/129",     "1.2.3.4/x", "/8"};
    char error[256];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_null(address_rules_create("", bad[i], error, sizeof error));
        assert_non_null(strstr(error, bad[i]));
    }
}

static void hosts_that_are_addresses_are_known(void **state)
{
    KF_AUTO(address_rules) rules = make("", "10.1.0.0/16");

    (void)state;
    assert_true(address_is_literal("127.0.0.1"));
    assert_true(address_is_literal("[::1]"));
    assert_true(address_is_literal("[fe80::1%25eth0]"));
    assert_false(address_is_literal("localhost"));
    assert_non_null(address_literal_denied(rules, "[::1]"));
    assert_non_null(address_literal_denied(rules, "[fe80::1%25eth0]"));
    assert_null(address_literal_denied(rules, "10.1.0.9"));
    assert_null(address_literal_denied(rules, "8.8.8.8"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_internet_is_allowed),
        cmocka_unit_test(networks_are_exceptions),
        cmocka_unit_test(hosts_are_exceptions),
        cmocka_unit_test(a_wrong_network_is_told),
        cmocka_unit_test(hosts_that_are_addresses_are_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
