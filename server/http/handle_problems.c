/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "accept.h"
#include "handlers.h"
#include "problem.h"
#include "reply.h"
#include "request.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the member `type` of a problem leads to. */

/* Position among `offers` of what the client likes best; -1 with a failure. */
static int choose(struct request *req, const char *const *offers, size_t n)
{
    int chosen = accept_choose(request_header(req, MHD_HTTP_HEADER_ACCEPT), offers, n);

    if (chosen < 0)
        request_fail(req, "not-acceptable", "the answer is application/json%s",
                     n > 1 ? " or text/html" : "");
    return chosen;
}

/* Where the core has a word of the service's, the service's row counts. */
static bool is_first(const struct kf_problem_type *type)
{
    return kf_problem_type(type->code) == type;
}

enum MHD_Result handle_problems(struct request *req)
{
    static const char *const offers[] = {"application/json"};
    struct reply reply = {.status = MHD_HTTP_OK};
    const struct kf_problem_type *type;
    json_t *list;

    if (choose(req, offers, 1) < 0)
        return reply_refusal(req);
    list = json_array();
    for (size_t i = 0; (type = kf_problem_at(i)); i++)
        if (is_first(type))
            json_array_append_new(list, kf_problem_type_json(type));
    return reply_json_new(req, &reply, json_pack("{s:o}", "problems", list));
}

static const struct kf_problem_type *find(struct request *req)
{
    const char *code = req->captured[0];
    const struct kf_problem_type *type = kf_problem_type(code);

    if (strcmp(type->code, code) == 0)
        return type;
    request_fail(req, "not-found", "there is no problem of this name; /problems lists them");
    return NULL;
}

static void put(FILE *out, const char *text)
{
    for (; *text; text++)
        if (*text == '<' || *text == '>' || *text == '&')
            fprintf(out, "&#%d;", *text);
        else
            fputc(*text, out);
}

static void put_page(FILE *out, const struct kf_problem_type *type)
{
    fprintf(out,
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
            "<meta name=\"viewport\" content=\"width=device-width\">\n<title>%s</title>\n<h1>",
            type->code);
    put(out, type->title);
    fprintf(out, "</h1>\n<p>Status %u, code <code>%s</code>.\n<p>%s\n", type->status, type->code,
            type->retryable ? "The same request may succeed later."
                            : "The same request fails again.");
    if (type->hint) {
        fputs("<p>What helps: ", out);
        put(out, type->hint);
        fputs(".\n", out);
    }
    fputs("<p><a href=\"/problems\">All problems</a>\n</html>\n", out);
}

static enum MHD_Result send_page(struct request *req, struct reply *reply,
                                 const struct kf_problem_type *type)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);

    if (!out)
        return MHD_NO;
    put_page(out, type);
    if (fclose(out) != 0) {
        free(text);
        return MHD_NO;
    }
    reply->media_type = "text/html; charset=utf-8";
    return reply_text_new(req, reply, text, n);
}

enum MHD_Result handle_problem(struct request *req)
{
    static const char *const offers[] = {"text/html", "application/json"};
    struct reply reply = {.status = MHD_HTTP_OK};
    const struct kf_problem_type *type = find(req);
    int chosen = type ? choose(req, offers, 2) : -1;

    if (chosen < 0)
        return reply_refusal(req);
    if (chosen == 0)
        return send_page(req, &reply, type);
    return reply_json_new(req, &reply, kf_problem_type_json(type));
}
