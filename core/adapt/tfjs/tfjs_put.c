/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/policy.h"
#include "../down/keras3_keras2.h"
#include "tfjs.h"

static int no_memory(struct kf_instead *one)
{
    return kf_adapt_no_memory(one->adapt, one->layer->path);
}

static int set_plain(struct kf_instead *one, struct kf_layer *layer)
{
    struct kf_report *rep = one->adapt->rep;

    KF_TRY(kf_json_set(layer->config, "name", json_string(layer->name), rep));
    KF_TRY(kf_json_set(layer->config, "trainable", json_boolean(layer->trainable), rep));
    return kf_json_set(layer->config, "dtype", json_string("float32"), rep);
}

int kf_instead_before(struct kf_instead *one, const char *class_name, json_t *config)
{
    struct kf_layer *before = NULL;

    KF_TRY(kf_insert_before(one->adapt, one->graph, one->index, class_name, config, &before));
    if (one->graph->topology == KF_SEQUENTIAL)
        one->index++;
    before->trainable = one->layer->trainable;
    return set_plain(one, before);
}

/* Two layers with each other's names. */
static void swap_names(struct kf_layer *a, struct kf_layer *b)
{
    const char *name = a->name, *path = a->path;

    a->name = b->name;
    a->path = b->path;
    b->name = name;
    b->path = path;
}

int kf_instead_behind(struct kf_instead *one, const char *class_name, json_t *config)
{
    struct kf_layer *last = one->layer, *layer = NULL;
    json_t *own = last->config;
    bool sequential = one->graph->topology == KF_SEQUENTIAL;
    size_t at = sequential ? one->index : one->graph->n_layers;

    /* The one that others are called with becomes the one behind. */
    KF_TRY(kf_insert_before(one->adapt, one->graph, one->index, class_name, config, &layer));
    swap_names(last, layer);
    last->config = layer->config;
    layer->config = own;
    layer->class_name = last->class_name;
    layer->module = last->module;
    layer->registered_name = last->registered_name;
    layer->trainable = last->trainable;
    layer->tensors = last->tensors;
    layer->n_tensors = last->n_tensors;
    layer->parts = last->parts;
    layer->n_parts = last->n_parts;
    last->parts = NULL;
    last->n_parts = 0;
    last->class_name = class_name;
    last->module = last->registered_name = NULL;
    last->tensors = NULL;
    last->n_tensors = 0;
    for (size_t k = 0; k < last->n_calls && !sequential; k++) { /* the keywords are the layer's */
        json_t *kwargs = layer->calls[k].kwargs;

        layer->calls[k].kwargs = last->calls[k].kwargs;
        last->calls[k].kwargs = kwargs;
    }
    one->layer = layer;
    one->index = at;
    return set_plain(one, last);
}

int kf_instead_become(struct kf_instead *one, const char *class_name, json_t *config)
{
    struct kf_layer *layer = one->layer;

    if (!config)
        return no_memory(one);
    json_decref(layer->config);
    layer->config = config;
    layer->class_name = class_name;
    layer->module = layer->registered_name = NULL;
    return set_plain(one, layer);
}

int kf_instead_rename(struct kf_instead *one, const char *class_name)
{
    return kf_instead_become(one, class_name, json_deep_copy(one->layer->config));
}

int kf_instead_call(struct kf_instead *one, const char *suffix, const char *class_name,
                    json_t *config, json_t *args, json_t **out)
{
    struct kf_layer *layer = NULL;
    size_t at = one->graph->n_layers;
    int r =
        kf_down_add_layer(one->adapt, one->graph, one->layer, suffix, class_name, config, &layer);

    if (r < 0) {
        json_decref(args);
        return r;
    }
    KF_TRY(kf_layer_add_call(one->adapt->model, layer, args, json_object(), one->adapt->rep));
    *out = kf_ref_new(at, 0, 0);
    return *out ? 0 : no_memory(one);
}

bool kf_instead_is_float32(const struct kf_instead *one)
{
    return kf_streq(kf_policy_name(one->layer->config, "float32"), "float32");
}

bool kf_instead_is_bare(const struct kf_instead *one, const char *but)
{
    for (size_t k = 0; k < one->layer->n_calls; k++) {
        const char *key;
        json_t *value;

        json_object_foreach(one->layer->calls[k].kwargs, key, value)
        {
            if (!json_is_null(value) && !json_is_false(value) && !kf_in_words(but, key))
                return false;
        }
    }
    return true;
}

int kf_instead_take(struct kf_instead *one, struct kf_tensor *tensor,
                    const struct kf_payload *payload, bool fits, const char *done)
{
    if (!fits)
        return kf_report_add(one->adapt->rep, KF_WEIGHT_SHAPE, one->layer->path,
                             "%s has not the shape or dtype of a %s", tensor->source,
                             one->layer->class_name);
    if (!payload)
        return no_memory(one);
    tensor->payload = payload;
    tensor->done = tensor->done
                       ? kf_arena_printf(one->adapt->model->arena, "%s; %s", tensor->done, done)
                       : done;
    return tensor->done ? 0 : no_memory(one);
}
