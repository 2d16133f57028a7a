/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "keras2_config.h"

static int no_memory(struct kf_keras2_dump *dump)
{
    return kf_report_add(dump->rep, KF_NO_MEMORY, dump->graph->path, "out of memory");
}

/* The first call of a model that was built on its input is not the first of its life. */
static bool counts_itself(const struct kf_layer *layer)
{
    const struct kf_graph *inner = layer->inner;

    return inner && (inner->topology == KF_FUNCTIONAL || kf_graph_begins_with_input(inner));
}

/* [layer, node, tensor], as a new reference. */
static int dump_triple(void *context, json_t **out, const struct kf_ref *ref)
{
    struct kf_keras2_dump *dump = context;
    const struct kf_layer *layer;

    if (ref->layer >= dump->graph->n_layers)
        return kf_report_add(dump->rep, KF_BAD_GRAPH, dump->graph->path,
                             "an input comes from a layer that does not exist");
    layer = dump->graph->layers[ref->layer];
    *out = json_pack("[s,I,I]", layer->name, (json_int_t)ref->call + counts_itself(layer),
                     (json_int_t)ref->output);
    return *out ? 0 : no_memory(dump);
}

static int stop(json_t *ref, void *context)
{
    (void)ref;
    (void)context;
    return -1;
}

static bool has_refs(json_t *value)
{
    return kf_refs_each(value, stop, NULL) < 0;
}

/* One tensor or constant of the first argument: [layer, node, tensor, kwargs]. */
static int dump_spec(struct kf_keras2_dump *dump, json_t **out, json_t *value, json_t *kwargs)
{
    json_t *spec = NULL;
    struct kf_ref ref;

    if (kf_ref_get(value, &ref))
        KF_TRY(dump_triple(dump, &spec, &ref));
    else
        spec = json_pack("[s,i,O]", "_CONSTANT_VALUE", -1, value);
    if (kf_json_append(spec, json_incref(kwargs), dump->rep) < 0) {
        json_decref(spec);
        return -KF_NO_MEMORY;
    }
    *out = spec;
    return 0;
}

/* The first argument; what holds no tensor is a constant as a whole. */
static int dump_argument(struct kf_keras2_dump *dump, json_t **out, json_t *value, json_t *kwargs)
{
    json_auto_t *copy = NULL;
    struct kf_ref ref;
    const char *key;
    json_t *member, *made = NULL;
    size_t i;

    if (kf_ref_get(value, &ref) || !has_refs(value))
        return dump_spec(dump, out, value, kwargs);
    copy = json_is_array(value) ? json_array() : json_object();
    json_array_foreach(value, i, member)
    {
        KF_TRY(dump_argument(dump, &made, member, kwargs));
        KF_TRY(kf_json_append(copy, made, dump->rep));
    }
    json_object_foreach(value, key, member)
    {
        KF_TRY(dump_argument(dump, &made, member, kwargs));
        KF_TRY(kf_json_set(copy, key, made, dump->rep));
    }
    *out = json_incref(copy);
    return *out ? 0 : no_memory(dump);
}

static int dump_node(struct kf_keras2_dump *dump, json_t **out, const struct kf_layer *layer,
                     const struct kf_call *call)
{
    json_t *argument = json_array_get(call->args, 0), *made = NULL;
    json_auto_t *kwargs = NULL;
    struct kf_ref ref;
    bool one = kf_ref_get(argument, &ref) || !has_refs(argument);

    KF_TRY(kf_refs_map(&made, call->kwargs, dump_triple, dump, dump->rep));
    kwargs = made;
    KF_TRY(dump_argument(dump, out, argument, kwargs));
    if (!one || kf_keras2_keeps_structure(layer))
        return 0;
    *out = json_pack("[o]", *out);
    return *out ? 0 : no_memory(dump);
}

int kf_keras2_dump_nodes(struct kf_keras2_dump *dump, json_t **out, const struct kf_layer *layer)
{
    json_auto_t *nodes = json_array();
    json_t *made = NULL;

    for (size_t i = 0; i < layer->n_calls; i++) {
        KF_TRY(dump_node(dump, &made, layer, &layer->calls[i]));
        KF_TRY(kf_json_append(nodes, made, dump->rep));
    }
    *out = json_incref(nodes);
    return nodes ? 0 : no_memory(dump);
}

int kf_keras2_dump_ends(struct kf_keras2_dump *dump, json_t **out, json_t *ends)
{
    struct kf_ref ref;

    KF_TRY(kf_refs_map(out, ends, dump_triple, dump, dump->rep));
    if (!kf_ref_get(ends, &ref))
        return 0;
    *out = json_pack("[o]", *out);
    return *out ? 0 : no_memory(dump);
}
