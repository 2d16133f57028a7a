/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../keras2/keras2_config.h"

/*
 * Sequential of Keras 1 is a chain but for two things: its first layer may be a Merge, whose config
 * then holds the models that it merges, and a layer may stand in it more than once.
 *
 * Source: Keras 1.2.2 keras/models.py Sequential.get_config, from_config
 */
struct chain {
    struct kf_keras2_parse *parse;
    struct kf_graph *graph;
    json_t *inputs;       /* refs */
    json_t *index_of;     /* name of a layer -> its number in the graph */
    size_t last, n_calls; /* layer whose output is the chain's, and which call of it */
};

static int no_memory(struct chain *chain)
{
    return kf_report_add(chain->parse->rep, KF_NO_MEMORY, chain->graph->path, "out of memory");
}

static bool find(const struct chain *chain, const char *name, size_t *at)
{
    const json_t *index = json_object_get(chain->index_of, name);

    *at = (size_t)json_integer_value(index);
    return index != NULL;
}

/* Give a layer that its file has no name for one that is free. */
static int make_unique(struct chain *chain, struct kf_layer *layer)
{
    struct kf_arena *arena = chain->parse->model->arena;
    const char *stem = layer->name;
    size_t at;

    for (unsigned k = 1; layer->name && find(chain, layer->name, &at); k++)
        layer->name = kf_arena_printf(arena, "%s_%u", stem, k);
    layer->path = !layer->name || !*chain->graph->path
                      ? layer->name
                      : kf_arena_printf(arena, "%s/%s", chain->graph->path, layer->name);
    return layer->path ? 0 : no_memory(chain);
}

static int insert(struct chain *chain, struct kf_layer *layer, size_t *at)
{
    size_t other;

    if (find(chain, layer->name, &other))
        return kf_report_add(chain->parse->rep, KF_BAD_GRAPH, chain->graph->path,
                             "two layers are called %s", layer->name);
    *at = chain->graph->n_layers;
    KF_TRY(kf_json_set(chain->index_of, layer->name, json_integer((json_int_t)*at),
                       chain->parse->rep));
    return kf_graph_insert(chain->parse->model, chain->graph, *at, layer, chain->parse->rep);
}

static int parse(struct chain *chain, struct kf_layer **out, json_t *object)
{
    if (!json_is_string(json_object_get(object, "class_name")) ||
        !json_object_get(object, "config"))
        return kf_report_add(chain->parse->rep, KF_BAD_CONFIG, chain->graph->path,
                             "a layer has no class_name and config");
    KF_TRY(kf_keras2_layer(chain->parse, out, object, "sequential", chain->graph->path));
    return json_is_array(json_object_get(object, "config")) ? make_unique(chain, *out) : 0;
}

/* An input of the whole model, of this batch shape; its ref goes to `refs` too. */
static int add_input(struct chain *chain, const struct kf_layer *first, json_t *shape, json_t *refs)
{
    struct kf_layer *input;
    size_t at;

    if (!shape)
        return kf_report_add(chain->parse->rep, KF_INPUT_SHAPE_MISSING, first->path,
                             "the file does not say the shape of the model's input");
    KF_TRY(kf_keras2_make_input(chain->parse, chain->graph, first, shape, &input));
    KF_TRY(make_unique(chain, input));
    KF_TRY(kf_json_set(input->config, "name", json_string(input->name), chain->parse->rep));
    KF_TRY(insert(chain, input, &at));
    KF_TRY(kf_json_append(chain->inputs, kf_ref_new(at, 0, 0), chain->parse->rep));
    KF_TRY(kf_json_append(refs, kf_ref_new(at, 0, 0), chain->parse->rep));
    return kf_report_add(chain->parse->rep, KF_LAYER_INSERTED, input->path,
                         "an InputLayer was put in front of %s", first->name);
}

/* The inputs that a layer at the beginning of a chain needs, one for each of its own. */
static int add_inputs(struct chain *chain, const struct kf_layer *first, json_t *refs)
{
    const struct kf_graph *inner = first->inner;
    const json_t *list = inner && json_is_array(inner->inputs) ? inner->inputs : NULL;
    struct kf_ref ref;
    json_t *one;
    size_t i;

    if (!list)
        return add_input(chain, first, kf_keras2_shape_of(first), refs);
    json_array_foreach((json_t *)list, i, one) if (kf_ref_get(one, &ref))
        KF_TRY(add_input(chain, first, kf_keras2_shape_of(inner->layers[ref.layer]), refs));
    return 0;
}

/* Call a layer with the tensors of `refs`. */
static int call(struct chain *chain, size_t at, const json_t *refs)
{
    struct kf_layer *layer = chain->graph->layers[at];
    json_t *argument = json_deep_copy(json_array_size(refs) == 1 ? json_array_get(refs, 0) : refs);
    json_t *args = argument ? json_pack("[o]", argument) : NULL;

    chain->last = at;
    chain->n_calls = layer->n_calls;
    return kf_layer_add_call(chain->parse->model, layer, args, json_object(), chain->parse->rep);
}

/* What begins a chain: an input, or something that gets inputs put in front. */
static int begin(struct chain *chain, struct kf_layer *layer)
{
    json_auto_t *refs = json_array();
    size_t at;

    KF_TRY(insert(chain, layer, &at));
    chain->last = at;
    chain->n_calls = 0;
    if (kf_layer_is_input(layer))
        return kf_json_append(chain->inputs, kf_ref_new(at, 0, 0), chain->parse->rep);
    KF_TRY(add_inputs(chain, layer, refs));
    return call(chain, at, refs);
}

/* The next layer of a chain; one that is there already is called again. */
static int go_on(struct chain *chain, json_t *object)
{
    json_auto_t *refs = json_pack("[o]", kf_ref_new(chain->last, chain->n_calls, 0));
    const char *name = kf_json_str(json_object_get(object, "config"), "name", NULL);
    struct kf_layer *layer;
    size_t at;

    if (!refs)
        return no_memory(chain);
    if (!name || !find(chain, name, &at)) {
        KF_TRY(parse(chain, &layer, object));
        KF_TRY(insert(chain, layer, &at));
    }
    return call(chain, at, refs);
}

static int merge_branches(struct chain *chain, json_t *object)
{
    json_t *branches = json_object_get(json_object_get(object, "config"), "layers"), *branch;
    json_auto_t *refs = json_array();
    struct kf_layer *layer;
    size_t i, at;

    json_array_foreach(branches, i, branch)
    {
        KF_TRY(parse(chain, &layer, branch));
        KF_TRY(begin(chain, layer));
        KF_TRY(kf_json_append(refs, kf_ref_new(chain->last, chain->n_calls, 0), chain->parse->rep));
    }
    if (json_array_size(refs) < 2)
        return kf_report_add(chain->parse->rep, KF_BAD_CONFIG, chain->graph->path,
                             "a Merge of fewer than two models");
    KF_TRY(parse(chain, &layer, object));
    KF_TRY(insert(chain, layer, &at));
    return call(chain, at, refs);
}

static bool is_merge(const json_t *object)
{
    return kf_streq(kf_json_str(object, "class_name", NULL), "Merge") &&
           json_is_array(json_object_get(json_object_get(object, "config"), "layers"));
}

/* Whether a layer stands in the list more than once. */
static int find_twice(struct kf_keras2_parse *parse, const json_t *list, bool *twice)
{
    json_auto_t *seen = json_object();
    json_t *object;
    size_t i;

    *twice = false;
    json_array_foreach((json_t *)list, i, object)
    {
        const char *name = kf_json_str(json_object_get(object, "config"), "name", NULL);

        if (!name)
            continue;
        *twice = *twice || json_object_get(seen, name);
        KF_TRY(kf_json_set(seen, name, json_true(), parse->rep));
    }
    return 0;
}

static int build(struct chain *chain, json_t *list)
{
    struct kf_graph *graph = chain->graph;
    json_t *first = json_array_get(list, 0);
    struct kf_layer *layer;

    graph->topology = KF_FUNCTIONAL;
    graph->class_name = "Model";
    if (is_merge(first)) {
        KF_TRY(merge_branches(chain, first));
    } else {
        KF_TRY(parse(chain, &layer, first));
        KF_TRY(begin(chain, layer));
    }
    for (size_t i = 1; i < json_array_size(list); i++)
        KF_TRY(go_on(chain, json_array_get(list, i)));
    graph->inputs = json_array_size(chain->inputs) == 1
                        ? json_incref(json_array_get(chain->inputs, 0))
                        : json_incref(chain->inputs);
    graph->outputs = kf_ref_new(chain->last, chain->n_calls, 0);
    if (!graph->outputs)
        return no_memory(chain);
    return kf_report_add(chain->parse->rep, KF_CLASS_REPLACED, graph->path,
                         "a Sequential that is no chain of layers became a functional model");
}

int kf_keras1_sequential(struct kf_keras2_parse *parse, struct kf_graph *graph, json_t *list,
                         bool *done)
{
    struct chain chain = {.parse = parse, .graph = graph};
    int r;

    KF_TRY(find_twice(parse, list, done));
    *done = *done || is_merge(json_array_get(list, 0));
    if (!*done)
        return 0;
    chain.inputs = json_array();
    chain.index_of = json_object();
    r = chain.inputs && chain.index_of ? build(&chain, list) : no_memory(&chain);
    json_decref(chain.inputs);
    json_decref(chain.index_of);
    return r;
}
