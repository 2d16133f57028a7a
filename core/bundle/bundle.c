/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle.h"
#include "../base/alloc.h"
#include "../base/buf.h"
#include "../base/num.h"
#include "../base/str.h"
#include <stdio.h>
#include <unistd.h>

/* Where a bomb begins, as for zips: keras/src/saving/saving_lib.py, _reject_zip_bomb */
#define ROOM_FLOOR ((uint64_t)4 << 30)
#define ROOM_RATIO 100
/* Bundles that are open at once. */
#define SCRATCHES_MAX 2
/* Files that a refusal names. */
#define NAMED_MAX 4

int kf_bundle_no_memory(const struct kf_bundle *bundle)
{
    return kf_report_add(bundle->rep, KF_NO_MEMORY, "", "no memory for a list of files");
}

static bool scratch_path(const struct kf_bundle *bundle, char *path, size_t max)
{
    const char *folder = bundle->options->scratch ? bundle->options->scratch : ".";
    char number[16] = "";

    if (bundle->scratch > 0)
        snprintf(number, sizeof(number), "-%u", bundle->scratch);
    return snprintf(path, max, "%s/" KF_BUNDLE_SCRATCH "%s", folder, number) < (int)max;
}

int kf_bundle_spool(struct kf_bundle *bundle, struct kf_spool **out)
{
    char path[4096];

    *out = &bundle->spool;
    if (bundle->spool.fd >= 0)
        return 0;
    while (scratch_path(bundle, path, sizeof(path)) && access(path, F_OK) == 0 &&
           bundle->scratch < SCRATCHES_MAX)
        bundle->scratch++;
    if (!scratch_path(bundle, path, sizeof(path)))
        return kf_report_add(bundle->rep, KF_WRITE_FAILED, "",
                             "the scratch folder's name is too long");
    return kf_spool_create_named(&bundle->spool, path, bundle->room, bundle->rep);
}

struct kf_source kf_bundle_unpacked(const struct kf_bundle *bundle, uint64_t from, const char *name)
{
    return (struct kf_source){
        .fd = bundle->spool.fd, .base = from, .size = bundle->spool.size - from, .name = name};
}

struct kf_input kf_bundle_input(const struct kf_piece *piece, const char *name)
{
    return (struct kf_input){.fd = piece->src.fd,
                             .ranged = true,
                             .at = piece->src.base,
                             .size = piece->src.size,
                             .name = name};
}

struct kf_bundle_model *kf_bundle_add_model(struct kf_bundle *bundle, const char *path,
                                            struct kf_piece *main)
{
    struct kf_bundle_model *model;

    if (bundle->n_models >= KF_BUNDLE_MODELS_MAX) {
        kf_report_add(bundle->rep, KF_TOO_LARGE, "", "more than %d models", KF_BUNDLE_MODELS_MAX);
        return NULL;
    }
    if (!kf_grow(&bundle->models, &bundle->models_cap, bundle->n_models + 1,
                 sizeof(*bundle->models))) {
        kf_bundle_no_memory(bundle);
        return NULL;
    }
    model = &bundle->models[bundle->n_models++];
    model->path = path;
    model->in = kf_bundle_input(main, kf_bundle_base(main->path));
    main->used = true;
    return model;
}

static int add_given(struct kf_bundle *bundle, const struct kf_input *in)
{
    const char *name = in->name && *in->name ? in->name : "input";
    struct kf_source src;

    KF_TRY(kf_source_init(&src, in, bundle->rep));
    name = kf_bundle_path(bundle->arena, kf_bundle_climbs(name) ? kf_bundle_base(name) : name);
    if (!name)
        return kf_bundle_no_memory(bundle);
    return kf_bundle_unpack(bundle, name, &src);
}

/* As much room as what was given may become. */
static int measure(struct kf_bundle *bundle)
{
    const struct kf_input *in = bundle->in;
    uint64_t total = 0;

    for (size_t i = 0; i <= in->n_shards; i++) {
        struct kf_source src;

        KF_TRY(kf_source_init(&src, i == 0 ? in : &in->shards[i - 1], bundle->rep));
        if (!kf_add(total, src.size, &total))
            total = UINT64_MAX;
    }
    if (!kf_mul(total, kf_min(ROOM_RATIO, bundle->options->limits.expansion), &total))
        total = UINT64_MAX;
    bundle->room = total > ROOM_FLOOR ? total : ROOM_FLOOR;
    return 0;
}

/* One file that is nothing but itself: the model is what was given. */
static int take_as_given(struct kf_bundle *bundle)
{
    struct kf_bundle_model *model = kf_bundle_add_model(bundle, "", &bundle->pieces[0]);

    if (!model)
        return kf_report_status(bundle->rep);
    model->in = *bundle->in;
    return 0;
}

static int look(struct kf_bundle *bundle)
{
    const struct kf_input *in = bundle->in;

    KF_TRY(measure(bundle));
    KF_TRY(add_given(bundle, in));
    for (size_t i = 0; i < in->n_shards; i++)
        KF_TRY(add_given(bundle, &in->shards[i]));
    if (!bundle->packed && in->n_shards == 0)
        return take_as_given(bundle);
    return kf_bundle_group(bundle);
}

int kf_bundle_open(struct kf_bundle **out, const struct kf_input *in,
                   const struct kf_options *options, struct kf_report *rep)
{
    struct kf_bundle *bundle = kf_alloc(sizeof(*bundle));
    int status;

    if (!bundle)
        return kf_report_add(rep, KF_NO_MEMORY, "", "no memory for a list of files");
    bundle->in = in;
    bundle->options = options;
    bundle->rep = rep;
    bundle->spool = KF_SPOOL_NONE;
    bundle->arena = kf_arena_create();
    status = bundle->arena ? look(bundle) : kf_bundle_no_memory(bundle);
    bundle->rep = NULL;
    if (status < 0) {
        kf_bundle_destroy(bundle);
        return status;
    }
    *out = bundle;
    return 0;
}

void kf_bundle_destroy(struct kf_bundle *bundle)
{
    char path[4096];

    if (!bundle)
        return;
    if (bundle->spool.fd >= 0 && !bundle->keep && scratch_path(bundle, path, sizeof(path)))
        unlink(path);
    kf_spool_finish(&bundle->spool);
    kf_arena_destroy(bundle->arena);
    kf_free(bundle->pieces);
    kf_free(bundle->models);
    kf_free(bundle);
}

size_t kf_bundle_count(const struct kf_bundle *bundle)
{
    return bundle->n_models;
}

const struct kf_bundle_model *kf_bundle_model(const struct kf_bundle *bundle, size_t index)
{
    return &bundle->models[index];
}

void kf_bundle_keep(struct kf_bundle *bundle)
{
    bundle->keep = true;
}

bool kf_bundle_is_unpacked(const struct kf_bundle *bundle, const struct kf_input *file)
{
    return bundle->spool.fd >= 0 && file->fd == bundle->spool.fd;
}

/* "a.onnx is an ONNX model", for the first pieces; those that are something come first. */
static int refuse_none(const struct kf_bundle *bundle, struct kf_report *rep)
{
    struct kf_buf text = {.max = 4096};
    const char *way_out = NULL;
    size_t named = 0;
    int status;

    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < bundle->n_pieces && named < NAMED_MAX; i++) {
            const struct kf_piece *piece = &bundle->pieces[i];
            const struct kf_kind_info *info = kf_kind_info(piece->kind);

            if (kf_kind_holds_model(piece->kind) != (pass == 0))
                continue;
            way_out = way_out ? way_out : info->way_out;
            kf_buf_printf(&text, "%s%.200s is %s", named++ ? ", " : "", piece->path, info->title);
        }
    if (bundle->n_pieces > named)
        kf_buf_printf(&text, ", and %zu more", bundle->n_pieces - named);
    status = kf_report_add(rep, KF_NOT_A_MODEL, "", "there is no Keras model in it%s%s%s%s",
                           text.n ? ": " : "", text.n ? text.data : "", way_out ? ": " : "",
                           way_out ? way_out : "");
    kf_buf_finish(&text);
    return status;
}

static void name_models(const struct kf_bundle *bundle, struct kf_buf *text)
{
    size_t n = (size_t)kf_min(bundle->n_models, NAMED_MAX);

    for (size_t i = 0; i < n; i++)
        kf_buf_printf(text, "%s%.200s", i ? ", " : "", bundle->models[i].path);
    if (bundle->n_models > n)
        kf_buf_printf(text, ", and %zu more", bundle->n_models - n);
}

void kf_bundle_describe(struct kf_report *rep)
{
    kf_report_set(&rep->source.format, "bundle");
    kf_report_set(&rep->source.title, "an archive, or several files");
}

static void refuse_several(const struct kf_bundle *bundle, struct kf_report *rep)
{
    struct kf_buf text = {.max = 4096};

    kf_bundle_describe(rep);
    name_models(bundle, &text);
    kf_report_add(rep, KF_SEVERAL_MODELS, "", "there are %zu models: %s", bundle->n_models,
                  text.n ? text.data : "");
    kf_buf_finish(&text);
}

const struct kf_input *kf_bundle_one(const struct kf_bundle *bundle, struct kf_report *rep)
{
    const struct kf_bundle_model *model = bundle->models;

    if (bundle->n_models == 0) {
        kf_bundle_describe(rep);
        refuse_none(bundle, rep);
        return NULL;
    }
    if (bundle->n_models > 1 &&
        (bundle->options->all_checkpoints || !(model = kf_bundle_latest(bundle, rep)))) {
        refuse_several(bundle, rep);
        return NULL;
    }
    if (bundle->n_models > 1)
        kf_report_add(rep, KF_FINDING, model->path,
                      "the latest of %zu checkpoints, as the file checkpoint says: the others are "
                      "left out",
                      bundle->n_models);
    if (*model->path) {
        kf_report_evidence(rep, "found at %s", model->path);
        kf_report_set(&rep->source.member, model->path);
    }
    return &model->in;
}

static json_t *files_json(const struct kf_bundle_model *model)
{
    json_t *files = json_array();

    json_array_append_new(files, json_string(model->in.name));
    for (size_t i = 0; i < model->in.n_shards; i++)
        json_array_append_new(files, json_string(model->in.shards[i].name));
    if (model->in.architecture)
        json_array_append_new(files, json_string(model->in.architecture->name));
    return files;
}

/* The kind of a model is that of its main file, if it is no folder. */
static enum kf_kind_id kind_of(const struct kf_bundle *bundle, const struct kf_bundle_model *model)
{
    if (model->in.kind)
        return kf_kind_find(model->in.kind);
    for (size_t i = 0; i < bundle->n_pieces; i++)
        if (bundle->pieces[i].src.fd == model->in.fd && bundle->pieces[i].src.base == model->in.at)
            return bundle->pieces[i].kind;
    return KF_FILE_UNKNOWN;
}

static json_t *row_json(const char *path, enum kf_kind_id kind)
{
    const struct kf_kind_info *info = kf_kind_info(kind);

    return json_pack("{s:s, s:s, s:s}", "path", path, "format", info->name, "title", info->title);
}

json_t *kf_bundle_facts(const struct kf_bundle *bundle, struct kf_report *rep)
{
    const struct kf_bundle_model *latest =
        bundle->n_models > 1 ? kf_bundle_latest(bundle, rep) : NULL;
    json_t *models = json_array(), *others = json_array();

    for (size_t i = 0; i < bundle->n_models; i++) {
        json_t *row = row_json(bundle->models[i].path, kind_of(bundle, &bundle->models[i]));

        if (latest)
            json_object_set_new(row, "latest", json_boolean(&bundle->models[i] == latest));
        json_object_set_new(row, "files", files_json(&bundle->models[i]));
        json_array_append_new(models, row);
    }
    for (size_t i = 0; i < bundle->n_pieces; i++)
        if (!bundle->pieces[i].used)
            json_array_append_new(others, row_json(bundle->pieces[i].path, bundle->pieces[i].kind));
    return json_pack("{s:o, s:o}", "models", models, "others", others);
}
