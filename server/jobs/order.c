/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "order.h"
#include "../http/request.h"
#include "../remote/remote.h"
#include "nearest.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME  "order.json"
#define SHOWN 64

/* Where a member of `object` goes; of `words` an enum's, else any text. */
struct field {
    const char *name;
    const char **text;
};

void order_destroy(struct order *order)
{
    if (!order)
        return;
    json_decref(order->json);
    free(order);
}

static int fail_name(struct request *req, const char *what, const char *name,
                     const struct field *fields, size_t n)
{
    struct kf_nearest nearest;
    char shown[SHOWN];

    kf_nearest_init(&nearest, name);
    for (size_t i = 0; i < n; i++)
        kf_nearest_offer(&nearest, fields[i].name);
    kf_show(shown, sizeof shown, name);
    snprintf(req->failure.parameter, sizeof req->failure.parameter, "%s", what);
    if (nearest.best)
        return request_fail(req, "invalid-parameter", "%s has no \"%s\": did you mean \"%s\"?",
                            what, shown, nearest.best);
    return request_fail(req, "invalid-parameter", "%s has no \"%s\"", what, shown);
}

static int fail_value(struct request *req, const char *what, const char *must)
{
    snprintf(req->failure.parameter, sizeof req->failure.parameter, "%s", what);
    return request_fail(req, "invalid-parameter", "%s must be %s", what, must);
}

/* Take the strings of an object; whatever else it has is wrong. */
static int read_object(struct request *req, const char *what, const json_t *object,
                       const struct field *fields, size_t n)
{
    const char *name;
    json_t *value;

    if (!json_is_object(object))
        return fail_value(req, what, "an object");
    json_object_foreach((json_t *)object, name, value)
    {
        size_t i = 0;

        while (i < n && strcmp(fields[i].name, name) != 0)
            i++;
        if (i == n)
            return fail_name(req, what, name, fields, n);
        if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
            return fail_value(req, what, "made of strings");
        *fields[i].text = json_string_value(value);
    }
    return 0;
}

static bool is_sha256(const char *text)
{
    return strlen(text) == 64 && strspn(text, "0123456789abcdefABCDEF") == 64;
}

static int add_file(struct request *req, struct order *order, const json_t *object,
                    const char *what)
{
    struct order_file *file = &order->files[order->n_files];
    const struct field fields[] = {{"uri", &file->uri},
                                   {"sha256", &file->sha256},
                                   {"version_id", &file->version_id},
                                   {"etag", &file->etag}};

    if (order->n_files == ORDER_FILES_MAX)
        return fail_value(req, what, "at most 128 files");
    KF_TRY(read_object(req, what, object, fields, sizeof fields / sizeof fields[0]));
    if (!file->uri)
        return fail_value(req, what, "an object with \"uri\"");
    if (file->sha256 && !is_sha256(file->sha256))
        return fail_value(req, what, "given with a sha256 of 64 hexadecimal digits");
    file->architecture = strcmp(what, "architecture") == 0;
    order->n_files++;
    return 0;
}

static int read_sources(struct request *req, struct order *order)
{
    const json_t *source = json_object_get(order->json, "source"), *one;
    size_t i;

    if (!json_is_array(source)) {
        KF_TRY(add_file(req, order, source, "source"));
    } else {
        if (json_array_size(source) == 0)
            return fail_value(req, "source", "one file at least");
        json_array_foreach(source, i, one) KF_TRY(add_file(req, order, one, "source"));
    }
    one = json_object_get(order->json, "architecture");
    return one ? add_file(req, order, one, "architecture") : 0;
}

static int read_target(struct request *req, struct order *order)
{
    const json_t *object = json_object_get(order->json, "target");
    const char *exists = NULL;
    const struct field fields[] = {
        {"uri", &order->target}, {"if_exists", &exists}, {"report_uri", &order->report}};

    if (!object)
        return 0;
    KF_TRY(read_object(req, "target", object, fields, sizeof fields / sizeof fields[0]));
    if (!order->target)
        return fail_value(req, "target", "an object with \"uri\"");
    if (exists && strcmp(exists, "fail") != 0 && strcmp(exists, "replace") != 0)
        return fail_value(req, "target", "given with if_exists \"fail\" or \"replace\"");
    order->replace = exists && strcmp(exists, "replace") == 0;
    return 0;
}

static int read_notify(struct request *req, struct order *order)
{
    const json_t *object = json_object_get(order->json, "notify");
    const struct field fields[] = {{"url", &order->notify}};

    if (!object)
        return 0;
    KF_TRY(read_object(req, "notify", object, fields, 1));
    return order->notify ? 0 : fail_value(req, "notify", "an object with \"url\"");
}

int order_read(struct request *req, json_t *object, struct order **out)
{
    KF_AUTO(order) order = calloc(1, sizeof *order);

    if (!order)
        return request_fail(req, "internal-error", "out of memory");
    order->json = json_incref(object);
    KF_TRY(read_sources(req, order));
    KF_TRY(read_target(req, order));
    KF_TRY(read_notify(req, order));
    *out = order_take(&order);
    return 0;
}

static void tell(json_t *facts, const char *name, const char *uri)
{
    char *shown = uri ? remote_show(uri) : NULL;

    if (shown)
        json_object_set_new(facts, name, json_string(shown));
    free(shown);
}

void order_tell(const struct order *order, json_t *facts)
{
    tell(facts, "uri", order->files[0].uri);
    tell(facts, "target", order->target);
}

int order_save(const struct order *order, const char *dir)
{
    char path[PATH_MAX];

    if (snprintf(path, sizeof path, "%s/" NAME, dir) >= (int)sizeof path)
        return -1;
    return json_dump_file(order->json, path, JSON_COMPACT);
}

struct order *order_load(const char *dir)
{
    struct request req = {0}; /* what was saved had been read before */
    struct order *order = NULL;
    char path[PATH_MAX];
    json_t *object;

    if (snprintf(path, sizeof path, "%s/" NAME, dir) >= (int)sizeof path)
        return NULL;
    object = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    if (object)
        order_read(&req, object, &order);
    json_decref(object);
    return order;
}
