/* SPDX-License-Identifier: Apache-2.0 */
#include "../../io/h5/h5.h"
#include "../info.h"
#include "../keras2/keras2_settle.h"
#include "../keras3/keras3_weights.h"
#include "../loose/loose_write.h"
#include "../release.h"
#include "../writer.h"
#include "assets.h"

/* A .weights.h5: what stands in a .keras as model.weights.h5, see keras3_paths.h. */
extern const struct kf_writer kf_write_weights_h5;

static int plan(struct kf_model *model, int keras, const struct kf_options *options,
                struct kf_report *rep)
{
    char release[KF_RELEASE_TEXT];

    kf_release_text(keras, release);
    kf_report_set(&rep->target.format, kf_write_weights_h5.info->name);
    kf_report_set(&rep->target.keras_version, release);
    if (!model->graph)
        return kf_loose_plan(model, keras, options, rep);
    KF_TRY(kf_assets_leave(model, rep));
    if (keras < KF_KERAS(3, 0, 0))
        KF_TRY(kf_keras2_settle(model, keras, rep));
    return kf_keras3_weights_plan(model, keras, rep);
}

static int write_weights(const char *path, struct kf_model *model, int keras,
                         const struct kf_options *options, struct kf_report *rep)
{
    KF_AUTO(kf_h5_out) h5 = NULL;

    if (!model->graph)
        return kf_loose_write(path, model, options, rep);
    KF_TRY(kf_h5_create(&h5, path, rep));
    return kf_keras3_weights_write(h5, model, keras, options, rep);
}

const struct kf_writer kf_write_weights_h5 = {
    .info = &kf_info_write_weights_h5,
    .takes = KF_TAKES_WEIGHTS,
    .plan = plan,
    .write = write_weights,
};
