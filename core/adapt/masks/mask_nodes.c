/* SPDX-License-Identifier: Apache-2.0 */
#include "../../io/text/json.h"
#include "masks.h"
#include <string.h>

/* An operation node of Keras 3: {"module": "keras.src.ops.numpy", "class_name"}. NULL for what it
 * takes is out of memory. */
static int add_operation(struct kf_masks *masks, const char *class_name, json_t *config_new,
                         json_t *args_new, struct kf_ref *out)
{
    struct kf_model *model = masks->adapt->model;
    struct kf_layer *layer = kf_layer_new(model);
    json_auto_t *config = config_new, *args = args_new, *kwargs = json_object();

    if (!layer || !config || !args || !kwargs)
        return kf_adapt_no_memory(masks->adapt, masks->graph->path);
    layer->name = kf_free_name(masks->adapt, masks->graph, "mask", class_name);
    layer->path = layer->name && *masks->graph->path
                      ? kf_arena_printf(model->arena, "%s/%s", masks->graph->path, layer->name)
                      : layer->name;
    layer->class_name = layer->registered_name = class_name;
    layer->module = "keras.src.ops.numpy";
    layer->operation = true;
    layer->config = json_incref(config);
    if (!layer->path)
        return kf_adapt_no_memory(masks->adapt, masks->graph->path);
    KF_TRY(kf_json_set(config, "name", json_string(layer->name), masks->adapt->rep));
    *out = (struct kf_ref){masks->graph->n_layers, 0, 0};
    KF_TRY(
        kf_layer_add_call(model, layer, json_incref(args), json_incref(kwargs), masks->adapt->rep));
    return kf_graph_insert(model, masks->graph, masks->graph->n_layers, layer, masks->adapt->rep);
}

static json_t *ref_json(struct kf_ref ref)
{
    return kf_ref_new(ref.layer, ref.call, ref.output);
}

static int make_mask(struct kf_masks *masks, const struct kf_mask *mask, struct kf_ref *out);

/* Whether any along the last axis is set. */
static int add_any(struct kf_masks *masks, struct kf_ref of, struct kf_ref *out)
{
    return add_operation(masks, "Any", json_pack("{s:i, s:b}", "axis", -1, "keepdims", 0),
                         json_pack("[o]", ref_json(of)), out);
}

/* Masks end to end. */
static int make_joined(struct kf_masks *masks, size_t atom, struct kf_ref *out)
{
    json_t *list = json_array();
    struct kf_ref part;
    int r = list ? 0 : kf_adapt_no_memory(masks->adapt, masks->graph->path);

    for (size_t i = 0; r >= 0 && i < masks->atoms[atom].n_parts; i++) {
        r = make_mask(masks, &masks->atoms[atom].parts[i], &part);
        if (r >= 0)
            r = kf_json_append(list, ref_json(part), masks->adapt->rep);
    }
    if (r >= 0)
        return add_operation(masks, "Concatenate", json_pack("{s:i}", "axis", 1),
                             json_pack("[o]", list), out);
    json_decref(list);
    return r;
}

/* Where in steps of steps any is set. */
static int make_reduced(struct kf_masks *masks, size_t atom, struct kf_ref *out)
{
    struct kf_ref part;

    KF_TRY(make_mask(masks, masks->atoms[atom].parts, &part));
    return add_any(masks, part, out);
}

/* ids != 0 of an Embedding, any feature != mask_value of a Masking. */
static int make_source(struct kf_masks *masks, size_t atom, struct kf_ref *out)
{
    const struct kf_layer *layer = masks->atoms[atom].source;
    bool masking = strcmp(layer->class_name, "Masking") == 0;
    double value = masking ? json_number_value(json_object_get(layer->config, "mask_value")) : 0;

    KF_TRY(add_operation(masks, "NotEqual", json_object(),
                         json_pack("[o, f]", ref_json(masks->atoms[atom].at), value), out));
    if (!masking)
        return 0;
    return add_any(masks, *out, out);
}

/* The nodes that compute an atom, once. */
static int make_atom_node(struct kf_masks *masks, size_t atom, struct kf_ref *out)
{
    struct kf_atom *made = &masks->atoms[atom];

    if (!made->made) {
        KF_TRY(made->any       ? make_reduced(masks, atom, &made->node)
               : made->n_parts ? make_joined(masks, atom, &made->node)
                               : make_source(masks, atom, &made->node));
        made->made = true;
    }
    *out = made->node;
    return 0;
}

/* The AND of a mask's atoms. */
static int make_mask(struct kf_masks *masks, const struct kf_mask *mask, struct kf_ref *out)
{
    struct kf_ref other;

    KF_TRY(make_atom_node(masks, mask->atoms[0], out));
    for (size_t i = 1; i < mask->n; i++) {
        KF_TRY(make_atom_node(masks, mask->atoms[i], &other));
        KF_TRY(add_operation(masks, "LogicalAnd", json_object(),
                             json_pack("[o, o]", ref_json(*out), ref_json(other)), out));
    }
    return 0;
}

bool kf_mask_known(const struct kf_masks *masks, const struct kf_mask *mask)
{
    bool known = mask->n > 0 && !masks->closed;

    for (size_t i = 0; known && i < mask->n; i++) {
        const struct kf_atom *atom = &masks->atoms[mask->atoms[i]];

        known = !atom->opaque;
        for (size_t k = 0; known && k < atom->n_parts; k++)
            known = kf_mask_known(masks, &atom->parts[k]);
    }
    return known;
}

int kf_mask_refuse(struct kf_masks *masks, const struct kf_layer *layer)
{
    kf_report_add(
        masks->adapt->rep, KF_MASK_NO_EQUAL, layer->path,
        "the layer gets another mask in Keras 3 than in Keras 2, and it cannot be written "
        "out here");
    return 0;
}

int kf_mask_node(struct kf_masks *masks, const struct kf_mask *mask, json_t **out)
{
    struct kf_ref node = {0};

    KF_TRY(make_mask(masks, mask, &node));
    *out = ref_json(node);
    return 0;
}

int kf_mask_write(struct kf_masks *masks, struct kf_layer *layer, struct kf_call *call,
                  const char *key, struct kf_mask *mask)
{
    json_t *node;

    if (!kf_mask_known(masks, mask))
        return kf_mask_refuse(masks, layer);
    KF_TRY(kf_mask_node(masks, mask, &node));
    mask->differs = false;
    KF_TRY(kf_json_set(call->kwargs, key, node, masks->adapt->rep));
    return kf_report_add(masks->adapt->rep, KF_MASK_WRITTEN, layer->path,
                         "the mask is written out: Keras 3 would compute another one");
}

int kf_mask_cut(struct kf_masks *masks, const struct kf_layer *layer, json_t *holder, size_t index,
                const char *key)
{
    json_t *ref = key ? json_object_get(holder, key) : json_array_get(holder, index);
    struct kf_ref out;

    if (masks->closed)
        return kf_mask_refuse(masks, layer);
    KF_TRY(add_operation(masks, "Copy", json_object(), json_pack("[O]", ref), &out));
    KF_TRY(key ? kf_json_set(holder, key, ref_json(out), masks->adapt->rep)
               : kf_json_set_at(holder, index, ref_json(out), masks->adapt->rep));
    return kf_report_add(masks->adapt->rep, KF_MASK_WRITTEN, layer->path,
                         "an operation cuts off the mask that Keras 3 would hand on");
}
