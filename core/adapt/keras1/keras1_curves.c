/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/constant.h"
#include "../../model/rewrite.h"
#include "keras1_split.h"
#include <string.h>

/*
 * ParametricSoftplus and SReLU, whose parameters are one for each value of a row, or 1 long along
 * the axes that share them. An EinsumDense multiplies and adds such parameters value by value, and
 * trains them: "abc,bc->abc", or "...a,a->...a".
 */
#define LETTERS "abcdefgh"

/* Parameters that a value is multiplied by and that are added to it; NULL: nothing is added. */
struct steps {
    const struct kf_payload *kernel, *bias;
    const char *source; /* the variable of the layer that they are made of */
};

static int misfit(struct kf_split *split)
{
    return kf_report_add(split->adapt->rep, KF_WEIGHT_SHAPE, split->layer->path,
                         "the weights have not the shape or dtype of those of a %s",
                         split->layer->class_name);
}

/*
 * The axes from `first` to before `end` have parameters of their own; the others stand together
 * before or behind them. Before them one at most: of more Keras 3 turns round the sizes.
 * Source: keras/src/layers/core/einsum_dense.py _analyze_split_string (3.15.1), output_shape.insert
 */
static bool own_axes(const struct kf_payload *shape, unsigned *first, unsigned *end)
{
    *first = 0;
    *end = shape->rank;
    while (*first < *end && shape->dims[*first] == 1)
        ++*first;
    while (*end > *first && shape->dims[*end - 1] == 1)
        --*end;
    for (unsigned i = *first; i < *end; i++)
        if (shape->dims[i] == 1)
            return false;
    return *first < *end && (*first == 0 || (*first == 1 && *end == shape->rank));
}

/* All parameters have one shape, which an EinsumDense can have. */
static bool parameters_fit(const struct kf_split *split, const char *const *variables, size_t n)
{
    const struct kf_payload *first = kf_split_payload(split->layer, variables[0]);
    unsigned from, to;

    for (size_t i = 0; i < n; i++) {
        const struct kf_payload *one = kf_split_payload(split->layer, variables[i]);

        if (!one || one->rank != first->rank || one->dtype != KF_DTYPE_FLOAT32 ||
            memcmp(one->dims, first->dims, first->rank * sizeof(first->dims[0])) != 0)
            return false;
    }
    return first->rank < sizeof(LETTERS) - 1 && own_axes(first, &from, &to);
}

/* Without the axes that are 1 long: all of them, or the first ones alone. */
static const struct kf_payload *without_ones(struct kf_split *split,
                                             const struct kf_payload *payload, bool all)
{
    bool fits = true;
    unsigned axis = 0;

    while (payload && axis < payload->rank)
        if (payload->dims[axis] == 1)
            payload = kf_rewrite_squeeze(split->adapt->model->arena, payload, axis, &fits);
        else if (all)
            axis++;
        else
            break;
    return payload;
}

/* What an EinsumDense is told for parameters of this shape: "...": axes that share them. */
static json_t *einsum_config(const struct kf_split *split, const struct kf_payload *shape,
                             bool biased)
{
    char letters[] = LETTERS, equation[3 * sizeof(LETTERS)];
    json_auto_t *sizes = json_array();
    unsigned first, end;
    int n, batch;

    own_axes(shape, &first, &end);
    for (unsigned i = first; i < end; i++)
        if (json_array_append_new(sizes, json_integer((json_int_t)shape->dims[i])) < 0)
            return NULL;
    n = (int)(end - first);
    batch = first == 0; /* else it is one of the axes that share them */
    snprintf(equation, sizeof(equation), "%s%.*s%s,%.*s->%s%.*s%s", batch ? "" : "...", n + batch,
             letters, end < shape->rank ? "..." : "", n, letters + batch, batch ? "" : "...",
             n + batch, letters, end < shape->rank ? "..." : "");
    letters[n + batch] = '\0';
    return json_pack("{s:b, s:s, s:O, s:o}", "trainable", split->layer->trainable, "equation",
                     equation, "output_shape", sizes, "bias_axes",
                     biased ? json_string(letters + batch) : json_null());
}

/* Variables of an EinsumDense. */
static int give_steps(struct kf_split *split, struct kf_layer *layer, const struct steps *steps)
{
    const struct kf_payload *kernel = without_ones(split, steps->kernel, true), *bias = NULL;
    size_t n = steps->bias ? 2 : 1;
    struct kf_tensor *tensors = kf_arena_alloc(split->adapt->model->arena, n * sizeof(*tensors));

    if (steps->bias)
        bias = without_ones(split, steps->bias, false);
    if (!tensors || !kernel || (steps->bias && !bias))
        return kf_split_no_memory(split);
    for (size_t i = 0; i < n; i++)
        tensors[i] = (struct kf_tensor){.variable = i ? "bias" : "kernel",
                                        .source = steps->source,
                                        .trainable = split->layer->trainable,
                                        .payload = i ? bias : kernel};
    layer->tensors = tensors;
    layer->n_tensors = n;
    return 0;
}

/* The layer itself becomes the last EinsumDense. */
static int become_steps(struct kf_split *split, const struct kf_payload *shape,
                        const struct steps *steps, const char *how)
{
    json_t *config = einsum_config(split, shape, steps->bias != NULL);
    struct kf_layer *layer = split->layer;
    bool trainable = layer->trainable;

    if (!config)
        return kf_split_no_memory(split);
    KF_TRY(kf_split_become(split, "EinsumDense", how));
    if (json_object_update(config, layer->config) < 0) {
        json_decref(config);
        return kf_split_no_memory(split);
    }
    json_decref(layer->config);
    layer->config = config;
    layer->trainable = trainable;
    return give_steps(split, layer, steps);
}

/* In front of the layer, which takes what it gives. */
static int put_before(struct kf_split *split, const char *class_name, json_t *config,
                      struct kf_layer **out)
{
    KF_TRY(kf_insert_before(split->adapt, split->graph, split->index, class_name, config, out));
    if (split->graph->topology == KF_SEQUENTIAL)
        split->index++;
    return 0;
}

/* alpha softplus(beta x) */
int kf_split_softplus(struct kf_split *split, bool *done)
{
    static const char *const variables[] = {"alphas", "betas"};
    const struct kf_payload *alphas = kf_split_payload(split->layer, "alphas");
    const struct steps inside = {kf_split_payload(split->layer, "betas"), NULL, "betas"};
    struct kf_layer *before;

    *done = alphas && parameters_fit(split, variables, 2) &&
            !kf_keras1_masked(split->adapt->model->graph);
    if (!*done)
        return 0;
    KF_TRY(put_before(split, "EinsumDense", einsum_config(split, inside.kernel, false), &before));
    KF_TRY(give_steps(split, before, &inside));
    KF_TRY(put_before(split, "Activation", json_pack("{s:s}", "activation", "softplus"), &before));
    return become_steps(split, alphas, &(struct steps){alphas, NULL, "alphas"},
                        "EinsumDense, Activation and EinsumDense");
}

/* Arguments [number `at`] for each call of the layer. */
static json_t *outputs_of(const struct kf_split *split, size_t at)
{
    json_t *list = json_array();

    for (size_t k = 0; list && k < split->layer->n_calls; k++)
        if (json_array_append_new(list, json_pack("[o]", kf_ref_new(at, k, 0))) < 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

/* A PReLU with the slopes `variable`, on what layer `on` gives or on the layer's own input. */
static int add_slopes(struct kf_split *split, const char *variable, size_t on, size_t *at)
{
    json_auto_t *args = on == split->index ? NULL : outputs_of(split, on);
    struct kf_tensor *tensor = kf_arena_alloc(split->adapt->model->arena, sizeof(*tensor));
    struct kf_layer *prelu;

    if (!tensor || (!args && on != split->index))
        return kf_split_no_memory(split);
    KF_TRY(kf_split_beside(
        split, "PReLU",
        json_pack("{s:b, s:n}", "trainable", split->layer->trainable, "shared_axes"), args, &prelu,
        at));
    *tensor = (struct kf_tensor){.variable = "alphas",
                                 .source = variable,
                                 .trainable = split->layer->trainable,
                                 .payload = kf_split_payload(split->layer, variable)};
    prelu->tensors = tensor;
    prelu->n_tensors = 1;
    return 0;
}

/* What the four parameters become: u = x - left, the width of the middle, and back again. */
struct srelu {
    struct steps in, turned, out;
};

static int make_steps(struct kf_split *split, struct srelu *srelu)
{
    struct kf_arena *arena = split->adapt->model->arena;
    const struct kf_payload *left = kf_split_payload(split->layer, "t_left");
    const struct kf_payload *right = kf_split_payload(split->layer, "t_right"), *minus, *width;
    const struct kf_payload *one = kf_filled(arena, left, 1), *turn = kf_filled(arena, left, -1);
    bool fits[2];

    minus = kf_rewrite_scale(arena, left, 1, 1, -1, &fits[0]);
    width = kf_rewrite_absolute(arena, right, &fits[1]);
    if (!fits[0] || !fits[1])
        return misfit(split);
    if (!one || !turn || !minus || !width)
        return kf_split_no_memory(split);
    *srelu =
        (struct srelu){{one, minus, "t_left"}, {turn, width, "t_right"}, {one, left, "t_left"}};
    return 0;
}

/*
 * With u = x - t_left and v = |t_right| - u: t_left + prelu(u, a_left) - prelu(v, a_right) + v. On
 * Theano a negative a_left makes the left part rise to no more than |t_right|, which this does not.
 */
int kf_split_srelu(struct kf_split *split, bool *done)
{
    static const char *const variables[] = {"t_left", "a_left", "t_right", "a_right"};
    const struct kf_payload *shape = kf_split_payload(split->layer, "t_left");
    struct kf_layer *layer;
    struct srelu srelu;
    json_auto_t *args = NULL;
    size_t turned, left = 0, right = 0, difference, sum;

    *done = shape && parameters_fit(split, variables, 4) &&
            split->graph->topology == KF_FUNCTIONAL &&
            split->adapt->backend == KF_BACKEND_TENSORFLOW &&
            !kf_keras1_masked(split->adapt->model->graph);
    if (!*done)
        return 0;
    KF_TRY(make_steps(split, &srelu));
    KF_TRY(kf_report_add(split->adapt->rep, KF_TRAINING_DIFFERS, split->layer->path,
                         "the layers in the place of a SReLU train further parameters, which are 1 "
                         "and -1 now"));
    KF_TRY(put_before(split, "EinsumDense", einsum_config(split, shape, true), &layer));
    KF_TRY(give_steps(split, layer, &srelu.in));
    KF_TRY(kf_split_beside(split, "EinsumDense", einsum_config(split, shape, true), NULL, &layer,
                           &turned));
    KF_TRY(give_steps(split, layer, &srelu.turned));
    KF_TRY(add_slopes(split, "a_left", split->index, &left));
    KF_TRY(add_slopes(split, "a_right", turned, &right));
    KF_TRY(kf_split_merge(split, "Subtract", left, right, &difference));
    KF_TRY(kf_split_merge(split, "Add", difference, turned, &sum));
    if (!(args = outputs_of(split, sum)))
        return kf_split_no_memory(split);
    for (size_t k = 0; k < split->layer->n_calls; k++) {
        json_decref(split->layer->calls[k].args);
        split->layer->calls[k].args = json_incref(json_array_get(args, k));
    }
    return become_steps(split, shape, &srelu.out, "EinsumDense, PReLU, Subtract and Add");
}
