/* SPDX-License-Identifier: Apache-2.0 */
#include "../io/json.h"
#include "masks.h"
#include <string.h>

/* An operation node of Keras 3: {"module": "keras.src.ops.numpy", "class_name"}. */
static int add_operation(struct kf_masks *masks, const char *class_name, json_t *config,
                         json_t *args, struct kf_ref *out)
{
    struct kf_model *model = masks->adapt->model;
    struct kf_layer *layer = kf_layer_new(model);
    json_t *kwargs = json_object();

    if (!layer || !config || !args || !kwargs)
        return kf_adapt_no_memory(masks->adapt, masks->graph->path);
    layer->name = kf_free_name(masks->adapt, masks->graph, "mask", class_name);
    layer->path = layer->name && *masks->graph->path
                      ? kf_arena_printf(model->arena, "%s/%s", masks->graph->path, layer->name)
                      : layer->name;
    layer->class_name = layer->registered_name = class_name;
    layer->module = "keras.src.ops.numpy";
    layer->operation = true;
    layer->config = config;
    if (!layer->path)
        return kf_adapt_no_memory(masks->adapt, masks->graph->path);
    KF_TRY(kf_json_set(config, "name", json_string(layer->name), masks->adapt->rep));
    *out = (struct kf_ref){masks->graph->n_layers, 0, 0};
    KF_TRY(kf_layer_add_call(model, layer, args, kwargs, masks->adapt->rep));
    return kf_graph_insert(model, masks->graph, masks->graph->n_layers, layer, masks->adapt->rep);
}

static json_t *ref_json(struct kf_ref ref)
{
    return kf_ref_new(ref.layer, ref.call, ref.output);
}

/* The nodes that compute an atom, once: ids != 0, or any feature != mask_value. */
static int make_node(struct kf_masks *masks, size_t atom, struct kf_ref *out)
{
    const struct kf_layer *layer = NULL;
    double value = 0;

    if (masks->atoms[atom].made) {
        *out = masks->atoms[atom].node;
        return 0;
    }
    for (size_t i = 0; i < masks->graph->n_layers && masks->first[i] <= atom; i++)
        layer = masks->graph->layers[i];
    if (strcmp(layer->class_name, "Masking") == 0)
        value = json_number_value(json_object_get(layer->config, "mask_value"));
    KF_TRY(add_operation(masks, "NotEqual", json_object(),
                         json_pack("[o, f]", ref_json(masks->atoms[atom].at), value), out));
    if (strcmp(layer->class_name, "Masking") == 0)
        KF_TRY(add_operation(masks, "Any", json_pack("{s:i, s:b}", "axis", -1, "keepdims", 0),
                             json_pack("[o]", ref_json(*out)), out));
    masks->atoms[atom].node = *out;
    masks->atoms[atom].made = true;
    return 0;
}

int kf_mask_refuse(struct kf_masks *masks, const struct kf_layer *layer)
{
    kf_report_add(
        masks->adapt->rep, KF_MASK_NO_EQUAL, layer->path,
        "the layer gets another mask in Keras 3 than in Keras 2, and it cannot be written "
        "out here");
    return 0;
}

int kf_mask_write(struct kf_masks *masks, struct kf_layer *layer, struct kf_call *call,
                  struct kf_mask *mask)
{
    struct kf_ref node = {0}, other;

    for (size_t i = 0; i < mask->n; i++)
        if (masks->atoms[mask->atoms[i]].opaque)
            return kf_mask_refuse(masks, layer);
    if (!mask->n)
        return kf_mask_refuse(masks, layer);
    KF_TRY(make_node(masks, mask->atoms[0], &node));
    for (size_t i = 1; i < mask->n; i++) {
        KF_TRY(make_node(masks, mask->atoms[i], &other));
        KF_TRY(add_operation(masks, "LogicalAnd", json_object(),
                             json_pack("[o, o]", ref_json(node), ref_json(other)), &node));
    }
    mask->differs = false;
    KF_TRY(kf_json_set(call->kwargs, "mask", ref_json(node), masks->adapt->rep));
    return kf_report_add(masks->adapt->rep, KF_MASK_WRITTEN, layer->path,
                         "the mask is written out: Keras 3 would compute another one");
}
