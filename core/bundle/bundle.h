/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_BUNDLE_BUNDLE_H
#define KF_BUNDLE_BUNDLE_H

/* Between the files of bundle/ only. */
#include "../base/arena.h"
#include "../format/kind.h"
#include "../io/spool.h"
#include "paths.h"
#include <kf/bundle.h>

#define KF_BUNDLE_FILES_MAX  100000
#define KF_BUNDLE_MODELS_MAX 1000
/* Files that are of any use: each of them is compared with all others. */
#define KF_BUNDLE_USEFUL_MAX 5000

/* A file that was given, or that stands in an archive. */
struct kf_piece {
    const char *path;     /* in the arena */
    struct kf_source src; /* fd -1: it stayed compressed, because no model is made of such a file */
    enum kf_kind_id kind;
    bool damaged; /* it cannot be told what it is */
    bool used;    /* it belongs to a model */
    /* Of weights: */
    struct kf_piece *architecture; /* NULL for none */
    struct kf_input *shards;       /* n_shards of them, in the arena */
    size_t n_shards;
};

struct kf_bundle {
    struct kf_arena *arena;
    const struct kf_input *in; /* borrowed */
    const struct kf_options *options;
    struct kf_report *rep; /* while it is opened */
    struct kf_piece *pieces;
    size_t n_pieces, pieces_cap;
    struct kf_bundle_model *models;
    size_t n_models, models_cap;
    struct kf_spool spool; /* all that was unpacked, one behind the other */
    unsigned scratch;      /* number in its name, 0 for none: two bundles may be open at once */
    uint64_t room;         /* bytes that it may have */
    bool packed;           /* something was an archive or compressed */
    bool keep;
};

/* unpack.c: take `src` apart as far as it goes, and list the pieces. */
int kf_bundle_unpack(struct kf_bundle *bundle, const char *path, const struct kf_source *src);

/** The scratch file, made when it is needed first. */
int kf_bundle_spool(struct kf_bundle *bundle, struct kf_spool **out);
/** What went into the scratch file from `from` on, as a source. */
struct kf_source kf_bundle_unpacked(const struct kf_bundle *bundle, uint64_t from,
                                    const char *name);

/* group.c: find the models among the pieces. */
int kf_bundle_group(struct kf_bundle *bundle);

/* shards.c: give lists of shards those that stand beside them. */
int kf_bundle_shards(struct kf_bundle *bundle);

/* folder.c: the folders that are one model; each marks what it used and adds its models. */
int kf_bundle_folders(struct kf_bundle *bundle);

/* repack.c: an unzipped .keras as the zip it was; `piece` is its config.json. */
int kf_bundle_repack(struct kf_bundle *bundle, const struct kf_piece *config,
                     struct kf_source *out);

/**
 * latest.c: of several checkpoints in one folder the one that its file `checkpoint` calls the
 * latest, as tf.train.latest_checkpoint(); NULL where that does not tell.
 */
const struct kf_bundle_model *kf_bundle_latest(const struct kf_bundle *bundle,
                                               struct kf_report *rep);

/** Add a model whose main file is `main`, and mark that as used; NULL with NO_MEMORY. */
struct kf_bundle_model *kf_bundle_add_model(struct kf_bundle *bundle, const char *path,
                                            struct kf_piece *main);

/** True when some files of the folder, `n` bytes of `in`, were not given. */
bool kf_bundle_is_cut(const struct kf_bundle *bundle, const char *in, int n);

/** A piece as input, called `name`. */
struct kf_input kf_bundle_input(const struct kf_piece *piece, const char *name);

int kf_bundle_no_memory(const struct kf_bundle *bundle);

#endif
