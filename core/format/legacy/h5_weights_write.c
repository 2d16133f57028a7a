/* SPDX-License-Identifier: Apache-2.0 */
#include "../../io/h5/h5.h"
#include "../info.h"
#include "../release.h"
#include "../saving_lib/assets.h"
#include "../writer.h"
#include "legacy_weights_write.h"

/* A legacy weights file: what a legacy .h5 has in /model_weights, at its root. */
extern const struct kf_writer kf_write_h5_weights;

static int plan(struct kf_model *model, int keras, const struct kf_options *options,
                struct kf_report *rep)
{
    char release[KF_RELEASE_TEXT];

    (void)options;
    kf_release_text(keras, release);
    kf_report_set(&rep->target.format, kf_write_h5_weights.info->name);
    kf_report_set(&rep->target.keras_version, release);
    KF_TRY(kf_assets_leave(model, rep));
    return kf_legacy_plan(model, "", keras, rep);
}

static int write_weights(const char *path, struct kf_model *model, int keras,
                         const struct kf_options *options, struct kf_report *rep)
{
    KF_AUTO(kf_h5_out) h5 = NULL;

    KF_TRY(kf_h5_create(&h5, path, rep));
    KF_TRY(kf_legacy_write(h5, model, "", keras, options, rep));
    return kf_h5_out_close(h5, rep);
}

const struct kf_writer kf_write_h5_weights = {
    .info = &kf_info_write_h5_weights,
    .plan = plan,
    .write = write_weights,
};
