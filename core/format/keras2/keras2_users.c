/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/classes.h"
#include "../release.h"
#include "keras2_config.h"
#include <stdio.h>
#include <string.h>

/*
 * Classes of the user's that have the name of one of Keras. A .keras tells them by their module,
 * or by a registered name, which classes of Keras have none of; a legacy .h5 says neither, but
 * what Keras writes of its own is known.
 */

/* What tells, as words and what they end with: "which takes no" "units". */
struct sign {
    const char *words, *what;
    int n; /* bytes of `what` */
    bool proves;
    char release[16];
};

static void found(struct sign *sign, const char *words, const char *what, size_t n, bool proves)
{
    sign->words = words;
    sign->what = what;
    sign->n = (int)n;
    sign->proves = proves;
}

static bool is_told(const char *module, const char *registered_name)
{
    if (module)
        return !kf_starts(module, "keras.") && !kf_starts(module, "tf_keras.") &&
               !kf_in_words("keras tf_keras", module);
    return registered_name != NULL;
}

/* True where the file says whose the class is. */
static bool look_at_names(struct sign *sign, const struct kf_layer *layer)
{
    const char *module = layer->module, *registered = layer->registered_name;

    if (module && is_told(module, registered))
        found(sign, "but of the module", module, strlen(module), true);
    else if (is_told(module, registered))
        found(sign, "but registered as", registered, strlen(registered), true);
    return module || registered;
}

/* A key that no release of Keras had for the class; `row` has those of Keras 2, or is NULL. */
static void look_at_keys(struct sign *sign, const struct kf_layer *layer,
                         const struct kf_class *row)
{
    const char *key;
    json_t *value;

    json_object_foreach(layer->config, key, value)
    {
        if ((row && kf_keras2_class_takes(row, key)) || kf_class_ever_took(layer->class_name, key))
            continue;
        found(sign, "which takes no", key, strlen(key), true);
        return;
    }
}

/* A file from before Keras had a class of the name; what stands as 2.4 TensorFlow had before. */
static void look_at_age(struct sign *sign, int since, const struct kf_late_class *late,
                        bool bundled)
{
    if (!since || since >= late->since || (late->since == 204 && bundled))
        return;
    snprintf(sign->release, sizeof(sign->release), "%d.%d", late->since / 100, late->since % 100);
    found(sign, "which came with Keras", sign->release, strlen(sign->release), false);
}

/*
 * A config with no key of its class: each Keras 2 writes some for its own, and a class of the
 * user's that has no get_config() has those of every layer only.
 */
static void look_for_any(struct sign *sign, const struct kf_layer *layer,
                         const struct kf_class *row)
{
    const char *key;
    json_t *value;

    if (kf_keras2_class_may_be_bare(row))
        return;
    json_object_foreach(layer->config, key, value) if (kf_keras2_class_adds(row, key)) return;
    found(sign, "which writes keys", "of its own", strlen("of its own"), false);
}

/* The first of the keys that each release writes and the config has not. */
static void look_for_all(struct sign *sign, const struct kf_layer *layer, const char *keys)
{
    while (*keys && !sign->words) {
        size_t n = strcspn(keys, " ");
        char key[64];

        snprintf(key, sizeof(key), "%.*s", (int)n, keys);
        if (!json_object_get(layer->config, key))
            found(sign, "which always writes", keys, n, false);
        keys += n + (keys[n] == ' ');
    }
}

static void look_at_config(struct sign *sign, const struct kf_keras2_parse *parse,
                           const struct kf_layer *layer, const struct kf_class *row)
{
    const struct kf_late_class *late = kf_class_late(layer->class_name);
    const struct kf_class *later = row ? NULL : kf_class_find("keras.layers", layer->class_name);
    int keras = parse->model->keras;
    bool second = keras >= KF_KERAS(2, 0, 0) && keras < KF_KERAS(3, 0, 0);

    if (parse->model->dialect != KF_DIALECT_KERAS1)
        look_at_keys(sign, layer, row);
    if (!sign->words && late)
        look_at_age(sign, KF_SINCE(keras), late,
                    kf_release_is_bundled(parse->rep->source.keras_version));
    if (!sign->words && second && later && kf_streq(later->module, "keras.layers"))
        found(sign, "which came with Keras", "3", 1, true);
    if (!sign->words && second && row)
        look_for_any(sign, layer, row);
    if (!sign->words && second && late)
        look_for_all(sign, layer, late->keys);
}

int kf_config_users(struct kf_keras2_parse *parse, struct kf_layer *layer)
{
    const struct kf_class *row = kf_keras2_class_find("keras.layers", layer->class_name);
    const char *users;
    struct sign sign = {0};

    if (!row && !kf_class_find("keras.layers", layer->class_name))
        return 0;
    if (!look_at_names(&sign, layer) && !parse->model->made_up)
        look_at_config(&sign, parse, layer, row);
    if (!sign.words)
        return 0;
    users = kf_arena_printf(parse->model->arena, "%s %.*s", sign.words, sign.n, sign.what);
    if (!users)
        return kf_report_add(parse->rep, KF_NO_MEMORY, layer->path, "out of memory");
    layer->users = sign.proves || !parse->options->guess ? users : NULL;
    if (sign.proves)
        return 0;
    return kf_report_add(parse->rep, KF_FINDING, layer->path,
                         layer->users ? "the layer is taken for the user's, not for the %s of "
                                        "Keras, %s; guess=yes takes it for that"
                                      : "the layer is taken for the %s of Keras, %s",
                         layer->class_name, users);
}

int kf_config_users_graph(struct kf_keras2_parse *parse, struct kf_graph *graph,
                          const json_t *object)
{
    struct kf_arena *arena = parse->model->arena;
    const char *module = kf_json_str(object, "module", NULL);
    const char *registered = kf_json_str(object, "registered_name", NULL);
    const char *package = strchr(graph->class_name, '>');

    graph->users = !kf_in_words(KF_GRAPH_CLASSES, graph->class_name) || is_told(module, registered);
    if (!graph->users)
        return 0;
    graph->module = module ? kf_arena_strdup(arena, module) : NULL;
    graph->registered_name = kf_arena_strdup(arena, registered ? registered : graph->class_name);
    graph->class_name = package ? package + 1 : graph->class_name; /* "Package>Class" of an .h5 */
    if (!graph->registered_name || (module && !graph->module))
        return kf_report_add(parse->rep, KF_NO_MEMORY, graph->path, "out of memory");
    return 0;
}
