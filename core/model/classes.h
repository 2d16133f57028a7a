/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_MODEL_CLASSES_H
#define KF_MODEL_CLASSES_H

#include "../base/arena.h"
#include <stdbool.h>
#include <stddef.h>

/* A class of Keras 3, as keras3_classes.def has it, or of Keras 2, as keras2_classes.def has it. */
struct kf_class {
    const char *module, *name;
    int since;        /* first release that has it, as major * 100 + minor */
    const char *keys; /* of its config, space-separated; of Keras 2 "key@209" where it came later */
};

/** The class of that name in "keras.layers", "keras.initializers", ...; NULL when there is none. */
const struct kf_class *kf_class_find(const char *module, const char *name);

/**
 * Find the class of a module, as for kf_class_find(), whose name in snake case is the `n` bytes at
 * `snake`, "dense"; `*out` is NULL when there is none. False when memory ran out.
 */
bool kf_class_of_snake(const struct kf_class **out, struct kf_arena *arena, const char *module,
                       const char *snake, size_t n);

/** True when the class takes the key in its config. */
bool kf_class_takes(const struct kf_class *found, const char *key);

/** The class of Keras 2 that stands in a config as a layer, or of the other modules; NULL when
 * there is none. `module` as for kf_class_find(): a layer's own module may be another. */
const struct kf_class *kf_keras2_class_find(const char *module, const char *name);

/** Where release `since` of Keras 2 keeps a class without a public name, by keras2_modules.def. */
const char *kf_keras2_module(const char *name, int since);

/* A layer that Keras got late, as late_classes.def has it. */
struct kf_late_class {
    const char *name;
    int since;        /* the first release that has it in any form, as 2 * 100 + minor */
    const char *keys; /* what each such release writes into its config, space-separated */
};

/** The row of a layer that Keras got late; NULL when there is none. */
const struct kf_late_class *kf_class_late(const char *name);

/** True when the layer of Keras of that name had the key in its config in any release from 2.0 on.
 */
bool kf_class_ever_took(const char *class_name, const char *key);

/**
 * "GlorotUniformV2" as TensorFlow wrote it for a time: the class without its number, where `find`
 * knows that one, else `name` itself.
 */
const char *kf_class_unversioned(struct kf_arena *arena,
                                 const struct kf_class *(*find)(const char *module,
                                                                const char *name),
                                 const char *module, const char *name);

/** True when the key is one of the class's own, which not every layer takes. */
bool kf_keras2_class_adds(const struct kf_class *found, const char *key);

/** True when a config of the class may have no key of the class's own. */
bool kf_keras2_class_may_be_bare(const struct kf_class *found);

/** The first release of Keras 2 whose class takes the key, as 2 * 100 + minor; 0 for none. */
int kf_keras2_class_takes(const struct kf_class *found, const char *key);

#endif
