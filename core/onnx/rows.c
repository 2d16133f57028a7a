/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"
#include <string.h>

/* The tables. */
static const struct kf_onnx_row rows[] = {
#define KF_ONNX_LAYER(class_name, form, op)                                                        \
    {#class_name, kf_onnx_form_##form, op, "onnx:" #class_name, NULL},
#include "layers.def"
};

static const struct kf_onnx_row int8_rows[] = {
#define KF_ONNX_INT8(class_name, form)                                                             \
    {#class_name, kf_onnx_form_##form, "", "onnx-int8:" #class_name, NULL},
#include "layers.def"
};

/* What has no equal, and why. */
static const struct {
    const char *class_name, *why, *rule;
} gone[] = {
#define KF_ONNX_GONE(class_name, why) {#class_name, why, "onnx-gone:" #class_name},
#include "layers.def"
};

bool kf_onnx_holds_cells(const struct kf_layer *layer)
{
    static const char *const classes[] = {
#define KF_ONNX_CELLS(class_name) #class_name,
#include "layers.def"
    };

    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
        if (strcmp(classes[i], layer->class_name) == 0)
            return true;
    return false;
}

static const struct kf_onnx_row *find_in(const struct kf_onnx_row *table, size_t n,
                                         const char *class_name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(table[i].class_name, class_name) == 0)
            return &table[i];
    return NULL;
}

const struct kf_onnx_row *kf_onnx_row_of(const struct kf_layer *layer)
{
    if (layer->operation)
        return kf_onnx_operation(layer->class_name);
    if (kf_onnx_is_quantized(layer, "int8"))
        return find_in(int8_rows, sizeof(int8_rows) / sizeof(int8_rows[0]), layer->class_name);
    return kf_onnx_is_quantized(layer, NULL)
               ? NULL
               : find_in(rows, sizeof(rows) / sizeof(rows[0]), layer->class_name);
}

void kf_onnx_refuse_class(struct kf_onnx_call *call)
{
    for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]) && !call->onnx->runtime->beyond; i++)
        if (strcmp(gone[i].class_name, call->layer->class_name) == 0) {
            kf_report_rule(call->onnx->rep, gone[i].rule);
            kf_onnx_refuse(call, "%s", gone[i].why);
            return;
        }
    if (kf_onnx_is_quantized(call->layer, NULL))
        kf_onnx_refuse(call, "it is quantized, and computes what the operators of %s do not",
                       call->onnx->runtime->name);
    else
        kf_onnx_refuse(call, "nothing here writes it as %s", call->onnx->runtime->name);
}

/* What may be given texts. */
static const struct kf_onnx_words_row words[] = {
#define KF_ONNX_WORDS(class_name, raw) {#class_name, raw},
#include "layers.def"
};

const struct kf_onnx_words_row *kf_onnx_words_of(const struct kf_layer *layer)
{
    for (size_t i = 0; !layer->operation && i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(words[i].class_name, layer->class_name) == 0)
            return &words[i];
    return NULL;
}
