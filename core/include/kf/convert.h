/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_CONVERT_H
#define KF_CONVERT_H

#include <kf/options.h>
#include <kf/report.h>

/*
 * The input: an open, seekable, read-only regular file or a range of one. Borrowed; never closed by
 * the core.
 */
struct kf_input {
    int fd;
    bool ranged;       /* only the bytes [at, at + size) of the file */
    uint64_t at, size; /* 0 unless it is ranged */
    const char *name;  /* as the user gave it, or ""; shown, never believed */
    const char *kind;  /* of a folder, which no file of it tells: a kind's name; else NULL */
    const struct kf_input *architecture; /* given for weights that come without one, or NULL */
    const struct kf_input *shards;       /* further files of the same model, n_shards of them */
    size_t n_shards;
    /* Of a folder with too many files for one call: names that stand before and after these, NULL
     * where there are none. What only a whole folder tells is not known of those that they are in.
     */
    const char *before, *next;
};

/**
 * Convert `in` to the file `path`, which appears whole or not at all.
 *
 * Scratch files stand beside `path`, with its name and a suffix; none stays behind.
 * Everything that happened is in `rep`.
 *
 * Outcomes: 0, or the negative code of the first refusal.
 */
int kf_convert(const struct kf_input *in, const char *path, const struct kf_options *options,
               struct kf_report *rep);

/** The report of kf_convert() without the artefact: payloads are not read, checksums are empty. */
int kf_plan_only(const struct kf_input *in, const struct kf_options *options,
                 struct kf_report *rep);

/**
 * Say what a file is: kind, writer, layers, tensors.
 *
 * `facts_out` gets a new reference to a JSON object {"model": {...} or null, "graph": {...} or
 * null, "layers": [...], "tensors": [...], "loads_in": [...]} also when the file is no model (then
 * nearly empty); NULL when memory ran out. A file that cannot be converted is no failure here: why
 * stands in `rep`.
 */
int kf_inspect(const struct kf_input *in, const struct kf_options *options, struct kf_report *rep,
               json_t **facts_out);

#endif
