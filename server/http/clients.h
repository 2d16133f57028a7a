/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_CLIENTS_H
#define KF_SERVER_CLIENTS_H

#include "auto.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How many conversions each client has on the line: from the headers of its request to the end of
 * the answer. Clients without one are not kept.
 */
struct clients;

struct clients *clients_create(void);
void clients_destroy(struct clients *clients);
KF_DEFINE_AUTO(clients)

/** Count one more; false when it has `most` already (0: as many as it likes), or no memory. */
bool clients_enter(struct clients *clients, const char *client, uint64_t most);
void clients_leave(struct clients *clients, const char *client);

#endif
