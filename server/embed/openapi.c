/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "yaml.h"
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * At build time: the API's description as one JSON document. Where the YAML says of a schema that
 * it is a file beside it, the file is put in, and its $defs become schemas of the document.
 */

#define DEFS     "#/$defs/"
#define SCHEMAS  "#/components/schemas/"
#define REF_MAX  256
#define TEXT_MAX (1 << 22)

/* "#/$defs/count" of the schema Report is "#/components/schemas/Report_count". */
static void move_references(json_t *value, const char *schema)
{
    const char *key, *ref = json_string_value(json_object_get(value, "$ref"));
    char moved[REF_MAX];
    json_t *member;
    size_t i;

    if (ref && strncmp(ref, DEFS, strlen(DEFS)) == 0) {
        snprintf(moved, sizeof moved, SCHEMAS "%s_%s", schema, ref + strlen(DEFS));
        json_object_set_new(value, "$ref", json_string(moved));
    }
    json_object_foreach(value, key, member) move_references(member, schema);
    json_array_foreach(value, i, member) move_references(member, schema);
}

/* The file's own schema under its name, and the parts of it under theirs. */
static int put_in(json_t *schemas, const char *name, json_t *file)
{
    json_t *parts = json_object_get(file, "$defs"), *part;
    char full[REF_MAX];
    const char *key;
    int bad = 0;

    move_references(file, name);
    json_object_foreach(parts, key, part)
    {
        snprintf(full, sizeof full, "%s_%s", name, key);
        bad |= json_object_set(schemas, full, part);
    }
    json_object_del(file, "$defs");
    json_object_del(file, "$schema");
    json_object_del(file, "$id");
    return bad | json_object_set(schemas, name, file);
}

static int bundle(json_t *document, const char *folder)
{
    json_t *schemas = json_object_get(json_object_get(document, "components"), "schemas");
    json_t *whole = json_object(), *schema;
    const char *name;
    int bad = 0;

    json_object_foreach(schemas, name, schema)
    {
        const char *ref = json_string_value(json_object_get(schema, "$ref"));
        char path[PATH_MAX];
        json_error_t error;
        json_t *file;

        if (!ref || *ref == '#') {
            bad |= json_object_set(whole, name, schema);
            continue;
        }
        snprintf(path, sizeof path, "%s/%s", folder, ref);
        file = json_load_file(path, 0, &error);
        if (!file)
            fprintf(stderr, "%s: %s\n", path, error.text);
        bad |= file ? put_in(whole, name, file) : -1;
        json_decref(file);
    }
    return bad | json_object_set_new(json_object_get(document, "components"), "schemas", whole);
}

static json_t *read_yaml(const char *path)
{
    const struct kf_limits limits = KF_LIMITS_INIT;
    char *text = calloc(1, TEXT_MAX);
    FILE *in = fopen(path, "re");
    size_t n = text && in ? fread(text, 1, TEXT_MAX, in) : 0;
    struct kf_report rep;
    json_t *document;

    kf_report_init(&rep);
    document = n > 0 && n < TEXT_MAX ? kf_yaml_parse(text, n, &limits, &rep) : NULL;
    for (size_t i = 0; i < rep.n_entries; i++)
        fprintf(stderr, "%s: %s\n", path, rep.entries[i].what);
    kf_report_finish(&rep);
    if (in)
        fclose(in);
    free(text);
    return document;
}

int main(int argc, char **argv)
{
    json_t *document = argc == 3 ? read_yaml(argv[1]) : NULL;
    int bad = !document || bundle(document, dirname(argv[1])) != 0 ||
              json_dump_file(document, argv[2], JSON_INDENT(1)) != 0;

    json_decref(document);
    return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
