/* SPDX-License-Identifier: Apache-2.0 */
#include "architecture_write.h"
#include "../io/text/json.h"
#include "keras2/keras2_config.h"
#include "keras3/keras3_config.h"
#include "release.h"

static int make_keras2(json_t **out, const struct kf_model *model, int keras, struct kf_report *rep)
{
    char release[KF_RELEASE_TEXT];
    json_t *config = NULL;

    kf_release_text(keras, release);
    KF_TRY(kf_keras2_config(&config, model, keras, KF_KERAS2_LEGACY, rep));
    *out = config;
    if (kf_json_set(config, "keras_version", json_string(release), rep) >= 0 &&
        kf_json_set(config, "backend", json_string("tensorflow"), rep) >= 0)
        return 0;
    json_decref(config);
    *out = NULL;
    return -KF_NO_MEMORY;
}

int kf_architecture_make(json_t **out, const struct kf_model *model, int keras,
                         struct kf_report *rep)
{
    return keras < KF_KERAS(3, 0, 0) ? make_keras2(out, model, keras, rep)
                                     : kf_keras3_config(out, model, keras, rep);
}
