/* SPDX-License-Identifier: Apache-2.0 */
#include "accept.h"
#include "assets.h"
#include "handlers.h"
#include "reply.h"
#include "request.h"
#include "routes.h"
#include <stdio.h>
#include <string.h>

/* Nothing from elsewhere, nothing inline, in no frame. */
#define POLICY                                                                                     \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "              \
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

#define ASSET_NAME_MAX 64

static const struct {
    const char *suffix, *type;
} types[] = {
    {".schema.json", "application/schema+json"},
    {".json", "application/json"},
    {".yaml", "application/yaml"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".txt", "text/plain; charset=utf-8"},
};

const struct asset *asset_find(const char *name)
{
    for (const struct asset *asset = assets; asset->name; asset++)
        if (strcmp(asset->name, name) == 0)
            return asset;
    return NULL;
}

/* A page has no suffix in its address. */
static const char *type_of(const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        size_t m = strlen(types[i].suffix);

        if (n > m && strcmp(name + n - m, types[i].suffix) == 0)
            return types[i].type;
    }
    return "text/html; charset=utf-8";
}

static bool takes_gzip(const struct request *req)
{
    const char *accept = request_header(req, MHD_HTTP_HEADER_ACCEPT_ENCODING);

    return accept && accept_weight(accept, "gzip") > 0;
}

/* The file of a route: that of its path, that which the path names, or the page at "/". */
static const struct asset *asset_of(const struct request *req)
{
    const char *pattern = req->route->pattern;
    char name[ASSET_NAME_MAX];

    if (req->captured[0])
        snprintf(name, sizeof name, "assets/%s", req->captured[0]);
    else
        snprintf(name, sizeof name, "%s", *pattern ? pattern : "index");
    return asset_find(name);
}

enum MHD_Result handle_asset(struct request *req)
{
    struct reply reply = {.status = MHD_HTTP_OK};
    const struct asset *asset = asset_of(req);
    const char *known = request_header(req, MHD_HTTP_HEADER_IF_NONE_MATCH);
    bool packed;
    char tag[64];

    if (!asset) {
        request_fail(req, "not-found", "the page has no such file");
        return reply_refusal(req);
    }
    packed = asset->n_packed > 0 && takes_gzip(req);
    snprintf(tag, sizeof tag, "\"%s%s\"", asset->tag, packed ? "-gzip" : "");
    reply_header(&reply, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
    reply_header(&reply, MHD_HTTP_HEADER_ETAG, "%s", tag);
    reply_header(&reply, MHD_HTTP_HEADER_VARY, "Accept-Encoding");
    reply.media_type = type_of(asset->name);
    if (strncmp(reply.media_type, "text/html", 9) == 0) /* of a 304 the cache takes it over, too */
        reply_header(&reply, "Content-Security-Policy", POLICY);
    if (known && (strstr(known, tag) || strcmp(known, "*") == 0)) {
        reply.status = MHD_HTTP_NOT_MODIFIED;
        reply.media_type = NULL;
        return reply_empty(req, &reply);
    }
    if (packed) {
        reply_header(&reply, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
        return reply_static(req, &reply, asset->packed, asset->n_packed);
    }
    return reply_static(req, &reply, asset->plain, asset->n_plain);
}
