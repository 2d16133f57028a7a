/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"
#include <names.h>
#include <params.h>
#include <string.h>

/* Parameters as a client may send them: a JSON object, or lines of name=value. */

static void set_lines(struct kf_request *request, char *text)
{
    struct kf_param_error error;
    char *line;

    while ((line = strsep(&text, "\n"))) {
        char *equals = strchr(line, '=');

        if (equals)
            *equals = '\0';
        memset(&error, 0, sizeof(error));
        if (kf_request_set(request, line, equals ? equals + 1 : "", &error) < 0)
            FUZZ_CHECK(error.detail[0]);
    }
}

static void set_json(struct kf_request *request, const char *text, size_t n)
{
    json_t *object = json_loadb(text, n, 0, NULL);
    struct kf_param_error error = {0};

    if (object && kf_request_from_json(request, object, &error) < 0)
        FUZZ_CHECK(error.detail[0]);
    json_decref(object);
}

/* What was taken is written as JSON, and taken from there again, to the same. */
static void check_round_trip(const struct kf_request *request)
{
    struct kf_param_error error = {0};
    struct kf_request again;
    json_t *once = kf_request_to_json(request), *twice;

    FUZZ_CHECK(once);
    kf_request_init(&again);
    FUZZ_CHECK(kf_request_from_json(&again, once, &error) == 0);
    twice = kf_request_to_json(&again);
    FUZZ_CHECK(json_equal(once, twice));
    json_decref(once);
    json_decref(twice);
    kf_request_finish(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *text = malloc(n + 1), *name;
    struct kf_param_error error = {0};
    struct kf_request request;

    FUZZ_CHECK(text);
    if (n)
        memcpy(text, data, n);
    text[n] = '\0';
    name = kf_clean_filename(text);
    FUZZ_CHECK(name && strlen(name) <= 200 && !strchr(name, '/'));
    free(name);
    kf_request_init(&request);
    if (text[0] == '{')
        set_json(&request, text, n);
    else
        set_lines(&request, text);
    check_round_trip(&request);
    if (kf_request_check(&request, &error) == 0) {
        name = kf_artifact_name(&request);
        FUZZ_CHECK(name && !strchr(name, '/'));
        free(name);
    }
    kf_request_finish(&request);
    free(text);
    return 0;
}
