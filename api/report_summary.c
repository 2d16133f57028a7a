/* SPDX-License-Identifier: Apache-2.0 */
#include "report_json.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a person reads at once; the rest is in the report. */
#define LINES_MAX 8

static const char *or_else(const char *text, const char *other)
{
    return text ? text : other;
}

/* "Keras 2.3.1, tensorflow" where the file tells. */
static void put_writer(FILE *out, const char *version, const char *backend)
{
    if (version)
        fprintf(out, " (Keras %s%s%s)", version, backend ? ", " : "", or_else(backend, ""));
    else if (backend)
        fprintf(out, " (%s)", backend);
}

static void put_verdict(FILE *out, const struct kf_report *rep)
{
    fprintf(out, "%s: %s", kf_verdict_name(kf_report_verdict(rep)),
            or_else(rep->source.title, or_else(rep->source.format, "unknown file")));
    put_writer(out, rep->source.keras_version, rep->source.backend);
    if (rep->target.format) {
        fprintf(out, " to %s", rep->target.format);
        put_writer(out, rep->target.keras_version, NULL);
    }
    fputc('\n', out);
}

static size_t count_kind(const struct kf_report *rep, enum kf_kind kind)
{
    size_t n = 0;

    for (size_t i = 0; i < rep->n_entries; i++)
        n += kf_code_kind(rep->entries[i].code) == kind;
    return n;
}

static void put_count(FILE *out, const char *before, uint64_t n, const char *thing)
{
    if (n > 0)
        fprintf(out, "%s%" PRIu64 " %s%s", before, n, thing, n == 1 ? "" : "s");
}

static void put_counts(FILE *out, const struct kf_report *rep)
{
    if (rep->n_layers == 0 && rep->n_tensors == 0)
        return;
    fprintf(out, "%" PRIu64 " layer%s", rep->n_layers, rep->n_layers == 1 ? "" : "s");
    put_count(out, ", ", rep->n_tensors, "tensor");
    put_count(out, ", ", rep->n_parameters, "parameter");
    put_count(out, "; ", count_kind(rep, KF_KIND_CHANGE), "change");
    put_count(out, ", ", count_kind(rep, KF_KIND_RENAME), "renamed layer");
    fputc('\n', out);
    if (rep->training != KF_TRAINING_NONE)
        fprintf(out, "training state: %s\n", kf_training_name(rep->training));
}

static void put_entry(FILE *out, const char *label, const struct kf_entry *entry)
{
    const char *way_out = kf_code_way_out(entry->code);

    fprintf(out, "%s: %s%s%s", label, entry->where, entry->where[0] ? ": " : "", entry->what);
    if (way_out)
        fprintf(out, " (%s)", way_out);
    fputc('\n', out);
}

/* The entries that `is_shown` takes, each with a label; many of them are cut short. */
static void put_entries(FILE *out, const struct kf_report *rep,
                        const char *(*label_of)(enum kf_code code))
{
    size_t n = 0;

    for (size_t i = 0; i < rep->n_entries; i++) {
        const char *label = label_of(rep->entries[i].code);

        if (label && n++ < LINES_MAX)
            put_entry(out, label, &rep->entries[i]);
    }
    if (n > LINES_MAX)
        fprintf(out, "... and %zu more in the report\n", n - LINES_MAX);
}

static const char *refusal_label(enum kf_code code)
{
    return kf_code_grade(code) >= KF_GRADE_REFUSED ? kf_code_slug(code) : NULL;
}

static const char *note_label(enum kf_code code)
{
    static const char *const labels[] = {
        [KF_KIND_CHANGE] = NULL,  [KF_KIND_RENAME] = NULL,    [KF_KIND_MISMATCH] = "mismatch",
        [KF_KIND_LOST] = "lost",  [KF_KIND_FINDING] = "note", [KF_KIND_NEED] = "needs",
        [KF_KIND_PROBLEM] = NULL,
    };

    return kf_code_grade(code) < KF_GRADE_REFUSED ? labels[kf_code_kind(code)] : NULL;
}

char *kf_report_summary(const struct kf_report *rep)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    int failed;

    if (!out)
        return NULL;
    put_verdict(out, rep);
    put_counts(out, rep);
    put_entries(out, rep, refusal_label);
    put_entries(out, rep, note_label);
    if (rep->n_dropped > 0)
        fprintf(out, "%zu more entries were too many to keep\n", rep->n_dropped);
    failed = ferror(out);
    failed |= fclose(out);
    if (!failed)
        return text;
    free(text);
    return NULL;
}
