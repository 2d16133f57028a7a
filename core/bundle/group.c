/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/alloc.h"
#include "../base/buf.h"
#include "../base/str.h"
#include "../io/text/json.h"
#include "bundle.h"
#include <stdlib.h>
#include <string.h>

static bool is_whole(enum kf_kind_id kind)
{
    return kind == KF_FILE_KERAS_H5 || kind == KF_FILE_KERAS1_H5 || kind == KF_FILE_KERAS3_H5 ||
           (kind >= KF_FILE_KERAS_ZIP3 && kind <= KF_FILE_KERAS_ZIP_211) || kind == KF_FILE_TFJS;
}

static bool is_weights(enum kf_kind_id kind)
{
    return (kind >= KF_FILE_H5_NO_CONFIG && kind <= KF_FILE_WEIGHTS_H5) ||
           kind == KF_FILE_WEIGHTS_JSON || kind == KF_FILE_CHECKPOINT_INDEX;
}

static bool is_architecture(enum kf_kind_id kind)
{
    return kind == KF_FILE_CONFIG_JSON || kind == KF_FILE_CONFIG_YAML;
}

/* What looks like a model by its name and is none by its content is to be refused, not missed. */
static bool is_broken_model(const struct kf_piece *piece)
{
    bool hidden = kf_bundle_base(piece->path)[0] == '.'; /* what a Mac puts beside each file */
    bool named = !hidden && (kf_ends(piece->path, ".h5") || kf_ends(piece->path, ".hdf5") ||
                             kf_ends(piece->path, ".keras"));

    return named &&
           (piece->damaged || piece->kind == KF_FILE_UNKNOWN || piece->kind == KF_FILE_TEXT ||
            (piece->kind >= KF_FILE_EMPTY && piece->kind <= KF_FILE_XML));
}

static bool same_stem(const struct kf_piece *a, const struct kf_piece *b)
{
    const char *x = kf_bundle_base(a->path), *y = kf_bundle_base(b->path);
    int n = kf_bundle_stem(x);

    return n == kf_bundle_stem(y) && memcmp(x, y, (size_t)n) == 0;
}

/* How many unused files of a sort stand in a file's folder; the last of them. */
static size_t count_beside(const struct kf_bundle *bundle, const struct kf_piece *piece,
                           bool (*is)(enum kf_kind_id kind), struct kf_piece **last)
{
    size_t n = 0;

    for (size_t i = 0; i < bundle->n_pieces; i++) {
        struct kf_piece *other = &bundle->pieces[i];

        if (!other->used && is(other->kind) && kf_bundle_beside(other->path, piece->path)) {
            *last = other;
            n++;
        }
    }
    return n;
}

static bool is_checkpoint(enum kf_kind_id kind)
{
    return kind == KF_FILE_CHECKPOINT_INDEX;
}

bool kf_bundle_is_cut(const struct kf_bundle *bundle, const char *in, int n)
{
    const char *ends[] = {bundle->in->before, bundle->in->next};

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (ends[i] && kf_bundle_below(ends[i], in, n))
            return true;
    return false;
}

/* Weights that stand by themselves, or the checkpoints of one training. */
static bool are_one_set(const struct kf_bundle *bundle, const struct kf_piece *weights)
{
    struct kf_piece *last = NULL;
    size_t n = count_beside(bundle, weights, is_weights, &last);

    return n == 1 || n == count_beside(bundle, weights, is_checkpoint, &last);
}

/*
 * The architecture of weights: of the same stem beside them, or the only one beside the only
 * weights; that they fit is for the reader to see.
 */
static struct kf_piece *find_architecture(const struct kf_bundle *bundle,
                                          const struct kf_piece *weights)
{
    struct kf_piece *only = NULL;

    for (size_t i = 0; i < bundle->n_pieces; i++) {
        struct kf_piece *piece = &bundle->pieces[i];

        if (!piece->used && is_architecture(piece->kind) &&
            kf_bundle_beside(piece->path, weights->path) && same_stem(piece, weights))
            return piece;
    }
    if (!kf_bundle_is_cut(bundle, weights->path, kf_bundle_folder(weights->path)) &&
        count_beside(bundle, weights, is_architecture, &only) == 1 && are_one_set(bundle, weights))
        return only;
    return NULL;
}

/* The given architecture, or the one that was found. */
static int attach(struct kf_bundle *bundle, struct kf_bundle_model *model,
                  const struct kf_piece *weights)
{
    struct kf_piece *found = weights->architecture;
    struct kf_input *architecture;

    if (bundle->in->architecture || !found) {
        model->in.architecture = bundle->in->architecture;
        return 0;
    }
    architecture = kf_arena_alloc(bundle->arena, sizeof(*architecture));
    if (!architecture)
        return kf_bundle_no_memory(bundle);
    *architecture = kf_bundle_input(found, kf_bundle_base(found->path));
    found->used = true;
    model->in.architecture = architecture;
    return 0;
}

static int add_weights(struct kf_bundle *bundle, struct kf_piece *weights)
{
    struct kf_bundle_model *model = kf_bundle_add_model(bundle, weights->path, weights);

    if (!model)
        return kf_report_status(bundle->rep);
    model->in.shards = weights->shards;
    model->in.n_shards = weights->n_shards;
    if (weights->kind == KF_FILE_CHECKPOINT_INDEX)
        model->in.kind = kf_kind_info(KF_FILE_CHECKPOINT_FOLDER)->name;
    return attach(bundle, model, weights);
}

/* All find their architecture before the first is taken: none may seem to be the only one. */
static int take_weights(struct kf_bundle *bundle)
{
    for (size_t i = 0; i < bundle->n_pieces; i++)
        if (!bundle->pieces[i].used && is_weights(bundle->pieces[i].kind))
            bundle->pieces[i].architecture = find_architecture(bundle, &bundle->pieces[i]);
    for (size_t i = 0; i < bundle->n_pieces; i++)
        if (!bundle->pieces[i].used && is_weights(bundle->pieces[i].kind))
            KF_TRY(add_weights(bundle, &bundle->pieces[i]));
    return 0;
}

static int take_whole(struct kf_bundle *bundle)
{
    for (size_t i = 0; i < bundle->n_pieces; i++) {
        struct kf_piece *piece = &bundle->pieces[i];
        struct kf_bundle_model *model;

        if (piece->used || !(is_whole(piece->kind) || is_broken_model(piece)))
            continue;
        if (!(model = kf_bundle_add_model(bundle, piece->path, piece)))
            return kf_report_status(bundle->rep);
        model->in.shards = piece->shards;
        model->in.n_shards = piece->n_shards;
        model->in.architecture = piece->kind == KF_FILE_TFJS ? bundle->in->architecture : NULL;
    }
    return 0;
}

/* What a whole model beside it of the same stem holds too. */
static bool is_told_twice(const struct kf_bundle *bundle, const struct kf_piece *architecture)
{
    for (size_t i = 0; i < bundle->n_pieces; i++) {
        const struct kf_piece *piece = &bundle->pieces[i];

        if (is_whole(piece->kind) && kf_bundle_beside(piece->path, architecture->path) &&
            same_stem(piece, architecture))
            return true;
    }
    return false;
}

static int take_architectures(struct kf_bundle *bundle)
{
    for (size_t i = 0; i < bundle->n_pieces; i++) {
        struct kf_piece *piece = &bundle->pieces[i];

        if (!piece->used && is_architecture(piece->kind) && !is_told_twice(bundle, piece) &&
            !kf_bundle_add_model(bundle, piece->path, piece))
            return kf_report_status(bundle->rep);
    }
    return 0;
}

/* A model of another library is refused as what it is where there is no other one. */
static int take_foreign(struct kf_bundle *bundle)
{
    struct kf_piece *only = NULL;

    for (size_t i = 0; i < bundle->n_pieces; i++) {
        struct kf_piece *piece = &bundle->pieces[i];

        if (piece->used || !kf_kind_holds_model(piece->kind))
            continue;
        if (only)
            return 0;
        only = piece;
    }
    if (!only || bundle->n_models > 0)
        return 0;
    return kf_bundle_add_model(bundle, only->path, only) ? 0 : kf_report_status(bundle->rep);
}

/* MLflow's own file, which says nothing that the model does not. */
static void tell_mlflow(const struct kf_bundle *bundle)
{
    for (size_t i = 0; i < bundle->n_pieces; i++)
        if (kf_streq(kf_bundle_base(bundle->pieces[i].path), "MLmodel")) {
            kf_report_evidence(bundle->rep, "a model folder of MLflow, by its MLmodel");
            return;
        }
}

static int compare_pieces(const void *a, const void *b)
{
    return strcmp(((const struct kf_piece *)a)->path, ((const struct kf_piece *)b)->path);
}

static int compare_models(const void *a, const void *b)
{
    return strcmp(((const struct kf_bundle_model *)a)->path,
                  ((const struct kf_bundle_model *)b)->path);
}

/* The order of an archive is that of its maker's disk. */
static int sort(struct kf_bundle *bundle)
{
    size_t useful = 0;

    for (size_t i = 0; i < bundle->n_pieces; i++)
        useful += kf_kind_holds_model(bundle->pieces[i].kind) || bundle->pieces[i].damaged;
    if (useful > KF_BUNDLE_USEFUL_MAX)
        return kf_report_add(bundle->rep, KF_TOO_LARGE, "", "more than %d files of models",
                             KF_BUNDLE_USEFUL_MAX);
    if (bundle->n_pieces > 0)
        qsort(bundle->pieces, bundle->n_pieces, sizeof(*bundle->pieces), compare_pieces);
    return 0;
}

int kf_bundle_group(struct kf_bundle *bundle)
{
    KF_TRY(sort(bundle));
    KF_TRY(kf_bundle_folders(bundle));
    KF_TRY(kf_bundle_shards(bundle));
    KF_TRY(take_whole(bundle));
    KF_TRY(take_weights(bundle));
    KF_TRY(take_architectures(bundle));
    KF_TRY(take_foreign(bundle));
    tell_mlflow(bundle);
    if (bundle->n_models > 0)
        qsort(bundle->models, bundle->n_models, sizeof(*bundle->models), compare_models);
    return 0;
}
