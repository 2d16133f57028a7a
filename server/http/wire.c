/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"
#include "request.h"
#include <gnutls/gnutls.h>
#include <string.h>
#include <sys/socket.h>

/* NULL where the connection is plain. */
static gnutls_session_t session_of(const struct request *req)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(req->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);

    return info ? info->tls_session : NULL;
}

void wire_write(const struct request *req, const char *text)
{
    gnutls_session_t session = session_of(req);
    size_t n = strlen(text);
    int fd = request_socket(req);

    while (n > 0) {
        ssize_t done = session ? gnutls_record_send(session, text, n)
                               : send(fd, text, n, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (done <= 0)
            return;
        text += done;
        n -= (size_t)done;
    }
}

void wire_end(const struct request *req)
{
    gnutls_session_t session = session_of(req);
    int fd = request_socket(req);
    char rest[16 * 1024];

    if (session)
        gnutls_bye(session, GNUTLS_SHUT_WR);
    if (fd < 0 || shutdown(fd, SHUT_WR) < 0)
        return;
    for (int i = 0; i < 64 && recv(fd, rest, sizeof rest, MSG_DONTWAIT) > 0; i++)
        continue;
}
