/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_CLI_UPLOAD_H
#define KF_SERVER_CLI_UPLOAD_H

#include "cli_service.h"
#include <curl/curl.h>

/* The form that a model is sent as, read from its files while it is sent. */
struct upload;

/** Make the form and give it to `curl`; NULL when memory ran out or a file cannot be looked at. */
struct upload *upload_create(CURL *curl, const struct service_upload *what);
void upload_destroy(struct upload *upload);

/** Bytes of the files. */
uint64_t upload_size(const struct upload *upload);

#endif
