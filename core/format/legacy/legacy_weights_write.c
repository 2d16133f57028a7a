/* SPDX-License-Identifier: Apache-2.0 */
#include "legacy_weights_write.h"
#include "../../base/alloc.h"
#include "../../base/str.h"
#include "../keras2/keras2_settle.h"
#include "../keras3/keras3_order.h"
#include "../release.h"
#include "../saving_lib/saving_lib_named.h"
#include "../tensor_rows.h"
#include "../widen.h"
#include "legacy_names.h"

#define TOP_LEVEL "top_level_model_weights" /* of the model object itself: none */

struct legacy {
    struct kf_model *model;
    const char *root;
    int keras;
    const struct kf_options *options;
    struct kf_report *rep;
    struct kf_h5_out *h5;
    size_t *layers, n_layers;
    size_t row; /* next one of the report's table */
};

static int no_memory(struct legacy *legacy)
{
    return kf_report_add(legacy->rep, KF_NO_MEMORY, "", "out of memory");
}

static bool is_keras2(const struct legacy *legacy)
{
    return legacy->keras < KF_KERAS(3, 0, 0);
}

/* The layers that have a group, as model.layers has them: numbers in the graph. */
static int list_layers(struct legacy *legacy)
{
    return kf_keras3_order(&legacy->layers, &legacy->n_layers, legacy->model->arena,
                           legacy->model->graph, legacy->keras, legacy->rep);
}

/* Call `one` for each layer with its slots and their names. */
static int each_layer(struct legacy *legacy,
                      int (*one)(struct legacy *legacy, struct kf_layer *layer,
                                 const struct kf_legacy_order *order, const char **names))
{
    enum kf_dialect dialect = is_keras2(legacy) ? KF_DIALECT_KERAS2 : KF_DIALECT_KERAS3;
    int r = 0;

    for (size_t i = 0; i < legacy->n_layers && r >= 0; i++) {
        struct kf_layer *layer = legacy->model->graph->layers[legacy->layers[i]];
        struct kf_legacy_order order = {0};
        const char **names = NULL;

        if (kf_legacy_order(&order, layer, dialect) < 0)
            r = no_memory(legacy);
        else
            r = kf_legacy_variable_names(&names, legacy->model, &order, legacy->keras, legacy->rep);
        if (r >= 0)
            r = one(legacy, layer, &order, names);
        kf_legacy_order_finish(&order);
    }
    return r;
}

static int plan_tensor(struct legacy *legacy, const struct kf_layer *layer,
                       const struct kf_legacy_slot *slot, const char *name)
{
    struct kf_arena *arena = legacy->model->arena;
    const char *target = NULL;

    slot->tensor->target = kf_arena_printf(arena, "%s/%s", layer->name, name);
    if (slot->tensor->target)
        target = kf_arena_printf(arena, "%s%s%s", legacy->root + (*legacy->root == '/'),
                                 *legacy->root ? "/" : "", slot->tensor->target);
    if (!target)
        return no_memory(legacy);
    if (!is_keras2(legacy) && kf_saving_lib_names(slot->layer))
        kf_report_add(legacy->rep, KF_NO_EQUAL, slot->layer->path,
                      "a legacy .h5 of Keras 3 has no place for %s: take to=keras",
                      slot->tensor->variable);
    return kf_tensor_row(legacy->rep, slot->tensor, slot->layer->path, target);
}

static int plan_layer(struct legacy *legacy, struct kf_layer *layer,
                      const struct kf_legacy_order *order, const char **names)
{
    for (size_t i = 0; i < order->n; i++)
        KF_TRY(plan_tensor(legacy, layer, &order->slots[i], names[i]));
    return 0;
}

int kf_legacy_plan(struct kf_model *model, const char *root, int keras, struct kf_report *rep)
{
    struct legacy legacy = {.model = model, .root = root, .keras = keras, .rep = rep};

    if (is_keras2(&legacy))
        KF_TRY(kf_keras2_settle(model, keras, rep));
    KF_TRY(list_layers(&legacy));
    KF_TRY(kf_legacy_scopes(model, keras, rep));
    KF_TRY(kf_layers_count(model->graph, legacy.rep));
    KF_TRY(kf_widen_bfloat16(model, rep));
    return each_layer(&legacy, plan_layer);
}

/* The group of a layer, or of the model object. */
static int write_group(struct legacy *legacy, const char **path_out, const char *name,
                       const char **names, size_t n)
{
    const char *path = kf_arena_printf(legacy->model->arena, "%s/%s", legacy->root, name);

    if (!path)
        return no_memory(legacy);
    *path_out = path;
    KF_TRY(kf_h5_out_group(legacy->h5, path, legacy->rep));
    return kf_h5_out_attr_names(legacy->h5, path, "weight_names", names, n, legacy->rep);
}

static int write_layer(struct legacy *legacy, struct kf_layer *layer,
                       const struct kf_legacy_order *order, const char **names)
{
    struct kf_report *rep = legacy->rep;
    const char *group = NULL;

    KF_TRY(write_group(legacy, &group, layer->name, names, order->n));
    for (size_t i = 0; i < order->n; i++, legacy->row++) {
        const char *path = kf_arena_printf(legacy->model->arena, "%s/%s", group, names[i]);
        struct kf_tensor_report *row =
            legacy->row < rep->n_tensors ? &rep->tensors[legacy->row] : NULL;

        if (!path)
            return no_memory(legacy);
        KF_TRY(kf_h5_out_payload(legacy->h5, path, order->slots[i].tensor->payload,
                                 legacy->options->checksum, row, rep));
    }
    return 0;
}

static int write_layer_names(struct legacy *legacy, const char *root)
{
    const char **names =
        kf_arena_alloc(legacy->model->arena, (legacy->n_layers + 1) * sizeof(*names));

    if (!names)
        return no_memory(legacy);
    for (size_t i = 0; i < legacy->n_layers; i++)
        names[i] = legacy->model->graph->layers[legacy->layers[i]]->name;
    return kf_h5_out_attr_names(legacy->h5, root, "layer_names", names, legacy->n_layers,
                                legacy->rep);
}

int kf_legacy_write(struct kf_h5_out *h5, struct kf_model *model, const char *root, int keras,
                    const struct kf_options *options, struct kf_report *rep)
{
    struct legacy legacy = {
        .model = model, .root = root, .keras = keras, .options = options, .rep = rep, .h5 = h5};
    const char *at = *root ? root : "/", *group = NULL;
    char release[KF_RELEASE_TEXT];

    kf_release_text(keras, release);
    if (*root)
        KF_TRY(kf_h5_out_group(h5, root, rep));
    KF_TRY(list_layers(&legacy));
    KF_TRY(write_layer_names(&legacy, at));
    KF_TRY(kf_h5_out_attr_ascii(h5, at, "backend", "tensorflow", rep));
    KF_TRY(kf_h5_out_attr_ascii(h5, at, "keras_version", release, rep));
    KF_TRY(each_layer(&legacy, write_layer));
    return write_group(&legacy, &group, TOP_LEVEL, NULL, 0);
}
