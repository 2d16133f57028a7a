/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "xml.h"
#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 16
#define NAME_SIZE 64
#define TEXT_SIZE 8192

struct reading {
    XML_Parser parser;
    xml_take take;
    void *context;
    size_t depth;
    char names[DEPTH_MAX][NAME_SIZE];
    char text[TEXT_SIZE];
    size_t n_text;
};

/* Without the prefix of a namespace. */
static const char *plain(const char *name)
{
    const char *colon = strrchr(name, ':');

    return colon ? colon + 1 : name;
}

static void XMLCALL on_start(void *cls, const XML_Char *name, const XML_Char **attributes)
{
    struct reading *r = cls;

    (void)attributes;
    if (r->depth == DEPTH_MAX) {
        XML_StopParser(r->parser, XML_FALSE);
        return;
    }
    snprintf(r->names[r->depth++], NAME_SIZE, "%s", plain(name));
    r->n_text = 0;
}

static void XMLCALL on_end(void *cls, const XML_Char *name)
{
    struct reading *r = cls;

    (void)name;
    r->depth--;
    r->text[r->n_text] = '\0';
    r->take(r->context, r->names[r->depth], r->depth > 0 ? r->names[r->depth - 1] : "", r->text);
    r->n_text = 0;
}

static void XMLCALL on_text(void *cls, const XML_Char *text, int n)
{
    struct reading *r = cls;
    size_t room = sizeof r->text - 1 - r->n_text, keep = (size_t)n < room ? (size_t)n : room;

    memcpy(r->text + r->n_text, text, keep);
    r->n_text += keep;
}

static void XMLCALL on_doctype(void *cls, const XML_Char *name, const XML_Char *system,
                               const XML_Char *public, int internal)
{
    struct reading *r = cls;

    (void)name;
    (void)system;
    (void)public;
    (void)internal;
    XML_StopParser(r->parser, XML_FALSE);
}

bool xml_read(const char *text, size_t n, xml_take take, void *context)
{
    struct reading *r = calloc(1, sizeof *r);
    bool ok = false;

    if (r)
        r->parser = XML_ParserCreate(NULL);
    if (r && r->parser) {
        r->take = take;
        r->context = context;
        XML_SetUserData(r->parser, r);
        XML_SetElementHandler(r->parser, on_start, on_end);
        XML_SetCharacterDataHandler(r->parser, on_text);
        XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
        ok = XML_Parse(r->parser, text, (int)n, 1) == XML_STATUS_OK;
    }
    if (r && r->parser)
        XML_ParserFree(r->parser);
    free(r);
    return ok;
}

/* What xml_find() looks for. */
struct finding {
    const char *name;
    char *out;
    size_t max;
    bool found;
};

static void find(void *context, const char *name, const char *parent, const char *text)
{
    struct finding *f = context;

    (void)parent;
    if (f->found || strcmp(name, f->name) != 0)
        return;
    snprintf(f->out, f->max, "%s", text);
    f->found = true;
}

bool xml_find(const char *text, size_t n, const char *name, char *out, size_t max)
{
    struct finding f = {name, out, max, false};

    out[0] = '\0';
    if (text)
        xml_read(text, n, find, &f);
    return f.found;
}
