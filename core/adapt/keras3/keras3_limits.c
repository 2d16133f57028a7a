/* SPDX-License-Identifier: Apache-2.0 */
#include "keras3_limits.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../adapt.h"
#include <string.h>

/*
 * What the target release of Keras 3 itself fails on, though it has the class and takes its keys:
 * refused, or written so that it does not. One function each; the table says for which classes.
 */
static bool has_output_shape(const struct kf_layer *layer)
{
    json_t *shape = json_object_get(layer->config, "output_shape");

    return shape && !json_is_null(shape);
}

static const struct kf_payload *payload_at(const struct kf_layer *layer, const char *subpath)
{
    for (size_t i = 0; i < layer->n_tensors; i++)
        if (kf_streq(layer->tensors[i].subpath, subpath))
            return layer->tensors[i].payload;
    return NULL;
}

/* As the kernels tell; an architecture alone does not. */
static bool has_other_widths(const struct kf_layer *layer)
{
    const struct kf_payload *query = payload_at(layer, "query_dense");
    const struct kf_payload *value = payload_at(layer, "value_dense");

    return query && value && query->rank && value->rank && query->dims[0] != value->dims[0];
}

static bool asks_scores(const struct kf_layer *layer)
{
    for (size_t k = 0; k < layer->n_calls; k++)
        if (json_is_true(json_object_get(layer->calls[k].kwargs, "return_attention_scores")))
            return true;
    return false;
}

static bool gives_state(const struct kf_layer *layer)
{
    return layer->n_parts && kf_json_bool(layer->parts[0]->config, "return_state", false);
}

static bool counts(const struct kf_layer *layer)
{
    return !kf_streq(kf_json_str(layer->config, "output_mode", "multi_hot"), "multi_hot");
}

static bool holds_model(const struct kf_layer *layer)
{
    for (size_t i = 0; i < layer->n_parts; i++)
        if (layer->parts[i]->inner)
            return true;
    return false;
}

/* A mean and a variance for all are those of no axis at all. */
static int scalar_normalization(struct kf_adapt *adapt, struct kf_layer *layer)
{
    json_t *config = layer->config, *axis = json_object_get(config, "axis");
    bool mean = json_is_number(json_object_get(config, "mean"));
    bool variance = json_is_number(json_object_get(config, "variance"));

    if (!axis || json_is_null(axis) || (!mean && !variance))
        return 0;
    kf_report_rule(adapt->rep, "limit:scalar_normalization");
    if (mean != variance)
        return kf_report_add(adapt->rep, KF_VALUE_NO_EQUAL, layer->path,
                             "mean and variance are one number and many, which the target Keras "
                             "does not take together");
    KF_TRY(kf_report_change(adapt->rep, KF_VALUE_REWRITTEN, layer->path, "axis", axis, NULL,
                            "one mean and one variance are for all axes, and the target Keras "
                            "takes them so only"));
    return kf_json_set(config, "axis", json_null(), adapt->rep);
}

/* Keras 3 does not load one from a legacy .h5. */
static int ellipsis(struct kf_adapt *adapt, struct kf_layer *layer)
{
    return kf_streq(adapt->options->to, "h5") ? kf_keras3_ellipsis(adapt, layer) : 0;
}

/* Keras 3 uses them only as the config has them. */
static int h5_normalization(struct kf_adapt *adapt, struct kf_layer *layer)
{
    bool h5 = kf_streq(adapt->options->to, "h5") || kf_streq(adapt->options->to, "h5-weights");

    return h5 ? kf_keras3_normalization(adapt, layer) : 0;
}

static int refuse_h5(struct kf_adapt *adapt, const struct kf_layer *layer, const char *rule,
                     const char *what)
{
    kf_report_rule(adapt->rep, rule);
    return kf_report_add(adapt->rep, KF_VALUE_NO_EQUAL, layer->path,
                         "Keras 3 does not load %s from a legacy .h5: take to=keras", what);
}

/* The layer is made with the variables of LoRA, and its kernel holds their product already. */
static int h5_lora(struct kf_adapt *adapt, struct kf_layer *layer)
{
    if (!kf_streq(adapt->options->to, "h5") || kf_json_int(layer->config, "lora_rank", 0) < 1)
        return 0;
    kf_report_rule(adapt->rep, "limit:h5_lora");
    KF_TRY(kf_report_change(adapt->rep, KF_KEY_DROPPED, layer->path, "lora_rank",
                            json_object_get(layer->config, "lora_rank"), NULL,
                            "the kernel holds the product of LoRA, which Keras 3 would ask for "
                            "again in a legacy .h5"));
    json_object_del(layer->config, "lora_rank");
    json_object_del(layer->config, "lora_alpha");
    return 0;
}

/* Weights come in another order than they are asked for. */
static int h5_float8(struct kf_adapt *adapt, struct kf_layer *layer)
{
    const json_t *policy = json_object_get(layer->config, "dtype");
    const char *mode = kf_json_str(json_object_get(policy, "config"), "mode", NULL);

    return kf_streq(adapt->options->to, "h5") && kf_streq(mode, "float8")
               ? refuse_h5(adapt, layer, "limit:h5_float8", "a layer quantized to float8")
               : 0;
}

#define KF_NEVER 999 /* no release runs it */

static const struct limit {
    const char *classes;
    int since;
    bool (*test)(const struct kf_layer *layer);
    enum kf_code code;
    const char *why, *source, *name;
} limits[] = {
#define KF_LIMIT(name, classes, since, test, code, why, source)                                    \
    {classes, since, test, code, why, source, "limit:" name},
#include "keras3_limits.def"
};

static const struct mend {
    const char *classes;
    int since;
    int (*apply)(struct kf_adapt *adapt, struct kf_layer *layer);
    const char *source;
} mends[] = {
#define KF_MEND(name, classes, since, apply, source) {classes, since, apply, source},
#include "keras3_limits.def"
};

#define N_ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

static int apply_limits(struct kf_adapt *adapt, struct kf_layer *layer)
{
    for (size_t i = 0; i < N_ROWS(limits); i++) {
        const struct limit *row = &limits[i];

        if (adapt->since >= row->since || !kf_in_words(row->classes, layer->class_name) ||
            !row->test(layer))
            continue;
        kf_report_rule(adapt->rep, row->name);
        kf_report_add(adapt->rep, row->code, layer->path, "Keras runs %s only from %d.%d on",
                      row->why, row->since / 100, row->since % 100);
    }
    for (size_t i = 0; i < N_ROWS(mends); i++)
        if (adapt->since < mends[i].since && kf_in_words(mends[i].classes, layer->class_name)) {
            int r = mends[i].apply(adapt, layer);

            if (r < 0 && kf_code_grade((enum kf_code) - r) == KF_GRADE_FATAL)
                return r;
        }
    return 0;
}

static int limit_parts(struct kf_adapt *adapt, struct kf_layer *layer)
{
    for (size_t i = 0; i < layer->n_parts; i++) {
        struct kf_layer *part = layer->parts[i];

        if (part->inner)
            KF_TRY(kf_keras3_limits(adapt, part->inner));
        KF_TRY(apply_limits(adapt, part));
        KF_TRY(limit_parts(adapt, part));
    }
    return 0;
}

int kf_keras3_limits(struct kf_adapt *adapt, struct kf_graph *graph)
{
    for (size_t i = 0; i < graph->n_layers; i++) {
        struct kf_layer *layer = graph->layers[i];

        if (layer->inner)
            KF_TRY(kf_keras3_limits(adapt, layer->inner));
        KF_TRY(apply_limits(adapt, layer));
        KF_TRY(limit_parts(adapt, layer));
    }
    KF_TRY(kf_keras3_attention(adapt, graph));
    KF_TRY(kf_keras3_operation_names(adapt, graph));
    return kf_keras3_sequential(adapt, graph);
}
