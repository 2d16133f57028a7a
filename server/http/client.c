/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "request.h"
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define HEX      "0123456789abcdef"
#define TRACE_AT 3 /* of traceparent: behind the version */
#define TRACE_N  32
#define SPAN_N   16

/* The address without its port; all who come by a Unix socket are one. */
static void read_address(struct request *req)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(req->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info ? info->client_addr : NULL;
    socklen_t n = sizeof(struct sockaddr_in);

    snprintf(req->client, sizeof req->client, "local");
    if (!address || (address->sa_family != AF_INET && address->sa_family != AF_INET6))
        return;
    if (address->sa_family == AF_INET6)
        n = sizeof(struct sockaddr_in6);
    getnameinfo(address, n, req->client, sizeof req->client, NULL, 0, NI_NUMERICHOST);
}

static bool is_hex(const char *text, size_t n)
{
    return strspn(text, HEX) >= n && strspn(text, "0") < n;
}

/*
 * "00-<32 hex>-<16 hex>-<2 hex>"; later versions may say more behind it.
 *
 * Source: https://www.w3.org/TR/trace-context/#traceparent-header
 */
static void read_trace(struct request *req)
{
    const char *text = request_header(req, "traceparent");
    const char *trace = text ? text + TRACE_AT : NULL;

    if (!text || strlen(text) < TRACE_AT + TRACE_N + 1 + SPAN_N + 3 ||
        strspn(text, HEX) != TRACE_AT - 1 || strncmp(text, "ff", 2) == 0 ||
        text[TRACE_AT - 1] != '-')
        return;
    if (!is_hex(trace, TRACE_N) || trace[TRACE_N] != '-' || !is_hex(trace + TRACE_N + 1, SPAN_N))
        return;
    memcpy(req->trace_id, trace, TRACE_N);
    req->trace_id[TRACE_N] = '\0';
}

void request_identify(struct request *req)
{
    read_address(req);
    read_trace(req);
}
