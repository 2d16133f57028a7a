/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_MODEL_REWRITE_H
#define KF_MODEL_REWRITE_H

#include "../base/arena.h"
#include "../io/sink.h"
#include "tensor.h"

/*
 * Payloads that rewrite what they pull from another one. All return NULL when memory ran out, or
 * when the shape of `inner` does not fit (then `*fits` is false).
 */

/** Zero wherever the mask is; 1 is all else that it holds. `*fits`: it is of the same shape. */
const struct kf_payload *kf_rewrite_masked(struct kf_arena *arena, const struct kf_payload *inner,
                                           const struct kf_payload *mask, bool *fits);

/** Whether a payload is what it pulls from with each element changed in its place. */
bool kf_rewrite_is_in_place(const struct kf_payload *payload);
/** Make bytes [at, at + n) of such a payload of those of what it pulls from. */
void kf_rewrite_change(const struct kf_payload *payload, uint64_t at, void *bytes, size_t n);

/**
 * Multiply some columns: the last axis is cut in `gates` equal parts, and those whose bit is set
 * in `mask` are scaled. Floating point payloads only.
 */
const struct kf_payload *kf_rewrite_scale(struct kf_arena *arena, const struct kf_payload *inner,
                                          unsigned gates, unsigned mask, double factor, bool *fits);

/* How the matrix of one gate is laid out in a CuDNN kernel. */
enum kf_gate_layout {
    KF_GATE_TRANSPOSED, /* (units, units), rows and columns exchanged */
    KF_GATE_COLUMNS     /* (inputs, units), written column by column where rows are read */
};

/** Bring a (rows, gates * units) CuDNN kernel to the layout of LSTM and GRU. */
const struct kf_payload *kf_rewrite_gates(struct kf_arena *arena, const struct kf_payload *inner,
                                          unsigned gates, enum kf_gate_layout layout, bool *fits);

/** Reverse the spatial axes of a convolution kernel (spatial..., inputs, filters). */
const struct kf_payload *kf_rewrite_flip(struct kf_arena *arena, const struct kf_payload *inner,
                                         bool *fits);

/* Axes of a kernel that is transposed, at most. */
#define KF_AXES_MAX 5

/** Axis `i` of the result is axis `axes[i]` of `inner`, which has `n` of them. */
const struct kf_payload *kf_rewrite_transpose(struct kf_arena *arena,
                                              const struct kf_payload *inner, const unsigned *axes,
                                              unsigned n, bool *fits);

/**
 * Where a payload whose axes change places has bytes from `at` on in memory anyway: until the next
 * one is pulled, at most `*n`, which then says how many. `*out` is NULL for any other: pull.
 * Outcomes: what pulling reports, NO_MEMORY.
 */
int kf_rewrite_look(const struct kf_payload *payload, uint64_t at, size_t *n, const char **out,
                    struct kf_report *rep);

/* A range of a file, as large as a payload, for what is put down on its way. */
struct kf_scratch {
    const struct kf_sink *sink;
    uint64_t at;
    void (*seen)(void *user, const void *bytes, size_t n); /* told of what is pulled, in order */
    void *user;
};

/** Whether a payload whose axes change places is made of short ranges from all over its source. */
bool kf_rewrite_is_wide(const struct kf_payload *payload);

/**
 * Have a payload that is wide made of long ranges instead: pull all of what it is made from once,
 * from front to back, and put it into `scratch` tile by tile. From here to kf_rewrite_spread_end()
 * it is pulled from there, once and from front to back; what was pulled may be written over
 * then, with the payload itself even. `scratch` must live until then.
 *
 * Limits: 16 MiB of memory. Outcomes: what pulling reports, WRITE_FAILED, NO_MEMORY.
 */
int kf_rewrite_spread(const struct kf_payload *payload, const struct kf_scratch *scratch,
                      struct kf_report *rep);
void kf_rewrite_spread_end(const struct kf_payload *payload);

/** Put payloads of one dtype side by side: they differ in their last axis at most. */
const struct kf_payload *kf_rewrite_join(struct kf_arena *arena,
                                         const struct kf_payload *const *pieces, size_t n,
                                         bool *fits);

/** The same bytes without axis `axis`, which is 1 long. */
const struct kf_payload *kf_rewrite_squeeze(struct kf_arena *arena, const struct kf_payload *inner,
                                            unsigned axis, bool *fits);

/** Number `index` of axis `axis`, which goes. */
const struct kf_payload *kf_rewrite_slice(struct kf_arena *arena, const struct kf_payload *inner,
                                          unsigned axis, uint64_t index, bool *fits);

/** The same bytes with one axis more, `axis`, which is 1 long. */
const struct kf_payload *kf_rewrite_widen(struct kf_arena *arena, const struct kf_payload *inner,
                                          unsigned axis, bool *fits);

/** The same bytes in a shape of as many elements. */
const struct kf_payload *kf_rewrite_reshape(struct kf_arena *arena, const struct kf_payload *inner,
                                            const uint64_t *dims, unsigned rank, bool *fits);

/** The same bytes with the first two axes as one: (a, b, c) becomes (a * b, c). */
const struct kf_payload *kf_rewrite_rows(struct kf_arena *arena, const struct kf_payload *inner,
                                         bool *fits);

/* Rows and columns of a matrix, and what is added there to the zeros that it begins with. */
struct kf_patch {
    uint64_t row, rows, column, columns;
    const struct kf_payload *of; /* times `scale`, from its row and column on; float32, or NULL */
    uint64_t of_row, of_column;
    double scale, add;
    bool diagonal; /* `add` on the diagonal alone */
};

/** A vector or matrix made of patches, float32 and of these sizes, in the place of `inner`. */
const struct kf_payload *kf_rewrite_patch(struct kf_arena *arena, const struct kf_payload *inner,
                                          const uint64_t *dims, unsigned rank,
                                          const struct kf_patch *patches, size_t n, bool *fits);

/** Values below one are that one. */
const struct kf_payload *kf_rewrite_at_least(struct kf_arena *arena, const struct kf_payload *inner,
                                             double value, bool *fits);

/** Standard deviations as variances: s becomes (s + epsilon)^2 - epsilon. */
const struct kf_payload *kf_rewrite_square(struct kf_arena *arena, const struct kf_payload *inner,
                                           double epsilon, bool *fits);

/** Each value without its sign; of a floating point dtype. */
const struct kf_payload *kf_rewrite_absolute(struct kf_arena *arena, const struct kf_payload *inner,
                                             bool *fits);

/** Add the second half of a vector to the first: (2n) becomes (n). */
const struct kf_payload *kf_rewrite_sum_halves(struct kf_arena *arena,
                                               const struct kf_payload *inner, bool *fits);

/** The same bytes in another shape: (n) becomes (2, n / 2). */
const struct kf_payload *kf_rewrite_two_rows(struct kf_arena *arena, const struct kf_payload *inner,
                                             bool *fits);

/** The same bytes with the last two axes as one: (a, b, c) becomes (a, b * c). */
const struct kf_payload *kf_rewrite_flatten(struct kf_arena *arena, const struct kf_payload *inner,
                                            bool *fits);

/** bfloat16 as the float32 that it is the upper half of. */
const struct kf_payload *kf_rewrite_float32(struct kf_arena *arena, const struct kf_payload *inner,
                                            bool *fits);

/** Integers as int32; a value that does not fit is refused when it is pulled. */
const struct kf_payload *kf_rewrite_int32(struct kf_arena *arena, const struct kf_payload *inner,
                                          bool *fits);

#endif
