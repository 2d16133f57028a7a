/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "address.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PARTS    ", \t\n"
#define TEXT_MAX 64

/* So many leading bits of an address, in network order. */
struct network {
    int family;
    unsigned bits;
    unsigned char bytes[16];
};

struct address_rules {
    char **hosts;
    size_t n_hosts;
    struct network *networks;
    size_t n_networks;
};

static const struct {
    const char *network, *what;
} special[] = {
#define KF_ADDRESS(network, what) {network, what},
#include "address.def"
#undef KF_ADDRESS
};

static bool read_network(struct network *out, const char *text)
{
    char address[TEXT_MAX], *end;
    size_t n = strcspn(text, "/");
    unsigned most;
    unsigned long bits;

    if (n >= sizeof address)
        return false;
    snprintf(address, sizeof address, "%.*s", (int)n, text);
    out->family = strchr(address, ':') ? AF_INET6 : AF_INET;
    most = out->family == AF_INET6 ? 128 : 32;
    if (inet_pton(out->family, address, out->bytes) != 1)
        return false;
    bits = text[n] == '/' ? strtoul(text + n + 1, &end, 10) : most;
    if (text[n] == '/' && (end == text + n + 1 || *end != '\0' || bits > most))
        return false;
    out->bits = (unsigned)bits;
    return true;
}

static bool is_in(const struct network *network, int family, const unsigned char *address)
{
    unsigned whole = network->bits / 8, rest = network->bits % 8;
    unsigned char mask = (unsigned char)(0xff00u >> rest);

    return network->family == family && memcmp(network->bytes, address, whole) == 0 &&
           (rest == 0 || ((network->bytes[whole] ^ address[whole]) & mask) == 0);
}

static const char *denied(const struct address_rules *rules, int family,
                          const unsigned char *address)
{
    struct network network;

    for (size_t i = 0; i < rules->n_networks; i++)
        if (is_in(&rules->networks[i], family, address))
            return NULL;
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++)
        if (read_network(&network, special[i].network) && is_in(&network, family, address))
            return special[i].what;
    if (family == AF_INET6 && (address[0] & 0xe0) != 0x20)
        return "not of the internet"; /* all that is given out stands in 2000::/3 */
    return NULL;
}

const char *address_denied(const struct address_rules *rules, const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return denied(
            rules, AF_INET,
            (const unsigned char *)&((const struct sockaddr_in *)(const void *)address)->sin_addr);
    if (address->sa_family == AF_INET6)
        return denied(rules, AF_INET6,
                      (const unsigned char *)&((const struct sockaddr_in6 *)(const void *)address)
                          ->sin6_addr);
    return "of a strange kind";
}

/* The address itself, without the brackets and the scope of IPv6; its family, or -1. */
static int parse_literal(const char *host, unsigned char out[16])
{
    char text[TEXT_MAX];
    size_t n = strcspn(*host == '[' ? ++host : host, "]%");

    if (n >= sizeof text)
        return -1;
    snprintf(text, sizeof text, "%.*s", (int)n, host);
    if (inet_pton(AF_INET, text, out) == 1)
        return AF_INET;
    return inet_pton(AF_INET6, text, out) == 1 ? AF_INET6 : -1;
}

bool address_is_literal(const char *host)
{
    unsigned char bytes[16];

    return *host == '[' || parse_literal(host, bytes) >= 0;
}

const char *address_literal_denied(const struct address_rules *rules, const char *host)
{
    unsigned char bytes[16];
    int family = parse_literal(host, bytes);

    return family < 0 ? "a name" : denied(rules, family, bytes);
}

/* "host", "host:port" or ".domain". */
static bool names(const char *rule, const char *host, unsigned port)
{
    size_t n = strcspn(rule, ":"), length = strlen(host);

    if (rule[n] == ':' && strtoul(rule + n + 1, NULL, 10) != port)
        return false;
    if (*rule == '.')
        return length > n && strncasecmp(host + length - n, rule, n) == 0;
    return length == n && strncasecmp(host, rule, n) == 0;
}

bool address_host_named(const struct address_rules *rules, const char *host, unsigned port)
{
    for (size_t i = 0; i < rules->n_hosts; i++)
        if (names(rules->hosts[i], host, port))
            return true;
    return false;
}

static bool add_host(struct address_rules *rules, const char *text)
{
    char **grown = realloc(rules->hosts, (rules->n_hosts + 1) * sizeof *grown);

    if (!grown)
        return false;
    rules->hosts = grown;
    rules->hosts[rules->n_hosts] = strdup(text);
    return rules->hosts[rules->n_hosts++] != NULL;
}

static bool add_network(struct address_rules *rules, const char *text)
{
    struct network network = {0}, *grown;

    if (!read_network(&network, text))
        return false;
    grown = realloc(rules->networks, (rules->n_networks + 1) * sizeof *grown);
    if (!grown)
        return false;
    rules->networks = grown;
    rules->networks[rules->n_networks++] = network;
    return true;
}

/* Each word of a list; NULL, or the first that is none, which the caller frees. */
static char *read_list(struct address_rules *rules, const char *list,
                       bool (*add)(struct address_rules *rules, const char *text))
{
    for (list += strspn(list, PARTS); *list; list += strspn(list, PARTS)) {
        size_t n = strcspn(list, PARTS);
        char *word = strndup(list, n);

        if (!word || !add(rules, word))
            return word ? word : strdup("");
        free(word);
        list += n;
    }
    return NULL;
}

struct address_rules *address_rules_create(const char *hosts, const char *networks, char *error,
                                           size_t error_max)
{
    KF_AUTO(address_rules) rules = calloc(1, sizeof *rules);
    char *bad = rules ? read_list(rules, hosts, add_host) : NULL;

    if (!bad && rules)
        bad = read_list(rules, networks, add_network);
    if (rules && !bad)
        return address_rules_take(&rules);
    snprintf(error, error_max,
             "KFERRY_SSRF_ALLOW_CIDRS has \"%s\", which is no network as 10.1.0.0/16",
             bad ? bad : "");
    free(bad);
    return NULL;
}

void address_rules_destroy(struct address_rules *rules)
{
    if (!rules)
        return;
    for (size_t i = 0; i < rules->n_hosts; i++)
        free(rules->hosts[i]);
    free(rules->hosts);
    free(rules->networks);
    free(rules);
}
