/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "verify.h"
#include "../http/assets.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What stands in the script where a report may. */
#define PLACE "REPORT = None"

/* A report as Python has it: JSON in a text, which is written as JSON writes one. */
static char *literal_of(const json_t *report)
{
    char *text = json_dumps(report, JSON_ENSURE_ASCII | JSON_COMPACT), *literal = NULL;
    json_t *string = text ? json_string(text) : NULL;

    if (string)
        literal = json_dumps(string, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    json_decref(string);
    free(text);
    return literal;
}

char *verify_script(const json_t *report)
{
    const struct asset *script = asset_find("verify.py");
    const char *plain = (const char *)script->plain,
               *place = memmem(script->plain, script->n_plain, PLACE, strlen(PLACE));
    char *literal = literal_of(report), *made = NULL;
    size_t before = (size_t)(place - plain), behind = before + strlen(PLACE);

    if (literal && asprintf(&made, "%.*sREPORT = json.loads(%s)%.*s", (int)before, plain, literal,
                            (int)(script->n_plain - behind), plain + behind) < 0)
        made = NULL;
    free(literal);
    return made;
}
