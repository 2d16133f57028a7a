/* SPDX-License-Identifier: Apache-2.0 */
#include "legacy_classes.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/classes.h"
#include "../../model/packages.h"
#include "../keras2/keras2_config.h"
#include "../layer_vars.h"
#include "../loose/loose_names.h"
#include "legacy_match.h"
#include <string.h>

struct made {
    struct kf_model *model;
    struct kf_h5 *h5;
    const struct kf_options *options;
    struct kf_report *rep;
    json_t *layers; /* of the config in the making; owned */
    bool starved;   /* memory ran out while something was only tried */
};

static const struct shaped {
    const char *class_name, *variables, *may_have;
    int rank;
    const char *name;
} shaped[] = {
#define KF_SHAPED(class_name, variables, may_have, rank)                                           \
    {class_name, variables, may_have, rank, "shaped:" class_name},
#include "legacy_classes.def"
#undef KF_SHAPED
};

static int no_memory(struct made *made)
{
    return kf_report_add(made->rep, KF_NO_MEMORY, "", "out of memory");
}

static bool has_weight(const struct kf_legacy_group *group, const char *variable)
{
    for (size_t i = 0; i < group->n; i++)
        if (kf_legacy_names(group->weights[i], variable))
            return true;
    return false;
}

/* How many of the words of a list are names of the group's weights, and whether all are. */
static size_t count_words(const struct kf_legacy_group *group, const char *list, bool *all)
{
    size_t n = 0;

    *all = true;
    while (*list) {
        size_t length = strcspn(list, " ");
        char word[64];

        if (length < sizeof(word)) {
            memcpy(word, list, length);
            word[length] = '\0';
            *all = *all && has_weight(group, word);
            n += has_weight(group, word);
        }
        list += length + (list[length] == ' ');
    }
    return n;
}

/* Axes of the weight that a variable's name begins; -1 where there is none. */
static int rank_of(struct made *made, const struct kf_legacy_group *group, const char *variables)
{
    size_t length = strcspn(variables, " ");
    struct kf_payload payload;
    struct kf_report ignored;
    int rank = -1;

    kf_report_init(&ignored);
    for (size_t i = 0; i < group->n && rank < 0; i++) {
        const char *first = kf_arena_strndup(made->model->arena, variables, length);
        const char *path =
            kf_arena_printf(made->model->arena, "%s/%s", group->path, group->weights[i]);

        if (first && group->ranks && kf_legacy_names(group->weights[i], first))
            rank = group->ranks[i];
        else if (first && path && kf_legacy_names(group->weights[i], first) && made->h5 &&
                 kf_h5_payload(made->h5, path, made->model->arena, &payload, &ignored) >= 0)
            rank = (int)payload.rank;
        made->starved = made->starved || !first || !path;
    }
    made->starved = made->starved || ignored.first_failure == KF_NO_MEMORY;
    kf_report_finish(&ignored);
    return rank;
}

static const struct shaped *find_shaped(struct made *made, const struct kf_legacy_group *group)
{
    for (size_t i = 0; i < sizeof(shaped) / sizeof(shaped[0]); i++) {
        bool all, some;
        size_t n = count_words(group, shaped[i].variables, &all);

        if (all && n + count_words(group, shaped[i].may_have, &some) == group->n &&
            (shaped[i].rank < 0 || rank_of(made, group, shaped[i].variables) == shaped[i].rank))
            return &shaped[i];
    }
    return NULL;
}

/* The class that a name says, "dense_3", or NULL. */
static const char *class_of_name(struct made *made, const char *name)
{
    unsigned long number;
    size_t n = kf_loose_class(name, &number);
    const struct kf_class *found;

    made->starved =
        !kf_class_of_snake(&found, made->model->arena, "keras.layers", name, n) || made->starved;
    return found ? found->name : NULL;
}

/* What variables there are decides on the keys that make them. */
static json_t *config_of(const struct kf_legacy_group *group, const char *name)
{
    return json_pack(
        "{s:s, s:s?, s:b, s:b, s:b, s:b, s:b}", "name", name, "bias_axes",
        has_weight(group, "bias") ? "" : NULL, "use_bias", (int)has_weight(group, "bias"), "scale",
        (int)has_weight(group, "gamma"), "center", (int)has_weight(group, "beta"), "use_scale",
        (int)has_weight(group, "scale"), "renorm", (int)has_weight(group, "renorm_mean"));
}

static int add_layer(struct made *made, const char *class_name, json_t *config)
{
    json_t *layer = json_pack("{s:s, s:o}", "class_name", class_name, "config", config);

    return kf_json_append(made->layers, layer, made->rep);
}

/* "lstm" of "bidirectional_1/forward_lstm/lstm_cell/kernel:0"; NULL where it is not said. */
static const char *class_of_direction(struct made *made, const struct kf_legacy_group *group)
{
    const char *at = group->n ? strstr(group->weights[0], "forward_") : NULL, *name;

    if (!at)
        return NULL;
    at += strlen("forward_");
    name = kf_arena_strndup(made->model->arena, at, strcspn(at, "/"));
    made->starved = made->starved || !name;
    return name ? class_of_name(made, name) : NULL;
}

static int refuse(struct made *made, const struct kf_legacy_group *group, const char *why)
{
    return kf_report_add(made->rep, KF_ARCHITECTURE_MISSING, group->name,
                         "the file has %zu weights of the layer, %s", group->n, why);
}

static int add_bidirectional(struct made *made, const struct kf_legacy_group *group)
{
    const char *inner = class_of_direction(made, group);
    json_t *layer;

    if (!inner || !kf_vars_known(inner))
        return refuse(made, group, "and does not say what it goes through in both directions");
    layer = json_pack("{s:s, s:o}", "class_name", inner, "config", config_of(group, "rnn"));
    return add_layer(made, "Bidirectional",
                     json_pack("{s:s, s:o}", "name", group->name, "layer", layer));
}

/* No name, or one that the user gave: the variables may tell. */
static int add_shaped(struct made *made, const struct kf_legacy_group *group)
{
    const struct shaped *row = find_shaped(made, group);
    char text[KF_PACKAGE_TEXT];
    unsigned long number;
    const char *package =
        kf_package_hint_named(group->name, kf_loose_class(group->name, &number), text);

    if (package)
        return kf_report_add(made->rep, KF_ARCHITECTURE_MISSING, group->name,
                             "the file has %zu weights of the layer, and by its name it is a %s",
                             group->n, package);
    if (!row)
        return refuse(made, group, "and neither its name nor their shapes tell its class");
    kf_report_rule(made->rep, row->name);
    if (!made->options->guess)
        return kf_report_add(made->rep, KF_MAPPING_AMBIGUOUS, group->name,
                             "the layer's name does not tell its class, which an architecture "
                             "would; by its weights it may be a %s, which guess=yes takes",
                             row->class_name);
    KF_TRY(kf_report_add(made->rep, KF_FINDING, group->name, "taken as a %s, by its weights",
                         row->class_name));
    return add_layer(made, row->class_name, config_of(group, group->name));
}

/* A layer without weights matters only for what Keras 3 computes otherwise. */
static int add_weightless(struct made *made, const struct kf_legacy_group *group)
{
    const char *class_name = class_of_name(made, group->name);
    size_t n_parts = 0;

    if (class_name)
        kf_part_rows(class_name, &n_parts);
    if (n_parts || kf_starts(group->name, "input"))
        return 0;
    return add_layer(made, class_name ? class_name : "Activation",
                     json_pack("{s:s}", "name", group->name));
}

/* "model_3": what Keras names a model that is a layer. */
static bool names_model(const char *name)
{
    unsigned long number;
    size_t n = kf_loose_class(name, &number);

    return (n == 5 && kf_starts(name, "model")) || (n == 10 && kf_starts(name, "functional")) ||
           (n == 10 && kf_starts(name, "sequential"));
}

/* True when the group's name says the class of the layer that has its weights. */
static bool is_told(struct made *made, const struct kf_legacy_group *group)
{
    const char *class_name = class_of_name(made, group->name);

    if (kf_streq(class_name, "Bidirectional"))
        class_name = class_of_direction(made, group);
    return !group->n || (class_name && !names_model(group->name) && kf_vars_known(class_name));
}

static int add_group(struct made *made, const struct kf_legacy_group *group)
{
    const char *class_name = class_of_name(made, group->name);

    if (!group->n)
        return add_weightless(made, group);
    if (kf_streq(class_name, "Bidirectional"))
        return add_bidirectional(made, group);
    if (names_model(group->name))
        return refuse(made, group, "which may be a model used as a layer");
    if (!class_name)
        return add_shaped(made, group);
    if (!kf_vars_known(class_name))
        return refuse(made, group, "and its name does not say what holds them");
    return add_layer(made, class_name, config_of(group, group->name));
}

/* The config of a Sequential of the groups, as far as the names say it. */
static int make_config(struct made *made, const struct kf_legacy_group *groups, size_t n,
                       json_t **out)
{
    json_t *input = json_pack("{s:s, s:{s:s, s:[n, i]}}", "class_name", "InputLayer", "config",
                              "name", "input", "batch_input_shape", 1);

    KF_TRY(kf_json_append(made->layers, input, made->rep));
    for (size_t i = 0; i < n; i++) {
        int r = add_group(made, &groups[i]);

        if (made->starved)
            return no_memory(made);
        if (r < 0 && kf_code_grade((enum kf_code) - r) == KF_GRADE_FATAL)
            return r;
    }
    KF_TRY(kf_report_status(made->rep));
    *out = json_pack("{s:s, s:{s:s, s:O}}", "class_name", "Sequential", "config", "name", "weights",
                     "layers", made->layers);
    return *out ? 0 : no_memory(made);
}

/* The graph of the groups; `h5` has their weights where they do not know their axes. */
static int make_graph(struct kf_model *model, struct kf_h5 *h5,
                      const struct kf_legacy_group *groups, size_t n,
                      const struct kf_options *options, struct kf_report *rep)
{
    struct made made = {
        .model = model, .h5 = h5, .options = options, .rep = rep, .layers = json_array()};
    json_t *config = NULL;
    int r = made.layers ? make_config(&made, groups, n, &config) : no_memory(&made);

    model->made_up = true;
    if (r >= 0)
        r = kf_keras2_graph(model, config, options, rep);
    model->dialect = KF_DIALECT_KERAS2;
    json_decref(config);
    json_decref(made.layers);
    return r;
}

bool kf_legacy_classes_told(struct kf_model *model, const struct kf_legacy_group *groups, size_t n)
{
    struct made made = {.model = model};
    bool told = true;

    for (size_t i = 0; i < n && told; i++)
        told = is_told(&made, &groups[i]);
    return told && !made.starved;
}

int kf_legacy_classes(struct kf_model *model, struct kf_h5 *h5, const char *root,
                      const struct kf_options *options, struct kf_report *rep)
{
    struct kf_legacy_group *groups;
    size_t n;

    KF_TRY(kf_legacy_groups(&groups, &n, model, h5, root, rep));
    return make_graph(model, h5, groups, n, options, rep);
}

int kf_legacy_classes_of(struct kf_model *model, const struct kf_legacy_group *groups, size_t n,
                         const struct kf_options *options, struct kf_report *rep)
{
    return make_graph(model, NULL, groups, n, options, rep);
}
