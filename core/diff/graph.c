/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "diff.h"
#include <string.h>

#define NO_LAYER SIZE_MAX

/* Which layer of one graph is which of the other. */
struct match {
    struct kf_diff *diff;
    struct kf_graph *a, *b;
    size_t *to_b; /* for each layer of a, or NO_LAYER */
    bool *taken;  /* of b */
};

/* A functional model was of the class Model once. */
static const char *class_of(const struct kf_layer *layer)
{
    bool functional = layer->inner && layer->inner->topology == KF_FUNCTIONAL;

    return functional && kf_streq(layer->class_name, "Model") ? "Functional" : layer->class_name;
}

static void join(struct match *match, size_t i, size_t k)
{
    match->to_b[i] = k;
    match->taken[k] = true;
}

static void match_names(struct match *match)
{
    size_t m = match->b->n_layers;

    for (size_t i = 0; i < match->a->n_layers; i++)
        for (size_t step = 0; match->to_b[i] == NO_LAYER && step < m; step++) {
            size_t k = (i + step) % m; /* mostly it stands at the same place */

            if (!match->taken[k] &&
                kf_streq(match->a->layers[i]->name, match->b->layers[k]->name) &&
                kf_streq(class_of(match->a->layers[i]), class_of(match->b->layers[k])))
                join(match, i, k);
        }
}

static void add_renamed(const struct kf_diff *diff, const struct kf_layer *a,
                        const struct kf_layer *b)
{
    if (json_array_append_new(diff->renamed, json_pack("{s:s, s:s}", "a", a->path, "b", b->path)) <
        0)
        kf_diff_no_memory(diff);
}

/* What no name matches: the next one of the same class, in the order of the files. */
static void match_places(struct match *match)
{
    for (size_t i = 0; i < match->a->n_layers; i++)
        for (size_t k = 0; match->to_b[i] == NO_LAYER && k < match->b->n_layers; k++)
            if (!match->taken[k] &&
                kf_streq(class_of(match->a->layers[i]), class_of(match->b->layers[k]))) {
                join(match, i, k);
                add_renamed(match->diff, match->a->layers[i], match->b->layers[k]);
            }
}

/* What is left: a layer of the same name but another class, or none at all. */
static void tell_unmatched(struct match *match)
{
    for (size_t i = 0; i < match->a->n_layers; i++) {
        struct kf_layer *layer = match->a->layers[i];

        for (size_t k = 0; match->to_b[i] == NO_LAYER && k < match->b->n_layers; k++)
            if (!match->taken[k] && kf_streq(layer->name, match->b->layers[k]->name)) {
                join(match, i, k);
                kf_diff_add(match->diff, layer->path, "class", NULL, json_string(layer->class_name),
                            json_string(match->b->layers[k]->class_name));
            }
        if (match->to_b[i] == NO_LAYER)
            kf_diff_add(match->diff, layer->path, "layer-missing", NULL,
                        json_string(layer->class_name), NULL);
    }
    for (size_t k = 0; k < match->b->n_layers; k++)
        if (!match->taken[k])
            kf_diff_add(match->diff, match->b->layers[k]->path, "layer-missing", NULL, NULL,
                        json_string(match->b->layers[k]->class_name));
}

static bool same_values(const struct match *match, const json_t *a, const json_t *b);

static bool same_refs(const struct match *match, const struct kf_ref *a, const struct kf_ref *b)
{
    return a->layer < match->a->n_layers && match->to_b[a->layer] == b->layer &&
           a->call == b->call && a->output == b->output;
}

static bool same_members(const struct match *match, const json_t *a, const json_t *b)
{
    const char *key;
    json_t *value;

    json_object_foreach(
        (json_t *)a, key,
        value) if (!same_values(match, value, json_object_get(b, key))) return false;
    json_object_foreach((json_t *)b, key,
                        value) if (!json_object_get(a, key) && !json_is_null(value)) return false;
    return true;
}

/* Values of a call: refs by the layers that belong together. */
static bool same_values(const struct match *match, const json_t *a, const json_t *b)
{
    struct kf_ref x, y;

    if (kf_ref_get(a, &x) || kf_ref_get(b, &y))
        return kf_ref_get(a, &x) && kf_ref_get(b, &y) && same_refs(match, &x, &y);
    if (json_is_array(a) && json_is_array(b)) {
        for (size_t i = 0; i < json_array_size(a); i++)
            if (!same_values(match, json_array_get(a, i), json_array_get(b, i)))
                return false;
        return json_array_size(a) == json_array_size(b);
    }
    if (json_is_object(a) && json_is_object(b))
        return same_members(match, a, b);
    return kf_diff_same(a, b);
}

static void compare_calls(const struct match *match, const struct kf_layer *a,
                          const struct kf_layer *b)
{
    if (a->n_calls != b->n_calls) {
        kf_diff_add(match->diff, a->path, "calls", NULL, json_integer((json_int_t)a->n_calls),
                    json_integer((json_int_t)b->n_calls));
        return;
    }
    for (size_t i = 0; i < a->n_calls; i++)
        if (!same_values(match, a->calls[i].args, b->calls[i].args) ||
            !same_values(match, a->calls[i].kwargs, b->calls[i].kwargs))
            kf_diff_add(
                match->diff, a->path, "call", NULL,
                json_pack("{s:O, s:O}", "args", a->calls[i].args, "kwargs", a->calls[i].kwargs),
                json_pack("{s:O, s:O}", "args", b->calls[i].args, "kwargs", b->calls[i].kwargs));
}

static int compare_layers(struct kf_diff *diff, const struct kf_layer *a, const struct kf_layer *b);

static int compare_parts(struct kf_diff *diff, const struct kf_layer *a, const struct kf_layer *b)
{
    if (a->n_parts != b->n_parts)
        kf_diff_add(diff, a->path, "parts", NULL, json_integer((json_int_t)a->n_parts),
                    json_integer((json_int_t)b->n_parts));
    for (size_t i = 0; i < a->n_parts && i < b->n_parts; i++) {
        if (!kf_streq(class_of(a->parts[i]), class_of(b->parts[i])))
            kf_diff_add(diff, a->parts[i]->path, "class", NULL,
                        json_string(a->parts[i]->class_name), json_string(b->parts[i]->class_name));
        else
            KF_TRY(compare_layers(diff, a->parts[i], b->parts[i]));
    }
    return 0;
}

static int compare_layers(struct kf_diff *diff, const struct kf_layer *a, const struct kf_layer *b)
{
    int status = 0;

    if (diff->depth >= diff->options->limits.nesting)
        return kf_report_add(diff->rep, KF_TOO_LARGE, a->path, "models are nested too deep");
    diff->depth++;
    diff->n_pairs++;
    kf_diff_configs(diff, a, b);
    if (a->inner && b->inner)
        status = kf_diff_graphs(diff, a->inner, b->inner);
    if (status >= 0)
        status = compare_parts(diff, a, b);
    if (status >= 0)
        status = kf_diff_tensors(diff, a, b);
    diff->depth--;
    return status;
}

static int compare_matched(struct match *match)
{
    for (size_t i = 0; i < match->a->n_layers; i++) {
        struct kf_layer *a = match->a->layers[i], *b;

        if (match->to_b[i] == NO_LAYER)
            continue;
        b = match->b->layers[match->to_b[i]];
        if (!kf_streq(class_of(a), class_of(b)))
            continue;
        KF_TRY(compare_layers(match->diff, a, b));
        if (match->a->topology == KF_FUNCTIONAL && match->b->topology == KF_FUNCTIONAL)
            compare_calls(match, a, b);
    }
    return 0;
}

/* The order of a Sequential is how it is called. */
static void compare_order(const struct match *match)
{
    size_t last = 0;

    for (size_t i = 0; i < match->a->n_layers; i++) {
        size_t k = match->to_b[i];

        if (k == NO_LAYER)
            continue;
        if (k < last)
            kf_diff_add(match->diff, match->a->layers[i]->path, "order", NULL,
                        json_integer((json_int_t)i), json_integer((json_int_t)k));
        last = k;
    }
}

static void compare_ends(const struct match *match)
{
    const struct kf_graph *a = match->a, *b = match->b;

    if (!same_values(match, a->inputs, b->inputs))
        kf_diff_add(match->diff, a->path, "inputs", NULL, json_incref(a->inputs),
                    json_incref(b->inputs));
    if (!same_values(match, a->outputs, b->outputs))
        kf_diff_add(match->diff, a->path, "outputs", NULL, json_incref(a->outputs),
                    json_incref(b->outputs));
}

static int begin(struct match *match)
{
    size_t n = match->a->n_layers, m = match->b->n_layers;

    match->to_b = kf_arena_alloc(match->diff->arena, (n + 1) * sizeof(*match->to_b));
    match->taken = kf_arena_alloc(match->diff->arena, (m + 1) * sizeof(*match->taken));
    if (!match->to_b || !match->taken)
        return kf_diff_no_memory(match->diff);
    for (size_t i = 0; i < n; i++)
        match->to_b[i] = NO_LAYER;
    return 0;
}

static const char *topology_name(const struct kf_graph *graph)
{
    return graph->topology == KF_SEQUENTIAL ? "Sequential" : "Functional";
}

int kf_diff_graphs(struct kf_diff *diff, struct kf_graph *a, struct kf_graph *b)
{
    struct match match = {.diff = diff, .a = a, .b = b};

    KF_TRY(begin(&match));
    if (a->topology != b->topology)
        kf_diff_add(diff, a->path, "topology", NULL, json_string(topology_name(a)),
                    json_string(topology_name(b)));
    if (a->trainable != b->trainable)
        kf_diff_add(diff, a->path, "config", "trainable", json_boolean(a->trainable),
                    json_boolean(b->trainable));
    match_names(&match);
    match_places(&match);
    tell_unmatched(&match);
    KF_TRY(compare_matched(&match));
    if (a->topology != b->topology)
        return 0;
    if (a->topology == KF_SEQUENTIAL)
        compare_order(&match);
    else
        compare_ends(&match);
    return 0;
}
