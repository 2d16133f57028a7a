/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/alloc.h"
#include "../io/text/json.h"
#include "architecture_write.h"
#include "info.h"
#include "keras2/keras2_settle.h"
#include "release.h"
#include "saving_lib/assets.h"
#include "writer.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

/*
 * An architecture, as model.to_json() of the target release gives it: see architecture_write.h,
 * keras3_config.h and keras2_config.h. It is the config of the .keras or .h5 that the same model
 * becomes, so it goes with the weights of that one.
 */
extern const struct kf_writer kf_write_json;

struct counts {
    struct kf_report *rep;
    size_t n_rewritten;
};

static int count_layer(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    struct counts *counts = context;

    (void)graph;
    if (!layer->attribute && !layer->operation)
        counts->rep->n_layers++;
    for (size_t i = 0; i < layer->n_tensors; i++) {
        const struct kf_tensor *tensor = &layer->tensors[i];

        if (tensor->payload)
            counts->rep->n_parameters += kf_payload_elements(tensor->payload);
        counts->n_rewritten += tensor->done != NULL;
    }
    return 0;
}

static int plan(struct kf_model *model, int keras, const struct kf_options *options,
                struct kf_report *rep)
{
    struct counts counts = {.rep = rep};
    json_t *config = NULL;
    char release[KF_RELEASE_TEXT];

    KF_TRY(kf_assets_to_config(model, options, rep));
    kf_release_text(keras, release);
    kf_report_set(&rep->target.format, kf_write_json.info->name);
    kf_report_set(&rep->target.keras_version, release);
    if (keras < KF_KERAS(3, 0, 0))
        KF_TRY(kf_keras2_settle(model, keras, rep));
    KF_TRY(kf_architecture_make(&config, model, keras, rep)); /* that there is one */
    json_decref(config);
    KF_TRY(kf_layers_each(model->graph, count_layer, &counts));
    if (!counts.n_rewritten)
        return 0;
    return kf_report_add(rep, KF_FINDING, "",
                         "%zu weights have other values in this model: it goes with the weights "
                         "that to=weights.h5 makes of the same file, not with the old ones",
                         counts.n_rewritten);
}

static int write_failed(struct kf_report *rep)
{
    return kf_report_add(rep, KF_WRITE_FAILED, "", "the file cannot be written: %s",
                         strerror(errno));
}

static int write_text(const char *path, const char *text, size_t n, struct kf_report *rep)
{
    FILE *file = fopen(path, "wbe");
    bool whole;

    if (!file)
        return write_failed(rep);
    whole = fwrite(text, 1, n, file) == n;
    whole = fclose(file) == 0 && whole;
    return whole ? 0 : write_failed(rep);
}

static int write_json(const char *path, struct kf_model *model, int keras,
                      const struct kf_options *options, struct kf_report *rep)
{
    json_t *config = NULL;
    size_t n = 0;
    char *text;
    int r;

    (void)options;
    KF_TRY(kf_architecture_make(&config, model, keras, rep));
    text = kf_json_dump_ascii(config, &n);
    json_decref(config);
    if (!text)
        return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
    r = write_text(path, text, n, rep);
    kf_free(text);
    return r;
}

const struct kf_writer kf_write_json = {
    .info = &kf_info_write_json,
    .takes = KF_TAKES_GRAPH,
    .plan = plan,
    .write = write_json,
};
