/* SPDX-License-Identifier: Apache-2.0 */
#include "legacy_weights.h"
#include "../../base/str.h"
#include "../layer_vars.h"
#include "legacy_lora.h"
#include "legacy_match.h"
#include "legacy_order.h"
#include <string.h>

struct bind {
    struct kf_model *model;
    struct kf_h5 *h5;
    struct kf_report *rep;
};

static int no_memory(struct bind *bind)
{
    return kf_report_add(bind->rep, KF_NO_MEMORY, "", "out of memory");
}

/* Whether a name fits a slot: its variable, and the direction where a Bidirectional has one. */
static bool fits(const struct kf_legacy_slot *slot, const char *name)
{
    const char *direction = slot->layer->attribute;
    bool forward = kf_streq(direction, "forward_layer"),
         backward = kf_streq(direction, "backward_layer");

    return kf_legacy_names(name, slot->tensor->variable) &&
           !(forward && strstr(name, "/backward_") && !strstr(name, "/forward_")) &&
           !(backward && strstr(name, "/forward_") && !strstr(name, "/backward_"));
}

/*
 * A Bidirectional whose forward layer alone is frozen: its config does not say so, but its
 * weights stand after the others. The names tell the two apart, so they decide; and so they do
 * within one layer of Keras 3, which makes the variables of quantized ones in many orders.
 */
static void order_by_name(const struct kf_legacy_order *order, const char **names)
{
    for (size_t i = 0; i < order->n; i++)
        for (size_t k = i + 1; k < order->n && !fits(&order->slots[i], names[i]); k++) {
            const char *name = names[k];

            if (!fits(&order->slots[i], name))
                continue;
            memmove(&names[i + 1], &names[i], (k - i) * sizeof(*names));
            names[i] = name;
        }
}

static bool names_decide(const struct bind *bind, const struct kf_layer *layer)
{
    return strcmp(layer->class_name, "Bidirectional") == 0 ||
           (bind->model->dialect == KF_DIALECT_KERAS3 && !layer->inner && !layer->n_parts);
}

/* A name that says kernel where the order says bias: order and flags disagree. */
static int check_names(struct bind *bind, const struct kf_legacy_order *order, const char **names,
                       const char *where)
{
    for (size_t i = 0; i < order->n; i++) {
        const struct kf_layer *owner = order->slots[i].layer;

        if (kf_legacy_names(names[i], order->slots[i].tensor->variable))
            continue;
        for (size_t k = 0; k < owner->n_tensors; k++)
            if (kf_legacy_names(names[i], owner->tensors[k].variable))
                return kf_report_add(bind->rep, KF_MAPPING_AMBIGUOUS, where,
                                     "weight %zu is called %s where %s of %s is due: the file's "
                                     "weights are not in the order of its config",
                                     i, names[i], order->slots[i].tensor->variable, owner->path);
    }
    return 0;
}

static int bind_tensor(struct bind *bind, const char *group, const struct kf_legacy_slot *slot,
                       const char *name)
{
    struct kf_arena *arena = bind->model->arena;
    const char *path = kf_arena_printf(arena, "%s/%s", group, name);
    struct kf_payload *payload = kf_arena_alloc(arena, sizeof(*payload));

    slot->tensor->source = kf_arena_strdup(arena, name);
    if (!path || !payload || !slot->tensor->source)
        return no_memory(bind);
    KF_TRY(kf_h5_payload(bind->h5, path, arena, payload, bind->rep));
    slot->tensor->payload = payload;
    return kf_vars_check(slot->layer, slot->tensor, bind->rep);
}

/* A layer of a class that nobody knows owns what its group holds, in that order. */
static int take_unknown(struct bind *bind, struct kf_layer *layer, const char **names, size_t n)
{
    layer->tensors = kf_arena_alloc(bind->model->arena, (n ? n : 1) * sizeof(*layer->tensors));
    if (!layer->tensors)
        return no_memory(bind);
    layer->n_tensors = n;
    for (size_t i = 0; i < n; i++)
        layer->tensors[i] =
            (struct kf_tensor){.variable = names[i], .subpath = "", .trainable = true};
    return 0;
}

/* What a layer makes for itself may have LoRA too, of which its config says nothing. */
static int report_count(struct bind *bind, struct kf_layer *layer, const char **names, size_t n,
                        size_t wanted)
{
    for (size_t i = 0; i < n; i++)
        if (wanted < n && kf_legacy_lora_names(names[i]))
            return kf_report_add(bind->rep, KF_WEIGHT_COUNT, layer->path,
                                 "%s is of LoRA, whose rank and alpha the config of this %s does "
                                 "not say: save the model as .keras, where Keras adds the product "
                                 "to the kernel",
                                 names[i], layer->class_name);
    return kf_legacy_report_count(bind->rep, layer, kf_legacy_is_opaque, wanted, n);
}

static int bind_ordered(struct bind *bind, struct kf_layer *layer, const char *group,
                        const char **names, size_t n)
{
    struct kf_legacy_order order = {0};
    int r = kf_legacy_order(&order, layer, bind->model->dialect);

    if (r < 0)
        r = no_memory(bind);
    else if (order.n != n)
        r = report_count(bind, layer, names, n, order.n);
    else {
        if (names_decide(bind, layer))
            order_by_name(&order, names);
        r = check_names(bind, &order, names, layer->path);
    }
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = bind_tensor(bind, group, &order.slots[i], names[i]);
    kf_legacy_order_finish(&order);
    return r;
}

static int bind_layer(struct bind *bind, struct kf_layer *layer,
                      const struct kf_legacy_group *group)
{
    if (kf_legacy_is_opaque(layer))
        KF_TRY(take_unknown(bind, layer, group->weights, group->n));
    return bind_ordered(bind, layer, group->path, group->weights, group->n);
}

int kf_legacy_bind(struct kf_model *model, struct kf_h5 *h5, const char *root, bool guess,
                   struct kf_report *rep)
{
    struct bind bind = {.model = model, .h5 = h5, .rep = rep};
    struct kf_legacy_group **groups = NULL;

    KF_TRY(kf_legacy_lora_expect(model, rep));
    KF_TRY(kf_legacy_match(&groups, model, h5, kf_streq(root, "/") ? "" : root, guess, rep));
    for (size_t i = 0; i < model->graph->n_layers; i++)
        if (groups[i])
            KF_TRY(bind_layer(&bind, model->graph->layers[i], groups[i]));
    return kf_legacy_lora_merge(model, rep);
}
