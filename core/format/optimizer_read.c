/* SPDX-License-Identifier: Apache-2.0 */
#include "optimizer_read.h"
#include "../base/str.h"
#include "../io/text/json.h"
#include "trainables.h"
#include <stdlib.h>
#include <string.h>

struct bind {
    struct kf_model *model;
    struct kf_report *rep;
    const struct kf_optimizer_found *found;
    size_t n;
    bool named; /* the names say which variable each belongs to */
};

static int no_memory(struct kf_report *rep)
{
    return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
}

static int lose(struct bind *bind, char *why)
{
    if (!why)
        return no_memory(bind->rep);
    kf_optimizer_lose(bind->model, why);
    return 0;
}

/* "dense/kernel" of "dense/kernel:0", bounded by what stands around it in the name of a slot. */
static bool names_variable(const char *slot, const char *variable)
{
    size_t n = strcspn(variable, ":");

    for (const char *at = slot; (at = strstr(at, "/")); at++)
        if (strncmp(at + 1, variable, n) == 0 && strchr("/:", at[1 + n]))
            return true;
    return false;
}

/* Names that speak of another variable than the one whose turn it is. */
static bool speaks_of_another(const struct bind *bind, const struct kf_optimizer_layout *layout,
                              size_t index)
{
    const struct kf_trainable *variable = layout->vars[index].variable;
    const char *slot = bind->found[index].name;

    if (!bind->named || !variable || names_variable(slot, variable->tensor->source))
        return false;
    for (size_t i = 0; i < layout->n; i++)
        if (layout->vars[i].variable &&
            names_variable(slot, layout->vars[i].variable->tensor->source))
            return true;
    return false;
}

/* The first variable that does not fit the layout, or NULL. */
static const struct kf_optimizer_found *misfit(const struct bind *bind,
                                               const struct kf_optimizer_layout *layout)
{
    for (size_t i = 0; i < bind->n; i++)
        if (!kf_optimizer_fits(&layout->vars[i], bind->found[i].payload) ||
            speaks_of_another(bind, layout, i))
            return &bind->found[i];
    return NULL;
}

static int take_slot(struct bind *bind, const struct kf_optimizer_var *var,
                     const struct kf_optimizer_found *found)
{
    struct kf_arena *arena = bind->model->arena;
    struct kf_slot slot = {.name = var->slot, .payload = found->payload};
    struct kf_tensor *tensor = var->variable ? var->variable->tensor : NULL;
    struct kf_slot **slots = tensor ? &tensor->slots : &bind->model->optimizer.scalars;
    size_t *n = tensor ? &tensor->n_slots : &bind->model->optimizer.n_scalars;

    slot.of = tensor ? tensor->payload : NULL;
    if (var->unused || var->placeholder || *n == KF_SLOTS_MAX)
        return 0;
    slot.source = kf_arena_strdup(arena, found->name);
    if (!*slots)
        *slots = kf_arena_alloc(arena, KF_SLOTS_MAX * sizeof(**slots));
    if (!slot.source || !*slots)
        return no_memory(bind->rep);
    (*slots)[(*n)++] = slot;
    return 0;
}

static int take(struct bind *bind, const struct kf_optimizer_layout *layout)
{
    for (size_t i = 0; i < bind->n; i++)
        KF_TRY(take_slot(bind, &layout->vars[i], &bind->found[i]));
    kf_report_rule(bind->rep, layout->rule);
    bind->model->optimizer.bound = true;
    return 0;
}

/* An optimizer that has not made a step yet has its counter and nothing else. */
static bool is_new(const struct bind *bind)
{
    return bind->n == 0 || (bind->n == 1 && bind->found[0].payload->rank == 0);
}

static int report_misfit(struct bind *bind, const struct kf_optimizer_kind *kind,
                         const struct kf_optimizer_found *bad, size_t n_due)
{
    struct kf_arena *arena = bind->model->arena;

    if (is_new(bind))
        return 0;
    if (bad)
        return lose(bind, kf_arena_printf(arena,
                                          "%s of its %s does not belong to the variable "
                                          "whose turn it is",
                                          bad->name, kind->class_name));
    return lose(bind, kf_arena_printf(arena,
                                      "the file has %zu variables for its %s where one of "
                                      "this config has %zu",
                                      bind->n, kind->class_name, n_due));
}

/* Try the rows of the optimizer in turn: how many variables they have tells them apart. */
static int bind_rows(struct bind *bind, const struct kf_optimizer_kind *kind,
                     const struct kf_trainables *list)
{
    const struct kf_optimizer_found *bad = NULL;
    size_t n_due = 0;
    int since = KF_SINCE(bind->model->keras), r = 1;

    for (size_t nth = 0; r > 0; nth++) {
        struct kf_optimizer_layout layout = {0};

        r = kf_optimizer_layout(&layout, kind, since, nth, list);
        if (r > 0 && nth == 0)
            n_due = layout.n;
        if (r > 0 && layout.n == bind->n && !(bad = misfit(bind, &layout)))
            r = take(bind, &layout) < 0 ? -KF_NO_MEMORY : 0;
        if (r < 0)
            no_memory(bind->rep);
        kf_optimizer_layout_finish(&layout);
        if (bind->model->optimizer.bound || r < 0)
            return r;
        if (r == 0 && nth == 0)
            return lose(bind, kf_arena_printf(bind->model->arena, "what %s keeps is not known",
                                              kind->class_name));
    }
    return report_misfit(bind, kind, bad, n_due);
}

/* The optimizer of the compile config inside the wrapper that compile() puts around it. */
static int wrap(struct bind *bind)
{
    json_t *training = bind->model->training;
    json_t *made = json_pack("{s:s, s:s, s:{s:O, s:s, s:f, s:i}}", "module", "keras.optimizers",
                             "class_name", "LossScaleOptimizer", "config", "inner_optimizer",
                             json_object_get(training, "optimizer"), "name", "loss_scale_optimizer",
                             "initial_scale", 32768.0, "dynamic_growth_steps", 2000);

    return kf_json_set(training, "optimizer", made, bind->rep);
}

/*
 * Keras 3 compiles a model of mixed_float16 with a LossScaleOptimizer around the optimizer that it
 * was told, and writes only that into the compile config: the variables show it.
 *
 * Source: keras/src/trainers/trainer.py, compile, auto_scale_loss (3.15.1)
 */
static int bind_wrapped(struct bind *bind, struct kf_optimizer_kind *kind,
                        const struct kf_trainables *list)
{
    const char *lost = bind->model->optimizer.lost;
    int r;

    bind->model->optimizer.lost = NULL;
    kind->scaler = kind->config;
    r = bind_rows(bind, kind, list);
    if (r < 0 || bind->model->optimizer.bound)
        return r < 0 ? r : wrap(bind);
    bind->model->optimizer.lost = lost;
    return 0;
}

static int bind_all(struct bind *bind)
{
    struct kf_optimizer_kind kind;
    struct kf_trainables list = {0};
    int r;

    if (!kf_optimizer_kind(&kind, bind->model))
        return lose(bind, "the file does not say whose variables they are");
    r = kf_trainables(&list, bind->model, bind->rep);
    if (r >= 0)
        r = bind_rows(bind, &kind, &list);
    if (r >= 0 && bind->model->optimizer.lost && !kind.scaler && kind.family == KF_FAMILY_KERAS3)
        r = bind_wrapped(bind, &kind, &list);
    kf_trainables_finish(&list);
    return r;
}

int kf_optimizer_bind(struct kf_model *model, const struct kf_optimizer_found *found, size_t n,
                      bool named, struct kf_report *rep)
{
    struct bind bind = {.model = model, .rep = rep, .found = found, .n = n, .named = named};

    KF_TRY(bind_all(&bind));
    model->has_optimizer_state = model->optimizer.bound || model->optimizer.lost;
    return 0;
}

static int find(struct kf_model *model, struct kf_h5 *h5, struct kf_optimizer_found *out,
                const char *dataset, struct kf_report *rep)
{
    struct kf_payload *payload = kf_arena_alloc(model->arena, sizeof(*payload));

    if (!dataset || !payload)
        return no_memory(rep);
    out->payload = payload;
    return kf_h5_payload(h5, dataset, model->arena, payload, rep);
}

/*
 * Where a variable of the group `path` stands: one whose name begins with a slash at the root,
 * where HDF5 puts it. Keras 2.0 names its counter "/iterations" on Theano.
 *
 * Source: keras/backend/theano_backend.py, _prepare_name (2.0.6)
 */
static const char *path_of(struct kf_arena *arena, const char *path, const char *name)
{
    return name[0] == '/' ? name : kf_arena_printf(arena, "%s/%s", path, name);
}

static int read_names(struct kf_model *model, struct kf_h5 *h5, const char *path,
                      const char **names, size_t n, bool named, struct kf_report *rep)
{
    struct kf_optimizer_found *found = kf_arena_alloc(model->arena, (n ? n : 1) * sizeof(*found));

    if (!found)
        return no_memory(rep);
    for (size_t i = 0; i < n; i++) {
        found[i].name = names[i];
        KF_TRY(find(model, h5, &found[i], path_of(model->arena, path, names[i]), rep));
    }
    return kf_optimizer_bind(model, found, n, named, rep);
}

int kf_optimizer_read_legacy(struct kf_model *model, struct kf_h5 *h5, const char *path,
                             struct kf_report *rep)
{
    const char **names = NULL;
    size_t n = 0;

    if (!kf_h5_is_group(h5, path))
        return 0;
    if (!kf_h5_has_attr(h5, path, "weight_names")) {
        model->has_optimizer_state = true;
        kf_optimizer_lose(model, "the file does not list the optimizer's variables");
        return 0;
    }
    KF_TRY(kf_h5_attr_names(h5, path, "weight_names", model->arena, &names, &n, rep));
    return read_names(model, h5, path, names, n, true, rep);
}

/* "10" behind "9": HDF5 lists them as text. */
static int compare_numbers(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    size_t n = strlen(x), m = strlen(y);

    return n != m ? (n < m ? -1 : 1) : strcmp(x, y);
}

int kf_optimizer_read_vars(struct kf_model *model, struct kf_h5 *h5, const char *path,
                           struct kf_report *rep)
{
    const char **names = NULL;
    size_t n = 0;

    if (!kf_h5_is_group(h5, path))
        return 0;
    KF_TRY(kf_h5_children(h5, path, model->arena, &names, &n, rep));
    if (n)
        qsort(names, n, sizeof(*names), compare_numbers);
    return read_names(model, h5, path, names, n, false, rep);
}
