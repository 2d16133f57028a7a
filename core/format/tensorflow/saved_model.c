/* SPDX-License-Identifier: Apache-2.0 */
#include "saved_model.h"
#include "../../base/alloc.h"
#include "../../base/str.h"
#include "../../io/tensorflow/proto.h"
#include "../../io/text/json.h"
#include <inttypes.h>
#include <string.h>

static int no_memory(struct kf_report *rep)
{
    return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
}

const struct kf_input *kf_saved_model_file(const struct kf_model *model, const char *path)
{
    for (size_t i = 0; i < model->in->n_shards; i++)
        if (kf_streq(model->in->shards[i].name, path))
            return &model->in->shards[i];
    return NULL;
}

/* A whole file as one message. */
static void *unpack(const struct kf_saved_model *saved, const struct kf_source *source,
                    const ProtobufCMessageDescriptor *descriptor, const char *what,
                    struct kf_report *rep)
{
    void *message = NULL;
    char *bytes;

    if (source->size > saved->options->limits.proto_bytes) {
        kf_report_add(rep, KF_TOO_LARGE, "", "%s has %" PRIu64 " bytes", what, source->size);
        return NULL;
    }
    bytes = kf_alloc((size_t)source->size + 1);
    if (!bytes)
        no_memory(rep);
    else if (kf_source_read(source, 0, bytes, (size_t)source->size, rep) == 0)
        message = kf_proto_unpack(descriptor, saved->model->arena, bytes, (size_t)source->size,
                                  what, rep);
    kf_free(bytes);
    return message;
}

/* Of several graphs the one to serve with. */
static const Kf__Tf__MetaGraph *choose(const Kf__Tf__SavedModel *file)
{
    for (size_t i = 0; i < file->n_meta_graphs; i++) {
        const Kf__Tf__MetaInfo *info = file->meta_graphs[i]->meta_info;

        for (size_t k = 0; info && k < info->n_tags; k++)
            if (strcmp(info->tags[k], "serve") == 0)
                return file->meta_graphs[i];
    }
    return file->n_meta_graphs ? file->meta_graphs[0] : NULL;
}

static int read_graph(struct kf_saved_model *saved, struct kf_report *rep)
{
    const Kf__Tf__SavedModel *file = unpack(
        saved, &saved->model->source, &kf__tf__saved_model__descriptor, "saved_model.pb", rep);
    const Kf__Tf__MetaInfo *info;

    if (!file)
        return kf_report_status(rep);
    saved->meta = choose(file);
    if (!saved->meta)
        return kf_report_add(rep, KF_CORRUPT, "", "saved_model.pb is damaged: it has no graph");
    saved->objects = saved->meta->object_graph;
    info = saved->meta->meta_info;
    if (info && *info->tensorflow_version)
        kf_report_evidence(rep, "TensorFlow %s wrote it", info->tensorflow_version);
    return 0;
}

/* Up to TensorFlow 2.4 the metadata stands with the objects themselves. */
static void take_embedded(struct kf_saved_model *saved)
{
    for (size_t i = 0; i < saved->objects->n_nodes; i++) {
        const Kf__Tf__UserObject *user = saved->objects->nodes[i]->user_object;

        if (!user || !kf_starts(user->identifier, "_tf_keras_"))
            continue;
        saved->identifiers[i] = user->identifier;
        if (user->metadata.len && !saved->metadata[i]) {
            saved->metadata[i] = &user->metadata;
            saved->has_metadata = true;
        }
    }
}

static int take_file(struct kf_saved_model *saved, const struct kf_input *in, struct kf_report *rep)
{
    const Kf__Tf__KerasMetadata *file;
    struct kf_source source;

    KF_TRY(kf_source_init(&source, in, rep));
    rep->source.size = saved->model->source.size;
    file = unpack(saved, &source, &kf__tf__keras_metadata__descriptor, "keras_metadata.pb", rep);
    if (!file)
        return kf_report_status(rep);
    for (size_t i = 0; i < file->n_nodes; i++) {
        const Kf__Tf__KerasMetadata__Object *object = file->nodes[i];

        if (object->node_id < 0 || (size_t)object->node_id >= saved->objects->n_nodes)
            return kf_report_add(rep, KF_CORRUPT, "",
                                 "keras_metadata.pb speaks of object %d of %zu", object->node_id,
                                 saved->objects->n_nodes);
        saved->identifiers[object->node_id] = object->identifier;
        if (!object->metadata.len)
            continue;
        saved->metadata[object->node_id] = &object->metadata;
        saved->has_metadata = true;
    }
    return 0;
}

/* keras_metadata.pb alone: of its objects the model is the first, and no graph says more. */
static int open_metadata(struct kf_saved_model *saved, struct kf_report *rep)
{
    const Kf__Tf__KerasMetadata *file =
        unpack(saved, &saved->model->source, &kf__tf__keras_metadata__descriptor,
               KF_SAVED_MODEL_METADATA, rep);

    if (!file)
        return kf_report_status(rep);
    saved->metadata = kf_arena_alloc(saved->model->arena, sizeof(*saved->metadata));
    if (!saved->metadata)
        return no_memory(rep);
    for (size_t i = 0; i < file->n_nodes; i++)
        if (file->nodes[i]->node_id == 0 && file->nodes[i]->metadata.len)
            saved->metadata[0] = &file->nodes[i]->metadata;
    saved->has_metadata = saved->metadata[0];
    if (!saved->has_metadata)
        return kf_report_add(rep, KF_ARCHITECTURE_MISSING, "",
                             "saved_model.pb is missing, and " KF_SAVED_MODEL_METADATA
                             " has no config of the model");
    kf_report_evidence(rep, "saved_model.pb is missing; " KF_SAVED_MODEL_METADATA
                            " has the configs of Keras");
    return 0;
}

int kf_saved_model_open(struct kf_saved_model *out, struct kf_model *model,
                        const struct kf_options *options, struct kf_report *rep)
{
    const struct kf_input *metadata = kf_saved_model_file(model, KF_SAVED_MODEL_METADATA);
    size_t n;

    *out = (struct kf_saved_model){.model = model, .options = options};
    if (kf_streq(model->in->name, KF_SAVED_MODEL_METADATA))
        return open_metadata(out, rep);
    KF_TRY(read_graph(out, rep));
    if (!out->objects)
        return 0;
    n = out->objects->n_nodes;
    if (n > options->limits.objects)
        return kf_report_add(rep, KF_TOO_LARGE, "", "a SavedModel of %zu objects", n);
    out->metadata = kf_arena_alloc(model->arena, (n + 1) * sizeof(*out->metadata));
    out->identifiers = kf_arena_alloc(model->arena, (n + 1) * sizeof(*out->identifiers));
    if (!out->metadata || !out->identifiers)
        return no_memory(rep);
    if (metadata)
        KF_TRY(take_file(out, metadata, rep));
    take_embedded(out);
    if (out->has_metadata)
        kf_report_evidence(rep, metadata ? "keras_metadata.pb has the configs of Keras"
                                         : "saved_model.pb has the configs of Keras");
    return 0;
}

int kf_saved_model_child(const struct kf_saved_model *saved, int object, const char *edge)
{
    const Kf__Tf__SavedObject *node;

    if (!saved->objects || object < 0 || (size_t)object >= saved->objects->n_nodes)
        return -1;
    node = saved->objects->nodes[object];
    for (size_t i = 0; i < node->n_children; i++) {
        int child = node->children[i]->node_id;

        if (strcmp(node->children[i]->local_name, edge) == 0)
            return child >= 0 && (size_t)child < saved->objects->n_nodes ? child : -1;
    }
    return -1;
}

int kf_saved_model_object(const struct kf_saved_model *saved, const char *path)
{
    char edge[128];
    int object = 0;

    while (*path && object >= 0) {
        size_t n = strcspn(path, "/");

        if (n >= sizeof(edge))
            return -1;
        memcpy(edge, path, n);
        edge[n] = '\0';
        object = kf_saved_model_child(saved, object, edge);
        path += n + (path[n] == '/');
    }
    return object;
}

/*
 * Python's tuples and the shapes of TensorFlow, {"class_name": "__tuple__", "items": [...]}, as
 * lists in their place; `value` is what the parser of JSON bounded in depth. A new reference.
 */
static json_t *plain(json_t *value)
{
    const char *class_name = kf_json_str(value, "class_name", ""), *key;
    json_t *items = json_object_get(value, "items"), *copy, *one;
    size_t i;

    if (json_is_array(items) && kf_in_words("__tuple__ TensorShape", class_name))
        return plain(items);
    if (!json_is_object(value) && !json_is_array(value))
        return json_incref(value);
    copy = json_is_object(value) ? json_object() : json_array();
    if (json_is_object(value)) {
        json_object_foreach(value, key, one)
        {
            if (strcmp(key, "shared_object_id") != 0 &&
                json_object_set_new(copy, key, plain(one)) < 0) {
                json_decref(copy);
                return NULL;
            }
        }
        return copy;
    }
    json_array_foreach(value, i, one)
    {
        if (json_array_append_new(copy, plain(one)) < 0) {
            json_decref(copy);
            return NULL;
        }
    }
    return copy;
}

json_t *kf_saved_model_metadata(const struct kf_saved_model *saved, int object,
                                struct kf_report *rep)
{
    const ProtobufCBinaryData *text = saved->metadata[object];
    json_t *parsed = kf_json_parse((const char *)text->data, text->len, &saved->options->limits,
                                   "metadata", rep),
           *made = parsed ? plain(parsed) : NULL;

    if (parsed && !made)
        no_memory(rep);
    json_decref(parsed);
    return made;
}
