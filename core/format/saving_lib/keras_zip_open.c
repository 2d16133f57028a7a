/* SPDX-License-Identifier: Apache-2.0 */
#include "keras_zip_open.h"
#include "../../io/text/json.h"
#include "../../model/optimizer.h"
#include "../architecture.h"
#include "../compile_read.h"
#include "../loose/loose_read.h"
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

static int open_weights(struct kf_keras_zip *zip, const char *weights,
                        const struct kf_options *options, struct kf_report *rep)
{
    struct kf_source src;

    if (!kf_zip_has(zip->zip, weights))
        return kf_report_add(rep, KF_WEIGHTS_MISSING, "",
                             "the archive has a config but no %s with the weights", weights);
    KF_TRY(kf_zip_member(zip->zip, weights, &zip->spool, options, &src, rep));
    return kf_h5_open(&zip->h5, &src, &options->limits, rep);
}

int kf_keras_zip_bind(struct kf_keras_zip *zip, struct kf_model *model, const char *weights,
                      const char *root, const struct kf_options *options, struct kf_report *rep)
{
    KF_TRY(open_weights(zip, weights, options, rep));
    KF_TRY(kf_saving_lib_bind(model, zip->h5, root, model->keras, rep));
    return kf_assets_read(model, zip->zip, &zip->spool, options, rep);
}

/* What it was compiled with may be code, and the order of its variables is that of its attributes.
 */
static void leave_training(struct kf_model *model)
{
    if (!model->training)
        return;
    json_decref(model->training);
    model->training = NULL;
    model->has_optimizer_state = true;
    kf_optimizer_lose(model, "it is of a model that Python code defines, and so is what it was "
                             "compiled with");
}

int kf_keras_zip_coded(struct kf_keras_zip *zip, struct kf_model *model, const char *weights,
                       const struct kf_options *options, struct kf_report *rep)
{
    const enum kf_dialect dialect = model->dialect;
    const int release = model->keras;
    size_t first, n;

    leave_training(model);
    if (model->in->architecture) {
        KF_TRY(kf_architecture_read(model, options, rep));
        KF_TRY(open_weights(zip, weights, options, rep));
        return kf_saving_lib_bind(model, zip->h5, "", release, rep);
    }
    if (!model->weights_do)
        return kf_report_add(
            rep, KF_ARCHITECTURE_MISSING, "",
            "%s is a model defined by Python code: its config has no layers; " KF_DO_WITHOUT
            " without an architecture",
            kf_json_str(zip->config, "class_name", "it"));
    KF_TRY(open_weights(zip, weights, options, rep));
    KF_TRY(kf_loose_read(model, zip->h5, rep));
    kf_zip_below(zip->zip, KF_ASSETS "/", &first, &n);
    if (n)
        kf_report_add(rep, KF_EXTRA_DROPPED, "",
                      "files of layers are left out, the first of %zu is %s", n,
                      kf_zip_at(zip->zip, first));
    model->keras = release;
    model->dialect = dialect;
    model->unsure = false;
    return 0;
}

void kf_keras_zip_close(struct kf_keras_zip *zip)
{
    kf_h5_destroy(zip->h5);
    kf_spool_finish(&zip->spool);
    kf_zip_destroy(zip->zip);
    json_decref(zip->config);
}
