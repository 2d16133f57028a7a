/* SPDX-License-Identifier: Apache-2.0 */
#include "report_json.h"
#include <stdio.h>
#include <string.h>

#define N_OF(list) (sizeof(list) / sizeof((list)[0]))

static void set_source(json_t *report, const char *member, const char *text)
{
    json_t *source = json_object_get(report, "source");

    if (source && text)
        json_object_set_new(source, member, json_string(text));
}

void kf_report_json_set_source(json_t *report, const char *sha256)
{
    if (sha256 && sha256[0] != '\0')
        set_source(report, "sha256", sha256);
}

void kf_report_json_set_filename(json_t *report, const char *filename)
{
    set_source(report, "filename", filename);
}

void kf_report_json_set_timing(json_t *report, const char *phase, double ms)
{
    json_t *timings = json_object_get(report, "timings");
    char member[64];

    snprintf(member, sizeof member, "%s_ms", phase);
    if (timings)
        json_object_set_new(timings, member, json_real(ms));
}

bool kf_report_json_refusal(const json_t *report, struct kf_refusal *out)
{
    const json_t *first = json_array_get(json_object_get(report, "problems"), 0);

    *out = (struct kf_refusal){
        .code = json_string_value(json_object_get(first, "code")),
        .where = json_string_value(json_object_get(first, "where")),
        .reason = json_string_value(json_object_get(first, "reason")),
        .way_out = json_string_value(json_object_get(first, "way_out")),
    };
    return out->code && out->where && out->reason;
}

bool kf_report_json_refused(const json_t *report, enum kf_code code)
{
    struct kf_refusal refusal;

    return kf_report_json_refusal(report, &refusal) &&
           strcmp(refusal.code, kf_code_slug(code)) == 0;
}

int kf_report_json_summary(const json_t *report, char *out, size_t max)
{
    const json_t *counts = json_object_get(report, "counts");
    const char *verdict = json_string_value(json_object_get(report, "verdict"));
    const char *training = json_string_value(json_object_get(report, "training"));
    int n;

    out[0] = '\0';
    if (!counts || !verdict || !training)
        return -1;
    n = snprintf(out, max, "verdict=%s, training=%s", verdict, training);
    for (size_t i = 0; n >= 0 && (size_t)n < max; i++) {
        static const char *const shown[][2] = {
            {"tensors", "tensors"},
            {"renamed", "renamed_tensors"},
            {"renamed-layers", "renamed_layers"},
            {"mismatches", "layer_mismatches"},
            {"changes", "config_changes"},
            {"lost", "lost"},
            {"findings", "findings"},
            {"needs", "needs"},
        };

        if (i == N_OF(shown))
            return 0;
        n += snprintf(out + n, max - (size_t)n, ", %s=%lld", shown[i][0],
                      (long long)json_integer_value(json_object_get(counts, shown[i][1])));
    }
    out[0] = '\0';
    return -1;
}
