/* SPDX-License-Identifier: Apache-2.0 */
#include "../../io/text/json.h"
#include "../compile_read.h"
#include "keras_h5.h"

/* A JSON attribute of the root; a new reference. */
static int read_json(json_t **out, struct kf_h5 *h5, const char *name,
                     const struct kf_options *options, struct kf_report *rep)
{
    struct kf_buf text = {.max = options->limits.json_bytes};
    int r = kf_h5_attr_text(h5, "/", name, &text, rep);

    *out = r < 0 ? NULL : kf_json_parse(text.data, text.n, &options->limits, name, rep);
    kf_buf_finish(&text);
    return *out ? 0 : (r < 0 ? r : kf_report_status(rep));
}

int kf_keras_h5_config(json_t **out, struct kf_model *model, struct kf_h5 *h5,
                       const struct kf_options *options, struct kf_report *rep)
{
    *out = kf_model_take_config(model);
    return *out ? 0 : read_json(out, h5, "model_config", options, rep);
}

int kf_keras_h5_training(struct kf_model *model, struct kf_h5 *h5, const struct kf_options *options,
                         struct kf_report *rep)
{
    json_t *config = NULL;

    if (!kf_h5_has_attr(h5, "/", "training_config"))
        return 0;
    KF_TRY(read_json(&config, h5, "training_config", options, rep));
    return kf_compile_take(model, config, rep);
}
