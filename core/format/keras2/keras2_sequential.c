/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "keras2_config.h"
#include <stdlib.h>

/*
 * A Sequential of Keras 3 needs its InputLayer in the config; Keras 2 wrote it only from TF 2.3
 * on. Before, the first layer's batch_input_shape says the same, or the input of the model that
 * is the first layer; and a model that was built by its first call has build_input_shape.
 */

json_t *kf_keras2_shape_of(const struct kf_layer *layer)
{
    json_t *shape = json_object_get(layer->config, "batch_input_shape");

    if (!json_is_array(shape))
        shape = json_object_get(layer->config, "batch_shape");
    if (json_is_array(shape))
        return shape;
    if (layer->inner && layer->inner->topology == KF_SEQUENTIAL && layer->inner->n_layers)
        return kf_keras2_shape_of(layer->inner->layers[0]);
    if (layer->inner && layer->inner->inputs) {
        struct kf_ref ref;

        if (kf_ref_get(layer->inner->inputs, &ref))
            return kf_keras2_shape_of(layer->inner->layers[ref.layer]);
    }
    return NULL;
}

/* "None,7" as [null, null, 7]: the batch is put in front. New reference, NULL when it is no shape.
 */
static json_t *shape_from_text(const char *text)
{
    json_t *shape = json_array();

    if (!shape || json_array_append_new(shape, json_null()) < 0)
        return shape;
    while (*text) {
        char *end;
        long long size = strtoll(text, &end, 10);

        if (kf_starts(text, "None")) {
            end = (char *)text + 4;
            json_array_append_new(shape, json_null());
        } else if (end == text || size <= 0) {
            json_decref(shape);
            return NULL;
        } else {
            json_array_append_new(shape, json_integer(size));
        }
        text = *end == ',' ? end + 1 : end;
        if (*end && *end != ',') {
            json_decref(shape);
            return NULL;
        }
    }
    return shape;
}

/* The shape and where it was found; a new reference in `out`, NULL when nobody knows it. */
static int find_shape(struct kf_keras2_parse *parse, const struct kf_graph *graph, json_t **out,
                      const char **where)
{
    const json_t *built = json_object_get(graph->config, "build_input_shape");

    *out = graph->n_layers ? json_incref(kf_keras2_shape_of(graph->layers[0])) : NULL;
    *where = "batch_input_shape of the first layer";
    if (!*out && json_is_array(built)) {
        *out = json_deep_copy(built);
        *where = "build_input_shape of the model";
    }
    if (!*out && parse->options->input_shape && !*graph->path) {
        *out = shape_from_text(parse->options->input_shape);
        *where = "the parameter input_shape";
        if (!*out)
            return kf_report_add(parse->rep, KF_BAD_OPTION, "",
                                 "input_shape=%s is no shape: sizes or None, with commas between",
                                 parse->options->input_shape);
    }
    return 0;
}

/* Integers and strings keep the first layer's dtype; policies and floats make a float32 input. */
static const char *input_dtype(const struct kf_layer *first)
{
    const char *old = kf_json_str(first->config, "input_dtype", "float32");
    const char *dtype = kf_json_str(first->config, "dtype", old);

    return kf_in_words("int8 int16 int32 int64 uint8 string bool float16 float64 bfloat16", dtype)
               ? dtype
               : "float32";
}

int kf_keras2_make_input(struct kf_keras2_parse *parse, struct kf_graph *graph,
                         const struct kf_layer *first, json_t *shape, struct kf_layer **out)
{
    struct kf_layer *input = kf_layer_new(parse->model);
    struct kf_arena *arena = parse->model->arena;

    if (!input)
        return kf_report_add(parse->rep, KF_NO_MEMORY, graph->path, "out of memory");
    input->class_name = "InputLayer";
    input->name = kf_arena_printf(arena, "%s_input", first->name);
    input->path =
        *graph->path ? kf_arena_printf(arena, "%s/%s", graph->path, input->name) : input->name;
    input->trainable = true;
    input->config = json_pack("{s:O, s:s, s:b, s:s}", "batch_input_shape", shape, "dtype",
                              input_dtype(first), "sparse", 0, "name", input->name);
    if (!input->name || !input->path || !input->config)
        return kf_report_add(parse->rep, KF_NO_MEMORY, graph->path, "out of memory");
    *out = input;
    return 0;
}

static int insert_input(struct kf_keras2_parse *parse, struct kf_graph *graph, json_t *shape)
{
    struct kf_layer *input;

    KF_TRY(kf_keras2_make_input(parse, graph, graph->layers[0], shape, &input));
    return kf_graph_insert(parse->model, graph, 0, input, parse->rep);
}

/* Nothing that is given makes an input of a dict of features, so nothing is asked for. */
static int need_shape(struct kf_keras2_parse *parse, const struct kf_layer *first)
{
    if (json_object_get(first->config, "feature_columns"))
        return kf_report_add(parse->rep, KF_NO_EQUAL, first->path,
                             "%s: it takes a dict of features, whose shapes are not in the file, "
                             "and feature columns do not exist in Keras 3",
                             first->class_name);
    return kf_report_add(parse->rep, KF_INPUT_SHAPE_MISSING, "",
                         "the file does not say the shape of the model's input; the first layer is "
                         "%s, a %s",
                         first->name, first->class_name);
}

int kf_keras2_sequential_input(struct kf_keras2_parse *parse, struct kf_graph *graph)
{
    json_t *shape = NULL;
    const char *where = NULL;
    int r;

    if (!graph->n_layers || kf_graph_begins_with_input(graph))
        return 0;
    KF_TRY(find_shape(parse, graph, &shape, &where));
    if (!shape && *graph->path)
        return 0; /* built by the call that its graph makes */
    if (!shape)
        return need_shape(parse, graph->layers[0]);
    r = insert_input(parse, graph, shape);
    json_decref(shape);
    if (r < 0)
        return r;
    return kf_report_add(parse->rep, KF_LAYER_INSERTED, graph->layers[0]->path,
                         "an InputLayer was put in front, its shape from %s", where);
}
