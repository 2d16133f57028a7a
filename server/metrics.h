/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_METRICS_H
#define KF_SERVER_METRICS_H

#include "auto.h"
#include <stddef.h>

/*
 * Counters and histograms for GET /metrics, in the text format of Prometheus. Which there are
 * stands in metrics.def. Labels have few values: formats, routes, codes; never ids or names.
 */
struct metrics;

enum metric {
#define KF_METRIC(name, kind, text, labels, buckets, help) METRIC_##name,
#include "metrics.def"
#undef KF_METRIC
    METRICS
};

struct metrics *metrics_create(void);
void metrics_destroy(struct metrics *metrics);
KF_DEFINE_AUTO(metrics)

/**
 * Add to a counter, or to a histogram the one value. Labels in the order of the table, NULL where
 * it has fewer; a series more than METRIC_SERIES_MAX is not counted. From any thread.
 */
#define METRIC_SERIES_MAX 2000
void metrics_add(struct metrics *metrics, enum metric metric, double value, const char *label0,
                 const char *label1, const char *label2);

/* A text that grows; `bad` once memory ran out. */
struct metrics_text {
    char *data; /* owned */
    size_t n, cap;
    int bad;
};
void metrics_print(struct metrics_text *text, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/** Append what was counted. */
void metrics_render(struct metrics *metrics, struct metrics_text *text);

#endif
