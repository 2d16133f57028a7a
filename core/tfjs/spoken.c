/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/text/json.h"
#include "rows.h"
#include "tfjs.h"

/*
 * What TensorFlow.js writes of its own models otherwise than Keras 2 does:
 *
 *   - a value that was not given is null, also where Keras takes none: left out, both then take
 *     their defaults, which are the same where it may be null
 *   - a free size in a target_shape is null instead of -1
 *   - an RNN has what its cell has too, and several cells twice, as cell and as cells
 *   - before 3.0 a GRU has no reset_after, and is one without
 */
static int settle_shape(json_t *shape, struct kf_report *rep)
{
    for (size_t i = 0; i < json_array_size(shape); i++)
        if (json_is_null(json_array_get(shape, i)))
            KF_TRY(kf_json_set_at(shape, i, json_integer(-1), rep));
    return 0;
}

/* Of its keys an RNN keeps those that are its own or every layer's. */
static void drop_cell_keys(json_t *config)
{
    const json_t *cell = json_object_get(json_object_get(config, "cell"), "config");
    const char *key;
    const json_t *value;

    json_object_foreach((json_t *)cell, key, value)
    {
        if (!kf_in_words("name trainable dtype batch_input_shape", key))
            json_object_del(config, key);
    }
}

static int settle_config(const char *class_name, json_t *config, struct kf_report *rep)
{
    const char *key;
    json_t *value;
    void *next;

    drop_cell_keys(config);
    json_object_foreach_safe(config, next, key, value)
    {
        if (json_is_null(value))
            json_object_del(config, key);
    }
    KF_TRY(settle_shape(json_object_get(config, "target_shape"), rep));
    if (kf_in_words("GRU GRUCell", class_name) && !json_object_get(config, "reset_after"))
        KF_TRY(kf_json_set(config, "reset_after", json_false(), rep));
    return 0;
}

/* As deep as the parser let it be. */
int kf_tfjs_spoken(json_t *config, bool made_there, struct kf_report *rep)
{
    const char *class_name = kf_json_str(config, "class_name", "");
    const char *key;
    json_t *one;
    size_t i;

    if (kf_json_is_object_of_class(config)) {
        if (made_there)
            KF_TRY(settle_config(class_name, json_object_get(config, "config"), rep));
        KF_TRY(kf_json_set(config, "class_name", json_string(kf_tfjs_object_of(class_name)), rep));
    }
    json_object_foreach(config, key, one) KF_TRY(kf_tfjs_spoken(one, made_there, rep));
    json_array_foreach(config, i, one) KF_TRY(kf_tfjs_spoken(one, made_there, rep));
    return 0;
}
