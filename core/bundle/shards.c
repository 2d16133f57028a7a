/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/alloc.h"
#include "../base/str.h"
#include "../io/text/json.h"
#include "bundle.h"

/* A list of a model's other files: .weights.json of Keras 3, model.json of TensorFlow.js. */
static bool is_list(enum kf_kind_id kind)
{
    return kind == KF_FILE_WEIGHTS_JSON || kind == KF_FILE_TFJS;
}

/* Add the names in a text, or in a list of texts. */
static int add_names(const struct kf_bundle *bundle, json_t *names, const json_t *value)
{
    const char *name = json_string_value(value);

    if (name)
        return kf_json_set(names, kf_starts(name, "./") ? name + 2 : name, json_true(),
                           bundle->rep);
    for (size_t i = 0; i < json_array_size(value); i++)
        if (json_is_string(json_array_get(value, i)))
            KF_TRY(add_names(bundle, names, json_array_get(value, i)));
    return 0;
}

/* The names of all files that a list names. */
static int names_in(const struct kf_bundle *bundle, json_t *names, const json_t *list)
{
    const json_t *manifest = json_object_get(list, "weightsManifest");
    const char *key;
    json_t *value;

    json_object_foreach(json_object_get(list, "weight_map"), key, value)
        KF_TRY(add_names(bundle, names, value));
    for (size_t i = 0; i < json_array_size(manifest); i++)
        KF_TRY(add_names(bundle, names, json_object_get(json_array_get(manifest, i), "paths")));
    return 0;
}

static json_t *read_index(const struct kf_bundle *bundle, const struct kf_piece *piece)
{
    struct kf_report *rep = bundle->rep;
    json_t *index = NULL;
    char *text = kf_alloc((size_t)piece->src.size + 1); /* detection has read it: it is bounded */

    if (!text)
        kf_bundle_no_memory(bundle);
    else if (kf_source_read(&piece->src, 0, text, (size_t)piece->src.size, rep) == 0)
        index = kf_json_parse(text, (size_t)piece->src.size, &bundle->options->limits, piece->path,
                              rep);
    kf_free(text);
    return index;
}

/* The shards that stand beside a list of them become its own. */
static int take_shards(struct kf_bundle *bundle, struct kf_piece *list, const json_t *names)
{
    struct kf_input *shards =
        kf_arena_alloc(bundle->arena, (bundle->n_pieces + 1) * sizeof(*shards));

    if (!shards)
        return kf_bundle_no_memory(bundle);
    list->shards = shards;
    for (size_t i = 0; i < bundle->n_pieces; i++) {
        struct kf_piece *shard = &bundle->pieces[i];
        const char *base = kf_bundle_base(shard->path);

        if (shard->used || shard->src.fd < 0 || !kf_bundle_beside(shard->path, list->path) ||
            !json_object_get(names, base))
            continue;
        shard->used = true;
        shards[list->n_shards++] = kf_bundle_input(shard, base);
    }
    return 0;
}

int kf_bundle_shards(struct kf_bundle *bundle)
{
    for (size_t i = 0; i < bundle->n_pieces; i++) {
        struct kf_piece *piece = &bundle->pieces[i];
        json_auto_t *index = NULL, *names = json_object();

        if (piece->used || !is_list(piece->kind))
            continue;
        if (!names)
            return kf_bundle_no_memory(bundle);
        index = read_index(bundle, piece);
        if (!index)
            return kf_report_status(bundle->rep);
        KF_TRY(names_in(bundle, names, index));
        KF_TRY(take_shards(bundle, piece, names));
    }
    return 0;
}
