/* SPDX-License-Identifier: Apache-2.0 */
#include "keras3_optimizer.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/constant.h"
#include "../../model/numbers.h"
#include "../legacy/keras_h5.h"
#include "../trainables.h"
#include <math.h>
#include <string.h>

/* Up to here the product is nothing beside 1. */
#define PRODUCT_NONE 1e-5
#define STEPS_MAX    100000 /* where a schedule that does not shrink is given up */

struct plan {
    struct kf_model *model;
    int since; /* major * 100 + minor */
    enum kf_optimizer_place place;
    struct kf_report *rep;
    const struct kf_optimizer_kind *kind;
    size_t n_variables; /* that the optimizer is for */
};

static int no_memory(struct plan *plan)
{
    return kf_report_add(plan->rep, KF_NO_MEMORY, "", "out of memory");
}

static int lose(struct plan *plan, char *why)
{
    if (!why)
        return no_memory(plan);
    kf_optimizer_lose(plan->model, why);
    return 0;
}

/* How many steps were made; 0 where the file does not count them. */
static int read_steps(struct plan *plan, int64_t *out)
{
    const struct kf_slot *slot = kf_scalar_find(plan->model, "iteration");
    char bytes[8] = {0};
    const struct kf_payload *payload = slot ? slot->payload : NULL;

    *out = 0;
    if (!payload)
        return 0;
    KF_TRY(payload->pull(payload, 0, bytes, kf_dtype_size(payload->dtype), plan->rep));
    *out = kf_number_is_float(payload->dtype) ? (int64_t)kf_number_read(payload->dtype, bytes)
                                              : kf_number_read_int(payload->dtype, bytes);
    return 0;
}

/*
 * The product of Nadam's momentum schedule after `steps`, of which Keras 3 keeps one and Keras 2
 * none. Keras 2 means to multiply it once a step but, in the graph it makes of train_step, does so
 * once a variable, the first of them excepted. So the two agree when it no longer tells from 0,
 * which takes a few steps of a large model.
 *
 * Source: 2.15 keras/src/optimizers/nadam.py update_step, _u_product_counter
 */
static double schedule_product(const json_t *config, int64_t steps, size_t n_variables)
{
    double beta = json_number_value(json_object_get(config, "beta_1")), product = 1;
    double times = n_variables > 1 ? (double)n_variables - 1 : 1;

    for (int64_t t = 1; t <= steps && t < STEPS_MAX && product > PRODUCT_NONE; t++)
        product *= pow(beta * (1 - 0.5 * pow(0.96, (double)t)), times);
    return product;
}

/* A scalar that the source's file does not hold; NULL for one that nobody can know. */
static int make_scalar(struct plan *plan, const char *name, const struct kf_payload **out)
{
    struct kf_arena *arena = plan->model->arena;
    const json_t *config = plan->kind->config;
    int64_t steps;

    if (kf_in_words("iteration scaler_iteration", name)) {
        KF_TRY(read_steps(plan, &steps));
        *out = kf_constant(arena, KF_DTYPE_INT64, (double)steps);
    } else if (strcmp(name, "scaler_rate") == 0) {
        *out = kf_constant(arena, KF_DTYPE_FLOAT32, 0);
    } else if (strcmp(name, "dynamic_scale") == 0) {
        *out = kf_constant(arena, KF_DTYPE_FLOAT32,
                           json_number_value(json_object_get(plan->kind->scaler, "initial_scale")));
    } else if (strcmp(name, "learning_rate") == 0) {
        *out = kf_constant(arena, KF_DTYPE_FLOAT32,
                           json_number_value(json_object_get(config, "learning_rate")));
    } else if (strcmp(name, "u_product") == 0) {
        KF_TRY(read_steps(plan, &steps));
        if (schedule_product(config, steps, plan->n_variables) > PRODUCT_NONE)
            kf_optimizer_lose(plan->model, "Keras 2 does not keep how far Nadam's momentum "
                                           "schedule is, and after so few steps it shows");
        *out = kf_constant(arena, KF_DTYPE_FLOAT32, 0);
    } else if (strcmp(name, "momentum_cache") == 0) {
        kf_optimizer_lose(plan->model, "the file does not hold Nadam's momentum_cache");
        *out = kf_constant(arena, KF_DTYPE_FLOAT32, 1);
    } else if (strcmp(name, "step_counter") == 0) {
        *out = kf_constant(arena, KF_DTYPE_INT32, 0);
    } else {
        *out = kf_constant(arena, plan->since < 308 ? KF_DTYPE_FLOAT32 : KF_DTYPE_INT32, 0);
    }
    return *out ? 0 : no_memory(plan);
}

static int made_slot(struct plan *plan, const struct kf_slot **out, const char *name)
{
    struct kf_slot *slot = kf_arena_alloc(plan->model->arena, sizeof(*slot));

    if (!slot)
        return no_memory(plan);
    *slot = (struct kf_slot){.name = name, .source = "", .done = "made from the config"};
    KF_TRY(make_scalar(plan, name, &slot->payload));
    *out = slot;
    return 0;
}

/* Keras 2 counts steps in 64 bits, and takes no other integers from a file. */
static bool needs_wider(const struct plan *plan, const struct kf_slot *slot)
{
    return plan->since < 300 && strcmp(slot->name, "iteration") == 0 &&
           slot->payload->dtype != KF_DTYPE_INT64;
}

/* SGD of Keras 2 keeps a momentum for each variable though it has none: then nothing reads it. */
static bool is_idle(const struct plan *plan, const struct kf_optimizer_var *var)
{
    double momentum = json_number_value(json_object_get(plan->kind->config, "momentum"));

    return plan->since < 300 && strcmp(plan->kind->class_name, "SGD") == 0 &&
           strcmp(var->slot, "momentum") == 0 && !(momentum > 0);
}

static int idle_slot(struct plan *plan, struct kf_optimizer_dataset *out,
                     const struct kf_optimizer_var *var)
{
    struct kf_slot *slot = kf_arena_alloc(plan->model->arena, sizeof(*slot));

    if (!slot)
        return no_memory(plan);
    *slot = (struct kf_slot){
        .name = var->slot,
        .source = "",
        .payload = kf_filled(plan->model->arena, var->variable->tensor->payload, 0),
        .done = "zeros, as the optimizer has no momentum",
    };
    out->slot = slot;
    return slot->payload ? 0 : no_memory(plan);
}

static int find_slot(struct plan *plan, struct kf_optimizer_dataset *out,
                     const struct kf_optimizer_var *var)
{
    out->layer = var->variable ? var->variable->layer : NULL;
    if (var->placeholder)
        return made_slot(plan, &out->slot, var->slot);
    out->slot = var->variable ? kf_slot_find(var->variable->tensor, var->slot)
                              : kf_scalar_find(plan->model, var->slot);
    if (!out->slot && var->variable && is_idle(plan, var))
        return idle_slot(plan, out, var);
    if (!out->slot && !var->variable)
        return made_slot(plan, &out->slot, var->slot);
    if (out->slot && !var->variable && needs_wider(plan, out->slot))
        return made_slot(plan, &out->slot, var->slot);
    if (out->slot && (!var->variable || out->slot->of == var->variable->tensor->payload))
        return 0;
    if (out->slot)
        return lose(plan, kf_arena_printf(plan->model->arena,
                                          "%s of %s was rewritten (%s), and would take other steps",
                                          var->variable->tensor->variable,
                                          var->variable->layer->path, var->variable->tensor->done));
    return lose(plan, kf_arena_printf(plan->model->arena,
                                      "the target trains %s of %s, for which the file has none",
                                      var->variable->tensor->variable, var->variable->layer->path));
}

struct count {
    size_t n; /* tensors with slots */
};

static int count_slots(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    struct count *count = context;

    (void)graph;
    for (size_t i = 0; i < layer->n_tensors; i++)
        count->n += layer->tensors[i].n_slots > 0;
    return 0;
}

/* The target trains what the source trained, and no less. */
static int check_trainables(struct plan *plan, const struct kf_trainables *list)
{
    struct count count = {0};
    size_t n = 0;

    plan->n_variables = list->n;
    KF_TRY(kf_layers_each(plan->model->graph, count_slots, &count));
    for (size_t i = 0; i < list->n; i++)
        n += list->items[i].tensor->n_slots > 0;
    if (n == count.n)
        return 0;
    return lose(plan, kf_arena_printf(plan->model->arena,
                                      "the target trains only %zu of the %zu variables that it "
                                      "is for",
                                      n, count.n));
}

static int name_dataset(struct plan *plan, struct kf_optimizer_dataset *out, const char *group,
                        size_t number)
{
    out->target = kf_arena_printf(plan->model->arena, "%s/vars/%zu", group, number);
    return out->target ? 0 : no_memory(plan);
}

/* Keras 2 goes by the order; names only have to differ, and say what they are of. */
static int name_legacy(struct plan *plan, struct kf_optimizer_dataset *out,
                       const struct kf_optimizer_var *var)
{
    const char *class_name = plan->kind->class_name;

    out->target = var->variable ? kf_arena_printf(plan->model->arena, "%s/%s/%s/%s",
                                                  &KF_KERAS_H5_OPTIMIZER[1], class_name, var->slot,
                                                  var->variable->tensor->target)
                                : kf_arena_printf(plan->model->arena, "%s/%s/%s:0",
                                                  &KF_KERAS_H5_OPTIMIZER[1], class_name, var->slot);
    return out->target ? 0 : no_memory(plan);
}

static int name_one(struct plan *plan, struct kf_optimizer_dataset *out,
                    const struct kf_optimizer_var *var, size_t number)
{
    return plan->place == KF_OPTIMIZER_LEGACY ? name_legacy(plan, out, var)
                                              : name_dataset(plan, out, "optimizer", number);
}

static bool is_doubled(const struct plan *plan)
{
    return plan->kind->scaler && plan->place == KF_OPTIMIZER_VARS;
}

static int fill(struct plan *plan, struct kf_optimizer_dataset *out,
                const struct kf_optimizer_layout *layout)
{
    for (size_t i = 0; plan->model->optimizer.bound && i < layout->n; i++) {
        KF_TRY(find_slot(plan, &out[i], &layout->vars[i]));
        KF_TRY(name_one(plan, &out[i], &layout->vars[i], i));
    }
    for (size_t i = layout->n_scaler; is_doubled(plan) && i < layout->n; i++) {
        struct kf_optimizer_dataset *again = &out[layout->n + i - layout->n_scaler];

        *again = out[i];
        KF_TRY(name_dataset(
            plan, again, plan->since < 300 ? "optimizer/_optimizer" : "optimizer/inner_optimizer",
            i - layout->n_scaler));
    }
    return 0;
}

static int lay_out(struct plan *plan, struct kf_optimizer_dataset **out, size_t *n_out,
                   const struct kf_trainables *list)
{
    struct kf_optimizer_layout layout = {0};
    int r = kf_optimizer_layout(&layout, plan->kind, plan->since, 0, list);

    if (r < 0)
        r = no_memory(plan);
    else if (r == 0)
        r = lose(plan, kf_arena_printf(plan->model->arena,
                                       "what %s of the target keeps is not "
                                       "known",
                                       plan->kind->class_name));
    else {
        *n_out = layout.n + (is_doubled(plan) ? layout.n - layout.n_scaler : 0);
        *out = kf_arena_alloc(plan->model->arena, (*n_out + 1) * sizeof(**out));
        kf_report_rule(plan->rep, layout.rule);
        r = *out ? fill(plan, *out, &layout) : no_memory(plan);
    }
    kf_optimizer_layout_finish(&layout);
    return r;
}

int kf_keras3_optimizer(struct kf_optimizer_dataset **out, size_t *n_out, struct kf_model *model,
                        int keras, enum kf_optimizer_place place, struct kf_report *rep)
{
    struct kf_optimizer_kind kind;
    struct kf_trainables list = {0};
    struct plan plan = {
        .model = model, .since = KF_SINCE(keras), .place = place, .rep = rep, .kind = &kind};
    int r;

    *n_out = 0;
    if (!model->optimizer.bound || !kf_optimizer_kind(&kind, model))
        return 0;
    if (place == KF_OPTIMIZER_VARS && kind.family == KF_FAMILY_LEGACY) {
        kf_optimizer_lose(model, "no .keras gives the optimizers of keras.optimizers.legacy theirs "
                                 "back; a legacy .h5 does");
        return 0;
    }
    r = keras < KF_KERAS(3, 0, 0) ? kf_trainables_settled(&list, model, rep)
                                  : kf_trainables_rebuilt(&list, model, keras, rep);
    if (r >= 0)
        r = check_trainables(&plan, &list);
    if (r >= 0 && model->optimizer.bound)
        r = lay_out(&plan, out, n_out, &list);
    kf_trainables_finish(&list);
    if (!model->optimizer.bound)
        *n_out = 0;
    return r;
}
