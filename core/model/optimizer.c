/* SPDX-License-Identifier: Apache-2.0 */
#include "optimizer.h"
#include "../base/alloc.h"
#include "../base/str.h"
#include "../io/text/json.h"
#include <string.h>

#define OLD    KF_FAMILY_OLD
#define LEGACY KF_FAMILY_LEGACY
#define NEW    KF_FAMILY_NEW
#define KERAS3 KF_FAMILY_KERAS3

static const struct row {
    const char *class_name;
    enum kf_family family;
    int since;
    const char *layout, *name;
} rows[] = {
#define KF_OPTIMIZER(class_name, family, since, layout)                                            \
    {class_name, family, since, layout, "optimizer:" class_name "." #family "." #since},
#include "optimizers.def"
};

/* Every slot that a row names once, for strings that live as long as the program. */
static const char *const slots[] = {
    "iteration",
    "learning_rate",
    "u_product",
    "momentum_cache",
    "average",
    "momentum",
    "velocity",
    "velocity_hat",
    "norm",
    "accumulator",
    "linear",
    "accumulated_grad",
    "r",
    "c",
    "average_gradient",
    "accumulated_delta_var",
    "scaler_iteration",
    "scaler_rate",
    "step_counter",
    "dynamic_scale",
    "unused",
    "gradient_accumulator",
};

#define N_ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

int kf_trainables_add(struct kf_trainables *list, struct kf_layer *layer, struct kf_tensor *tensor)
{
    if (!kf_grow(&list->items, &list->cap, list->n + 1, sizeof(*list->items)))
        return -KF_NO_MEMORY;
    list->items[list->n++] = (struct kf_trainable){layer, tensor};
    return 0;
}

void kf_trainables_finish(struct kf_trainables *list)
{
    kf_free(list->items);
    *list = (struct kf_trainables){0};
}

/* What wrote the optimizer shows in the keys of its config. */
static enum kf_family family_of(const struct kf_model *model, const json_t *config)
{
    if (model->dialect == KF_DIALECT_KERAS3)
        return KF_FAMILY_KERAS3;
    if (json_object_get(config, "jit_compile") || json_object_get(config, "use_ema"))
        return KF_FAMILY_NEW;
    return json_object_get(config, "name") ? KF_FAMILY_LEGACY : KF_FAMILY_OLD;
}

static bool read_object(const char **class_name, json_t **config, const json_t *object)
{
    if (!kf_json_is_object_of_class(object))
        return false;
    *class_name = kf_json_str(object, "class_name", "");
    *config = json_object_get(object, "config");
    if (kf_starts(*class_name, "Custom>"))
        *class_name += strlen("Custom>");
    return true;
}

bool kf_optimizer_kind(struct kf_optimizer_kind *out, const struct kf_model *model)
{
    json_t *inner;

    *out = (struct kf_optimizer_kind){0};
    if (!read_object(&out->class_name, &out->config, json_object_get(model->training, "optimizer")))
        return false;
    if (kf_starts(out->class_name, "LossScaleOptimizer")) {
        out->scaler = out->config;
        inner = json_object_get(out->config, "inner_optimizer");
        if (!read_object(&out->class_name, &out->config, inner))
            return false;
    }
    out->family = family_of(model, out->config);
    return true;
}

static const struct row *find_row(const struct kf_optimizer_kind *kind, int since, size_t nth)
{
    const struct row *found = NULL;

    for (size_t i = 0; i < N_ROWS(rows); i++) {
        if (rows[i].family != kind->family || strcmp(rows[i].class_name, kind->class_name) != 0)
            continue;
        if (kind->family != KF_FAMILY_KERAS3 && nth-- == 0)
            return &rows[i];
        if (kind->family == KF_FAMILY_KERAS3 && nth == 0 && rows[i].since <= since)
            found = &rows[i];
    }
    return found;
}

/* A word of a layout with the marks behind it. */
struct word {
    char name[40];
    char mark;    /* 0, ':', '=' or '*' */
    char test;    /* 0, '?' or '#' */
    char key[40]; /* of the test */
};

static const char *read_name(char to[40], const char *from)
{
    size_t n = strspn(from, "abcdefghijklmnopqrstuvwxyz_");

    if (n > 39)
        n = 39;
    memcpy(to, from, n);
    to[n] = '\0';
    return from + n;
}

static const char *read_test(struct word *word, const char *at)
{
    word->test = 0;
    if (*at != '?' && *at != '#')
        return at;
    word->test = *at;
    return read_name(word->key, at + 1);
}

static const char *read_word(struct word *word, const char *at)
{
    at = read_name(word->name, at);
    word->mark = 0;
    if (*at == ':' || *at == '=' || *at == '*') {
        word->mark = *at;
        at += *at == '*' ? 1 : 2;
    }
    return read_test(word, at);
}

static bool holds(const struct word *word, const json_t *config)
{
    const json_t *value;
    double number;

    if (!word->test)
        return true; /* and there is no key */
    value = json_object_get(config, word->key);
    number = json_number_value(value);
    if (word->test == '#')
        return json_is_number(value);
    return json_is_true(value) || number < 0 || number > 0;
}

static const char *slot_name(const char *name)
{
    for (size_t i = 0; i < N_ROWS(slots); i++)
        if (strcmp(slots[i], name) == 0)
            return slots[i];
    return NULL;
}

static int add(struct kf_optimizer_layout *out, const struct word *word,
               const struct kf_trainable *variable)
{
    bool small = variable && variable->tensor->payload && variable->tensor->payload->rank < 2;

    if (small && word->mark == ':')
        return 0;
    if (!kf_grow(&out->vars, &out->cap, out->n + 1, sizeof(*out->vars)))
        return -KF_NO_MEMORY;
    out->vars[out->n++] = (struct kf_optimizer_var){
        .slot = slot_name(word->name),
        .variable = variable,
        .placeholder = small && word->mark == '=',
        .unused = word->mark == '*',
    };
    return 0;
}

/* "(a b)?key": a and b of each variable in turn. `at` stands behind the bracket. */
static int add_group(struct kf_optimizer_layout *out, const char **at, const json_t *config,
                     const struct kf_trainables *list)
{
    struct word words[4], test = {0};
    size_t n = 0;

    while (**at != ')' && n < N_ROWS(words)) {
        *at = read_word(&words[n++], *at);
        *at += strspn(*at, " ");
    }
    *at = read_test(&test, *at + 1);
    if (!holds(&test, config))
        return 0;
    for (size_t i = 0; i < list->n; i++)
        for (size_t k = 0; k < n; k++)
            KF_TRY(add(out, &words[k], &list->items[i]));
    return 0;
}

/* A LossScaleOptimizer of Keras 3 lists its own variables, and then those of the optimizer in it.
 * Source: keras/src/optimizers/loss_scale_optimizer.py (3.0.5, 3.15.1) */
static int add_scaler(struct kf_optimizer_layout *out)
{
    static const char *const names[] = {"scaler_iteration", "scaler_rate", "step_counter",
                                        "dynamic_scale"};

    for (size_t i = 0; i < N_ROWS(names); i++) {
        struct word word = {0};

        read_name(word.name, names[i]);
        KF_TRY(add(out, &word, NULL));
    }
    out->n_scaler = N_ROWS(names);
    return 0;
}

int kf_optimizer_layout(struct kf_optimizer_layout *out, const struct kf_optimizer_kind *kind,
                        int since, size_t nth, const struct kf_trainables *list)
{
    const struct row *row = find_row(kind, since, nth);
    struct word word;

    if (!row)
        return 0;
    out->rule = row->name;
    if (kind->scaler && kind->family == KF_FAMILY_KERAS3)
        KF_TRY(add_scaler(out));
    for (const char *at = row->layout; *at; at += strspn(at, " ")) {
        if (*at == '(') {
            at++;
            KF_TRY(add_group(out, &at, kind->config, list));
            continue;
        }
        at = read_word(&word, at);
        if (holds(&word, kind->config))
            KF_TRY(add(out, &word, NULL));
    }
    return 1;
}

void kf_optimizer_layout_finish(struct kf_optimizer_layout *layout)
{
    kf_free(layout->vars);
    *layout = (struct kf_optimizer_layout){0};
}

/* Adafactor keeps the means of a variable's rows in r and of its columns in c. */
static bool fits_factor(const char *slot, const struct kf_payload *variable,
                        const struct kf_payload *payload)
{
    unsigned rank = variable ? variable->rank : 0, drop = *slot == 'r' ? rank - 1 : rank - 2;

    if (rank < 2 || payload->rank != rank - 1)
        return false;
    for (unsigned i = 0; i < payload->rank; i++)
        if (payload->dims[i] != variable->dims[i < drop ? i : i + 1])
            return false;
    return true;
}

bool kf_optimizer_fits(const struct kf_optimizer_var *var, const struct kf_payload *payload)
{
    const struct kf_payload *variable;

    if (var->unused)
        return true;
    if (!var->variable || var->placeholder)
        return payload->rank == 0;
    variable = var->variable->tensor->payload;
    if (strcmp(var->slot, "r") == 0 || strcmp(var->slot, "c") == 0)
        return fits_factor(var->slot, variable, payload);
    return variable && payload->rank == variable->rank &&
           memcmp(payload->dims, variable->dims, variable->rank * sizeof(variable->dims[0])) == 0;
}

struct kf_slot *kf_slot_find(const struct kf_tensor *tensor, const char *name)
{
    for (size_t i = 0; i < tensor->n_slots; i++)
        if (strcmp(tensor->slots[i].name, name) == 0)
            return &tensor->slots[i];
    return NULL;
}

struct kf_slot *kf_scalar_find(const struct kf_model *model, const char *name)
{
    for (size_t i = 0; i < model->optimizer.n_scalars; i++)
        if (strcmp(model->optimizer.scalars[i].name, name) == 0)
            return &model->optimizer.scalars[i];
    return NULL;
}

void kf_optimizer_lose(struct kf_model *model, const char *why)
{
    model->optimizer.bound = false;
    if (!model->optimizer.lost)
        model->optimizer.lost = why;
}
