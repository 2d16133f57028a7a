/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_MODEL_CLASSES_H
#define KF_MODEL_CLASSES_H

#include "../base/arena.h"
#include <stdbool.h>

/* A class of Keras 3, as keras3_classes.def has it. */
struct kf_class {
    const char *module, *name;
    int since;        /* first release that has it, as 3 * 100 + minor */
    const char *keys; /* of its config, space-separated */
};

/** The class of that name in "keras.layers", "keras.initializers", ...; NULL when there is none. */
const struct kf_class *kf_class_find(const char *module, const char *name);

/** The layer whose name in snake case is the `n` bytes at `snake`, "dense"; NULL when none is. */
const struct kf_class *kf_class_of_snake(struct kf_arena *arena, const char *snake, size_t n);

/** True when the class takes the key in its config. */
bool kf_class_takes(const struct kf_class *found, const char *key);

#endif
