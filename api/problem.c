/* SPDX-License-Identifier: Apache-2.0 */
#include "problem.h"
#include <string.h>

#define N_OF(list) (sizeof(list) / sizeof((list)[0]))

/* The service's own codes first: where the core has the same word, the service's row counts. */
static const struct kf_problem_type types[] = {
#define KF_PROBLEM(code, status, title, retryable, hint) {code, status, title, retryable, hint},
#include "problems.def"
#undef KF_PROBLEM
/* Of the core's codes those that can end a conversion; the others stand in reports only. */
#define ROW_NOTE(slug, way_out)
#define ROW_ADAPTED(slug, way_out)
#define ROW_LOSSY(slug, way_out)
#define ROW_REFUSED(slug, way_out)                        {slug, 422, "The model was refused: " slug, false, way_out},
#define ROW_FATAL(slug, way_out)                          {slug, 500, "The conversion failed: " slug, true, way_out},
#define KF_CODE(name, number, kind, grade, slug, way_out) ROW_##grade(slug, way_out)
#include <kf/codes.def>
#undef KF_CODE
};

static const struct kf_problem_type *find(const char *code)
{
    for (size_t i = 0; i < N_OF(types); i++)
        if (strcmp(types[i].code, code) == 0)
            return &types[i];
    return NULL;
}

const struct kf_problem_type *kf_problem_type(const char *code)
{
    const struct kf_problem_type *type = find(code);

    return type ? type : find("internal-error");
}

const struct kf_problem_type *kf_problem_at(size_t index)
{
    return index < N_OF(types) ? &types[index] : NULL;
}

json_t *kf_problem_type_json(const struct kf_problem_type *type)
{
    return json_pack("{s:s, s:i, s:s, s:b, s:s?}", "code", type->code, "status", (int)type->status,
                     "title", type->title, "retryable", (int)type->retryable, "hint", type->hint);
}

static int put(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value);
}

static int put_optional(json_t *object, const struct kf_problem *problem)
{
    int bad = 0;

    if (problem->limit > 0) {
        bad |= put(object, "limit", json_integer((json_int_t)problem->limit));
        bad |= put(object, "actual", json_integer((json_int_t)problem->actual));
    }
    if (problem->parameter && problem->parameter[0] != '\0')
        bad |= put(object, "errors",
                   json_pack("[{s:s, s:s}]", "parameter", problem->parameter, "detail",
                             problem->detail ? problem->detail : ""));
    if (problem->retry_after > 0)
        bad |= put(object, "retry_after_s", json_integer(problem->retry_after));
    if (problem->request_id && problem->request_id[0] != '\0')
        bad |= put(object, "request_id", json_string(problem->request_id));
    if (problem->report)
        bad |= json_object_set(object, "report", problem->report);
    return bad;
}

json_t *kf_problem_json(const struct kf_problem *problem)
{
    const struct kf_problem_type *type = kf_problem_type(problem->code);
    const char *hint = problem->hint ? problem->hint : type->hint;
    json_t *object = json_object();
    int bad = put(object, "type", json_sprintf("/problems/%s", type->code));

    bad |= put(object, "title", json_string(type->title));
    bad |= put(object, "status", json_integer(type->status));
    if (problem->detail)
        bad |= put(object, "detail", json_string(problem->detail));
    bad |= put(object, "code", json_string(type->code));
    bad |= put(object, "retryable", json_boolean(type->retryable));
    if (hint)
        bad |= put(object, "hint", json_string(hint));
    bad |= put_optional(object, problem);
    if (bad == 0)
        return object;
    json_decref(object);
    return NULL;
}
