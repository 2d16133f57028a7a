/* SPDX-License-Identifier: Apache-2.0 */
#include "remote_private.h"
#include "s3.h"
#include "xml.h"
#include <stdio.h>
#include <string.h>

static void remember(struct regions *regions, const char *bucket, const char *region)
{
    unsigned i = 0;

    pthread_mutex_lock(&regions->lock);
    while (i < REGIONS_MAX && strcmp(regions->list[i].bucket, bucket) != 0)
        i++;
    if (i == REGIONS_MAX)
        i = regions->next++ % REGIONS_MAX;
    snprintf(regions->list[i].bucket, sizeof regions->list[i].bucket, "%s", bucket);
    snprintf(regions->list[i].region, sizeof regions->list[i].region, "%s", region);
    pthread_mutex_unlock(&regions->lock);
}

void s3_find_region(struct s3 *s3, const char *bucket)
{
    struct regions *regions = &s3->task->remote->regions;

    if (s3->region[0] != '\0')
        return;
    snprintf(s3->region, sizeof s3->region, "%s", remote_region(s3->task->remote));
    pthread_mutex_lock(&regions->lock);
    for (unsigned i = 0; i < REGIONS_MAX; i++)
        if (strcmp(regions->list[i].bucket, bucket) == 0)
            memcpy(s3->region, regions->list[i].region, sizeof s3->region);
    pthread_mutex_unlock(&regions->lock);
}

/* The region that an answer names, in its head or its words. */
static bool read_region(const struct s3_call *call, char out[64])
{
    snprintf(out, 64, "%s", call->x.head.region);
    if (out[0] == '\0' && call->x.text)
        xml_find(call->x.text, call->x.n_text, "Region", out, 64);
    return out[0] != '\0';
}

/* The answer to HEAD has no words: the same is asked with GET, for a byte at most. */
static bool ask_region(struct s3 *s3, const struct s3_request *request, char out[64])
{
    struct s3_request get = S3_REQUEST_INIT;
    struct s3_call call = {0};
    bool found = false;

    get.method = "GET";
    get.place = request->place;
    get.query = request->query;
    get.headers[get.n_headers++] = (struct sigv4_header){"range", "bytes=0-0"};
    if (s3_sign(s3, &get, &call) == 0) {
        http_run(s3->http, &call.x, &s3->policy);
        found = read_region(&call, out);
    }
    s3_call_finish(&call);
    return found;
}

bool s3_learn_region(struct s3 *s3, const struct s3_request *request, const struct s3_call *call)
{
    char region[64];

    if (s3->relearnt)
        return false;
    if (!read_region(call, region) &&
        (strcmp(request->method, "HEAD") != 0 || call->x.head.status == 403 ||
         !ask_region(s3, request, region)))
        return false;
    if (strcmp(region, s3->region) == 0)
        return false;
    s3->relearnt = true;
    memcpy(s3->region, region, sizeof s3->region);
    remember(&s3->task->remote->regions, request->place->bucket, region);
    return true;
}
