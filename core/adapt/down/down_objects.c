/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "keras3_keras2.h"
#include <string.h>

static const struct object_row {
    const char *module, *from, *to, *source, *name;
} rows[] = {
#define KF_OBJECT(module, from, to, source) {module, from, to, source, "down:object:" from},
#include "down_values.def"
#undef KF_OBJECT
};

/* {"module", "class_name": "DTypePolicy", "config": {"name"}} and the plain name of one. */
static int down_dtype(struct kf_adapt *adapt, struct kf_layer *layer, json_t *value)
{
    const char *class_name = kf_json_str(value, "class_name", "DTypePolicy");
    const char *name = json_is_string(value)
                           ? json_string_value(value)
                           : kf_json_str(json_object_get(value, "config"), "name", NULL);
    json_t *policy;

    if (json_is_null(value))
        return 0;
    if (!kf_in_words("DTypePolicy FloatDTypePolicy Policy", class_name) || !name) {
        kf_report_change(adapt->rep, KF_VALUE_NO_EQUAL, layer->path, "dtype", value, NULL,
                         "the dtype policy %s is not one of Keras 2", class_name);
        return 0;
    }
    if (!kf_starts(name, "mixed_"))
        policy = json_string(name);
    else
        policy = json_pack("{s:s, s:{s:s}}", "class_name", "Policy", "config", "name", name);
    if (policy && json_equal(policy, value)) {
        json_decref(policy);
        return 0;
    }
    KF_TRY(kf_report_change(adapt->rep, KF_VALUE_REWRITTEN, layer->path, "dtype", value, policy,
                            "a policy is written as Keras 2 does"));
    return kf_json_set(layer->config, "dtype", policy, adapt->rep);
}

static const struct object_row *row_of(const char *module, const char *name)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].module, module) == 0 && strcmp(rows[i].from, name) == 0)
            return &rows[i];
    return NULL;
}

static const char *module_at(const char *key)
{
    return kf_ends(key, "_initializer")   ? "keras.initializers"
           : kf_ends(key, "_regularizer") ? "keras.regularizers"
           : kf_ends(key, "_constraint")  ? "keras.constraints"
                                          : NULL;
}

/* Keys that Keras 3 added to helper objects: how a kernel is first filled does not matter now. */
static int drop_unknown(struct kf_adapt *adapt, struct kf_layer *layer, const char *key,
                        const struct kf_class *found, json_t *config)
{
    const char *name;
    json_t *value;
    void *next;

    json_object_foreach_safe(config, next, name, value)
    {
        if (kf_keras2_class_takes(found, name))
            continue;
        KF_TRY(kf_report_change(adapt->rep, KF_KEY_DROPPED, layer->path, key, value, NULL,
                                "%s of Keras 2 takes no %s", found->name, name));
        json_object_del(config, name);
    }
    return 0;
}

static int down_object(struct kf_adapt *adapt, struct kf_layer *layer, const char *key,
                       json_t *value, const char *module)
{
    const char *name = kf_json_str(value, "class_name", "");
    const struct object_row *row = row_of(module, name);
    const struct kf_class *found;

    if (row)
        kf_report_rule(adapt->rep, row->name);
    if (row && !row->to) {
        KF_TRY(kf_report_change(
            adapt->rep, KF_KEY_DROPPED, layer->path, key, value, NULL,
            "Keras 2 has no %s, and weights that are loaded need no initializer", name));
        json_object_del(layer->config, key);
        return 0;
    }
    if (row)
        KF_TRY(kf_json_set(value, "class_name", json_string(row->to), adapt->rep));
    json_object_del(value, "shared_object_id");
    found = kf_keras2_class_find(module, row ? row->to : name);
    return found ? drop_unknown(adapt, layer, key, found, json_object_get(value, "config")) : 0;
}

/* An activation that is a layer has a config as any layer. */
static int down_activation(struct kf_adapt *adapt, struct kf_layer *layer, json_t *value)
{
    struct kf_layer inner = {.class_name = kf_json_str(value, "class_name", ""),
                             .path = layer->path,
                             .config = json_object_get(value, "config")};

    if (strcmp(inner.class_name, "function") == 0 || !kf_json_is_object_of_class(value))
        return 0;
    KF_TRY(kf_rules_apply(adapt, &inner));
    KF_TRY(kf_down_objects(adapt, &inner));
    json_object_del(value, "build_config");
    return kf_json_set(value, "class_name", json_string(inner.class_name), adapt->rep);
}

int kf_down_objects(struct kf_adapt *adapt, struct kf_layer *layer)
{
    const char *key;
    json_t *value;
    void *next;

    json_object_foreach_safe(layer->config, next, key, value)
    {
        const char *module = module_at(key);

        if (strcmp(key, "dtype") == 0)
            KF_TRY(down_dtype(adapt, layer, value));
        else if (module && kf_json_is_object_of_class(value))
            KF_TRY(down_object(adapt, layer, key, value, module));
        else if (kf_ends(key, "activation"))
            KF_TRY(down_activation(adapt, layer, value));
    }
    return 0;
}
