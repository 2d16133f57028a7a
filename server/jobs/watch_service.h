/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_WATCH_SERVICE_H
#define KF_SERVER_WATCH_SERVICE_H

struct server;
struct watch;

/** Watch the requests of the service, and do what its settings ask for. NULL when it cannot be had.
 */
struct watch *watch_service(struct server *server);

#endif
