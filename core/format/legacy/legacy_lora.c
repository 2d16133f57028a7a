/* SPDX-License-Identifier: Apache-2.0 */
#include "legacy_lora.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/lora.h"
#include "../var_when.h"
#include <string.h>

static const struct row {
    const char *classes, *variable, *a, *b, *name;
} rows[] = {
#define KF_LORA(classes, variable, a, b, source) {classes, variable, a, b, "lora:" variable},
#include "legacy_lora.def"
#undef KF_LORA
};

struct pass {
    struct kf_model *model;
    struct kf_report *rep;
};

/* NULL for a layer without LoRA; of a quantized one only Keras 3 knows what it keeps. */
static const struct row *row_of(const struct kf_layer *layer)
{
    char mode[16];

    if (kf_json_int(layer->config, "lora_rank", 0) < 1)
        return NULL;
    kf_var_mode(layer->config, mode);
    for (size_t i = 0; !*mode && i < sizeof(rows) / sizeof(rows[0]); i++)
        if (kf_in_words(rows[i].classes, layer->class_name))
            return &rows[i];
    return NULL;
}

static int expect(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    struct pass *pass = context;
    const struct row *row = row_of(layer);
    struct kf_tensor *tensors, *kernel = row ? kf_layer_tensor(layer, row->variable) : NULL;

    (void)graph;
    if (!kernel)
        return 0;
    kf_report_rule(pass->rep, row->name);
    tensors = kf_arena_alloc(pass->model->arena, (layer->n_tensors + 2) * sizeof(*tensors));
    if (!tensors)
        return kf_report_add(pass->rep, KF_NO_MEMORY, layer->path, "out of memory");
    kernel->trainable = false;
    memcpy(tensors, layer->tensors, layer->n_tensors * sizeof(*tensors));
    layer->tensors = tensors;
    tensors[layer->n_tensors++] =
        (struct kf_tensor){.variable = row->a, .subpath = "", .trainable = true};
    tensors[layer->n_tensors++] =
        (struct kf_tensor){.variable = row->b, .subpath = "", .trainable = true};
    return 0;
}

static int merge(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    struct pass *pass = context;
    const struct row *row = row_of(layer);
    struct kf_tensor *kernel = row ? kf_layer_tensor(layer, row->variable) : NULL;
    const struct kf_tensor *a = row ? kf_layer_tensor(layer, row->a) : NULL;
    const struct kf_tensor *b = row ? kf_layer_tensor(layer, row->b) : NULL;
    double rank = row ? (double)kf_json_int(layer->config, "lora_rank", 0) : 1, alpha = rank;
    const json_t *told = json_object_get(layer->config, "lora_alpha");

    (void)graph;
    if (!kernel || !a || !b || !kernel->payload || !a->payload || !b->payload)
        return 0;
    if (json_is_number(told))
        alpha = json_number_value(told);
    KF_TRY(kf_lora_merged(&kernel->payload, pass->model->arena, kernel->payload, a->payload,
                          b->payload, alpha / rank, pass->rep));
    if (!kernel->payload)
        return kf_report_add(pass->rep, KF_WEIGHT_SHAPE, layer->path,
                             "%s and %s do not fit %s, which their product is added to", a->source,
                             b->source, kernel->source);
    kernel->done = "merged with LoRA";
    kernel->trainable = true;
    layer->n_tensors -= 2;
    return 0;
}

int kf_legacy_lora_expect(struct kf_model *model, struct kf_report *rep)
{
    struct pass pass = {model, rep};

    return model->dialect == KF_DIALECT_KERAS3 ? kf_layers_each(model->graph, expect, &pass) : 0;
}

int kf_legacy_lora_merge(struct kf_model *model, struct kf_report *rep)
{
    struct pass pass = {model, rep};

    return model->dialect == KF_DIALECT_KERAS3 ? kf_layers_each(model->graph, merge, &pass) : 0;
}

bool kf_legacy_lora_names(const char *name)
{
    const char *last = strrchr(name, '/');

    return kf_starts(last ? last + 1 : name, "lora_");
}
