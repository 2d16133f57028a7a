/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../vocabulary.h"
#include "assets.h"
#include "saving_lib_private.h"
#include <string.h>

static const struct kf_asset_row rows[] = {
#define KF_ASSET(class_name, file, again, key) {class_name, file, again, key, "asset:" class_name},
#include "assets.def"
#undef KF_ASSET
};

const struct kf_asset_row *kf_asset_row(const char *class_name)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].class_name, class_name) == 0)
            return &rows[i];
    return NULL;
}

bool kf_asset_due(const struct kf_layer *layer)
{
    const struct kf_asset_row *row = layer->inner ? NULL : kf_asset_row(layer->class_name);

    return row && !json_is_array(json_object_get(layer->config, row->key));
}

struct reading {
    struct kf_model *model;
    struct kf_zip *zip;
    struct kf_spool *spool;
    const struct kf_options *options;
    struct kf_report *rep;
    size_t n_taken; /* members */
};

static int no_memory(struct reading *reading, const struct kf_layer *layer)
{
    return kf_report_add(reading->rep, KF_NO_MEMORY, layer->path, "out of memory");
}

static int pull_source(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                       struct kf_report *rep)
{
    return kf_source_read(payload->state, at, to, n, rep);
}

/* The member `name` as bytes. */
static int make_payload(struct reading *reading, const struct kf_layer *layer, const char *name,
                        const struct kf_payload **out)
{
    struct kf_arena *arena = reading->model->arena;
    struct kf_payload *payload = kf_arena_alloc(arena, sizeof(*payload));
    struct kf_source *src = kf_arena_alloc(arena, sizeof(*src));

    if (!payload || !src)
        return no_memory(reading, layer);
    KF_TRY(kf_zip_member(reading->zip, name, reading->spool, reading->options, src, reading->rep));
    *payload = (struct kf_payload){.dtype = KF_DTYPE_UINT8,
                                   .rank = 1,
                                   .dims = {src->size},
                                   .pull = pull_source,
                                   .file_at = KF_NOWHERE,
                                   .state = src};
    *out = payload;
    reading->n_taken++;
    return 0;
}

/* "assets/<group>/<subpath>/<file>" */
static const char *member_of(struct reading *reading, const struct kf_layer *layer,
                             const char *subpath, const char *file)
{
    const char *name = kf_arena_printf(reading->model->arena, KF_ASSETS "/%s%s%s/%s", layer->found,
                                       *subpath ? "/" : "", subpath, file);

    if (!name)
        no_memory(reading, layer);
    return name;
}

static int same_text(struct reading *reading, const struct kf_layer *layer,
                     const struct kf_payload *a, const struct kf_payload *b)
{
    bool same = true;

    KF_TRY(kf_payload_equal(a, b, &same, reading->rep));
    if (same)
        return 0;
    return kf_report_add(reading->rep, KF_MAPPING_AMBIGUOUS, layer->path,
                         "the file has two vocabularies for the layer, and they differ");
}

static int find(struct reading *reading, const struct kf_layer *layer, const char *subpath,
                const char *file, struct kf_asset *out)
{
    const char *name = member_of(reading, layer, subpath, file);

    if (!name)
        return -KF_NO_MEMORY;
    *out = (struct kf_asset){.file = file, .subpath = subpath, .source = name};
    if (!kf_zip_has(reading->zip, name))
        return 0;
    return make_payload(reading, layer, name, &out->payload);
}

/* The list of a layer, which a part of it may have once more. Either does for both. */
static int take_list(struct reading *reading, struct kf_layer *layer,
                     const struct kf_asset_row *row)
{
    struct kf_asset *two = kf_arena_alloc(reading->model->arena, 2 * sizeof(*two));

    if (!two)
        return no_memory(reading, layer);
    KF_TRY(find(reading, layer, "", row->file, &two[0]));
    if (*row->again)
        KF_TRY(find(reading, layer, row->again, row->file, &two[1]));
    if (!two[0].payload && !two[1].payload)
        return 0;
    kf_report_rule(reading->rep, row->name);
    if (two[0].payload && two[1].payload)
        KF_TRY(same_text(reading, layer, two[0].payload, two[1].payload));
    if (!two[0].payload)
        two[0].payload = two[1].payload;
    two[1].payload = two[0].payload;
    KF_TRY(kf_vocabulary_check(layer, two[0].payload, &two[0], reading->rep));
    two[1].n_lines = two[0].n_lines;
    two[1].odd_lines = two[0].odd_lines;
    layer->assets = two;
    layer->n_assets = *row->again ? 2 : 1;
    return 0;
}

/* All that lies in the folder of a layer of a class that nobody knows. */
static int take_folder(struct reading *reading, struct kf_layer *layer)
{
    const char *folder = member_of(reading, layer, "", "");
    size_t first, n;

    if (!folder)
        return -KF_NO_MEMORY;
    kf_zip_below(reading->zip, folder, &first, &n);
    layer->assets = kf_arena_alloc(reading->model->arena, (n + 1) * sizeof(*layer->assets));
    if (!layer->assets)
        return no_memory(reading, layer);
    for (size_t i = 0; i < n; i++) {
        const char *name = kf_zip_at(reading->zip, first + i);
        struct kf_asset *asset = &layer->assets[layer->n_assets];

        if (kf_ends(name, "/"))
            continue;
        *asset = (struct kf_asset){.file = name + strlen(folder), .subpath = "", .source = name};
        KF_TRY(make_payload(reading, layer, name, &asset->payload));
        layer->n_assets++;
    }
    return 0;
}

static int read_layer(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    const struct kf_asset_row *row = kf_asset_row(layer->class_name);

    (void)graph;
    if (!layer->found || layer->inner)
        return 0;
    if (row && kf_asset_due(layer))
        return take_list(context, layer, row);
    return kf_saving_lib_opaque(layer) ? take_folder(context, layer) : 0;
}

/* Directory entries are no files. */
static size_t count_files(const struct kf_zip *zip)
{
    size_t first, n, files = 0;

    kf_zip_below(zip, KF_ASSETS "/", &first, &n);
    for (size_t i = 0; i < n; i++)
        files += !kf_ends(kf_zip_at(zip, first + i), "/");
    return files;
}

int kf_assets_read(struct kf_model *model, struct kf_zip *zip, struct kf_spool *spool,
                   const struct kf_options *options, struct kf_report *rep)
{
    struct reading reading = {
        .model = model, .zip = zip, .spool = spool, .options = options, .rep = rep};
    size_t files = count_files(zip);

    if (!files)
        return 0;
    KF_TRY(kf_layers_each(model->graph, read_layer, &reading));
    if (files <= reading.n_taken)
        return 0;
    return kf_report_add(rep, KF_EXTRA_DROPPED, "",
                         "%zu of the %zu files in " KF_ASSETS " belong to no layer that reads them",
                         files - reading.n_taken, files);
}
