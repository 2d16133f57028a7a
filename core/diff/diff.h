/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_DIFF_DIFF_H
#define KF_DIFF_DIFF_H

/* Between the files of diff/ only. */
#include "../model/model.h"
#include <kf/diff.h>

#define KF_DIFFERENCES_MAX 1000

/* A comparison in the making. */
struct kf_diff {
    const struct kf_options *options;
    struct kf_report *rep;
    struct kf_arena *arena;
    json_t *differences; /* rows, at most KF_DIFFERENCES_MAX */
    json_t *renamed;     /* {"a", "b"}: paths of one layer under two names */
    size_t n_more;       /* differences beyond */
    size_t n_pairs;      /* layers that were compared */
    unsigned depth;      /* models in models */
    bool weights;        /* both files have them */
};

/**
 * Add a difference: {"where", "what", "key", "a", "b"}; `key` may be NULL. Takes `a` and `b`, NULL
 * is null. Returns the row to add to, borrowed, or NULL when there are too many.
 */
json_t *kf_diff_add(struct kf_diff *diff, const char *where, const char *what, const char *key,
                    json_t *a, json_t *b);

/* graph.c: layers, how they are called, and below them everything else. */
int kf_diff_graphs(struct kf_diff *diff, struct kf_graph *a, struct kf_graph *b);

/* config.c: configs of two layers of one class. */
void kf_diff_configs(struct kf_diff *diff, const struct kf_layer *a, const struct kf_layer *b);
/** True for values that mean the same to Keras. */
bool kf_diff_same(const json_t *a, const json_t *b);

/* values.c: shapes, dtypes and values of two layers' variables. READ_FAILED, CORRUPT, NO_MEMORY. */
int kf_diff_tensors(struct kf_diff *diff, const struct kf_layer *a, const struct kf_layer *b);

int kf_diff_no_memory(const struct kf_diff *diff);

#endif
