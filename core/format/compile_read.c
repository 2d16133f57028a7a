/* SPDX-License-Identifier: Apache-2.0 */
#include "compile_read.h"
#include "../io/text/json.h"
#include <strings.h>

static const struct {
    const char *text, *class_name;
    double rate;
    const char *name;
} by_name[] = {
#define KF_BY_NAME(text, class_name, rate) {text, class_name, rate, "by-name:" text},
#include "../model/optimizers.def"
};

/* "use_ema" shows that it is one of tf.keras 2.11 or later: only those files have names. */
static json_t *make_object(const char *class_name, double rate)
{
    return json_pack("{s:s, s:{s:s, s:f, s:b}}", "class_name", class_name, "config", "name",
                     class_name, "learning_rate", rate, "use_ema", 0);
}

static int resolve_name(struct kf_model *model, const char *text, struct kf_report *rep)
{
    for (size_t i = 0; i < sizeof(by_name) / sizeof(by_name[0]); i++) {
        if (strcasecmp(by_name[i].text, text) != 0)
            continue;
        kf_report_rule(rep, by_name[i].name);
        return kf_json_set(model->training, "optimizer",
                           make_object(by_name[i].class_name, by_name[i].rate), rep);
    }
    return 0;
}

int kf_compile_take(struct kf_model *model, json_t *config, struct kf_report *rep)
{
    json_t *legacy = json_object_get(config, "optimizer_config");
    const char *name;

    if (json_object_size(config) == 0) {
        json_decref(config); /* Keras 3 writes an empty one for a model that was not compiled */
        return 0;
    }
    model->training = config;
    if (legacy) {
        KF_TRY(kf_json_set(config, "optimizer", json_incref(legacy), rep));
        json_object_del(config, "optimizer_config");
    }
    name = kf_json_str(config, "optimizer", NULL);
    return name ? resolve_name(model, name, rep) : 0;
}
