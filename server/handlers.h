/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_HANDLERS_H
#define KF_SERVER_HANDLERS_H

#include <microhttpd.h>

struct request;

/* Each answers a request that needs no body and no worker. */
enum MHD_Result handle_formats(struct request *req);
enum MHD_Result handle_capacity(struct request *req);
enum MHD_Result handle_version(struct request *req);
enum MHD_Result handle_report(struct request *req);
enum MHD_Result handle_livez(struct request *req);
enum MHD_Result handle_readyz(struct request *req);
enum MHD_Result handle_startupz(struct request *req);

#endif
