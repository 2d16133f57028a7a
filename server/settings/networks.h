/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_NETWORKS_H
#define KF_SERVER_NETWORKS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#define NETWORKS_MAX 32

/* A list of networks, each an IPv6 address (IPv4 is mapped into it) and the bits that count. */
struct networks {
    struct {
        struct in6_addr address;
        unsigned bits;
    } list[NETWORKS_MAX];
    size_t n;
};

/** Read "10.0.0.0/8,::1"; an address alone is one host. False when there is something else. */
bool networks_parse(struct networks *out, const char *text);

/** True when a peer's address is in one of them; never for a Unix socket. */
bool networks_have(const struct networks *networks, const struct sockaddr *peer);

#endif
