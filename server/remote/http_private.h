/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_REMOTE_HTTP_PRIVATE_H
#define KF_REMOTE_HTTP_PRIVATE_H

#include "http.h"
#include <curl/curl.h>

/** A handle of libcurl for an exchange that begins; NULL when memory ran out. */
CURL *http_prepare(struct http_exchange *x, const struct http_policy *policy);

/** What libcurl's end means; it and the callbacks have left some of it in `x`. */
void http_conclude(struct http_exchange *x, CURLcode code);

#endif
