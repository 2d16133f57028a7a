/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoint.h"
#include "../../base/str.h"
#include "../../io/tensorflow/proto.h"
#include "../layer_vars.h"
#include <inttypes.h>
#include <string.h>

/* Variables that a report names. */
#define NAMED_MAX 40

static int no_memory(struct kf_report *rep)
{
    return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
}

static int read_graph(struct kf_checkpoint *cp, struct kf_arena *arena,
                      const struct kf_limits *limits, struct kf_report *rep)
{
    const struct kf_bundle_entry *entry = kf_tensor_bundle_find(cp->bundle, KF_OBJECT_GRAPH);
    struct kf_buf text = {.max = (size_t)limits->proto_bytes};
    int r;

    if (!entry)
        return 0;
    r = kf_tensor_bundle_string(cp->bundle, entry, &text, rep);
    if (r >= 0) {
        cp->graph = kf_proto_unpack(&kf__tf__trackable_object_graph__descriptor, arena, text.data,
                                    text.n, "the checkpoint's graph of objects", rep);
        r = cp->graph ? 0 : kf_report_status(rep);
    }
    kf_buf_finish(&text);
    if (r >= 0 && cp->graph->n_nodes == 0)
        return kf_report_add(rep, KF_CORRUPT, "", "the checkpoint's graph has no objects");
    if (r >= 0 && cp->graph->n_nodes > limits->objects)
        return kf_report_add(rep, KF_TOO_LARGE, "", "a graph of %zu objects", cp->graph->n_nodes);
    return r;
}

int kf_checkpoint_open(struct kf_checkpoint *out, struct kf_model *model,
                       const struct kf_source *index, const struct kf_limits *limits,
                       struct kf_report *rep)
{
    const struct kf_input *in = model->in;

    *out = (struct kf_checkpoint){0};
    KF_TRY(kf_tensor_bundle_open(&out->bundle, model->arena, index, in->shards, in->n_shards,
                                 limits, rep));
    out->taken = kf_arena_alloc(model->arena, (kf_tensor_bundle_count(out->bundle) + 1) *
                                                  sizeof(const struct kf_payload *));
    if (!out->taken)
        return no_memory(rep);
    KF_TRY(kf_tensor_bundle_check(out->bundle, rep));
    return read_graph(out, model->arena, limits, rep);
}

int kf_checkpoint_child(const struct kf_checkpoint *cp, int node, const char *edge)
{
    const Kf__Tf__TrackableObjectGraph__Object *object;

    if (!cp->graph || node < 0 || (size_t)node >= cp->graph->n_nodes)
        return -1;
    object = cp->graph->nodes[node];
    for (size_t i = 0; i < object->n_children; i++) {
        int child = object->children[i]->node_id;

        if (strcmp(object->children[i]->local_name, edge) == 0)
            return child >= 0 && (size_t)child < cp->graph->n_nodes ? child : -1;
    }
    return -1;
}

int kf_checkpoint_path(const struct kf_checkpoint *cp, int node, const char *path)
{
    char edge[128];

    while (*path && node >= 0) {
        size_t n = strcspn(path, "/");
        int next;

        if (n + 2 > sizeof(edge))
            return -1;
        edge[0] = '_';
        memcpy(edge + 1, path, n);
        edge[n + 1] = '\0';
        next = kf_checkpoint_child(cp, node, edge + 1);
        node = next >= 0 ? next : kf_checkpoint_child(cp, node, edge);
        path += n + (path[n] == '/');
    }
    return node;
}

const struct kf_bundle_entry *kf_checkpoint_value(const struct kf_checkpoint *cp, int node,
                                                  const char **name)
{
    const Kf__Tf__TrackableObjectGraph__Object *object;

    if (!cp->graph || node < 0 || (size_t)node >= cp->graph->n_nodes)
        return NULL;
    object = cp->graph->nodes[node];
    for (size_t i = 0; i < object->n_attributes; i++) {
        const Kf__Tf__TrackableObjectGraph__Attribute *value = object->attributes[i];

        if (strcmp(value->name, "VARIABLE_VALUE") != 0)
            continue;
        *name = *value->full_name ? value->full_name : value->checkpoint_key;
        return kf_tensor_bundle_find(cp->bundle, value->checkpoint_key);
    }
    return NULL;
}

int kf_checkpoint_payload(struct kf_checkpoint *cp, const struct kf_bundle_entry *entry,
                          const struct kf_payload **out, struct kf_report *rep)
{
    const struct kf_payload **taken = &cp->taken[entry - kf_tensor_bundle_at(cp->bundle, 0)];

    if (!*taken)
        KF_TRY(kf_tensor_bundle_payload(cp->bundle, entry, taken, rep));
    *out = *taken;
    return 0;
}

const struct kf_payload *kf_checkpoint_taken(const struct kf_checkpoint *cp,
                                             const struct kf_bundle_entry *entry)
{
    return cp->taken[entry - kf_tensor_bundle_at(cp->bundle, 0)];
}

int kf_checkpoint_take(struct kf_checkpoint *cp, struct kf_layer *layer, struct kf_tensor *tensor,
                       const struct kf_bundle_entry *entry, const char *name, struct kf_report *rep)
{
    if (!entry->dtype)
        return kf_report_add(rep, KF_WEIGHT_SHAPE, layer->path,
                             "%s is of a type that no variable of a layer has (%d)", name,
                             entry->type);
    tensor->source = name;
    KF_TRY(kf_checkpoint_payload(cp, entry, &tensor->payload, rep));
    return kf_vars_check(layer, tensor, rep);
}

bool kf_checkpoint_is_aside(const char *key)
{
    /* An optimizer of Keras 3 leads to the model's variables, too. */
    if (strstr(key, "optimizer/_trainable_variables/"))
        return false;
    return strstr(key, ".OPTIMIZER_SLOT") || kf_starts(key, "optimizer/") ||
           strstr(key, "/optimizer/") || strstr(key, "keras_api/") ||
           kf_starts(key, "save_counter") || kf_starts(key, KF_OBJECT_GRAPH) ||
           strstr(key, ".ATTRIBUTES/table") || strstr(key, ".ATTRIBUTES/OBJECT_CONFIG_JSON");
}

/* "dense/kernel" of "layer-1/kernel/.ATTRIBUTES/VARIABLE_VALUE", where the graph says it. */
static void put_entry(struct kf_buf *text, const struct kf_bundle_entry *entry, const char *name)
{
    kf_buf_printf(text, "%s%.200s (", text->n ? ", " : "", name);
    for (unsigned i = 0; i < entry->rank; i++)
        kf_buf_printf(text, "%s%" PRIu64, i ? ", " : "", entry->dims[i]);
    kf_buf_puts(text, ")");
}

static size_t list_nodes(const struct kf_checkpoint *cp, struct kf_buf *text)
{
    size_t n = 0;

    for (size_t i = 0; i < cp->graph->n_nodes; i++) {
        const char *name;
        const struct kf_bundle_entry *entry = kf_checkpoint_value(cp, (int)i, &name);

        if (entry && !kf_checkpoint_is_aside(entry->key) && n++ < NAMED_MAX)
            put_entry(text, entry, name);
    }
    return n;
}

static size_t list_keys(const struct kf_checkpoint *cp, struct kf_buf *text)
{
    size_t n = 0;

    for (size_t i = 0; i < kf_tensor_bundle_count(cp->bundle); i++) {
        const struct kf_bundle_entry *entry = kf_tensor_bundle_at(cp->bundle, i);

        if (*entry->key && !kf_checkpoint_is_aside(entry->key) && n++ < NAMED_MAX)
            put_entry(text, entry, entry->key);
    }
    return n;
}

struct wanted {
    struct kf_buf text;
    size_t n;
};

static int list_wanted(struct kf_layer *layer, struct kf_graph *graph, void *context)
{
    struct wanted *wanted = context;

    (void)graph;
    for (size_t i = 0; i < layer->n_tensors; i++)
        if (wanted->n++ < NAMED_MAX)
            kf_buf_printf(&wanted->text, "%s%.200s/%s", wanted->text.n ? ", " : "", layer->path,
                          layer->tensors[i].variable);
    return 0;
}

void kf_checkpoint_list(const struct kf_checkpoint *cp, struct kf_graph *graph,
                        struct kf_report *rep)
{
    struct wanted wanted = {.text = {.max = 16384}};
    struct kf_buf found = {.max = 16384};
    size_t n = 0;

    if (graph && kf_layers_each(graph, list_wanted, &wanted) >= 0 && wanted.text.n)
        kf_report_add(rep, KF_FINDING, "", "the model needs %zu variables: %s%s", wanted.n,
                      wanted.text.data, wanted.n > NAMED_MAX ? ", ..." : "");
    if (cp->bundle)
        n = cp->graph ? list_nodes(cp, &found) : list_keys(cp, &found);
    kf_report_add(rep, KF_FINDING, "", "found are %zu variables%s%s%s", n, found.n ? ": " : "",
                  found.n ? found.data : "", n > NAMED_MAX ? ", ..." : "");
    kf_buf_finish(&wanted.text);
    kf_buf_finish(&found);
}
