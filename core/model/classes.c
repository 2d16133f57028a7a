/* SPDX-License-Identifier: Apache-2.0 */
#include "classes.h"
#include "../base/str.h"
#include <string.h>

static const struct kf_class classes[] = {
#define KF_CLASS(module, name, since, keys) {module, name, since, keys},
#include "keras3_classes.def"
#undef KF_CLASS
};

/* Keys that every layer takes; activity_regularizer and the rest come by Layer.__init__. */
#define LAYER_KEYS "name trainable dtype activity_regularizer"

const struct kf_class *kf_class_find(const char *module, const char *name)
{
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
        if (strcmp(classes[i].name, name) == 0 && strcmp(classes[i].module, module) == 0)
            return &classes[i];
    return NULL;
}

const struct kf_class *kf_class_of_snake(struct kf_arena *arena, const char *snake, size_t n)
{
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        const char *name = strcmp(classes[i].module, "keras.layers") == 0
                               ? kf_snake_case(arena, classes[i].name)
                               : NULL;

        if (name && strlen(name) == n && memcmp(name, snake, n) == 0)
            return &classes[i];
    }
    return NULL;
}

bool kf_class_takes(const struct kf_class *found, const char *key)
{
    bool layer = strcmp(found->module, "keras.layers") == 0;

    return (layer && kf_in_words(LAYER_KEYS, key)) || kf_in_words(found->keys, key);
}
