/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/alloc.h"
#include "../../io/h5/h5.h"
#include "../../io/text/json.h"
#include "../../model/optimizer.h"
#include "../info.h"
#include "../keras2/keras2_config.h"
#include "../keras3/keras3_config.h"
#include "../release.h"
#include "../saving_lib/assets.h"
#include "../writer.h"
#include "keras_h5.h"
#include "legacy_training_write.h"
#include "legacy_weights_write.h"

extern const struct kf_writer kf_write_h5;

/* Keras 3 takes objects with their module in a legacy file too, and only so finds operations. */
static int make_config(json_t **out, const struct kf_model *model, int keras, struct kf_report *rep)
{
    return keras < KF_KERAS(3, 0, 0) ? kf_keras2_config(out, model, keras, KF_KERAS2_LEGACY, rep)
                                     : kf_keras3_config(out, model, keras, rep);
}

/*
 * Keras 3 reads a legacy .h5 without its optimizer's state, and then cannot go on training: it has
 * built the optimizer for no variables.
 *
 * Source: keras/src/legacy/saving/legacy_h5_format.py, load_model_from_hdf5 (3.15.1)
 */
static void leave_training_out(struct kf_model *model, struct kf_report *rep)
{
    if (model->training)
        kf_report_add(rep, KF_TRAINING_LOST, "compile",
                      "Keras 3 cannot go on training a model out of an .h5: a .keras file keeps "
                      "what compile() was told and the optimizer's state");
    kf_optimizer_lose(model, "no .h5 of Keras 3 gives it back");
    json_decref(model->training);
    model->training = NULL;
}

static int plan(struct kf_model *model, int keras, const struct kf_options *options,
                struct kf_report *rep)
{
    json_t *config = NULL;
    char release[KF_RELEASE_TEXT];

    if (keras >= KF_KERAS(3, 0, 0))
        leave_training_out(model, rep);
    KF_TRY(kf_assets_to_config(model, options, rep));
    kf_release_text(keras, release);
    kf_report_set(&rep->target.format, kf_write_h5.info->name);
    kf_report_set(&rep->target.keras_version, release);
    KF_TRY(kf_legacy_plan(model, KF_KERAS_H5_WEIGHTS, keras, rep));
    KF_TRY(make_config(&config, model, keras, rep)); /* that there is one */
    json_decref(config);
    return kf_legacy_training_plan(model, keras, rep);
}

static int write_config(struct kf_h5_out *h5, const struct kf_model *model, int keras,
                        struct kf_report *rep)
{
    json_t *config = NULL;
    size_t n = 0;
    char *text;
    int r;

    KF_TRY(make_config(&config, model, keras, rep));
    text = kf_json_dump_ascii(config, &n);
    json_decref(config);
    if (!text)
        return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
    r = kf_h5_out_attr_ascii(h5, "/", "model_config", text, rep);
    kf_free(text);
    return r;
}

static int write_h5(const char *path, struct kf_model *model, int keras,
                    const struct kf_options *options, struct kf_report *rep)
{
    KF_AUTO(kf_h5_out) h5 = NULL;
    char release[KF_RELEASE_TEXT];

    kf_release_text(keras, release);
    KF_TRY(kf_h5_create(&h5, path, rep));
    KF_TRY(kf_h5_out_attr_text(h5, "/", "keras_version", release, rep));
    KF_TRY(kf_h5_out_attr_text(h5, "/", "backend", "tensorflow", rep));
    KF_TRY(write_config(h5, model, keras, rep));
    KF_TRY(kf_legacy_write(h5, model, KF_KERAS_H5_WEIGHTS, keras, options, rep));
    KF_TRY(kf_legacy_training_write(h5, model, keras, options, rep));
    return kf_h5_out_close(h5, rep);
}

const struct kf_writer kf_write_h5 = {
    .info = &kf_info_write_h5,
    .training = true,
    .plan = plan,
    .write = write_h5,
};
