/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "metrics.h"
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABELS_MAX  3
#define BUCKETS_MAX 12
#define VALUE_MAX   64

enum kind { KIND_COUNTER, KIND_HISTOGRAM };
enum bounds { BOUNDS_NONE, BOUNDS_SECONDS, BOUNDS_SIZES };

/* Upper bounds of buckets; 0 ends a row. */
static const double bounds[][BUCKETS_MAX + 1] = {
    [BOUNDS_NONE] = {0},
    [BOUNDS_SECONDS] = {.01, .05, .1, .5, 1, 2, 5, 10, 30, 60, 120, 300},
    [BOUNDS_SIZES] = {1024, 8192, 65536, 524288, 4194304, 33554432, 268435456, 2147483648.0,
                      17179869184.0},
};

static const struct family {
    const char *name;
    enum kind kind;
    const char *labels; /* separated by spaces */
    enum bounds bounds;
    const char *help;
} families[] = {
#define KF_METRIC(name, kind, text, labels, buckets, help)                                         \
    {text, KIND_##kind, labels, BOUNDS_##buckets, help},
#include "metrics.def"
#undef KF_METRIC
};

/* One combination of labels. */
struct series {
    struct series *next;
    char labels[LABELS_MAX][VALUE_MAX];
    double sum; /* of a counter: its value */
    uint64_t n;
    uint64_t buckets[BUCKETS_MAX]; /* not cumulative */
};

struct metrics {
    pthread_mutex_t lock;
    struct series *series[METRICS]; /* owned, the newest first */
    unsigned n_series;
};

struct metrics *metrics_create(void)
{
    struct metrics *metrics = calloc(1, sizeof *metrics);

    if (metrics)
        pthread_mutex_init(&metrics->lock, NULL);
    return metrics;
}

void metrics_destroy(struct metrics *metrics)
{
    if (!metrics)
        return;
    for (size_t i = 0; i < METRICS; i++)
        for (struct series *s = metrics->series[i], *next; s; s = next) {
            next = s->next;
            free(s);
        }
    pthread_mutex_destroy(&metrics->lock);
    free(metrics);
}

static bool is_labelled(const struct series *s, const char *const labels[LABELS_MAX])
{
    for (size_t i = 0; i < LABELS_MAX; i++)
        if (strncmp(s->labels[i], labels[i] ? labels[i] : "", VALUE_MAX - 1) != 0)
            return false;
    return true;
}

/* The series of these labels, made when it is new; NULL when there are too many. */
static struct series *find(struct metrics *metrics, enum metric metric,
                           const char *const labels[LABELS_MAX])
{
    struct series *s = metrics->series[metric];

    while (s && !is_labelled(s, labels))
        s = s->next;
    if (s || metrics->n_series == METRIC_SERIES_MAX || !(s = calloc(1, sizeof *s)))
        return s;
    for (size_t i = 0; i < LABELS_MAX; i++)
        snprintf(s->labels[i], VALUE_MAX, "%s", labels[i] ? labels[i] : "");
    s->next = metrics->series[metric];
    metrics->series[metric] = s;
    metrics->n_series++;
    return s;
}

void metrics_add(struct metrics *metrics, enum metric metric, double value, const char *label0,
                 const char *label1, const char *label2)
{
    const char *const labels[LABELS_MAX] = {label0, label1, label2};
    const double *row = bounds[families[metric].bounds];
    struct series *s;

    pthread_mutex_lock(&metrics->lock);
    s = find(metrics, metric, labels);
    if (s) {
        s->sum += value;
        s->n++;
        for (size_t i = 0; i < BUCKETS_MAX && row[i] > 0; i++)
            if (value <= row[i]) {
                s->buckets[i]++;
                break;
            }
    }
    pthread_mutex_unlock(&metrics->lock);
}

void metrics_print(struct metrics_text *text, const char *fmt, ...)
{
    va_list args;
    int n;

    for (;;) {
        size_t left = text->cap - text->n;
        char *grown;

        if (text->bad)
            return;
        va_start(args, fmt);
        n = vsnprintf(text->data ? text->data + text->n : NULL, left, fmt, args);
        va_end(args);
        if (n >= 0 && (size_t)n < left) {
            text->n += (size_t)n;
            return;
        }
        grown = n < 0 ? NULL : realloc(text->data, 2 * text->cap + (size_t)n + 1);
        if (!grown) {
            text->bad = 1;
            return;
        }
        text->data = grown;
        text->cap = 2 * text->cap + (size_t)n + 1;
    }
}

/* Values are slugs and routes, but a backslash or quote must not break the line. */
static void print_value(struct metrics_text *text, const char *value)
{
    for (; *value; value++)
        metrics_print(text, *value == '"' || *value == '\\' ? "\\%c" : "%c", *value);
}

/* {a="x",b="y",le="5"}, or nothing where there is no label. */
static void print_labels(struct metrics_text *text, const struct family *family,
                         const struct series *s, const char *le)
{
    const char *at = family->labels;

    if (*at == '\0' && !le)
        return;
    metrics_print(text, "{");
    for (size_t i = 0; *at; i++) {
        size_t n = strcspn(at, " ");

        metrics_print(text, "%s%.*s=\"", i > 0 ? "," : "", (int)n, at);
        print_value(text, s->labels[i]);
        metrics_print(text, "\"");
        at += n + (at[n] == ' ');
    }
    if (le)
        metrics_print(text, "%sle=\"%s\"", *family->labels ? "," : "", le);
    metrics_print(text, "}");
}

static void print_line(struct metrics_text *text, const struct family *family, const char *suffix,
                       const struct series *s, const char *le, double value)
{
    metrics_print(text, "%s%s", family->name, suffix);
    print_labels(text, family, s, le);
    metrics_print(text, " %.17g\n", value);
}

static void print_histogram(struct metrics_text *text, const struct family *family,
                            const struct series *s)
{
    const double *row = bounds[family->bounds];
    uint64_t n = 0;

    for (size_t i = 0; i < BUCKETS_MAX && row[i] > 0; i++) {
        char le[32];

        n += s->buckets[i];
        snprintf(le, sizeof le, "%.12g", row[i]);
        print_line(text, family, "_bucket", s, le, (double)n);
    }
    print_line(text, family, "_bucket", s, "+Inf", (double)s->n);
    print_line(text, family, "_sum", s, NULL, s->sum);
    print_line(text, family, "_count", s, NULL, (double)s->n);
}

void metrics_render(struct metrics *metrics, struct metrics_text *text)
{
    pthread_mutex_lock(&metrics->lock);
    for (size_t i = 0; i < METRICS; i++) {
        const struct family *family = &families[i];
        bool histogram = family->kind == KIND_HISTOGRAM;

        metrics_print(text, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help,
                      family->name, histogram ? "histogram" : "counter");
        for (const struct series *s = metrics->series[i]; s; s = s->next)
            if (histogram)
                print_histogram(text, family, s);
            else
                print_line(text, family, "", s, NULL, s->sum);
    }
    pthread_mutex_unlock(&metrics->lock);
}
