/* SPDX-License-Identifier: Apache-2.0 */
#include "keras3_weights.h"
#include "../../base/str.h"
#include "../../io/h5/h5.h"
#include "../../io/text/json.h"
#include "../layer_vars.h"
#include "../saving_lib/saving_lib_copy.h"
#include "../saving_lib/saving_lib_named.h"
#include "../tensor_rows.h"
#include "../widen.h"
#include "keras3_optimizer.h"
#include "keras3_paths.h"

struct weights {
    struct kf_model *model;
    int keras;
    const struct kf_options *options;
    struct kf_report *rep;
    struct kf_h5_out *h5;
    size_t row; /* next one of the report's table */
};

static int no_memory(struct weights *weights, const struct kf_layer *layer)
{
    return kf_report_add(weights->rep, KF_NO_MEMORY, layer->path, "out of memory");
}

/* "layers/dense/vars/0": variables are counted below the object that holds them. */
static const char *target_of(struct weights *weights, const struct kf_layer *layer, size_t index)
{
    struct kf_arena *arena = weights->model->arena;
    const struct kf_tensor *tensor = &layer->tensors[index];
    const char *group = kf_keras3_tensor_group(arena, layer, tensor, weights->keras);
    size_t number = 0;

    for (size_t i = 0; i < index; i++)
        if (kf_streq(layer->tensors[i].subpath, tensor->subpath))
            number++;
    if (group && tensor->dataset)
        return kf_arena_printf(arena, "%s/vars/%s", group, tensor->dataset);
    return group ? kf_arena_printf(arena, "%s/vars/%zu", group, number) : NULL;
}

static int plan_tensor(struct weights *weights, const struct kf_layer *layer, size_t index)
{
    const char *target = layer->group ? target_of(weights, layer, index) : "";

    if (!target)
        return no_memory(weights, layer);
    return kf_tensor_row(weights->rep, &layer->tensors[index], layer->path, target);
}

static int plan_layer(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    struct weights *weights = context;

    (void)graph;
    if (!layer->attribute && !layer->operation)
        weights->rep->n_layers++;
    if (!layer->group && layer->n_tensors)
        kf_report_add(weights->rep, KF_EXTRA_DROPPED, layer->path,
                      "no output of the model needs the layer, so Keras drops it and its weights");
    for (size_t i = 0; i < layer->n_tensors; i++)
        KF_TRY(plan_tensor(weights, layer, i));
    return 0;
}

static const struct lost {
    const char *class_name;
    bool adapted;
    const char *why;
} losts[] = {
#define KF_LOST(class_name, adapted, why) {class_name, adapted, why},
#include "../saving_lib/saving_lib.def"
};

/* What saving_lib of Keras 2 does not give back, and layers whose variables nobody listed. */
static int refuse_lost(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    struct weights *weights = context;

    (void)graph;
    for (size_t i = 0; i < sizeof(losts) / sizeof(losts[0]); i++)
        if (kf_streq(layer->class_name, losts[i].class_name) &&
            (layer->n_tensors || !losts[i].adapted))
            kf_report_add(weights->rep, KF_NO_EQUAL, layer->path, "%s; a legacy .h5 does",
                          losts[i].why);
    if (layer->n_tensors && !layer->custom && !kf_vars_known(layer->class_name))
        kf_report_add(weights->rep, KF_NO_EQUAL, layer->path,
                      "where saving_lib keeps the weights of a %s is not known; a legacy .h5 holds "
                      "them",
                      layer->class_name);
    return 0;
}

int kf_keras3_weights_plan(struct kf_model *model, int keras, struct kf_report *rep)
{
    struct weights weights = {.model = model, .keras = keras, .rep = rep};
    struct kf_optimizer_dataset *state = NULL;
    size_t n = 0;

    if (keras < KF_KERAS(3, 0, 0))
        KF_TRY(kf_layers_each(model->graph, refuse_lost, &weights));
    if (keras < KF_KERAS(3, 0, 0))
        KF_TRY(kf_widen_bfloat16(model, rep));
    KF_TRY(kf_saving_lib_named(model, rep));
    KF_TRY(kf_saving_lib_copies(model, rep));
    KF_TRY(kf_keras3_paths(model, keras, rep));
    KF_TRY(kf_layers_each(model->graph, plan_layer, &weights));
    KF_TRY(kf_keras3_optimizer(&state, &n, model, keras, KF_OPTIMIZER_VARS, rep));
    for (size_t i = 0; i < n; i++)
        KF_TRY(kf_slot_row(rep, state[i].slot, state[i].layer ? state[i].layer->path : "",
                           state[i].target));
    return 0;
}

static int write_group(struct weights *weights, const char *group, const char *name)
{
    const char *slash = *group ? "/" : "";
    char *path = kf_arena_printf(weights->model->arena, "%s%s/vars", slash, group);

    if (!path)
        return kf_report_add(weights->rep, KF_NO_MEMORY, "", "out of memory");
    KF_TRY(kf_h5_out_group(weights->h5, path, weights->rep));
    if (weights->keras < KF_KERAS(3, 0, 0))
        return 0;
    return kf_h5_out_attr_text(weights->h5, path, "name", name, weights->rep);
}

static int write_tensor(struct weights *weights, const struct kf_layer *layer, size_t index)
{
    struct kf_report *rep = weights->rep;
    struct kf_arena *arena = weights->model->arena;
    const struct kf_tensor *tensor = &layer->tensors[index];
    const char *group = kf_keras3_tensor_group(arena, layer, tensor, weights->keras);
    const char *target = target_of(weights, layer, index), *path = NULL;
    struct kf_tensor_report *row =
        weights->row < rep->n_tensors ? &rep->tensors[weights->row] : NULL;

    if (group && target)
        path = kf_arena_printf(arena, "/%s", target);
    if (!path || !(group = kf_arena_printf(arena, "/%s/vars", group)))
        return no_memory(weights, layer);
    KF_TRY(kf_h5_out_group(weights->h5, group, rep));
    return kf_h5_out_payload(weights->h5, path, tensor->payload, weights->options->checksum, row,
                             rep);
}

static int write_layer(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    struct weights *weights = context;

    (void)graph;
    if (layer->group)
        KF_TRY(write_group(weights, layer->group, layer->name));
    for (size_t i = 0; i < layer->n_tensors; i++, weights->row++)
        if (layer->group)
            KF_TRY(write_tensor(weights, layer, i));
    return 0;
}

/* The state of the optimizer. Its group bears the optimizer's name, as those of layers do. */
static int write_optimizer(struct weights *weights)
{
    struct kf_report *rep = weights->rep;
    struct kf_optimizer_dataset *state = NULL;
    struct kf_optimizer_kind kind;
    size_t n = 0;

    KF_TRY(kf_keras3_optimizer(&state, &n, weights->model, weights->keras, KF_OPTIMIZER_VARS, rep));
    if (!n || !kf_optimizer_kind(&kind, weights->model))
        return 0;
    KF_TRY(write_group(weights, "optimizer", kf_json_str(kind.config, "name", kind.class_name)));
    for (size_t i = 0; i < n; i++, weights->row++) {
        char *path = kf_arena_printf(weights->model->arena, "/%s", state[i].target);
        struct kf_tensor_report *row =
            weights->row < rep->n_tensors ? &rep->tensors[weights->row] : NULL;

        if (!path)
            return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
        KF_TRY(kf_h5_out_payload(weights->h5, path, state[i].slot->payload,
                                 weights->options->checksum, row, rep));
    }
    return 0;
}

int kf_keras3_weights_write(struct kf_h5_out *h5, struct kf_model *model, int keras,
                            const struct kf_options *options, struct kf_report *rep)
{
    struct weights weights = {
        .model = model, .keras = keras, .options = options, .rep = rep, .h5 = h5};

    KF_TRY(write_group(&weights, "", model->graph->name));
    KF_TRY(kf_layers_each(model->graph, write_layer, &weights));
    KF_TRY(write_optimizer(&weights));
    return kf_h5_out_close(h5, rep);
}
