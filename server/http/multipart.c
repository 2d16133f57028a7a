/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../jobs/conversion.h"
#include "body.h"
#include "request.h"
#include <stdlib.h>
#include <string.h>

#define PARSER_BYTES (256 * 1024) /* libmicrohttpd's buffer: larger is not faster */
#define OPTIONS_MAX  16
#define VALUE_MAX    4096 /* bytes of one option */
#define NAME_MAX_    64   /* bytes of an option's name; longer ones do not exist */

/* Which part the parser is in. */
enum part { PART_NONE, PART_FILE, PART_OPTION };

struct multipart {
    struct request *req; /* borrowed */
    struct MHD_PostProcessor *parser;
    enum part part;
    unsigned n_options;
    char name[NAME_MAX_];
    char value[VALUE_MAX + 1];
    size_t n_value;
};

/* An option is complete when the next part begins or the form ends. */
static int end_part(struct multipart *form)
{
    struct kf_param_error err = {0};
    enum part part = form->part;

    form->part = PART_NONE;
    if (part != PART_OPTION)
        return 0;
    form->value[form->n_value] = '\0';
    if (strlen(form->value) != form->n_value)
        return request_fail(form->req, "invalid-parameter", "%s has a zero byte in it", form->name);
    if (kf_request_set(&form->req->conversion->params, form->name, form->value, &err) == 0)
        return 0;
    memcpy(form->req->failure.parameter, err.parameter, sizeof err.parameter);
    return request_fail(form->req, "invalid-parameter", "%s", err.detail);
}

/*
 * A part called "file". The name that the first one has at the client is used unless the request
 * gave one; the others are further files of the same model.
 */
static int begin_file(struct multipart *form, const char *filename)
{
    struct conversion *c = form->req->conversion;
    struct kf_param_error err = {0};

    form->part = PART_FILE;
    if (c->body.has_file)
        return body_begin_further(form->req, filename, false);
    c->body.has_file = true;
    KF_TRY(body_begin_file(form->req));
    if (!filename || *filename == '\0' || c->params.filename[0] != '\0')
        return 0;
    if (kf_request_set(&c->params, "filename", filename, &err) < 0)
        return request_fail(form->req, "invalid-parameter", "%s", err.detail);
    return 0;
}

static int begin_architecture(struct multipart *form, const char *filename)
{
    const struct body *body = &form->req->conversion->body;

    form->part = PART_FILE;
    for (size_t i = 0; i < body->n_further; i++)
        if (body->further[i].architecture)
            return request_fail(form->req, "invalid-request",
                                "the form has more than one architecture");
    return body_begin_further(form->req, filename, true);
}

static int begin_part(struct multipart *form, const char *key, const char *filename)
{
    KF_TRY(end_part(form));
    if (!key || *key == '\0')
        return request_fail(form->req, "malformed-multipart", "a part of the form has no name");
    if (strcmp(key, "file") == 0)
        return begin_file(form, filename);
    if (strcmp(key, "architecture") == 0)
        return begin_architecture(form, filename);
    if (++form->n_options > OPTIONS_MAX)
        return request_fail(form->req, "malformed-multipart", "the form has more than %d options",
                            OPTIONS_MAX);
    form->part = PART_OPTION;
    form->n_value = 0;
    memset(form->name, 0, sizeof form->name);
    memcpy(form->name, key, strnlen(key, sizeof form->name - 1));
    return 0;
}

static int add_bytes(struct multipart *form, const char *data, size_t n)
{
    if (form->part == PART_FILE)
        return body_store(form->req, data, n);
    if (form->n_value + n > VALUE_MAX) {
        memcpy(form->req->failure.parameter, form->name, sizeof form->name);
        return request_fail(form->req, "invalid-parameter",
                            "the value of \"%s\" is longer than %d bytes", form->name, VALUE_MAX);
    }
    memcpy(form->value + form->n_value, data, n);
    form->n_value += n;
    return 0;
}

static enum MHD_Result on_data(void *cls, enum MHD_ValueKind kind, const char *key,
                               const char *filename, const char *content_type,
                               const char *transfer_encoding, const char *data, uint64_t at,
                               size_t n)
{
    struct multipart *form = cls;

    (void)kind;
    (void)content_type;
    (void)transfer_encoding;
    if (at == 0 && begin_part(form, key, filename) < 0)
        return MHD_NO;
    return n == 0 || add_bytes(form, data, n) == 0 ? MHD_YES : MHD_NO;
}

struct multipart *multipart_create(struct request *req)
{
    struct multipart *form = calloc(1, sizeof *form);

    if (!form)
        return NULL;
    form->req = req;
    form->parser = MHD_create_post_processor(req->connection, PARSER_BYTES, on_data, form);
    if (form->parser)
        return form;
    free(form);
    return NULL;
}

/* The parser stopped: for our reason, or because the form is broken. */
static int broken(struct multipart *form)
{
    return request_fail(form->req, "malformed-multipart",
                        "the form is broken, or ends before its closing boundary");
}

int multipart_receive(struct multipart *form, const char *data, size_t n)
{
    return MHD_post_process(form->parser, data, n) == MHD_YES ? 0 : broken(form);
}

int multipart_end(struct multipart *form)
{
    enum MHD_Result whole = MHD_destroy_post_processor(form->parser);

    form->parser = NULL;
    if (whole != MHD_YES)
        return broken(form);
    KF_TRY(end_part(form));
    if (!form->req->conversion->body.has_file)
        return request_fail(form->req, "invalid-request",
                            "the form has no part called \"file\" with the model in it");
    return 0;
}

void multipart_destroy(struct multipart *form)
{
    if (!form)
        return;
    if (form->parser)
        MHD_destroy_post_processor(form->parser);
    free(form);
}
