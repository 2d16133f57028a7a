/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/text/json.h"
#include "diff.h"
#include <string.h>

static const struct fallback {
    const char *classes, *key, *value;
} fallbacks[] = {
#define KF_DEFAULT(classes, key, value) {classes, key, value},
#include "defaults.def"
#undef KF_DEFAULT
};

/* Compared by themselves, or said by what is built and not by who builds it. */
static const char own_keys[] = "name layer backward_layer cell cells layers input_layers "
                               "output_layers build_config batch_input_shape";
/* How an object is found again and not what it is. */
static const char object_keys[] = "module registered_name shared_object_id build_config";

/* A row's value is JSON: only memory can be missing, which ends the comparison. */
static json_t *read_default(const struct kf_diff *diff, const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);

    if (!value)
        kf_diff_no_memory(diff);
    return value;
}

/* What Keras takes for a key that a config leaves out, new reference; NULL is null. */
static json_t *default_of(const struct kf_diff *diff, const char *class_name, const char *key)
{
    for (size_t i = 0; i < sizeof(fallbacks) / sizeof(fallbacks[0]); i++) {
        const struct fallback *row = &fallbacks[i];

        if (kf_streq(row->key, key) &&
            (kf_streq(row->classes, "*") || kf_in_words(row->classes, class_name)))
            return read_default(diff, row->value);
    }
    return NULL;
}

/* {"class_name": "DTypePolicy", "config": {"name": "float32"}} is "float32". */
static const json_t *plain(const json_t *value)
{
    if (kf_json_is_object_of_class(value) &&
        kf_streq(kf_json_str(value, "class_name", NULL), "DTypePolicy"))
        return json_object_get(json_object_get(value, "config"), "name");
    return value;
}

static bool is_nothing(const json_t *value)
{
    return !value || json_is_null(value);
}

/* Every key of `a` that counts is the same in `b`; null and missing are. */
static bool covers(const json_t *a, const json_t *b, bool object)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)a, key,
                        value) if (!(object && kf_in_words(object_keys, key)) &&
                                   !kf_diff_same(value, json_object_get(b, key))) return false;
    return true;
}

static bool same_lists(const json_t *a, const json_t *b)
{
    if (json_array_size(a) != json_array_size(b))
        return false;
    for (size_t i = 0; i < json_array_size(a); i++)
        if (!kf_diff_same(json_array_get(a, i), json_array_get(b, i)))
            return false;
    return true;
}

bool kf_diff_same(const json_t *a, const json_t *b)
{
    a = plain(a);
    b = plain(b);
    if (is_nothing(a) || is_nothing(b))
        return is_nothing(a) && is_nothing(b);
    if (json_is_number(a) && json_is_number(b))
        return json_number_value(a) == json_number_value(b);
    if (json_is_array(a) && json_is_array(b))
        return same_lists(a, b);
    if (json_is_object(a) && json_is_object(b)) {
        bool object = kf_json_is_object_of_class(a) && kf_json_is_object_of_class(b);

        return covers(a, b, object) && covers(b, a, object);
    }
    return json_equal(a, b);
}

/* One key, where a config that leaves it out stands for the default. */
static void compare_key(struct kf_diff *diff, const struct kf_layer *a, const struct kf_layer *b,
                        const char *key)
{
    json_t *x = json_object_get(a->config, key), *y = json_object_get(b->config, key);
    json_t *fallback = x && y ? NULL : default_of(diff, a->class_name, key);

    if (!kf_diff_same(x ? x : fallback, y ? y : fallback))
        kf_diff_add(diff, a->path, "config", key, json_incref(x), json_incref(y));
    json_decref(fallback);
}

void kf_diff_configs(struct kf_diff *diff, const struct kf_layer *a, const struct kf_layer *b)
{
    const char *key;
    json_t *value;

    if (a->inner || b->inner)
        return;
    json_object_foreach(a->config, key, value) if (!kf_in_words(own_keys, key))
        compare_key(diff, a, b, key);
    json_object_foreach(b->config, key,
                        value) if (!kf_in_words(own_keys, key) && !json_object_get(a->config, key))
        compare_key(diff, a, b, key);
}
