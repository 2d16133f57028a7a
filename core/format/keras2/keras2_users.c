/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/classes.h"
#include "keras2_config.h"
#include <string.h>

/*
 * Classes of the user's that have the name of one of Keras. A .keras tells them by their module,
 * or by a registered name, which classes of Keras have none of; a legacy .h5 says neither.
 */

static bool is_told(const char *module, const char *registered_name)
{
    if (module)
        return !kf_starts(module, "keras.") && !kf_starts(module, "tf_keras.") &&
               !kf_in_words("keras tf_keras", module);
    return registered_name != NULL;
}

/*
 * A config with no key of its class: each Keras 2 writes some for its own, and a class of the
 * user's that has no get_config() has those of every layer only.
 */
static bool lacks_keys(const struct kf_layer *layer, const struct kf_class *found, int keras)
{
    const char *key;
    json_t *value;

    if (keras < KF_KERAS(2, 0, 0) || keras >= KF_KERAS(3, 0, 0) || layer->module ||
        kf_keras2_class_may_be_bare(found))
        return false;
    json_object_foreach(layer->config, key,
                        value) if (kf_keras2_class_adds(found, key)) return false;
    return true;
}

int kf_config_users(struct kf_keras2_parse *parse, struct kf_layer *layer)
{
    const struct kf_class *found = kf_keras2_class_find("keras.layers", layer->class_name);

    layer->users = is_told(layer->module, layer->registered_name) &&
                   (found || kf_class_find("keras.layers", layer->class_name));
    if (layer->users || !found || parse->model->made_up ||
        !lacks_keys(layer, found, parse->model->keras))
        return 0;
    layer->users = !parse->options->guess;
    return kf_report_add(parse->rep, KF_FINDING, layer->path,
                         layer->users ? "the config has no key that Keras writes for a %s: it is "
                                        "taken for a class of the user's with that name, by "
                                        "guess=yes for that of Keras"
                                      : "the config has no key that Keras writes for a %s: it may "
                                        "be a class of the user's with that name",
                         layer->class_name);
}

int kf_config_users_graph(struct kf_keras2_parse *parse, struct kf_graph *graph,
                          const json_t *object)
{
    struct kf_arena *arena = parse->model->arena;
    const char *module = kf_json_str(object, "module", NULL);
    const char *registered = kf_json_str(object, "registered_name", NULL);
    const char *package = strchr(graph->class_name, '>');

    graph->users = !kf_in_words(KF_GRAPH_CLASSES, graph->class_name) || is_told(module, registered);
    if (!graph->users)
        return 0;
    graph->module = module ? kf_arena_strdup(arena, module) : NULL;
    graph->registered_name = kf_arena_strdup(arena, registered ? registered : graph->class_name);
    graph->class_name = package ? package + 1 : graph->class_name; /* "Package>Class" of an .h5 */
    if (!graph->registered_name || (module && !graph->module))
        return kf_report_add(parse->rep, KF_NO_MEMORY, graph->path, "out of memory");
    return 0;
}
