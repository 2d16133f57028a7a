/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_WORKER_FORK_SERVER_H
#define KF_WORKER_FORK_SERVER_H

#include <stdbool.h>

/*
 * A process that has been loaded and has planned a model of our own, and makes workers by fork().
 * For each there comes a byte on its standard input, a socket, with the socket that the worker's
 * order will come by (order_wait.h); its process ID goes back as a pid_t, -1 where there is none.
 * Workers are children of the service, not of this process, which never sees an order.
 */

/** Serve until the service ends. True in each worker, false in the end. */
bool fork_server(void);

#endif
