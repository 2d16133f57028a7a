/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"
#include "server/http/request.h"
#include "server/jobs/order.h"
#include "server/remote/remote.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A request as JSON: where its files are and where the result goes; nothing is fetched. */

/* As the service's own, which needs all of the service. */
int request_fail(struct request *req, const char *code, const char *fmt, ...)
{
    va_list args;

    req->failure.code = code;
    va_start(args, fmt);
    vsnprintf(req->failure.detail, sizeof req->failure.detail, fmt, args);
    va_end(args);
    return -1;
}

/* A service that takes URLs, one bucket and one folder. */
static struct remote *service(void)
{
    static const struct remote_settings settings = {.urls = REMOTE_URLS_HTTPS,
                                                    .allow_hosts = "minio:9000, .local",
                                                    .allow_cidrs = "10.1.0.0/16",
                                                    .proxy = "",
                                                    .file_roots = "/tmp:ro",
                                                    .s3_endpoint = "",
                                                    .s3_region = "",
                                                    .s3_ca = "",
                                                    .s3_read = "models/in/*",
                                                    .s3_write = "models/out/*",
                                                    .s3_anonymous = true,
                                                    .webhook_secret_file = "",
                                                    .uploads = ""};
    static struct remote *remote;
    char error[256];

    if (!remote)
        remote = remote_create(&settings, error, sizeof error);
    FUZZ_CHECK(remote);
    return remote;
}

/* What is refused says why; names of files have no folder in them. */
static void check_uri(const char *uri, bool write)
{
    struct remote_task task = {.remote = service(), .cancel_fd = -1};
    char *shown, *name;

    if (!uri)
        return;
    if (remote_check(&task, uri, write) < 0)
        FUZZ_CHECK(task.failure.code && task.failure.detail[0]);
    shown = remote_show(uri);
    FUZZ_CHECK(shown);
    if (remote_is_uri(uri) && strncasecmp(uri, "http", 4) == 0) /* queries hold signatures */
        FUZZ_CHECK(!strchr(shown, '?'));
    name = remote_name(uri);
    FUZZ_CHECK(name && !strchr(name, '/'));
    free(shown);
    free(name);
}

static void check_order(const struct order *order)
{
    struct remote_task task = {.remote = service(), .cancel_fd = -1};
    json_t *facts = json_object();

    for (size_t i = 0; i < order->n_files; i++)
        check_uri(order->files[i].uri, false);
    check_uri(order->target, true);
    check_uri(order->report, true);
    if (order->notify && remote_check_notify(&task, order->notify) < 0)
        FUZZ_CHECK(task.failure.code && task.failure.detail[0]);
    order_tell(order, facts);
    json_decref(facts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    json_t *object = json_loadb((const char *)data, n, JSON_REJECT_DUPLICATES, NULL);
    struct request req = {0};
    struct order *order = NULL;

    if (json_is_object(object)) {
        if (order_read(&req, object, &order) == 0)
            check_order(order);
        else
            FUZZ_CHECK(req.failure.code && req.failure.detail[0]);
    }
    order_destroy(order);
    json_decref(object);
    return 0;
}
