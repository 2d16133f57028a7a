/* SPDX-License-Identifier: Apache-2.0 */
#include "report_json.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_OF(list) (sizeof(list) / sizeof((list)[0]))

/* The headings under which entries stand, by kind; the place name is what `where` is called. */
static const struct heading {
    const char *name;
    enum kf_kind kind;
} headings[] = {
    {"renamed_layers", KF_KIND_RENAME}, {"layer_mismatches", KF_KIND_MISMATCH},
    {"config_changes", KF_KIND_CHANGE}, {"lost", KF_KIND_LOST},
    {"findings", KF_KIND_FINDING},      {"needs", KF_KIND_NEED},
};

/* Takes the value; NULL, for memory that ran out, is a failure like any other. */
static int put(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value);
}

/* For what the file does not tell. */
static json_t *text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

/* `object` when all went well, else NULL. */
static json_t *whole_new(json_t *object, int bad)
{
    if (bad == 0)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *evidence_json(const struct kf_report *rep)
{
    json_t *list = json_array();
    int bad = 0;

    for (size_t i = 0; i < rep->source.n_evidence; i++)
        bad |= json_array_append_new(list, json_string(rep->source.evidence[i]));
    return whole_new(list, bad);
}

static json_t *source_json(const struct kf_report *rep, const char *filename)
{
    json_t *source = json_object();
    int bad = 0;

    bad |= put(source, "format", text_or_null(rep->source.format));
    bad |= put(source, "title", text_or_null(rep->source.title));
    bad |= put(source, "keras_version", text_or_null(rep->source.keras_version));
    bad |= put(source, "backend", text_or_null(rep->source.backend));
    bad |= put(source, "evidence", evidence_json(rep));
    bad |= put(source, "size", json_integer((json_int_t)rep->source.size));
    if (rep->source.member)
        bad |= put(source, "member", json_string(rep->source.member));
    bad |= put(source, "sha256", json_null());
    bad |= put(source, "filename", text_or_null(filename));
    return whole_new(source, bad);
}

static json_t *target_json(const struct kf_report *rep)
{
    json_t *target = json_object();
    int bad = 0;

    bad |= put(target, "format", text_or_null(rep->target.format));
    bad |= put(target, "keras_version", text_or_null(rep->target.keras_version));
    return whole_new(target, bad);
}

static json_t *shape_json(unsigned rank, const uint64_t *dims)
{
    json_t *shape = json_array();
    int bad = 0;

    for (unsigned i = 0; i < rank; i++)
        bad |= json_array_append_new(shape, json_integer((json_int_t)dims[i]));
    return whole_new(shape, bad);
}

static json_t *checksum_json(const struct kf_checksum *sum)
{
    if (sum->value[0] == '\0' || !sum->algorithm)
        return json_null();
    return json_pack("{s:s, s:s}", "algorithm", sum->algorithm, "value", sum->value);
}

/* {"before": ..., "after": ...}; takes both. */
static json_t *pair_new(json_t *before, json_t *after)
{
    return json_pack("{s:o, s:o}", "before", before, "after", after);
}

static json_t *histogram_json(const struct kf_histogram *histogram)
{
    json_t *counts = json_array();
    int bad = 0;

    for (unsigned i = 0; i < histogram->n; i++)
        bad |= json_array_append_new(counts, json_integer((json_int_t)histogram->counts[i]));
    return json_pack("{s:f, s:f, s:o, s:f, s:f, s:f, s:I}", "low", histogram->low, "width",
                     histogram->width, "counts", whole_new(counts, bad), "mean", histogram->mean,
                     "least", histogram->least, "greatest", histogram->greatest, "not_finite",
                     (json_int_t)histogram->not_finite);
}

static json_t *tensor_json(const struct kf_tensor_report *row)
{
    bool written = row->target && row->target[0] != '\0';
    json_t *tensor = json_object(), *shape = json_null(), *dtype = json_null();
    int bad = 0;

    if (written) {
        shape = shape_json(row->rank_after, row->dims_after);
        dtype = text_or_null(row->dtype_after);
    }
    bad |= put(tensor, "source", text_or_null(row->source));
    bad |= put(tensor, "target", text_or_null(written ? row->target : NULL));
    bad |= put(tensor, "layer", json_string(row->layer ? row->layer : ""));
    bad |= put(tensor, "done", text_or_null(row->done));
    bad |= put(tensor, "shape", pair_new(shape_json(row->rank_before, row->dims_before), shape));
    bad |= put(tensor, "dtype", pair_new(text_or_null(row->dtype_before), dtype));
    bad |=
        put(tensor, "checksum", pair_new(checksum_json(&row->before), checksum_json(&row->after)));
    if (row->histograms)
        bad |= put(tensor, "histograms",
                   pair_new(histogram_json(&row->histograms->before),
                            histogram_json(&row->histograms->after)));
    return whole_new(tensor, bad);
}

static bool is_renamed(const struct kf_tensor_report *row)
{
    return row->source && row->target && row->target[0] && strcmp(row->source, row->target) != 0;
}

static json_t *renamed_json(const struct kf_tensor_report *row)
{
    return json_pack("{s:s, s:s, s:s}", "before", row->source, "after", row->target, "layer",
                     row->layer ? row->layer : "");
}

/* Without `before` or `after` where there was or is no value: null is a value of its own. */
static json_t *entry_json(const struct kf_entry *entry)
{
    const char *way_out = kf_code_way_out(entry->code);
    json_t *object = json_object();
    int bad = 0;

    bad |= put(object, "where", json_string(entry->where));
    if (entry->key)
        bad |= put(object, "key", json_string(entry->key));
    if (entry->before)
        bad |= json_object_set(object, "before", entry->before);
    if (entry->after)
        bad |= json_object_set(object, "after", entry->after);
    bad |= put(object, "code", json_string(kf_code_slug(entry->code)));
    bad |= put(object, "reason", json_string(entry->what));
    if (way_out)
        bad |= put(object, "way_out", json_string(way_out));
    return whole_new(object, bad);
}

static json_t *rules_json(const struct kf_report *rep)
{
    json_t *list = json_array();
    int bad = 0;

    for (size_t i = 0; i < rep->n_rules; i++)
        bad |= json_array_append_new(list, json_string(rep->rules[i]));
    return whole_new(list, bad);
}

static json_t *summary_json(const struct kf_report *rep)
{
    char *text = kf_report_summary(rep), *rest = text, *line;
    json_t *lines = json_array();
    int bad = text ? 0 : -1;

    while (rest && *rest && (line = strsep(&rest, "\n")))
        bad |= json_array_append_new(lines, json_string(line));
    free(text);
    return json_pack("{s:o}", "lines", whole_new(lines, bad));
}

static int put_head(json_t *report, const struct kf_report *rep, const char *filename)
{
    int bad = 0;

    bad |= put(report, "$schema", json_string(KF_REPORT_SCHEMA));
    bad |= put(report, "report_version", json_integer(KF_REPORT_VERSION));
    bad |= put(report, "verdict", json_string(kf_verdict_name(kf_report_verdict(rep))));
    bad |= put(report, "training", json_string(kf_training_name(rep->training)));
    bad |= put(report, "source", source_json(rep, filename));
    bad |= put(report, "target", target_json(rep));
    bad |= put(report, "summary", summary_json(rep));
    return bad;
}

/* Lists may be long: no more than a row of one is in memory. */
struct out {
    json_dump_callback_t put;
    void *to;
    size_t n; /* rows of the list that is being written */
    int bad;
};

static void write_text(struct out *out, const char *text)
{
    out->bad |= out->put(text, strlen(text), out->to);
}

/* Takes the value; NULL is memory that ran out. */
static void write_json(struct out *out, json_t *value, size_t flags)
{
    if (!value || json_dump_callback(value, out->put, out->to, JSON_COMPACT | flags) < 0)
        out->bad = -1;
    json_decref(value);
}

static void begin_list(struct out *out, const char *name)
{
    write_text(out, ",\"");
    write_text(out, name);
    write_text(out, "\":[");
    out->n = 0;
}

static void write_row(struct out *out, json_t *row)
{
    if (out->n++ > 0)
        write_text(out, ",");
    write_json(out, row, 0);
}

/* The end of a list; `counts` gets how long it was, so that nobody needs to count. */
static void end_list(struct out *out, const char *name, json_t *counts)
{
    write_text(out, "]");
    out->bad |= put(counts, name, json_integer((json_int_t)out->n));
}

/* All that refuses, of whatever kind, the first first: why there is no result. */
static void write_problems(struct out *out, const struct kf_report *rep, json_t *counts)
{
    begin_list(out, "problems");
    for (size_t i = 0; i < rep->n_entries && out->bad == 0; i++)
        if (kf_code_grade(rep->entries[i].code) >= KF_GRADE_REFUSED)
            write_row(out, entry_json(&rep->entries[i]));
    /* The code stands even when memory was too short for its entry. */
    if (rep->first_failure != KF_OK && out->n == 0)
        write_row(out, json_pack("{s:s, s:s, s:s}", "where", "", "code",
                                 kf_code_slug(rep->first_failure), "reason",
                                 "no memory was left to say more"));
    end_list(out, "problems", counts);
}

static void write_entries(struct out *out, const struct kf_report *rep,
                          const struct heading *heading, json_t *counts)
{
    begin_list(out, heading->name);
    for (size_t i = 0; i < rep->n_entries && out->bad == 0; i++)
        if (kf_code_kind(rep->entries[i].code) == heading->kind)
            write_row(out, entry_json(&rep->entries[i]));
    end_list(out, heading->name, counts);
}

static void write_tensors(struct out *out, const struct kf_report *rep, bool rows, json_t *counts)
{
    size_t n_renamed = 0;

    begin_list(out, "renamed_tensors");
    for (size_t i = 0; i < rep->n_tensors && out->bad == 0; i++) {
        if (!is_renamed(&rep->tensors[i]))
            continue;
        n_renamed++;
        if (rows)
            write_row(out, renamed_json(&rep->tensors[i]));
    }
    out->n = n_renamed;
    end_list(out, "renamed_tensors", counts);
    begin_list(out, "tensors");
    for (size_t i = 0; rows && i < rep->n_tensors && out->bad == 0; i++)
        write_row(out, tensor_json(&rep->tensors[i]));
    out->n = rep->n_tensors;
    end_list(out, "tensors", counts);
}

/* What stands behind the lists. Takes `counts`. */
static void write_tail(struct out *out, const struct kf_report *rep, json_t *counts)
{
    json_t *tail = json_object();
    int bad = put(tail, "rules", rules_json(rep));

    bad |= put(tail, "counts", counts);
    bad |= put(tail, "timings", json_object());
    write_text(out, ",");
    write_json(out, whole_new(tail, bad), JSON_EMBED);
    write_text(out, "}");
}

int kf_report_json_write(const struct kf_report *rep, const char *filename, bool rows,
                         json_dump_callback_t callback, void *to)
{
    struct out out = {callback, to, 0, 0};
    json_t *head = json_object(), *counts = json_object();

    out.bad |= put(counts, "layers", json_integer((json_int_t)rep->n_layers));
    out.bad |= put(counts, "parameters", json_integer((json_int_t)rep->n_parameters));
    write_text(&out, "{");
    write_json(&out, whole_new(head, put_head(head, rep, filename)), JSON_EMBED);
    write_problems(&out, rep, counts);
    for (size_t i = 0; i < N_OF(headings); i++)
        write_entries(&out, rep, &headings[i], counts);
    write_tensors(&out, rep, rows, counts);
    out.bad |= put(counts, "dropped_entries", json_integer((json_int_t)rep->n_dropped));
    write_tail(&out, rep, counts);
    return out.bad;
}
