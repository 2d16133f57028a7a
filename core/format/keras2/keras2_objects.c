/* SPDX-License-Identifier: Apache-2.0 */
#include "keras2_objects.h"
#include "../../base/str.h"
#include "../../io/text/json.h"
#include <string.h>

static const struct {
    const char *suffix, *module;
} places[] = {
#define KF_PLACE(suffix, module) {suffix, module},
#include "keras2_objects.def"
#undef KF_PLACE
};

struct objects {
    bool with_module;
    struct kf_report *rep;
};

static int convert(struct objects *objects, json_t **out, json_t *value, const char *key);

static int no_memory(struct objects *objects)
{
    return kf_report_add(objects->rep, KF_NO_MEMORY, "", "out of memory");
}

const char *kf_keras2_class_of(const char *registered)
{
    const char *behind = strrchr(registered, '>');

    return behind ? behind + 1 : registered;
}

static const char *module_at(const char *key)
{
    for (size_t i = 0; key && i < sizeof(places) / sizeof(places[0]); i++)
        if (kf_ends(key, places[i].suffix))
            return places[i].module;
    return NULL;
}

static int convert_array(struct objects *objects, json_t **out, json_t *array, const char *key)
{
    json_auto_t *copy = json_array();
    json_t *one, *made = NULL;
    size_t i;

    json_array_foreach(array, i, one)
    {
        KF_TRY(convert(objects, &made, one, key));
        KF_TRY(kf_json_append(copy, made, objects->rep));
    }
    *out = json_incref(copy);
    return copy ? 0 : no_memory(objects);
}

static int convert_members(struct objects *objects, json_t **out, json_t *object)
{
    json_auto_t *copy = json_object();
    json_t *one, *made = NULL;
    const char *key;

    json_object_foreach(object, key, one)
    {
        KF_TRY(convert(objects, &made, one, key));
        KF_TRY(kf_json_set(copy, key, made, objects->rep));
    }
    *out = json_incref(copy);
    return copy ? 0 : no_memory(objects);
}

/* What the registry knows the class by: its own name where Keras has it. */
static const char *plain_name(const json_t *object)
{
    const char *name = kf_json_str(object, "class_name", "");
    const char *registered = kf_json_str(object, "registered_name", name);

    return strchr(registered, '>') ? registered : name;
}

/* {"class_name", "config"} out of an object of any kind. */
static int plain_object(struct objects *objects, json_t **out, json_t *object)
{
    json_auto_t *copy = json_object();
    json_t *config = NULL;

    KF_TRY(kf_json_set(copy, "class_name", json_string(plain_name(object)), objects->rep));
    KF_TRY(convert(objects, &config, json_object_get(object, "config"), NULL));
    KF_TRY(kf_json_set(copy, "config", config, objects->rep));
    *out = json_incref(copy);
    return 0;
}

/* A function of Keras is its name to every release; another one only before 2.13. */
static bool is_name(const struct objects *objects, const json_t *object)
{
    return strcmp(kf_json_str(object, "class_name", ""), "function") == 0 &&
           json_is_string(json_object_get(object, "config")) &&
           (!objects->with_module || kf_streq(kf_json_str(object, "module", NULL), "builtins"));
}

/* The object with its module, which the place says where the object does not. */
static int module_object(struct objects *objects, json_t **out, json_t *object, const char *module)
{
    json_auto_t *copy = json_object();
    const char *key, *name = kf_json_str(object, "class_name", "");
    bool custom = strchr(name, '>') != NULL;
    json_t *one, *made = NULL;

    KF_TRY(kf_json_set(copy, "module", custom ? json_null() : json_string(module), objects->rep));
    KF_TRY(kf_json_set(copy, "class_name", json_string(kf_keras2_class_of(name)), objects->rep));
    json_object_foreach(object, key, one)
    {
        if (strcmp(key, "class_name") == 0)
            continue;
        KF_TRY(convert(objects, &made, one, key));
        KF_TRY(kf_json_set(copy, key, made, objects->rep));
    }
    KF_TRY(kf_json_set(copy, "registered_name", custom ? json_string(name) : json_null(),
                       objects->rep));
    *out = json_incref(copy);
    return 0;
}

static int convert(struct objects *objects, json_t **out, json_t *value, const char *key)
{
    const char *module = module_at(key);
    bool is_object =
        json_is_string(json_object_get(value, "class_name")) && json_object_get(value, "config");

    if (json_is_array(value))
        return convert_array(objects, out, value, key);
    if (!json_is_object(value)) {
        *out = json_incref(value);
        return *out ? 0 : no_memory(objects);
    }
    if (is_object && is_name(objects, value)) {
        *out = json_incref(json_object_get(value, "config"));
        return 0;
    }
    if (is_object && !objects->with_module)
        return plain_object(objects, out, value);
    if (is_object && module && !json_object_get(value, "module"))
        return module_object(objects, out, value, module);
    return convert_members(objects, out, value);
}

int kf_keras2_objects(json_t **out, json_t *config, bool with_module, struct kf_report *rep)
{
    struct objects objects = {.with_module = with_module, .rep = rep};

    return convert(&objects, out, config, NULL);
}
