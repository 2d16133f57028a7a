/* SPDX-License-Identifier: Apache-2.0 */
#include "keras_zip_open.h"
#include "../../io/text/json.h"
#include "../compile_read.h"
#include "../release.h"
#include "assets.h"
#include "keras_zip.h"
#include "saving_lib_read.h"

/* A member as JSON; a new reference. */
static int read_json(struct kf_zip *zip, const char *name, json_t **out,
                     const struct kf_options *options, struct kf_report *rep)
{
    struct kf_buf text = {.max = (size_t)options->limits.json_bytes};
    int r = kf_zip_read(zip, name, &text, rep);

    *out = r < 0 ? NULL : kf_json_parse(text.data, text.n, &options->limits, name, rep);
    kf_buf_finish(&text);
    return *out ? 0 : (r < 0 ? r : kf_report_status(rep));
}

int kf_keras_zip_open(struct kf_keras_zip *out, struct kf_model *model,
                      const struct kf_options *options, struct kf_report *rep)
{
    json_t *training;

    out->spool = KF_SPOOL_NONE;
    KF_TRY(kf_zip_open(&out->zip, &model->source, &options->limits, rep));
    out->config = kf_model_take_config(model);
    if (!out->config)
        KF_TRY(read_json(out->zip, KF_ZIP_CONFIG, &out->config, options, rep));
    model->keras = kf_release_parse(rep->source.keras_version);
    training = json_object_get(out->config, "compile_config");
    return json_is_object(training) ? kf_compile_take(model, json_incref(training), rep) : 0;
}

int kf_keras_zip_bind(struct kf_keras_zip *zip, struct kf_model *model, const char *weights,
                      const char *root, const struct kf_options *options, struct kf_report *rep)
{
    struct kf_source src;

    if (!kf_zip_has(zip->zip, weights))
        return kf_report_add(rep, KF_WEIGHTS_MISSING, "",
                             "the archive has a config but no %s with the weights", weights);
    KF_TRY(kf_zip_member(zip->zip, weights, &zip->spool, options, &src, rep));
    KF_TRY(kf_h5_open(&zip->h5, &src, &options->limits, rep));
    KF_TRY(kf_saving_lib_bind(model, zip->h5, root, model->keras, rep));
    return kf_assets_read(model, zip->zip, &zip->spool, options, rep);
}

void kf_keras_zip_close(struct kf_keras_zip *zip)
{
    kf_h5_destroy(zip->h5);
    kf_spool_finish(&zip->spool);
    kf_zip_destroy(zip->zip);
    json_decref(zip->config);
}
