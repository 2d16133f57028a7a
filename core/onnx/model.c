/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/text/json.h"
#include "build.h"
#include "layer.h"
#include <string.h>

/* The model itself: its inputs. */

static int count_ref(json_t *ref, void *context)
{
    (void)ref;
    ++*(size_t *)context;
    return 0;
}

static int add_input(struct kf_onnx *onnx, const struct kf_layer *layer, struct kf_onnx_value **out)
{
    const json_t *shape = json_object_get(layer->config, "batch_shape"), *one;
    const char *called = kf_json_str(layer->config, "dtype", "float32");
    enum kf_dtype dtype = kf_onnx_dtype_named(called);
    int64_t dims[KF_ONNX_RANK_MAX];
    struct kf_onnx_tensor *tensor;
    size_t i;

    onnx->path = layer->path;
    if (kf_streq(called, "string"))
        dtype = KF_DTYPE_STRING;
    if (dtype == KF_DTYPE_NONE || (dtype == KF_DTYPE_BFLOAT16 && !onnx->runtime->bfloat16)) {
        kf_report_add(onnx->rep, KF_NO_EQUAL, layer->path,
                      "its dtype is %s, and the operators that are written take other numbers",
                      called);
        return 0; /* what becomes of it is looked at, too */
    }
    if (json_array_size(shape) > KF_ONNX_RANK_MAX)
        return kf_report_add(onnx->rep, KF_NO_EQUAL, layer->path, "it has more than %d axes",
                             KF_ONNX_RANK_MAX);
    json_array_foreach(shape, i, one)
    {
        json_int_t size = json_integer_value(one);

        if (!json_is_null(one) && (!json_is_integer(one) || size < 0 || size > INT32_MAX))
            return kf_report_add(onnx->rep, KF_BAD_CONFIG, layer->path, "its shape is no shape");
        dims[i] = json_is_null(one) ? KF_ONNX_FREE : size;
    }
    tensor = kf_onnx_tensor_new(onnx, layer->name, dtype, (unsigned)i, dims);
    if (!tensor)
        return -KF_NO_MEMORY;
    tensor->fixed = true;
    onnx->inputs[onnx->n_inputs++] = tensor;
    *out = kf_onnx_value_new(onnx, tensor, NULL);
    return *out ? 0 : -KF_NO_MEMORY;
}

struct inputs {
    struct kf_onnx_call *call;
    const struct kf_graph *graph;
};

static int add_input_ref(json_t *json, void *context)
{
    struct inputs *inputs = context;
    struct kf_ref ref;

    if (!kf_ref_get(json, &ref) || ref.layer >= inputs->graph->n_layers)
        return kf_report_add(inputs->call->onnx->rep, KF_BAD_GRAPH, "",
                             "an input of the model is no layer of it");
    return add_input(inputs->call->onnx, inputs->graph->layers[ref.layer],
                     &inputs->call->in[inputs->call->n_in++]);
}

/* The layer that a Sequential begins with, in the models that it begins with. */
static const struct kf_layer *first_layer(const struct kf_graph *graph)
{
    while (graph && graph->topology == KF_SEQUENTIAL && graph->n_layers && graph->layers[0]->inner)
        graph = graph->layers[0]->inner;
    return graph && graph->n_layers ? graph->layers[0] : NULL;
}

static int add_inputs(struct kf_onnx_call *call, const struct kf_graph *graph)
{
    struct kf_onnx *onnx = call->onnx;
    struct inputs inputs = {call, graph};
    const struct kf_layer *first = first_layer(graph);
    size_t n = 1;

    if (graph->topology == KF_FUNCTIONAL)
        KF_TRY(kf_refs_each(graph->inputs, count_ref, &n));
    onnx->inputs = kf_onnx_alloc(onnx, n * sizeof(*onnx->inputs));
    call->in = kf_onnx_alloc(onnx, n * sizeof(*call->in));
    if (!onnx->inputs || !call->in)
        return kf_report_add(onnx->rep, KF_NO_MEMORY, "", "out of memory");
    if (graph->topology == KF_FUNCTIONAL)
        return kf_refs_each(graph->inputs, add_input_ref, &inputs);
    if (!first || !json_is_array(json_object_get(first->config, "batch_shape")))
        return kf_report_add(onnx->rep, KF_INPUT_SHAPE_MISSING, "",
                             "the model does not say what it takes");
    call->n_in = 1;
    return add_input(onnx, first, &call->in[0]);
}

/* ... and its outputs. */

/* Outputs are called after their layers or keys, each name once. */
static const char *output_name(struct kf_onnx *onnx, json_t *taken, const char *wanted)
{
    char *name = kf_arena_strdup(onnx->arena, wanted);

    for (char *c = name; c && *c && !onnx->runtime->layer_names; c++)
        if (*c == '/') /* names of nodes have one */
            *c = '_';
    for (unsigned k = 1; name && json_object_get(taken, name); k++)
        name = kf_arena_printf(onnx->arena, "%s_%u", wanted, k);
    if (!name || json_object_set_new(taken, name, json_true()) < 0)
        return kf_onnx_no_memory(onnx);
    return name;
}

struct naming {
    struct kf_onnx *onnx;
    const struct kf_graph *graph;
    const char **names;
    size_t n;
    json_t *taken;
};

/* Keys are looked for among so many. */
#define KEYS_MAX 1000

/* The key that an output has in a dictionary of outputs, else NULL. */
static const char *key_of(json_t *outputs, const json_t *ref)
{
    const char *key;
    const json_t *one;

    if (json_object_size(outputs) > KEYS_MAX)
        return NULL;
    json_object_foreach(outputs, key, one) if (one == ref) return key;
    return NULL;
}

static int name_ref(json_t *json, void *context)
{
    struct naming *naming = context;
    const char *key =
        naming->onnx->runtime->layer_names ? NULL : key_of(naming->graph->outputs, json);
    struct kf_ref ref;

    if (!kf_ref_get(json, &ref) || ref.layer >= naming->graph->n_layers)
        return kf_report_add(naming->onnx->rep, KF_BAD_GRAPH, "",
                             "an output of the model comes from no layer of it");
    naming->names[naming->n] = output_name(naming->onnx, naming->taken,
                                           key ? key : naming->graph->layers[ref.layer]->name);
    return naming->names[naming->n++] ? 0 : -KF_NO_MEMORY;
}

/* A tensor that is an input, a weight or another output already goes through an Identity. */
static struct kf_onnx_tensor *named(struct kf_onnx *onnx, struct kf_onnx_tensor *tensor,
                                    const char *name)
{
    onnx->path = name;
    if (tensor && (tensor->fixed || tensor->payload))
        tensor = kf_onnx_unary(onnx, "Identity", tensor);
    if (!tensor)
        return NULL;
    tensor->name = name;
    tensor->fixed = true;
    return tensor;
}

static int add_outputs(struct kf_onnx_call *call, const struct kf_graph *graph, json_t *taken)
{
    struct kf_onnx *onnx = call->onnx;
    struct naming naming = {.onnx = onnx, .graph = graph, .taken = taken};
    size_t n = call->n_out;

    naming.names = kf_onnx_alloc(onnx, (n + 1) * sizeof(*naming.names));
    onnx->outputs = kf_onnx_alloc(onnx, (n + 1) * sizeof(*onnx->outputs));
    if (!naming.names || !onnx->outputs)
        return kf_report_add(onnx->rep, KF_NO_MEMORY, "", "out of memory");
    for (size_t i = 0; i < onnx->n_inputs && !onnx->runtime->layer_names; i++)
        KF_TRY(kf_json_set(taken, onnx->inputs[i]->name, json_true(), onnx->rep));
    if (graph->topology == KF_FUNCTIONAL)
        KF_TRY(kf_refs_each(graph->outputs, name_ref, &naming));
    for (size_t i = 0; graph->topology == KF_SEQUENTIAL && i < n; i++)
        naming.names[i] = output_name(onnx, taken, graph->layers[graph->n_layers - 1]->name);
    for (size_t i = 0; i < n; i++) {
        struct kf_onnx_tensor *plain = kf_onnx_plain(onnx, call->out[i]);
        struct kf_onnx_tensor *made = named(onnx, plain, naming.names[i]);

        if (made)
            onnx->outputs[onnx->n_outputs++] = made;
    }
    return kf_report_status(onnx->rep);
}

int kf_onnx_build(struct kf_onnx *onnx, struct kf_model *model)
{
    struct kf_onnx_call call = {.onnx = onnx};
    json_auto_t *taken = json_object();

    onnx->arena = model->arena;
    onnx->path = "";
    onnx->taken = json_object();
    onnx->absent = kf_onnx_tensor_new(onnx, "", KF_DTYPE_NONE, 0, NULL);
    if (!onnx->absent || !onnx->taken || !taken)
        return kf_report_add(onnx->rep, KF_NO_MEMORY, "", "out of memory");
    KF_TRY(add_inputs(&call, model->graph));
    KF_TRY(kf_onnx_run_model(&call, model->graph));
    KF_TRY(kf_report_status(onnx->rep));
    KF_TRY(add_outputs(&call, model->graph, taken));
    if (onnx->n_outputs != call.n_out || !onnx->n_outputs)
        return kf_report_add(onnx->rep, KF_BAD_GRAPH, "", "an output of the model is missing");
    kf_onnx_mark_used(onnx);
    return 0;
}
