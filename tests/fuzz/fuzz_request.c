/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"
#include "server/http/accept.h"
#include "server/jobs/target.h"
#include "server/remote/xml.h"
#include <string.h>

/* What stands in a request's first lines and in the answers of an S3 server:
 * any text as each. */

static void match(const char *text)
{
    static const char *const patterns[] = {"v1/convert/{to}/{filename}", "v1/jobs/{id}:cancel",
                                           "v1/jobs/{id}", "v1/inspect/{filename}"};
    struct target target;

    if (target_parse(&target, text) == 0)
        for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
            const char *captured[2] = {NULL, NULL};

            if (target_match(&target, patterns[i], captured))
                FUZZ_CHECK(captured[0]);
            target_distance(&target, patterns[i]);
        }
    target_finish(&target);
}

static void choose(const char *text)
{
    static const char *const offers[] = {"application/json", "application/octet-stream",
                                         "application/x-tar"};
    int chosen = accept_choose(text, offers, 3);
    double weight = accept_weight(text, offers[0]);

    FUZZ_CHECK(chosen >= -1 && chosen < 3);
    FUZZ_CHECK(weight >= 0 && weight <= 1);
}

static void take(void *context, const char *name, const char *parent, const char *text)
{
    size_t *total = context;

    *total += strlen(name) + strlen(parent) + strlen(text);
}

static void read_answer(const char *text, size_t n)
{
    char found[32];
    size_t total = 0;

    xml_read(text, n, take, &total);
    if (xml_find(text, n, "Code", found, sizeof found))
        FUZZ_CHECK(strlen(found) < sizeof found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *text = malloc(n + 1);

    FUZZ_CHECK(text);
    if (n)
        memcpy(text, data, n);
    text[n] = '\0';
    match(text);
    choose(text);
    read_answer(text, n);
    free(text);
    return 0;
}
