/* SPDX-License-Identifier: Apache-2.0 */
#include "models.h"
#include "../jobs/job.h"

#define FROM_SCRATCH (-1)

/* Takes nothing; `list` may be NULL, as after a failure. */
static void append(json_t *list, const struct kf_bundle *bundle, const struct kf_input *file,
                   const char *role)
{
    int from = kf_bundle_is_unpacked(bundle, file) ? FROM_SCRATCH : file->fd - JOB_INPUT_FD;
    json_t *row = json_pack("{s:s, s:s, s:i}", "role", role, "name", file->name, "from", from);

    if (file->ranged) {
        json_object_set_new(row, "at", json_integer((json_int_t)file->at));
        json_object_set_new(row, "size", json_integer((json_int_t)file->size));
    }
    if (file->kind)
        json_object_set_new(row, "kind", json_string(file->kind));
    json_array_append_new(list, row);
}

static json_t *model_json(const struct kf_bundle *bundle, const struct kf_bundle_model *model)
{
    json_t *files = json_array();

    append(files, bundle, &model->in, "file");
    for (size_t i = 0; i < model->in.n_shards; i++)
        append(files, bundle, &model->in.shards[i], "file");
    if (model->in.architecture)
        append(files, bundle, model->in.architecture, "architecture");
    return json_pack("{s:s, s:o}", "path", *model->path ? model->path : model->in.name, "inputs",
                     files);
}

json_t *models_json(const struct kf_bundle *bundle)
{
    json_t *models = json_array();

    for (size_t i = 0; i < kf_bundle_count(bundle); i++)
        json_array_append_new(models, model_json(bundle, kf_bundle_model(bundle, i)));
    return models;
}
