/* SPDX-License-Identifier: Apache-2.0 */
#include "networks.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MAPPED_BITS 96 /* of ::ffff:0:0/96, where IPv4 is */

static struct in6_addr map(struct in_addr address)
{
    struct in6_addr out = {.s6_addr = {[10] = 0xff, [11] = 0xff}};

    memcpy(&out.s6_addr[12], &address, sizeof address);
    return out;
}

static bool read_address(struct in6_addr *out, const char *text, unsigned *least)
{
    struct in_addr v4;

    *least = 0;
    if (inet_pton(AF_INET6, text, out) == 1)
        return true;
    if (inet_pton(AF_INET, text, &v4) != 1)
        return false;
    *out = map(v4);
    *least = MAPPED_BITS;
    return true;
}

static bool read_one(struct networks *out, const char *text, size_t n)
{
    char copy[64], *slash, *end = NULL;
    unsigned long bits = 128;
    unsigned least;

    if (n >= sizeof copy || out->n == NETWORKS_MAX)
        return false;
    memcpy(copy, text, n);
    copy[n] = '\0';
    slash = strchr(copy, '/');
    if (slash)
        *slash = '\0';
    if (!read_address(&out->list[out->n].address, copy, &least))
        return false;
    if (slash) {
        bits = strtoul(slash + 1, &end, 10);
        if (!isdigit((unsigned char)slash[1]) || *end != '\0' || bits > 128 - least)
            return false;
        bits += least;
    }
    out->list[out->n++].bits = (unsigned)bits;
    return true;
}

bool networks_parse(struct networks *out, const char *text)
{
    out->n = 0;
    while (*text) {
        size_t n = strcspn(text, ",");

        if (!read_one(out, text, n))
            return false;
        text += n + (text[n] == ',');
    }
    return true;
}

static bool is_in(const struct in6_addr *address, const struct in6_addr *net, unsigned bits)
{
    unsigned bytes = bits / 8, rest = bits % 8;

    if (memcmp(address->s6_addr, net->s6_addr, bytes) != 0)
        return false;
    return rest == 0 || (address->s6_addr[bytes] ^ net->s6_addr[bytes]) >> (8 - rest) == 0;
}

bool networks_have(const struct networks *networks, const struct sockaddr *peer)
{
    struct in6_addr address;

    if (peer->sa_family == AF_INET)
        address = map(((const struct sockaddr_in *)(const void *)peer)->sin_addr);
    else if (peer->sa_family == AF_INET6)
        address = ((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr;
    else
        return false;
    for (size_t i = 0; i < networks->n; i++)
        if (is_in(&address, &networks->list[i].address, networks->list[i].bits))
            return true;
    return false;
}
