/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_TESTS_REPORT_OF_H
#define KF_TESTS_REPORT_OF_H

#include <report_json.h>
#include <stdio.h>
#include <stdlib.h>

static inline int report_put(const char *text, size_t n, void *file)
{
    return fwrite(text, 1, n, file) == n ? 0 : -1;
}

/* A report as a program reads it; a new reference, NULL when there was no memory for all of it. */
static inline json_t *report_of(const struct kf_report *rep)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    int bad = out ? kf_report_json_write(rep, NULL, true, report_put, out) : -1;
    json_t *report = NULL;

    if (out && fclose(out) == 0 && bad == 0)
        report = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    free(text);
    return report;
}

#endif
