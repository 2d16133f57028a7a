/* SPDX-License-Identifier: Apache-2.0 */
#include "classes.h"
#include "../base/str.h"
#include <stdlib.h>
#include <string.h>

static const struct kf_class classes[] = {
#define KF_CLASS(module, name, since, keys) {module, name, since, keys},
#include "keras3_classes.def"
#include "keras3_training.def"
#undef KF_CLASS
};

/* Keys that every layer takes; activity_regularizer and the rest come by Layer.__init__. */
#define LAYER_KEYS "name trainable dtype activity_regularizer"

/* Models of keras.applications have layers of their own, which stand in a config as all others. */
#define APPLICATIONS "keras.src.applications."

/* Keys that all classes of another module take. */
static const struct {
    const char *module, *keys;
} common[] = {
    {"keras.layers", LAYER_KEYS},
    {APPLICATIONS "convnext", LAYER_KEYS},
    {APPLICATIONS "inception_resnet_v2", LAYER_KEYS},
    {"keras.losses", "name dtype"},
    {"keras.metrics", "name dtype"},
    {"keras.optimizers", "name learning_rate weight_decay clipnorm clipvalue global_clipnorm "
                         "use_ema ema_momentum ema_overwrite_frequency loss_scale_factor "
                         "gradient_accumulation_steps"},
};

/* `row` is of the module, or a layer of the applications where it is that of the layers. */
static bool is_of(const struct kf_class *row, const char *module)
{
    return strcmp(row->module, module) == 0 ||
           (strcmp(module, "keras.layers") == 0 && kf_starts(row->module, APPLICATIONS));
}

const struct kf_class *kf_class_find(const char *module, const char *name)
{
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
        if (strcmp(classes[i].name, name) == 0 && is_of(&classes[i], module))
            return &classes[i];
    return NULL;
}

bool kf_class_of_snake(const struct kf_class **out, struct kf_arena *arena, const char *module,
                       const char *snake, size_t n)
{
    *out = NULL;
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]) && !*out; i++) {
        const char *name;

        if (!is_of(&classes[i], module))
            continue;
        if (!(name = kf_snake_case(arena, classes[i].name)))
            return false;
        if (strlen(name) == n && memcmp(name, snake, n) == 0)
            *out = &classes[i];
    }
    return true;
}

bool kf_class_takes(const struct kf_class *found, const char *key)
{
    for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
        if (strcmp(common[i].module, found->module) == 0 && kf_in_words(common[i].keys, key))
            return true;
    return kf_in_words(found->keys, key);
}

static const struct kf_class keras2_classes[] = {
#define KF_CLASS(module, name, since, keys) {module, name, since, keys},
#include "keras2_classes.def"
#define KF_CLASS(module, name, since, keys) {module, name, since, keys},
#include "keras2_training.def"
#undef KF_CLASS
};

static const char *const keras2_bare[] = {
#define KF_BARE(name) name,
#include "keras2_classes.def"
};

/* What Layer.__init__ of Keras 2 takes: allowed_kwargs of keras/src/engine/base_layer.py (2.15). */
#define KERAS2_LAYER_KEYS                                                                          \
    "name trainable dtype dynamic batch_input_shape input_shape input_dim batch_size weights "     \
    "activity_regularizer autocast implementation"

/* Keys that all classes of a module of Keras 2 take that are no layers. */
static const struct {
    const char *module, *keys;
} keras2_common[] = {
    {"keras.initializers", ""},
    {"keras.regularizers", ""},
    {"keras.constraints", ""},
    {"keras.losses", "name reduction"},
    {"keras.metrics", "name dtype"},
    {"keras.optimizers.schedules", ""},
    {"keras.optimizers", "name learning_rate weight_decay clipnorm clipvalue global_clipnorm "
                         "use_ema ema_momentum ema_overwrite_frequency jit_compile "
                         "is_legacy_optimizer"},
    {"keras.optimizers.legacy", "name learning_rate decay clipnorm clipvalue global_clipnorm "
                                "is_legacy_optimizer"},
};

static const struct {
    const char *classes, *keys;
} keras2_once[] = {
#define KF_ONCE(classes, keys) {classes, keys},
#include "keras2_classes.def"
};

static const struct kf_late_class late_classes[] = {
#define KF_LATE(name, since, keys) {name, since, keys},
#include "late_classes.def"
};

static const char *common_keys(const char *module)
{
    for (size_t i = 0; i < sizeof(keras2_common) / sizeof(keras2_common[0]); i++)
        if (strcmp(keras2_common[i].module, module) == 0)
            return keras2_common[i].keys;
    return KERAS2_LAYER_KEYS;
}

static bool is_layer(const char *module)
{
    return strcmp(common_keys(module), KERAS2_LAYER_KEYS) == 0;
}

const struct kf_class *kf_keras2_class_find(const char *module, const char *name)
{
    bool layer = is_layer(module);

    for (size_t i = 0; i < sizeof(keras2_classes) / sizeof(keras2_classes[0]); i++) {
        const struct kf_class *row = &keras2_classes[i];

        if (strcmp(row->name, name) == 0 &&
            (layer ? is_layer(row->module) : strcmp(row->module, module) == 0))
            return row;
    }
    return NULL;
}

const char *kf_keras2_module(const char *name, int since)
{
    static const struct {
        const char *name;
        int since;
        const char *module;
    } rows[] = {
#define KF_MODULE(name, since, module) {name, since, module},
#include "keras2_modules.def"
#undef KF_MODULE
    };
    const char *found = NULL;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].name, name) == 0 && rows[i].since <= since)
            found = rows[i].module;
    return found;
}

/* The release that a class's own key came with, 0 for what is none of its own. */
static int since_of(const struct kf_class *found, const char *key)
{
    size_t n = strlen(key);

    for (const char *at = found->keys; at && *at; at += strspn(at, " ")) {
        const char *end = at + strcspn(at, " ");

        if (strncmp(at, key, n) == 0 && (at + n == end || at[n] == '@'))
            return at[n] == '@' ? (int)strtol(at + n + 1, NULL, 10) : found->since;
        at = end;
    }
    return 0;
}

bool kf_keras2_class_adds(const struct kf_class *found, const char *key)
{
    return since_of(found, key) != 0;
}

int kf_keras2_class_takes(const struct kf_class *found, const char *key)
{
    return kf_in_words(common_keys(found->module), key) ? found->since : since_of(found, key);
}

const char *kf_class_unversioned(struct kf_arena *arena,
                                 const struct kf_class *(*find)(const char *module,
                                                                const char *name),
                                 const char *module, const char *name)
{
    size_t n = strlen(name);
    const char *stem;

    if (n < 3 || name[n - 2] != 'V' || (name[n - 1] != '1' && name[n - 1] != '2'))
        return name;
    stem = kf_arena_strndup(arena, name, n - 2);
    return stem && find(module, stem) ? stem : name;
}

bool kf_keras2_class_may_be_bare(const struct kf_class *found)
{
    for (size_t i = 0; i < sizeof(keras2_bare) / sizeof(keras2_bare[0]); i++)
        if (strcmp(keras2_bare[i], found->name) == 0)
            return true;
    return !*found->keys;
}

const struct kf_late_class *kf_class_late(const char *name)
{
    for (size_t i = 0; i < sizeof(late_classes) / sizeof(late_classes[0]); i++)
        if (strcmp(late_classes[i].name, name) == 0)
            return &late_classes[i];
    return NULL;
}

bool kf_class_ever_took(const char *class_name, const char *key)
{
    const struct kf_class *old = kf_keras2_class_find("keras.layers", class_name);
    const struct kf_class *new = kf_class_find("keras.layers", class_name);

    for (size_t i = 0; i < sizeof(keras2_once) / sizeof(keras2_once[0]); i++)
        if ((strcmp(keras2_once[i].classes, "*") == 0 ||
             kf_in_words(keras2_once[i].classes, class_name)) &&
            kf_in_words(keras2_once[i].keys, key))
            return true;
    return (old && kf_keras2_class_takes(old, key)) || (new &&kf_class_takes(new, key));
}
