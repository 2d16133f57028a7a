/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_DOORS_H
#define KF_SERVER_DOORS_H

#include "listener.h"

struct server;

/* Where clients come in, and who asks them who they are. */
struct doors {
    struct listener *listener, *admin; /* admin is NULL where there is none */
};

/** Open them: 0, or an exit status after the reason was logged. doors_close() in both cases. */
int doors_open(struct doors *doors, struct server *server);
void doors_close(struct doors *doors, struct server *server);

#endif
