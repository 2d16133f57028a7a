/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../model/classes.h"
#include "../layer_vars.h"
#include "saving_lib_private.h"
#include <string.h>

bool kf_saving_lib_opaque(const struct kf_layer *layer)
{
    return !layer->inner && !layer->n_parts &&
           (layer->users || (!kf_vars_known(layer->class_name) &&
                             !kf_class_find("keras.layers", layer->class_name)));
}

/* Variables of a layer of a class that nobody knows: whatever its group holds. */
struct found {
    struct kf_saving_lib *lib;
    struct kf_layer *layer;
    const char *group;
    size_t cap;
};

static int add_found(struct found *found, const char *path, const char *subpath, const char *name)
{
    struct kf_layer *layer = found->layer;
    struct kf_tensor *tensors = layer->tensors;
    size_t n = layer->n_tensors;

    if (n == found->cap) {
        found->cap = n ? 2 * n : 4;
        tensors = kf_arena_alloc(found->lib->model->arena, found->cap * sizeof(*tensors));
        if (!tensors)
            return kf_saving_lib_no_memory(found->lib);
        if (n)
            memcpy(tensors, layer->tensors, n * sizeof(*tensors));
        layer->tensors = tensors;
    }
    tensors[n] = (struct kf_tensor){.variable = path + strlen(found->group) + 1,
                                    .subpath = subpath,
                                    .dataset = name,
                                    .trainable = true};
    layer->n_tensors++;
    return kf_saving_lib_take(found->lib, path, &tensors[n]);
}

/* Datasets stand in "vars" and have their numbers as names; the same names are written again. */
static int find_all(struct found *found, const char *path, const char *subpath)
{
    struct kf_saving_lib *lib = found->lib;
    bool vars = kf_ends(path, "/vars");
    const char **names;
    size_t n;

    if (!kf_h5_is_group(lib->h5, path))
        return 0;
    KF_TRY(kf_h5_children(lib->h5, path, lib->model->arena, &names, &n, lib->rep));
    for (size_t i = 0; i < n; i++) {
        const char *below = kf_saving_lib_join(lib, path, names[i]);
        const char *sub = kf_streq(names[i], "vars") ? subpath
                          : *subpath                 ? kf_saving_lib_join(lib, subpath, names[i])
                                                     : names[i];

        if (!below || !sub)
            return -KF_NO_MEMORY;
        if (!kf_h5_is_group(lib->h5, below) && vars)
            KF_TRY(add_found(found, below, subpath, names[i]));
        KF_TRY(find_all(found, below, sub));
    }
    return 0;
}

int kf_saving_lib_bind_opaque(struct kf_saving_lib *lib, struct kf_layer *layer, const char *group)
{
    return find_all(&(struct found){.lib = lib, .layer = layer, .group = group}, group, "");
}
