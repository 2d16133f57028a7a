/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/classes.h"
#include "../keras3/keras3_paths.h"
#include "../layer_vars.h"
#include "../optimizer_read.h"
#include "saving_lib_named.h"
#include "saving_lib_private.h"
#include <stdio.h>
#include <string.h>

static const struct copy {
    const char *class_name, *name;
} copies[] = {
#define KF_COPY(class_name) {class_name, "copy:" class_name},
#include "saving_lib.def"
};
#define N_COPIES (sizeof(copies) / sizeof(copies[0]))

int kf_saving_lib_no_memory(struct kf_saving_lib *lib)
{
    return kf_report_add(lib->rep, KF_NO_MEMORY, "", "out of memory");
}

const char *kf_saving_lib_join(struct kf_saving_lib *lib, const char *above, const char *name)
{
    const char *path = *name ? kf_arena_printf(lib->model->arena, "%s/%s", above, name) : above;

    if (!path)
        kf_saving_lib_no_memory(lib);
    return path;
}

int kf_saving_lib_take(struct kf_saving_lib *lib, const char *path, struct kf_tensor *tensor)
{
    struct kf_payload *payload = kf_arena_alloc(lib->model->arena, sizeof(*payload));

    if (!payload)
        return kf_saving_lib_no_memory(lib);
    KF_TRY(kf_h5_payload(lib->h5, path, lib->model->arena, payload, lib->rep));
    KF_TRY(kf_json_set(lib->taken, path, json_true(), lib->rep));
    tensor->payload = payload;
    tensor->source = path + strlen(lib->root) + 1;
    return 0;
}

/*
 * The group of a tensor's variables below its layer's: attributes of a layer became public in
 * 3.0.3, so a name may have an underscore in front.
 */
static int find_group(struct kf_saving_lib *lib, const struct kf_layer *layer, const char *group,
                      const struct kf_tensor *tensor, const char **out)
{
    const char *subpath = tensor->subpath ? tensor->subpath : "";
    const char *own = kf_saving_lib_join(lib, group, subpath), *hidden;

    if (!own)
        return -KF_NO_MEMORY;
    *out = own;
    if (!*subpath)
        return 0;
    hidden = kf_arena_printf(lib->model->arena, "%s/_%s", group, subpath);
    if (!hidden)
        return kf_saving_lib_no_memory(lib);
    if (!kf_h5_is_group(lib->h5, hidden))
        return 0;
    if (kf_h5_is_group(lib->h5, own))
        return kf_report_add(lib->rep, KF_MAPPING_AMBIGUOUS, layer->path,
                             "the file has %s with and without an underscore in front",
                             tensor->subpath);
    *out = hidden;
    return 0;
}

/* Variables that stand in front of the layer's own: see KF_COPY. */
static size_t copies_before(struct kf_saving_lib *lib, const struct kf_layer *layer,
                            const char *vars)
{
    char last[32];

    for (size_t i = 0; i < N_COPIES; i++) {
        if (strcmp(copies[i].class_name, layer->class_name) != 0)
            continue;
        kf_report_rule(lib->rep, copies[i].name);
        snprintf(last, sizeof(last), "%zu", layer->n_tensors);
        vars = kf_saving_lib_join(lib, vars, last);
        return vars && kf_h5_has(lib->h5, vars);
    }
    return 0;
}

/* The dataset of a tensor: its number among those of one group, or its name. */
static int find_dataset(struct kf_saving_lib *lib, const struct kf_layer *layer, size_t index,
                        const char *group, const char **out)
{
    const struct kf_tensor *tensor = &layer->tensors[index];
    const char *vars = kf_saving_lib_join(lib, group, "vars"), *named;
    size_t number = vars ? copies_before(lib, layer, vars) : 0;

    if (!vars)
        return -KF_NO_MEMORY;
    for (size_t i = 0; i < index; i++)
        number += kf_streq(layer->tensors[i].subpath, tensor->subpath);
    *out = kf_arena_printf(lib->model->arena, "%s/%zu", vars, number);
    named = kf_saving_lib_join(lib, vars, tensor->dataset ? tensor->dataset : tensor->variable);
    if (!*out || !named)
        return kf_saving_lib_no_memory(lib);
    if (tensor->dataset || kf_h5_has(lib->h5, named))
        *out = named;
    if (kf_h5_has(lib->h5, *out))
        return 0;
    return kf_report_add(lib->rep, KF_WEIGHTS_MISSING, layer->path, "the file has no %s for the %s",
                         *out + strlen(lib->root) + 1, tensor->variable);
}

static int bind_tensor(struct kf_saving_lib *lib, struct kf_layer *layer, size_t index,
                       const char *group)
{
    const char *path = NULL;

    KF_TRY(find_group(lib, layer, group, &layer->tensors[index], &path));
    KF_TRY(find_dataset(lib, layer, index, path, &path));
    KF_TRY(kf_saving_lib_take(lib, path, &layer->tensors[index]));
    return kf_vars_check(layer, &layer->tensors[index], lib->rep);
}

/* All that is missing is told, not the first alone; `*whole` is false then. */
static int bind_tensors(struct kf_saving_lib *lib, struct kf_layer *layer, const char *group,
                        bool *whole)
{
    for (size_t i = 0; i < layer->n_tensors; i++) {
        int r = bind_tensor(lib, layer, i, group);

        if (r < 0 && r != -KF_WEIGHTS_MISSING)
            return r;
        *whole = *whole && r == 0;
    }
    return 0;
}

/* The dataset at `path` must be another copy of `original`. */
static int check_copy(struct kf_saving_lib *lib, const struct kf_layer *layer, const char *path,
                      const struct kf_payload *original)
{
    struct kf_tensor copy = {0};
    bool same = false;

    KF_TRY(kf_saving_lib_take(lib, path, &copy));
    if (original)
        KF_TRY(kf_payload_equal(copy.payload, original, &same, lib->rep));
    if (same)
        return 0;
    return kf_report_add(lib->rep, KF_MAPPING_AMBIGUOUS, layer->path,
                         "%s is there to be a copy of another variable, but has other values",
                         copy.source);
}

/* A layer that begins with a variable of the layer that it wraps: see KF_COPY. */
static int check_wrapped(struct kf_saving_lib *lib, const struct kf_layer *layer, const char *group)
{
    const char *vars = kf_saving_lib_join(lib, group, "vars"), *path;
    const struct kf_layer *inside = layer->n_parts ? layer->parts[0] : NULL;

    if (!vars)
        return -KF_NO_MEMORY;
    if (!copies_before(lib, layer, vars))
        return 0;
    if (!(path = kf_saving_lib_join(lib, vars, "0")))
        return -KF_NO_MEMORY;
    return check_copy(lib, layer, path,
                      inside && inside->n_tensors ? inside->tensors[0].payload : NULL);
}

/* A layer whose variables a part of it has once more: see KF_NAMED. */
static int check_again(struct kf_saving_lib *lib, const struct kf_layer *layer, const char *group)
{
    const char *again = kf_saving_lib_again(layer->class_name);

    for (size_t i = 0; again && i < layer->n_tensors; i++) {
        const char *name = strrchr(layer->tensors[i].source, '/');
        const char *path =
            kf_arena_printf(lib->model->arena, "%s/%s/vars%s", group, again, name ? name : "");

        if (!path)
            return kf_saving_lib_no_memory(lib);
        if (kf_h5_has(lib->h5, path))
            KF_TRY(check_copy(lib, layer, path, layer->tensors[i].payload));
    }
    return 0;
}

static int bind_layer(struct kf_saving_lib *lib, struct kf_layer *layer, const char *group);

/* The group of a part; members of one list stand together and are named by class. */
static int part_group(struct kf_saving_lib *lib, const struct kf_layer *part, const char *above,
                      json_t *used, const char **out)
{
    struct kf_arena *arena = lib->model->arena;
    const char *snake;
    json_int_t number;

    *out = kf_saving_lib_join(lib, above, part->attribute);
    if (!*out)
        return -KF_NO_MEMORY;
    if (!part->in_container)
        return 0;
    if (!(snake = kf_snake_case(arena, kf_keras3_class_of(part))))
        return kf_saving_lib_no_memory(lib);
    number = kf_json_int(used, snake, -1) + 1;
    KF_TRY(kf_json_set(used, snake, json_integer(number), lib->rep));
    *out = number ? kf_arena_printf(arena, "%s/%s_%" JSON_INTEGER_FORMAT, *out, snake, number)
                  : kf_arena_printf(arena, "%s/%s", *out, snake);
    return *out ? 0 : kf_saving_lib_no_memory(lib);
}

static int bind_parts(struct kf_saving_lib *lib, struct kf_layer *layer, const char *group)
{
    json_auto_t *used = json_object();

    for (size_t i = 0; i < layer->n_parts; i++) {
        const char *below = NULL;

        KF_TRY(part_group(lib, layer->parts[i], group, used, &below));
        KF_TRY(bind_layer(lib, layer->parts[i], below));
    }
    return check_wrapped(lib, layer, group);
}

static int bind_graph(struct kf_saving_lib *lib, struct kf_graph *graph, const char *group)
{
    const size_t *order = NULL;

    KF_TRY(kf_saving_lib_order(lib, graph, group, &order));
    return kf_saving_lib_each(lib, graph, group, order, bind_layer);
}

/* A layer that is not whole is refused by bind_all(), when all have been looked at. */
static int bind_layer(struct kf_saving_lib *lib, struct kf_layer *layer, const char *group)
{
    bool whole = true;

    layer->found = group + strlen(lib->root) + 1;
    if (layer->inner)
        return bind_graph(lib, layer->inner, group);
    if (kf_saving_lib_opaque(layer))
        return kf_saving_lib_bind_opaque(lib, layer, group);
    KF_TRY(bind_tensors(lib, layer, group, &whole));
    if (!whole)
        return 0;
    KF_TRY(check_again(lib, layer, group));
    return bind_parts(lib, layer, group);
}

static int note_renamed(struct kf_saving_lib *lib)
{
    if (!lib->n_renamed)
        return 0;
    return kf_report_add(lib->rep, KF_FINDING, "",
                         "the weights are of a model with other names of layers: those of %s are "
                         "called %s; %zu in all, taken by class and place as Keras does",
                         lib->renamed->path, lib->renamed_to, lib->n_renamed);
}

/* The state of an optimizer, which the compile config names. */
static int read_optimizer(struct kf_saving_lib *lib)
{
    const char *path = kf_saving_lib_join(lib, lib->root, "optimizer/vars");

    if (!path)
        return -KF_NO_MEMORY;
    return kf_optimizer_read_vars(lib->model, lib->h5, path, lib->rep);
}

static int bind_all(struct kf_saving_lib *lib)
{
    int split = kf_h5_split_names(lib->h5, lib->rep), rest;

    if (split < 0)
        return split;
    if (split)
        kf_report_evidence(lib->rep, "groups are named with backslashes, as Windows does");
    KF_TRY(kf_saving_lib_choose(lib));
    KF_TRY(bind_graph(lib, lib->model->graph, lib->root));
    rest = kf_saving_lib_check_rest(lib);
    KF_TRY(kf_report_status(lib->rep)); /* the first refusal is what the report says */
    KF_TRY(rest);
    KF_TRY(read_optimizer(lib));
    return note_renamed(lib);
}

int kf_saving_lib_bind(struct kf_model *model, struct kf_h5 *h5, const char *root, int keras,
                       struct kf_report *rep)
{
    struct kf_saving_lib lib = {
        .model = model, .h5 = h5, .root = root, .keras = keras, .rep = rep, .taken = json_object()};
    int r = lib.taken ? bind_all(&lib) : kf_saving_lib_no_memory(&lib);

    json_decref(lib.taken);
    return r;
}
