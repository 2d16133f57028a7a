/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../format/keras2/keras2_config.h"
#include "../io/text/json.h"
#include "rows.h"
#include "tfjs.h"
#include <string.h>

struct topology {
    const char *where;     /* name of the layer in hand */
    struct kf_report *rep; /* NULL: nobody wants to hear of it again */
};

static int left_out(const struct topology *topology, const char *key, const json_t *value)
{
    const char *name = kf_json_str(value, "class_name", NULL);

    if (!topology->rep)
        return 0;
    return kf_report_add(topology->rep, KF_EXTRA_DROPPED, topology->where,
                         "%s%s%s: TensorFlow.js has none such, and only training needs it", key,
                         name ? " " : "", name ? name : "");
}

/* "L2" of Keras is an L1L2 whose other number is 0. */
static int write_regularizer(json_t *config, const char *key, json_t *value, const char *other)
{
    const json_t *number =
        json_object_get(json_object_get(value, "config"), strcmp(other, "l1") == 0 ? "l2" : "l1");
    json_t *made = json_pack("{s:s, s:{s:f, s:f}}", "class_name", "L1L2", "config", "l1",
                             strcmp(other, "l1") == 0 ? 0.0 : json_number_value(number), "l2",
                             strcmp(other, "l1") == 0 ? json_number_value(number) : 0.0);

    return json_object_set_new(config, key, made);
}

/* An initializer, regularizer or constraint: as TensorFlow.js calls it, or left out. */
static int settle_object(const struct topology *topology, json_t *config, const char *key,
                         json_t *value)
{
    const char *name = kf_json_str(value, "class_name", NULL);
    bool never = kf_ends(key, "_constraint") || kf_streq(key, "activity_regularizer");
    const char *known = never ? NULL : kf_tfjs_object(name, topology->rep);

    if (!never && (kf_streq(name, "L1") || kf_streq(name, "L2")))
        return write_regularizer(config, key, value, strcmp(name, "L1") == 0 ? "l2" : "l1");
    if (known && kf_tfjs_takes(name, json_object_get(value, "config"), topology->rep))
        return json_object_set_new(value, "class_name", json_string(known));
    KF_TRY(left_out(topology, key, value));
    return json_object_set_new(config, key, json_null());
}

static bool is_object_key(const char *key)
{
    return kf_ends(key, "_initializer") || kf_ends(key, "_regularizer") ||
           kf_ends(key, "_constraint");
}

static int settle_activation(const struct topology *topology, json_t *config, const char *key,
                             const json_t *value)
{
    const char *name = kf_tfjs_activation(json_string_value(value), topology->rep);

    return json_object_set_new(config, key, json_string(name ? name : json_string_value(value)));
}

static int settle_layer(struct topology *topology, json_t *layer);

/* What must be written otherwise in a layer's config; a part of it is a layer too. */
static int settle_config(struct topology *topology, json_t *config)
{
    const char *key;
    void *next;
    json_t *value;

    json_object_foreach_safe(config, next, key, value)
    {
        int r = 0;

        if (is_object_key(key) && json_is_object(value))
            r = settle_object(topology, config, key, value);
        else if (kf_ends(key, "activation") && json_is_string(value))
            r = settle_activation(topology, config, key, value);
        else if (kf_json_is_object_of_class(value))
            r = settle_layer(topology, value);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Keys of a convolution that a separable one has no use for, and that it does not take there. */
static void drop_kernel_keys(const json_t *layer, json_t *config)
{
    if (!kf_streq(kf_json_str(layer, "class_name", ""), "SeparableConv2D"))
        return;
    json_object_del(config, "kernel_initializer");
    json_object_del(config, "kernel_regularizer");
    json_object_del(config, "kernel_constraint");
}

/* What a layer of any class has. */
static void keep_plain_keys(json_t *config)
{
    const char *key;
    json_t *value;
    void *next;

    json_object_foreach_safe(config, next, key, value)
    {
        if (!kf_in_words("name trainable dtype batch_input_shape", key))
            json_object_del(config, key);
    }
}

static int tell_class(const struct topology *topology, const json_t *class_name)
{
    json_auto_t *activation = json_string("Activation");

    return kf_report_change(topology->rep, KF_CLASS_REPLACED, topology->where, "class_name",
                            class_name, activation,
                            "TensorFlow.js has no %s, which does nothing but in training",
                            json_string_value(class_name));
}

/* A class that does nothing when it predicts becomes the activation that does nothing. */
static int settle_class(const struct topology *topology, json_t *layer, json_t *config)
{
    const char *class_name = kf_json_str(layer, "class_name", "");

    if (!kf_tfjs_is_idle(class_name))
        return 0;
    if (topology->rep)
        KF_TRY(tell_class(topology, json_object_get(layer, "class_name")));
    keep_plain_keys(config);
    if (json_object_set_new(config, "activation", json_string("linear")) < 0)
        return -1;
    return json_object_set_new(layer, "class_name", json_string("Activation"));
}

/* A backward layer is made of the forward one there. */
static void drop_backward(const json_t *layer, json_t *config)
{
    if (kf_streq(kf_json_str(layer, "class_name", ""), "Bidirectional"))
        json_object_del(config, "backward_layer");
}

/* BatchNormalization of Keras 2 has its axis in a list. */
static int settle_axis(const json_t *layer, json_t *config)
{
    json_t *axis = json_object_get(config, "axis");

    if (!kf_streq(kf_json_str(layer, "class_name", ""), "BatchNormalization") ||
        json_array_size(axis) != 1)
        return 0;
    return json_object_set(config, "axis", json_array_get(axis, 0));
}

static int settle_layer(struct topology *topology, json_t *layer)
{
    json_t *config = json_object_get(layer, "config"), *one;
    json_t *layers = json_object_get(config, "layers");
    size_t i;

    topology->where = kf_json_str(config, "name", topology->where);
    if (json_is_array(layers)) {
        json_array_foreach(layers, i, one)
        {
            int r = settle_layer(topology, one);

            if (r < 0)
                return r;
        }
        return 0;
    }
    drop_kernel_keys(layer, config);
    drop_backward(layer, config);
    if (settle_class(topology, layer, config) < 0 || settle_axis(layer, config) < 0)
        return -1;
    return settle_config(topology, config);
}

int kf_tfjs_topology(json_t **out, const struct kf_model *model, struct kf_report *rep)
{
    struct kf_report ignored;
    struct topology topology = {.where = "", .rep = rep};
    json_auto_t *made = NULL;
    int r;

    kf_report_init(&ignored);
    r = kf_keras2_config(&made, model, KF_TFJS_SPEAKS, KF_KERAS2_LEGACY, rep ? rep : &ignored);
    kf_report_finish(&ignored);
    if (r < 0)
        return r;
    *out = json_deep_copy(made);
    if (*out && settle_layer(&topology, *out) >= 0)
        return 0;
    json_decref(*out);
    *out = NULL;
    return rep ? kf_report_add(rep, KF_NO_MEMORY, "", "out of memory") : -KF_NO_MEMORY;
}
