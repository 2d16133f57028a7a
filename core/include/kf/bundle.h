/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_BUNDLE_H
#define KF_BUNDLE_H

#include <kf/convert.h>
#include <stddef.h>

/*
 * What an input holds, as models: compressed files, archives, and several files that belong
 * together are taken apart and put together again. What an archive stores as it is stays there, as
 * a range of it; what is compressed goes to one scratch file. Names in archives are never opened.
 */
struct kf_bundle;

/* A model in it: the file or folder that it is, and what kf_convert() takes. */
struct kf_bundle_model {
    const char *path; /* "b.zip/a/m.h5"; "" when it is what was given and nothing was found */
    struct kf_input in;
};

/* The scratch file of a bundle, in the scratch folder. */
#define KF_BUNDLE_SCRATCH "unpacked"

/**
 * Look what there is. `in` is the first file; its shards may be further files of its model or
 * models of their own, and its architecture is that of all weights that come without one.
 *
 * Owns:     the bundle borrows `in`; its models last as long as both.
 * Limits:   archives in archives twice, 100,000 files, 5,000 of them of any use, 1,000 models;
 *           4 GiB or 100 times the input when unpacked.
 * Outcomes: 0, also when there is no model; CORRUPT, UNSAFE, TOO_LARGE, WRITE_FAILED, NO_MEMORY.
 */
int kf_bundle_open(struct kf_bundle **out, const struct kf_input *in,
                   const struct kf_options *options, struct kf_report *rep);
void kf_bundle_destroy(struct kf_bundle *bundle);

size_t kf_bundle_count(const struct kf_bundle *bundle);
const struct kf_bundle_model *kf_bundle_model(const struct kf_bundle *bundle, size_t index);

/**
 * The one model, or the latest of the checkpoints in a folder that says which it is, unless the
 * options want all of them; where it was found is told in `rep`.
 *
 * Outcomes: NULL with NOT_A_MODEL, which tells what there is instead, or SEVERAL_MODELS.
 */
const struct kf_input *kf_bundle_one(const struct kf_bundle *bundle, struct kf_report *rep);

/** Call the source of a report what it is when it is not one model. */
void kf_bundle_describe(struct kf_report *rep);

/** Let the scratch file stay when the bundle is destroyed: ranges of it are models' files. */
void kf_bundle_keep(struct kf_bundle *bundle);
/** True when a model's file stands in the scratch file. */
bool kf_bundle_is_unpacked(const struct kf_bundle *bundle, const struct kf_input *file);

/**
 * For inspection: {"models": [{"path", "format", "title", "latest", "files"}], "others": [{"path",
 * "format", "title"}]}, the latter what belongs to no model; `latest` where one of several
 * checkpoints is. New reference; NULL when memory ran out.
 */
json_t *kf_bundle_facts(const struct kf_bundle *bundle, struct kf_report *rep);

/**
 * Bytes of a file's name before what says what it is: "m" of "m.weights.h5", "m_weights.h5",
 * "m.json", "m.weights.json".
 */
int kf_bundle_stem(const char *base);

/**
 * A part of a TensorFlow.js model's weights, by its file's name: raw numbers that may look like
 * anything. Source: tfjs-converter/python/tensorflowjs/write_weights.py;
 * tfjs-core/src/io/browser_files.ts (4.22.0)
 */
bool kf_bundle_is_shard(const char *base);

#endif
