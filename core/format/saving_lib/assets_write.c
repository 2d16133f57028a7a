/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/numbers.h"
#include "../vocabulary.h"
#include "assets.h"

struct writing {
    struct kf_model *model;
    struct kf_zip_out *zip;
    struct kf_report *rep;
};

static int write_assets(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    struct writing *writing = context;

    (void)graph;
    for (size_t i = 0; layer->group && i < layer->n_assets; i++) {
        const struct kf_asset *asset = &layer->assets[i];
        const char *name =
            kf_arena_printf(writing->model->arena, KF_ASSETS "/%s%s%s/%s", layer->group,
                            *asset->subpath ? "/" : "", asset->subpath, asset->file);

        if (!name)
            return kf_report_add(writing->rep, KF_NO_MEMORY, layer->path, "out of memory");
        KF_TRY(kf_zip_out_payload(writing->zip, name, asset->payload, writing->rep));
    }
    return 0;
}

int kf_assets_write(struct kf_model *model, struct kf_zip_out *zip, struct kf_report *rep)
{
    return kf_layers_each(model->graph, write_assets, &(struct writing){model, zip, rep});
}

static int leave(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    (void)graph;
    if (!layer->n_assets)
        return 0;
    return kf_report_add(context, KF_EXTRA_DROPPED, layer->path,
                         "%s is no variable: it stays in the model that the weights go into",
                         layer->assets[0].file);
}

int kf_assets_leave(struct kf_model *model, struct kf_report *rep)
{
    return kf_layers_each(model->graph, leave, rep);
}

/* What config lists hold, all of a model together. */
struct listing {
    int keras; /* 0: whatever the release, there is no place for files */
    const struct kf_options *options;
    struct kf_report *rep;
};

static int set_list(struct listing *listing, struct kf_layer *layer, const char *key, json_t *list)
{
    int r = kf_report_add(listing->rep, KF_VALUE_REWRITTEN, layer->path,
                          "%s: %zu entries from the file beside the weights into the config", key,
                          json_array_size(list));

    return r < 0 ? r : kf_json_set(layer->config, key, json_incref(list), listing->rep);
}

/* A variable as a list of floats; of as many entries as the vocabulary has. */
static int list_numbers(struct listing *listing, const struct kf_layer *layer,
                        const struct kf_payload *payload, json_t *list, size_t n)
{
    size_t size = kf_dtype_size(payload->dtype);
    char value[8];

    if (payload->rank != 1 || payload->dims[0] != n || !kf_number_is_float(payload->dtype))
        return kf_report_add(listing->rep, KF_WEIGHT_SHAPE, layer->path,
                             "the weights of the vocabulary are not %zu floats", n);
    for (size_t i = 0; i < n; i++) {
        KF_TRY(payload->pull(payload, i * size, value, size, listing->rep));
        KF_TRY(
            kf_json_append(list, json_real(kf_number_read(payload->dtype, value)), listing->rep));
    }
    return 0;
}

/* A vocabulary with its special entries takes weights for all of them. */
static int set_weights(struct listing *listing, struct kf_layer *layer, size_t n)
{
    for (size_t i = 0; i < layer->n_tensors; i++) {
        const struct kf_tensor *tensor = &layer->tensors[i];
        json_auto_t *list = NULL;

        if (!kf_streq(tensor->variable, "idf_weights") || !tensor->payload)
            continue;
        if (!(list = json_array()))
            return kf_report_add(listing->rep, KF_NO_MEMORY, layer->path, "out of memory");
        KF_TRY(list_numbers(listing, layer, tensor->payload, list, n));
        return set_list(listing, layer, tensor->variable, list);
    }
    return 0;
}

/* Whether the release reads the list of a layer from a file, and as it is. */
static bool reads_file(const struct listing *listing, const struct kf_layer *layer)
{
    bool weighted = kf_streq(kf_json_str(layer->config, "output_mode", NULL), "tf_idf");

    if (listing->keras < KF_KERAS(3, 14, 0))
        return listing->keras && !weighted;
    return !layer->assets[0].odd_lines;
}

static int list_layer(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    struct listing *listing = context;
    const struct kf_asset_row *row = layer->inner ? NULL : kf_asset_row(layer->class_name);
    json_t *list = NULL;
    int r;

    (void)graph;
    if (!row || !layer->n_assets || reads_file(listing, layer))
        return 0;
    KF_TRY(kf_vocabulary_list(&list, layer, layer->assets[0].payload,
                              listing->options->limits.json_bytes, listing->rep));
    r = set_list(listing, layer, row->key, list);
    if (r >= 0)
        r = kf_vocabulary_given(layer, listing->rep);
    if (r >= 0)
        r = set_weights(listing, layer, json_array_size(list));
    json_decref(list);
    layer->n_assets = 0;
    return r;
}

int kf_assets_to_config(struct kf_model *model, const struct kf_options *options,
                        struct kf_report *rep)
{
    return kf_layers_each(model->graph, list_layer, &(struct listing){0, options, rep});
}

int kf_assets_fit(struct kf_model *model, int keras, const struct kf_options *options,
                  struct kf_report *rep)
{
    return kf_layers_each(model->graph, list_layer, &(struct listing){keras, options, rep});
}
