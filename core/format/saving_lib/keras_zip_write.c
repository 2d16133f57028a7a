/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/alloc.h"
#include "../../io/h5/h5.h"
#include "../../io/text/json.h"
#include "../../io/zip/zip.h"
#include "../info.h"
#include "../keras2/keras2_config.h"
#include "../keras2/keras2_settle.h"
#include "../keras3/keras3_config.h"
#include "../keras3/keras3_weights.h"
#include "../release.h"
#include "../writer.h"
#include "assets.h"
#include "keras_zip.h"

extern const struct kf_writer kf_write_keras;

static int make_config(json_t **out, const struct kf_model *model, int keras, struct kf_report *rep)
{
    return keras < KF_KERAS(3, 0, 0) ? kf_keras2_config(out, model, keras, KF_KERAS2_V3, rep)
                                     : kf_keras3_config(out, model, keras, rep);
}

static int plan(struct kf_model *model, int keras, const struct kf_options *options,
                struct kf_report *rep)
{
    json_t *config = NULL;
    char release[KF_RELEASE_TEXT];

    KF_TRY(kf_assets_fit(model, keras, options, rep));
    kf_release_text(keras, release);
    kf_report_set(&rep->target.format, kf_write_keras.info->name);
    kf_report_set(&rep->target.keras_version, release);
    if (keras < KF_KERAS(3, 0, 0))
        KF_TRY(kf_keras2_settle(model, keras, rep));
    KF_TRY(make_config(&config, model, keras, rep)); /* that there is one */
    json_decref(config);
    return kf_keras3_weights_plan(model, keras, rep);
}

static int write_text(struct kf_zip_out *zip, const char *name, const json_t *value,
                      struct kf_report *rep)
{
    size_t n = 0;
    char *text = value ? kf_json_dump(value, &n) : NULL;
    int r;

    if (!text)
        return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
    r = kf_zip_out_text(zip, name, text, n, rep);
    kf_free(text);
    return r;
}

static int write_metadata(struct kf_zip_out *zip, int keras, struct kf_report *rep)
{
    json_auto_t *metadata = NULL;
    char release[KF_RELEASE_TEXT];

    kf_release_text(keras, release);
    metadata = json_pack("{s:s, s:s}", "keras_version", release, "date_saved", KF_ZIP_DATE);
    return write_text(zip, KF_ZIP_METADATA, metadata, rep);
}

static int write_config(struct kf_zip_out *zip, const struct kf_model *model, int keras,
                        struct kf_report *rep)
{
    json_t *config = NULL;
    int r = make_config(&config, model, keras, rep);

    if (r >= 0)
        r = write_text(zip, KF_ZIP_CONFIG, config, rep);
    json_decref(config);
    return r;
}

/* The weights straight to their place in the zip. */
static int write_weights(struct kf_zip_out *zip, struct kf_model *model, int keras,
                         const struct kf_options *options, struct kf_report *rep)
{
    KF_AUTO(kf_h5_out) h5 = NULL;
    struct kf_sink sink;

    KF_TRY(kf_zip_out_begin(zip, KF_ZIP_WEIGHTS, &sink, rep));
    KF_TRY(kf_h5_create_in(&h5, &sink, rep));
    KF_TRY(kf_keras3_weights_write(h5, model, keras, options, rep));
    return kf_zip_out_end(zip, rep);
}

static int write_model(const char *path, struct kf_model *model, int keras,
                       const struct kf_options *options, struct kf_report *rep)
{
    KF_AUTO(kf_zip_out) zip = NULL;

    KF_TRY(kf_zip_create(&zip, path, rep));
    KF_TRY(write_metadata(zip, keras, rep));
    KF_TRY(write_config(zip, model, keras, rep));
    KF_TRY(write_weights(zip, model, keras, options, rep));
    KF_TRY(kf_assets_write(model, zip, rep));
    return kf_zip_out_close(zip, rep);
}

const struct kf_writer kf_write_keras = {
    .info = &kf_info_write_keras,
    .training = true,
    .plan = plan,
    .write = write_model,
};
