/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_H5_H
#define KF_IO_H5_H

#include "../../base/arena.h"
#include "../../base/buf.h"
#include "../../model/tensor.h"
#include "../sink.h"
#include <kf/options.h>
#include <stdbool.h>

/* Reading HDF5. Only h5*.c call H5*; no hid_t leaves them. Paths are absolute, "/a/b". */
struct kf_h5;

/**
 * Open `src` through a read-only file driver over its descriptor, after looking at its frame, and
 * check the whole tree before anything else touches it: see h5_check.c for what is refused.
 *
 * Outcomes: CORRUPT, UNSAFE, UNSUPPORTED_FILTER, TOO_LARGE, NO_MEMORY.
 */
int kf_h5_open(struct kf_h5 **out, const struct kf_source *src, const struct kf_limits *limits,
               struct kf_report *rep);

/**
 * Look at `src` without HDF5's library and without a check of the tree: only the frame is sound,
 * and only the root exists, with its attributes. For telling what a file is. CORRUPT, NO_MEMORY.
 */
int kf_h5_peek(struct kf_h5 **out, const struct kf_source *src, const struct kf_limits *limits,
               struct kf_report *rep);
void kf_h5_destroy(struct kf_h5 *h5);
KF_DEFINE_AUTO(kf_h5)

/** True when `src` has the signature of HDF5, at `*at_out`: 0, or behind a user block. */
bool kf_h5_signature(const struct kf_source *src, uint64_t *at_out, struct kf_report *rep);

/**
 * Read backslashes in the names of the root's members as slashes, as Keras 2.12-2.15 wrote them on
 * Windows: "layers\dense" becomes the member dense of a group layers.
 *
 * Returns 1 when there were any, else 0; CORRUPT when the tree would be no tree, TOO_LARGE,
 * NO_MEMORY. Paths of datasets that were described before stay good.
 * Source: keras/src/saving/saving_lib.py, _save_state (2.15): tf.io.gfile.join
 */
int kf_h5_split_names(struct kf_h5 *h5, struct kf_report *rep);

bool kf_h5_has(struct kf_h5 *h5, const char *path);
bool kf_h5_is_group(struct kf_h5 *h5, const char *path);
/** True too when the object's header is damaged, which reading the attribute then reports. */
bool kf_h5_has_attr(struct kf_h5 *h5, const char *path, const char *name);

/**
 * Append the text of a scalar string attribute (fixed or variable length, any padding, ASCII or
 * UTF-8; a one-element array too) to `out`, whose ceiling bounds it.
 */
int kf_h5_attr_text(struct kf_h5 *h5, const char *path, const char *name, struct kf_buf *out,
                    struct kf_report *rep);

/** A short text attribute copied to the arena; NULL when it is missing or no string. */
const char *kf_h5_attr_short(struct kf_h5 *h5, const char *path, const char *name,
                             struct kf_arena *arena);

/**
 * A list of names: attribute `name`, or `name`0, `name`1, ... joined. All string kinds, scalar or
 * array; an empty list of any type. BAD_CONFIG when it is missing, TOO_LARGE over limits->tensors.
 */
int kf_h5_attr_names(struct kf_h5 *h5, const char *path, const char *name, struct kf_arena *arena,
                     const char ***names_out, size_t *n_out, struct kf_report *rep);

/**
 * Take the tree of another file into that of `h5`, as if both were one: shards of one model. Groups
 * of one path become one; attributes are then those of the first file that has the group.
 *
 * `other` is not to be used by itself any more, and must live as long as `h5`.
 *
 * Outcomes: MAPPING_AMBIGUOUS for a dataset that both have, NO_MEMORY.
 */
int kf_h5_join(struct kf_h5 *h5, struct kf_h5 *other, struct kf_report *rep);

/** Names of a group's members, sorted by bytes, in the arena. */
int kf_h5_children(struct kf_h5 *h5, const char *path, struct kf_arena *arena,
                   const char ***names_out, size_t *n_out, struct kf_report *rep);

/**
 * Describe a dataset as a payload: dtype, dims, file_at when its bytes are contiguous,
 * little-endian and unfiltered; pull() reads through HDF5 otherwise. The payload stays valid
 * until kf_h5_destroy(). WEIGHTS_MISSING, CORRUPT for a type that no tensor has.
 */
int kf_h5_payload(struct kf_h5 *h5, const char *path, struct kf_arena *arena,
                  struct kf_payload *out, struct kf_report *rep);

/* Writing HDF5: superblock 0, no times, same calls give the same bytes. */
struct kf_h5_out;

int kf_h5_create(struct kf_h5_out **out, const char *path, struct kf_report *rep);
/** The same at the end of a file that is written already; `to` is copied. */
int kf_h5_create_in(struct kf_h5_out **out, const struct kf_sink *to, struct kf_report *rep);
void kf_h5_out_destroy(struct kf_h5_out *h5); /* closes without a word; for error paths */
KF_DEFINE_AUTO(kf_h5_out)
/** Write all of it and close, reporting what fails; afterwards only destroy. */
int kf_h5_out_close(struct kf_h5_out *h5, struct kf_report *rep);

/** Make a group and those above it; one that is there is fine. */
int kf_h5_out_group(struct kf_h5_out *h5, const char *path, struct kf_report *rep);
int kf_h5_out_attr_text(struct kf_h5_out *h5, const char *path, const char *name, const char *text,
                        struct kf_report *rep);

/** Text of ASCII characters, which h5py 2 gives to releases before 2.5 as the bytes they decode. */
int kf_h5_out_attr_ascii(struct kf_h5_out *h5, const char *path, const char *name, const char *text,
                         struct kf_report *rep);

/** A list of names as Keras writes it, in several attributes when one cannot hold it. */
int kf_h5_out_attr_names(struct kf_h5_out *h5, const char *path, const char *name,
                         const char *const *names, size_t n, struct kf_report *rep);

/**
 * Make a contiguous dataset, and those groups above it that are missing. Its bytes are moved by
 * kf_h5_out_close(), as kf_move() does it: `payload` and `row` must live until then.
 *
 * `row` may be NULL; else its checksums are filled then as `checksum` says.
 */
int kf_h5_out_payload(struct kf_h5_out *h5, const char *path, const struct kf_payload *payload,
                      enum kf_checksum_kind checksum, struct kf_tensor_report *row,
                      struct kf_report *rep);

#endif
