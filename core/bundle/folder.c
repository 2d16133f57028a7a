/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "bundle.h"
#include <ctype.h>
#include <string.h>

/* A folder with a model in it, as its path: the first `n` bytes of a piece's. */
struct folder {
    struct kf_bundle *bundle;
    const char *in;
    int n;
};

static bool holds(const struct folder *folder, const struct kf_piece *piece)
{
    return !piece->used && kf_bundle_below(piece->path, folder->in, folder->n);
}

/* The name of a file as it stands below its folder. */
static const char *name_below(const struct folder *folder, const char *path)
{
    return folder->n == 0 ? path : path + folder->n + 1;
}

/* The path of a folder, for people; the root of everything is ".". */
static const char *path_of(const struct folder *folder)
{
    return folder->n == 0 ? "."
                          : kf_arena_strndup(folder->bundle->arena, folder->in, (size_t)folder->n);
}

/* All that is left in a folder becomes the further files of a model. */
static int take_rest(const struct folder *folder, struct kf_bundle_model *model)
{
    struct kf_bundle *bundle = folder->bundle;
    struct kf_input *rest;
    size_t n = 0;

    for (size_t i = 0; i < bundle->n_pieces; i++)
        n += holds(folder, &bundle->pieces[i]) && bundle->pieces[i].src.fd >= 0;
    rest = kf_arena_alloc(bundle->arena, (n + 1) * sizeof(*rest));
    if (!rest)
        return kf_bundle_no_memory(bundle);
    model->in.shards = rest;
    for (size_t i = 0; i < bundle->n_pieces; i++) {
        struct kf_piece *piece = &bundle->pieces[i];

        if (!holds(folder, piece))
            continue;
        piece->used = true;
        if (piece->src.fd >= 0)
            rest[model->in.n_shards++] = kf_bundle_input(piece, name_below(folder, piece->path));
    }
    return 0;
}

/* A model that is a folder is made of all of it. */
static int check_whole(const struct folder *folder, const char *path)
{
    if (!kf_bundle_is_cut(folder->bundle, folder->in, folder->n))
        return 0;
    return kf_report_add(folder->bundle->rep, KF_TOO_LARGE, path,
                         "one model of many files, among more files than are taken at once: it "
                         "needs a folder of its own");
}

/* Make a folder one model of a kind that no file of it tells. */
static int take_folder(const struct folder *folder, struct kf_piece *main, enum kf_kind_id kind)
{
    const char *path = path_of(folder);
    struct kf_bundle_model *model;

    if (!path)
        return kf_bundle_no_memory(folder->bundle);
    KF_TRY(check_whole(folder, path));
    model = kf_bundle_add_model(folder->bundle, path, main);
    if (!model)
        return kf_report_status(folder->bundle->rep);
    model->in.kind = kf_kind_info(kind)->name;
    model->in.architecture = folder->bundle->in->architecture;
    return take_rest(folder, model);
}

static int take_saved_models(struct kf_bundle *bundle)
{
    for (size_t i = 0; i < bundle->n_pieces; i++) {
        struct kf_piece *piece = &bundle->pieces[i];
        const struct folder folder = {bundle, piece->path, kf_bundle_folder(piece->path)};

        if (!piece->used && piece->kind == KF_FILE_SAVED_MODEL)
            KF_TRY(take_folder(&folder, piece, KF_FILE_SAVED_MODEL_FOLDER));
    }
    return 0;
}

/* A SavedModel that lost its saved_model.pb still has the configs of its layers. */
static int take_lost_models(struct kf_bundle *bundle)
{
    for (size_t i = 0; i < bundle->n_pieces; i++) {
        struct kf_piece *piece = &bundle->pieces[i];
        const struct folder folder = {bundle, piece->path, kf_bundle_folder(piece->path)};

        if (!piece->used && piece->kind == KF_FILE_KERAS_METADATA)
            KF_TRY(take_folder(&folder, piece, KF_FILE_SAVED_MODEL_FOLDER));
    }
    return 0;
}

/* Source: keras/src/saving/orbax_util.py, is_orbax_checkpoint; what Orbax itself writes */
static bool is_orbax(const char *base)
{
    return kf_in_words("_CHECKPOINT_METADATA checkpoint_metadata manifest.ocdbt "
                       "orbax.checkpoint pytree.orbax-checkpoint",
                       base);
}

/* The folder of a step, "7", stands in the folder of all steps. */
static int above_steps(const char *path, int n)
{
    int digits = n;

    while (digits > 0 && isdigit((unsigned char)path[digits - 1]))
        digits--;
    if (digits == n || (digits > 0 && path[digits - 1] != '/'))
        return n;
    return digits > 0 ? digits - 1 : 0;
}

static int take_orbax(struct kf_bundle *bundle)
{
    for (size_t i = 0; i < bundle->n_pieces; i++) {
        struct kf_piece *piece = &bundle->pieces[i];
        int n = above_steps(piece->path, kf_bundle_folder(piece->path));
        const struct folder folder = {bundle, piece->path, n};

        if (!piece->used && is_orbax(kf_bundle_base(piece->path)))
            KF_TRY(take_folder(&folder, piece, KF_FILE_ORBAX));
    }
    return 0;
}

/* "<prefix>.index", its data files and the list called "checkpoint" beside it. */
static int take_checkpoint(struct kf_bundle *bundle, struct kf_piece *index)
{
    int prefix = (int)strlen(index->path) - (int)strlen("index");
    struct kf_input *data = kf_arena_alloc(bundle->arena, (bundle->n_pieces + 1) * sizeof(*data));

    if (!data)
        return kf_bundle_no_memory(bundle);
    index->shards = data;
    for (size_t i = 0; i < bundle->n_pieces; i++) {
        struct kf_piece *piece = &bundle->pieces[i];
        bool is_data = strncmp(piece->path, index->path, (size_t)prefix) == 0 &&
                       kf_starts(piece->path + prefix, "data-");

        if (is_data && piece->src.fd >= 0)
            data[index->n_shards++] = kf_bundle_input(piece, kf_bundle_base(piece->path));
        if (is_data ||
            (piece->kind == KF_FILE_CHECKPOINT_STATE && kf_bundle_beside(piece->path, index->path)))
            piece->used = true;
    }
    return 0;
}

/* The index itself is weights like others, which may have their architecture beside them. */
static int take_checkpoints(struct kf_bundle *bundle)
{
    for (size_t i = 0; i < bundle->n_pieces; i++) {
        struct kf_piece *piece = &bundle->pieces[i];

        if (!piece->used && piece->kind == KF_FILE_CHECKPOINT_INDEX &&
            kf_ends(piece->path, ".index"))
            KF_TRY(take_checkpoint(bundle, piece));
    }
    return 0;
}

static struct kf_piece *find_beside(const struct kf_bundle *bundle, const struct kf_piece *piece,
                                    const char *base)
{
    for (size_t i = 0; i < bundle->n_pieces; i++)
        if (!bundle->pieces[i].used && kf_streq(kf_bundle_base(bundle->pieces[i].path), base) &&
            kf_bundle_beside(bundle->pieces[i].path, piece->path))
            return &bundle->pieces[i];
    return NULL;
}

/* An unzipped .keras is read as the zip that it was. */
static int take_unzipped(struct kf_bundle *bundle, struct kf_piece *config)
{
    const struct folder folder = {bundle, config->path, kf_bundle_folder(config->path)};
    struct kf_piece *metadata = find_beside(bundle, config, "metadata.json");
    const char *path = path_of(&folder);
    struct kf_bundle_model *model;
    struct kf_source zip;

    if (!path)
        return kf_bundle_no_memory(bundle);
    KF_TRY(check_whole(&folder, path));
    KF_TRY(kf_bundle_repack(bundle, config, &zip));
    model = kf_bundle_add_model(bundle, path, config);
    if (!model)
        return kf_report_status(bundle->rep);
    model->in = (struct kf_input){.fd = zip.fd,
                                  .ranged = true,
                                  .at = zip.base,
                                  .size = zip.size,
                                  .name = kf_bundle_base(path)};
    if (metadata)
        metadata->used = true;
    for (size_t i = 0; i < bundle->n_pieces; i++) {
        struct kf_piece *piece = &bundle->pieces[i];

        if (holds(&folder, piece) &&
            (kf_starts(name_below(&folder, piece->path), "assets/") ||
             kf_starts(name_below(&folder, piece->path), "model.weights.")))
            piece->used = true;
    }
    return 0;
}

static int take_all_unzipped(struct kf_bundle *bundle)
{
    for (size_t i = 0; i < bundle->n_pieces; i++) {
        struct kf_piece *piece = &bundle->pieces[i];

        if (!piece->used && piece->kind == KF_FILE_CONFIG_JSON &&
            kf_streq(kf_bundle_base(piece->path), "config.json") &&
            (find_beside(bundle, piece, "model.weights.h5") ||
             find_beside(bundle, piece, "model.weights.npz")))
            KF_TRY(take_unzipped(bundle, piece));
    }
    return 0;
}

int kf_bundle_folders(struct kf_bundle *bundle)
{
    KF_TRY(take_saved_models(bundle));
    KF_TRY(take_lost_models(bundle));
    KF_TRY(take_orbax(bundle));
    KF_TRY(take_all_unzipped(bundle));
    return take_checkpoints(bundle);
}
