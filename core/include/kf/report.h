/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_REPORT_H
#define KF_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The worst grade wins; the first four are contract.md's verdicts in the order of weight. */
enum kf_grade { KF_GRADE_NOTE, KF_GRADE_ADAPTED, KF_GRADE_LOSSY, KF_GRADE_REFUSED, KF_GRADE_FATAL };

/* Under which heading of the report an entry stands. */
enum kf_kind {
    KF_KIND_CHANGE,   /* a config key, class or tensor that was rewritten */
    KF_KIND_RENAME,   /* a layer that got another name */
    KF_KIND_MISMATCH, /* a layer that the target, or the file itself, has no match for */
    KF_KIND_LOST,     /* what the target does not get */
    KF_KIND_FINDING,  /* what somebody should know before loading the file */
    KF_KIND_NEED,     /* what the user must supply */
    KF_KIND_PROBLEM   /* why there is no result at all */
};

enum kf_code {
    KF_OK = 0,
#define KF_CODE(name, number, kind, grade, slug, way_out) KF_##name = number,
#include <kf/codes.def>
#undef KF_CODE
};

enum kf_verdict { KF_VERDICT_EXACT, KF_VERDICT_ADAPTED, KF_VERDICT_LOSSY, KF_VERDICT_REFUSED };
enum kf_training { KF_TRAINING_NONE, KF_TRAINING_KEPT, KF_TRAINING_ADAPTED, KF_TRAINING_DROPPED };

struct kf_entry {
    enum kf_code code;
    char *where;    /* path in the model, as "layers/dense_1"; "" for the file itself */
    char *key;      /* config key that changed, or NULL */
    json_t *before; /* value before and after; NULL where there was or is none */
    json_t *after;
    char *what; /* one sentence, one line, no full stop */
};

/* Entries beyond this many are counted, not kept: a hostile file must not fill the memory. */
#define KF_REPORT_ENTRIES_MAX 20000
/* Evidence for what the source is, one sentence each. */
#define KF_EVIDENCE_MAX 8

struct kf_checksum {
    const char *algorithm; /* "xxh3-128", "sha256"; static */
    char value[65];        /* lower-case hex; "" when it was not computed */
};

struct kf_progress;

/* How the values of a tensor are spread: bins of one width, side by side. */
#define KF_HISTOGRAM_BINS 32
struct kf_histogram {
    double low, width; /* where the first bin begins; bins are a power of two wide */
    unsigned n;        /* bins; 0 where there is no finite value */
    uint64_t counts[KF_HISTOGRAM_BINS];
    double mean, least, greatest;
    uint64_t not_finite; /* NaN and infinity, which are in no bin */
};
struct kf_histograms {
    struct kf_histogram before, after;
};
/* Tensors of one report that get them: more are a megabyte that nobody looks at. */
#define KF_HISTOGRAMS_MAX 2000u

/* One tensor of the model, as it was and as it is written. */
struct kf_tensor_report {
    char *source, *target; /* names; target "" when nothing was written */
    char *done;            /* "copied", or what was done, as "columns i,f,o scaled by 1.2" */
    char *layer;           /* path of the layer that owns it */
    const char *dtype_before, *dtype_after; /* static names */
    unsigned rank_before, rank_after;
    uint64_t dims_before[32], dims_after[32]; /* elements, outermost first */
    struct kf_checksum before, after;         /* of the little-endian row-major bytes */
    struct kf_histograms *histograms;         /* owned; NULL unless asked for and rewritten */
};

/**
 * What happened, from the first look at the file to the last byte written.
 *
 * Recording cannot fail: when memory runs out the code and the grade are still kept.
 * Strings are owned by the report and copied from what the caller gives.
 */
struct kf_report {
    struct kf_entry *entries;
    size_t n_entries, entries_cap, n_dropped;
    enum kf_grade worst;
    enum kf_code first_failure; /* KF_OK while nothing was refused */

    struct {
        char *format;                  /* reader's or kind's name, "keras-h5" */
        char *title;                   /* for people */
        char *keras_version, *backend; /* NULL when the file does not tell */
        char *member; /* where in an archive, or among several files, it was found; else NULL */
        char *evidence[KF_EVIDENCE_MAX];
        size_t n_evidence;
        uint64_t size; /* bytes */
    } source;
    struct {
        char *format, *keras_version;
    } target;

    /* Rows of the core's tables that this conversion used: what makes a table's coverage. */
    const char **rules;
    size_t n_rules, rules_cap;

    struct kf_progress *progress; /* what is told how far it has come, or NULL; borrowed */
    unsigned histograms_left;     /* tensors that may get histograms still; 0: none are wanted */
    bool passes;                  /* as the options say of the result */

    enum kf_training training;
    struct kf_tensor_report *tensors;
    size_t n_tensors, tensors_cap;
    uint64_t n_layers, n_parameters; /* parameters in elements */
};

void kf_report_init(struct kf_report *rep);
void kf_report_finish(struct kf_report *rep);

/**
 * Record one outcome.
 *
 * `where` is a path in the model or "". Returns 0 for NOTE, ADAPTED and LOSSY, -code for REFUSED
 * and FATAL, so that a failing function ends with `return kf_report_add(...)`.
 */
int kf_report_add(struct kf_report *rep, enum kf_code code, const char *where, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/** Record a changed config key. `before` and `after` are borrowed and copied; NULL is "none". */
int kf_report_change(struct kf_report *rep, enum kf_code code, const char *where, const char *key,
                     const json_t *before, const json_t *after, const char *fmt, ...)
    __attribute__((format(printf, 7, 8)));

void kf_report_evidence(struct kf_report *rep, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/** Replace a string field of the report by a copy of `value` (NULL clears it). */
void kf_report_set(char **field, const char *value);

/**
 * Add a row to the table of tensors and return it zeroed, NULL when memory ran out (which is
 * recorded). The strings of the row belong to the report: set them with kf_report_set().
 */
struct kf_tensor_report *kf_report_tensor(struct kf_report *rep);

/** Note that a table's row was used; `rule` is static, "rule:LSTM.time_major". Once a report. */
void kf_report_rule(struct kf_report *rep, const char *rule);

/** 0 while nothing was refused, else -code of the first refusal. */
int kf_report_status(const struct kf_report *rep);

enum kf_verdict kf_report_verdict(const struct kf_report *rep);
const char *kf_verdict_name(enum kf_verdict verdict);    /* "exact", "adapted", ... */
const char *kf_training_name(enum kf_training training); /* "none", "kept", ... */

const char *kf_code_slug(enum kf_code code);
const char *kf_code_way_out(enum kf_code code); /* NULL when there is none */
enum kf_grade kf_code_grade(enum kf_code code);
enum kf_kind kf_code_kind(enum kf_code code);

#endif
