/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "flow_follow.h"
#include "shapes.h"
#include <stdio.h>
#include <string.h>

/* Biases of several axes that go astray, see astray.c. */

/* A bias and the output that it is added to; sizes below 0 are not known. */
struct sum {
    json_int_t length; /* of the only axis that is longer than 1; 0: there is none, or several */
    size_t from_end;   /* where that axis stands, 1 is the last one */
    size_t rank;       /* of the output */
    json_int_t axis_1, last;
};

/* One more axis of the bias, from the front; `left` is how many follow. */
static void add_axis(struct sum *sum, json_int_t size, size_t left, bool *several)
{
    if (size < 2)
        return;
    *several = *several || sum->length;
    sum->length = *several ? 0 : size;
    sum->from_end = left + 1;
}

/* Below 0: that depends on an axis which may be of any length. */
static int is_astray(const struct sum *sum)
{
    if (!sum->length || sum->from_end == 1)
        return 0;
    if (sum->last == sum->length)
        return 1;
    if (sum->rank == sum->from_end + 1)
        return 0;
    return sum->axis_1 < 0 ? -1 : sum->axis_1 == sum->length;
}

static bool refuse(struct kf_adapt *adapt, const struct kf_layer *layer, const struct sum *sum)
{
    int astray = is_astray(sum);
    char what[160];

    if (!astray)
        return false;
    snprintf(what, sizeof(what),
             "%s has a bias of %" JSON_INTEGER_FORMAT " values that is not along the last axis%s",
             layer->class_name, sum->length, astray < 0 ? ", and inputs may be as long" : "");
    kf_adapt_report_astray(adapt, layer, what, astray > 0);
    return true;
}

/* A projection of MultiHeadAttention: heads and the size of one, or output_shape. */
static bool check_projection(struct kf_adapt *adapt, const struct kf_layer *layer,
                             const struct kf_shape *in, const json_int_t *sizes, size_t n)
{
    struct sum sum = {.axis_1 = kf_shape_axis(in, 1)};
    bool several = false;

    for (size_t i = 0; i < n; i++)
        add_axis(&sum, sizes[i], n - 1 - i, &several);
    sum.last = sizes[n - 1];
    sum.rank = in->rank ? in->rank - 1 + n : 0;
    return refuse(adapt, layer, &sum);
}

static void check_heads(struct kf_adapt *adapt, const struct kf_flow *flow, struct kf_call_at at,
                        const struct kf_shape *query)
{
    const struct kf_layer *layer = flow->graph->layers[at.layer];
    const json_t *kwargs = at.call < layer->n_calls ? layer->calls[at.call].kwargs : NULL;
    const json_t *args = at.call < layer->n_calls ? layer->calls[at.call].args : NULL;
    const json_t *value = json_object_get(kwargs, "value"), *key = json_object_get(kwargs, "key");
    json_int_t heads = kf_json_int(layer->config, "num_heads", 0);
    json_int_t size = kf_json_int(layer->config, "key_dim", 0);
    json_int_t keys[] = {heads, size};
    json_int_t values[] = {heads, kf_json_int(layer->config, "value_dim", size)};

    if (!kf_json_bool(layer->config, "use_bias", true))
        return;
    value = value ? value : json_array_get(args, 1);
    key = key ? key : json_array_get(args, 2) ? json_array_get(args, 2) : value;
    if (!check_projection(adapt, layer, query, keys, 2) &&
        !check_projection(adapt, layer, kf_flow_shape(flow, key), keys, 2))
        check_projection(adapt, layer, kf_flow_shape(flow, value), values, 2);
}

/* The size of one axis of an EinsumDense's output: of its config, or of its input. */
static json_int_t size_of(const struct kf_layer *layer, const char *equation, const char *out,
                          const char *at, const struct kf_shape *in)
{
    size_t behind = strlen(at), n = strcspn(equation, ",");
    const json_t *shape = json_object_get(layer->config, "output_shape");
    size_t given = json_is_array(shape) ? json_array_size(shape) : 1;
    const json_t *size = json_is_array(shape) ? json_array_get(shape, given - behind) : shape;
    const char *from = memchr(equation, *at, n);

    if (behind <= given && json_is_integer(size))
        return json_integer_value(size);
    if (!from || !in->rank)
        return -1;
    return kf_shape_axis(in, from - equation - (*out == '.' ? (json_int_t)n : 0));
}

static void check_einsum(struct kf_adapt *adapt, const struct kf_flow *flow, struct kf_call_at at,
                         const struct kf_shape *in)
{
    const struct kf_layer *layer = flow->graph->layers[at.layer];
    const char *equation = kf_json_str(layer->config, "equation", "");
    const char *axes = kf_json_str(layer->config, "bias_axes", NULL), *out = strstr(equation, "->");
    struct sum sum = {0};
    bool several = false;

    if (!axes || !out || kf_ends(equation, "..."))
        return;
    out += 2;
    sum.rank = *out == '.' ? in->rank + strlen(out) - strcspn(equation, ",") : strlen(out);
    for (const char *letter = out; *letter; letter++)
        if (strchr(axes, *letter))
            add_axis(&sum, size_of(layer, equation, out, letter, in), strlen(letter) - 1, &several);
    if (!sum.length || sum.from_end == 1)
        return;
    sum.last = size_of(layer, equation, out, out + strlen(out) - 1, in);
    sum.axis_1 = *out == '.' ? kf_shape_axis(in, 1) : size_of(layer, equation, out, out + 1, in);
    refuse(adapt, layer, &sum);
}

/* Most models have no such layer, and need no shapes. */
static bool may_einsum(const struct kf_layer *layer)
{
    return kf_json_str(layer->config, "bias_axes", NULL);
}

static bool may_heads(const struct kf_layer *layer)
{
    return kf_json_int(layer->config, "key_dim", 0) == 1 ||
           kf_json_int(layer->config, "value_dim", 0) == 1;
}

static const struct row {
    const char *class_name;
    void (*check)(struct kf_adapt *adapt, const struct kf_flow *flow, struct kf_call_at at,
                  const struct kf_shape *in);
    bool (*may)(const struct kf_layer *layer);
} rows[] = {
#define KF_BIASES(class_name, shape) {class_name, check_##shape, may_##shape},
#include "biases.def"
#undef KF_BIASES
};

static const struct row *row_of(const struct kf_layer *layer)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].class_name, layer->class_name) == 0)
            return &rows[i];
    return NULL;
}

static int check_call(struct kf_flow *flow, struct kf_call_at at,
                      const struct kf_shape *const *inputs, size_t n, void *context)
{
    const struct row *row = row_of(flow->graph->layers[at.layer]);

    if (n && row)
        row->check(context, flow, at, inputs[0]);
    return 0;
}

static bool may_go_astray(const struct kf_layer *layer)
{
    const struct row *row = row_of(layer);

    return row && row->may(layer);
}

int kf_adapt_biases(struct kf_adapt *adapt, struct kf_graph *graph)
{
    struct kf_flow flow = {.arena = adapt->model->arena, .graph = graph, .rep = adapt->rep};
    bool any = false;

    for (size_t i = 0; i < graph->n_layers; i++) {
        any = any || may_go_astray(graph->layers[i]);
        if (graph->layers[i]->inner)
            KF_TRY(kf_adapt_biases(adapt, graph->layers[i]->inner));
    }
    return any ? kf_flow_follow(&flow, check_call, adapt) : 0;
}
