/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_TENSOR_BUNDLE_H
#define KF_IO_TENSOR_BUNDLE_H

#include "../../base/arena.h"
#include "../../base/buf.h"
#include "../../model/tensor.h"
#include "sstable.h"
#include <jansson.h>
#include <kf/convert.h>
#include <kf/options.h>
#include <tensor_bundle.pb-c.h>

/*
 * Tensors by name, as TensorFlow's checkpoints and the variables of a SavedModel keep them:
 *
 *   <prefix>.index                  an sstable of names; "" has the header
 *   <prefix>.data-00000-of-00001    the bytes of the tensors, as many files as the header says
 *
 * Every tensor has a checksum, which is held against its bytes when they are pulled first. A
 * tensor in slices has its bytes under further names, one a slice.
 *
 * Source: tensorflow/core/util/tensor_bundle/tensor_bundle.cc, naming.cc,
 * tensorflow/core/util/saved_tensor_slice_util.cc (2.15)
 */
struct kf_tensor_bundle;

#define KF_TF_STRING 7 /* DataType of TensorFlow that is no number */
/** The DataType of TensorFlow that is a dtype. */
int kf_tensorflow_dtype(enum kf_dtype dtype);

/* A tensor, or a slice of one. */
struct kf_bundle_entry {
    const char *key; /* NUL behind `key_n` bytes */
    size_t key_n;
    enum kf_dtype dtype; /* NONE for what no model's variable is: `type` then says what */
    int type;            /* DataType of TensorFlow */
    unsigned rank;
    uint64_t dims[KF_RANK_MAX];
    const Kf__Tf__BundleEntry *message;
};

/**
 * Read an index. `files` are those that may be shards of it: by their names, which are the index's
 * own with "data-00000-of-00001" instead of "index". All is kept in the arena; `index` and `files`
 * are borrowed as long as anything is read.
 *
 * Outcomes: CORRUPT, TOO_LARGE, NO_MEMORY. That shards are missing is no failure: the names, types
 *           and shapes stand in the index.
 */
int kf_tensor_bundle_open(struct kf_tensor_bundle **out, struct kf_arena *arena,
                          const struct kf_source *index, const struct kf_input *files,
                          size_t n_files, const struct kf_limits *limits, struct kf_report *rep);

size_t kf_tensor_bundle_count(const struct kf_tensor_bundle *bundle);
/** In the order of the keys. Slices are among them: their keys begin with a byte of 0. */
const struct kf_bundle_entry *kf_tensor_bundle_at(const struct kf_tensor_bundle *bundle, size_t i);
const struct kf_bundle_entry *kf_tensor_bundle_find(const struct kf_tensor_bundle *bundle,
                                                    const char *key);

/**
 * See that every shard is there and long enough for what the index says. Reports all that are not.
 *
 * Outcomes: VARIABLES_MISSING, CORRUPT.
 */
int kf_tensor_bundle_check(const struct kf_tensor_bundle *bundle, struct kf_report *rep);

/**
 * A tensor as a payload, in the arena; its entry must have a dtype.
 *
 * Outcomes: VARIABLES_MISSING, CORRUPT, TOO_LARGE, NO_MEMORY; pulling: CORRUPT where the checksum
 * is another one.
 */
int kf_tensor_bundle_payload(struct kf_tensor_bundle *bundle, const struct kf_bundle_entry *entry,
                             const struct kf_payload **out, struct kf_report *rep);

/** Append the only string of a tensor of strings to `out`, whose ceiling bounds it. CORRUPT... */
int kf_tensor_bundle_string(struct kf_tensor_bundle *bundle, const struct kf_bundle_entry *entry,
                            struct kf_buf *out, struct kf_report *rep);
/** All strings of such a tensor as a new array, in row-major order. CORRUPT, TOO_LARGE, ... */
int kf_tensor_bundle_strings(struct kf_tensor_bundle *bundle, const struct kf_bundle_entry *entry,
                             json_t **out, struct kf_report *rep);

/* Between tensor_bundle.c, tensor_bundle_pull.c and tensor_bundle_string.c. */
struct kf_bundle_shard {
    bool missing;
    struct kf_source source;
};

struct kf_tensor_bundle {
    struct kf_arena *arena;
    const struct kf_limits *limits;
    struct kf_crc32c crc;
    struct kf_bundle_entry *entries; /* sorted by key */
    size_t n, cap;
    struct kf_bundle_shard *shards;
    size_t n_shards;
    const char *prefix; /* with the dot: "variables/variables." */
    bool big_endian;
};

/** The entry of a key that may hold bytes of 0, or NULL. */
const struct kf_bundle_entry *kf_bundle_lookup(const struct kf_tensor_bundle *bundle,
                                               const char *key, size_t n);

/** Where the bytes of an entry stand. VARIABLES_MISSING, CORRUPT. */
int kf_bundle_locate(const struct kf_tensor_bundle *bundle, const struct kf_bundle_entry *entry,
                     struct kf_source *out, struct kf_report *rep);

#endif
