/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "credentials.h"
#include "remote_private.h"
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define REGION "us-east-1"

const char *remote_region(const struct remote *remote)
{
    static const char *const names[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};

    if (remote->set.s3_region[0] != '\0')
        return remote->set.s3_region;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (credentials_variable(names[i]))
            return credentials_variable(names[i]);
    return REGION;
}

/* Scheme and host of "http://minio:9000"; a path, query or user has no place there. */
static bool take_endpoint(struct remote *remote, const char *text)
{
    CURLU *u = curl_url();
    char *scheme = NULL, *host = NULL, *port = NULL, *path = NULL, *user = NULL;
    bool ok = u && curl_url_set(u, CURLUPART_URL, text, 0) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_PATH, &path, 0) == CURLUE_OK;

    if (ok) {
        curl_url_get(u, CURLUPART_PORT, &port, CURLU_NO_DEFAULT_PORT);
        ok = curl_url_get(u, CURLUPART_USER, &user, 0) != CURLUE_OK && strcmp(path, "/") == 0 &&
             (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    }
    if (ok) {
        snprintf(remote->s3_scheme, sizeof remote->s3_scheme, "%s", scheme);
        ok = snprintf(remote->s3_host, sizeof remote->s3_host, "%s%s%s", host, port ? ":" : "",
                      port ? port : "") < (int)sizeof remote->s3_host;
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(path);
    curl_free(user);
    curl_url_cleanup(u);
    return ok;
}

bool remote_find_s3(struct remote *remote, char *error, size_t error_max)
{
    const char *endpoint = remote->set.s3_endpoint, *ca = credentials_variable("AWS_CA_BUNDLE");

    if (endpoint[0] == '\0')
        endpoint = credentials_variable("AWS_ENDPOINT_URL_S3");
    if (!endpoint)
        endpoint = credentials_variable("AWS_ENDPOINT_URL");
    remote->s3_ca = remote->set.s3_ca[0] != '\0' || !ca ? remote->set.s3_ca : ca;
    snprintf(remote->s3_scheme, sizeof remote->s3_scheme, "https");
    if (endpoint && !take_endpoint(remote, endpoint)) {
        snprintf(error, error_max,
                 "KFERRY_S3_ENDPOINT, or AWS_ENDPOINT_URL, must be http:// or https:// and a host, "
                 "without a path");
        return false;
    }
    if (remote->set.s3_ca[0] == '\0' || access(remote->set.s3_ca, R_OK) == 0)
        return true;
    snprintf(error, error_max, "KFERRY_S3_CA names a file that cannot be read");
    return false;
}
