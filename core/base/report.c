/* SPDX-License-Identifier: Apache-2.0 */
#include "alloc.h"
#include "num.h"
#include "str.h"
#include <kf/report.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What a hostile file can put into one entry; longer texts are cut, larger values replaced. */
#define TEXT_MAX   2048
#define NODES_MAX  1000
#define STRING_MAX 4096

static const struct code_row {
    enum kf_code code;
    enum kf_kind kind;
    enum kf_grade grade;
    const char *slug, *way_out;
} code_rows[] = {
#define KF_CODE(name, number, kind, grade, slug, way_out)                                          \
    {KF_##name, KF_KIND_##kind, KF_GRADE_##grade, slug, way_out},
#include <kf/codes.def>
#undef KF_CODE
};

static const struct code_row *find_code(enum kf_code code)
{
    static const struct code_row ok = {KF_OK, KF_KIND_FINDING, KF_GRADE_NOTE, "ok", NULL};

    for (size_t i = 0; i < sizeof(code_rows) / sizeof(code_rows[0]); i++)
        if (code_rows[i].code == code)
            return &code_rows[i];
    return &ok;
}

const char *kf_code_slug(enum kf_code code)
{
    return find_code(code)->slug;
}
const char *kf_code_way_out(enum kf_code code)
{
    return find_code(code)->way_out;
}
enum kf_grade kf_code_grade(enum kf_code code)
{
    return find_code(code)->grade;
}
enum kf_kind kf_code_kind(enum kf_code code)
{
    return find_code(code)->kind;
}

const char *kf_verdict_name(enum kf_verdict verdict)
{
    static const char *const names[] = {"exact", "adapted", "lossy", "refused"};

    return names[verdict];
}

const char *kf_training_name(enum kf_training training)
{
    static const char *const names[] = {"none", "kept", "adapted", "dropped"};

    return names[training];
}

/* A copy that is UTF-8, one line and not too long, whatever the file had; NULL without memory. */
static char *copy_clean(const char *text)
{
    size_t n = strlen(text), out = 0;
    char *copy = kf_alloc(kf_min(n, TEXT_MAX) + sizeof("..."));

    if (!copy)
        return NULL;
    for (size_t i = 0, len; i < n; i += len) {
        size_t valid = kf_utf8_char(text + i, n - i);

        len = valid > 0 ? valid : 1;
        if (out + len > TEXT_MAX) {
            memcpy(copy + out, "...", sizeof("..."));
            break;
        }
        memcpy(copy + out, text + i, len);
        if (valid == 0)
            copy[out] = '?';
        else if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            copy[out] = ' ';
        out += len;
    }
    return copy;
}

static char *format_clean(const char *fmt, va_list args)
{
    char text[TEXT_MAX + 8];
    int n = vsnprintf(text, sizeof(text), fmt, args);

    return copy_clean(n >= 0 ? text : fmt);
}

/* False when a value has more than *room nodes or a long string. */
static bool is_small(const json_t *value, size_t *room)
{
    const char *key;
    json_t *v;
    size_t i;

    if (*room == 0 || (json_is_string(value) && json_string_length(value) > STRING_MAX))
        return false;
    --*room;
    json_array_foreach((json_t *)value, i, v) if (!is_small(v, room)) return false;
    json_object_foreach((json_t *)value, key,
                        v) if (strlen(key) > STRING_MAX || !is_small(v, room)) return false;
    return true;
}

static json_t *copy_value(const json_t *value)
{
    size_t room = NODES_MAX;

    if (!value)
        return NULL;
    return is_small(value, &room) ? json_deep_copy(value) : json_string("(too long to show)");
}

static void finish_entry(struct kf_entry *entry)
{
    kf_free(entry->where);
    kf_free(entry->key);
    kf_free(entry->what);
    json_decref(entry->before);
    json_decref(entry->after);
}

/* The code and the grade count whatever becomes of the entry. */
static int count(struct kf_report *rep, enum kf_code code)
{
    enum kf_grade grade = kf_code_grade(code);

    if (grade > rep->worst)
        rep->worst = grade;
    if (grade < KF_GRADE_REFUSED)
        return 0;
    if (rep->first_failure == KF_OK)
        rep->first_failure = code;
    return -(int)code;
}

/* Keep `entry`, whose strings are taken. */
static int record(struct kf_report *rep, struct kf_entry *entry, bool whole)
{
    bool keep = whole && entry->where && entry->what && rep->n_entries < KF_REPORT_ENTRIES_MAX &&
                kf_grow(&rep->entries, &rep->entries_cap, rep->n_entries + 1, sizeof(*entry));

    if (keep) {
        rep->entries[rep->n_entries++] = *entry;
    } else {
        rep->n_dropped++;
        finish_entry(entry);
    }
    return count(rep, entry->code);
}

int kf_report_add(struct kf_report *rep, enum kf_code code, const char *where, const char *fmt, ...)
{
    struct kf_entry entry = {.code = code, .where = copy_clean(where ? where : "")};
    va_list args;

    va_start(args, fmt);
    entry.what = format_clean(fmt, args);
    va_end(args);
    return record(rep, &entry, true);
}

int kf_report_change(struct kf_report *rep, enum kf_code code, const char *where, const char *key,
                     const json_t *before, const json_t *after, const char *fmt, ...)
{
    struct kf_entry entry = {.code = code, .where = copy_clean(where ? where : "")};
    bool whole;
    va_list args;

    va_start(args, fmt);
    entry.what = format_clean(fmt, args);
    va_end(args);
    entry.key = key ? copy_clean(key) : NULL;
    entry.before = copy_value(before);
    entry.after = copy_value(after);
    whole = (!key || entry.key) && (!before || entry.before) && (!after || entry.after);
    return record(rep, &entry, whole);
}

void kf_report_evidence(struct kf_report *rep, const char *fmt, ...)
{
    char *text;
    va_list args;

    if (rep->source.n_evidence == KF_EVIDENCE_MAX)
        return;
    va_start(args, fmt);
    text = format_clean(fmt, args);
    va_end(args);
    if (text)
        rep->source.evidence[rep->source.n_evidence++] = text;
}

void kf_report_set(char **field, const char *value)
{
    char *copy = value ? copy_clean(value) : NULL;

    kf_free(*field);
    *field = copy;
}

struct kf_tensor_report *kf_report_tensor(struct kf_report *rep)
{
    if (!kf_grow(&rep->tensors, &rep->tensors_cap, rep->n_tensors + 1, sizeof(*rep->tensors))) {
        kf_report_add(rep, KF_NO_MEMORY, "", "no memory for the table of tensors");
        return NULL;
    }
    return &rep->tensors[rep->n_tensors++];
}

void kf_report_rule(struct kf_report *rep, const char *rule)
{
    for (size_t i = 0; i < rep->n_rules; i++)
        if (strcmp(rep->rules[i], rule) == 0)
            return;
    if (kf_grow(&rep->rules, &rep->rules_cap, rep->n_rules + 1, sizeof(*rep->rules)))
        rep->rules[rep->n_rules++] = rule;
}

int kf_report_status(const struct kf_report *rep)
{
    return -(int)rep->first_failure;
}

enum kf_verdict kf_report_verdict(const struct kf_report *rep)
{
    static const enum kf_verdict verdicts[] = {
        [KF_GRADE_NOTE] = KF_VERDICT_EXACT,    [KF_GRADE_ADAPTED] = KF_VERDICT_ADAPTED,
        [KF_GRADE_LOSSY] = KF_VERDICT_LOSSY,   [KF_GRADE_REFUSED] = KF_VERDICT_REFUSED,
        [KF_GRADE_FATAL] = KF_VERDICT_REFUSED,
    };

    return verdicts[rep->worst];
}

void kf_report_init(struct kf_report *rep)
{
    *rep = (struct kf_report){0};
}

static void finish_tensor(struct kf_tensor_report *row)
{
    kf_free(row->source);
    kf_free(row->target);
    kf_free(row->done);
    kf_free(row->layer);
    kf_free(row->histograms);
}

void kf_report_finish(struct kf_report *rep)
{
    for (size_t i = 0; i < rep->n_entries; i++)
        finish_entry(&rep->entries[i]);
    for (size_t i = 0; i < rep->n_tensors; i++)
        finish_tensor(&rep->tensors[i]);
    for (size_t i = 0; i < rep->source.n_evidence; i++)
        kf_free(rep->source.evidence[i]);
    kf_free(rep->source.format);
    kf_free(rep->source.title);
    kf_free(rep->source.keras_version);
    kf_free(rep->source.backend);
    kf_free(rep->source.member);
    kf_free(rep->target.format);
    kf_free(rep->target.keras_version);
    kf_free(rep->entries);
    kf_free(rep->tensors);
    kf_free(rep->rules);
    kf_report_init(rep);
}
