/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "keras3_keras2.h"
#include <string.h>

static const struct call_row {
    const char *classes, *names, *takes, *name;
} rows[] = {
#define KF_CALL(classes, names, takes) {classes, names, takes, "call:" classes},
#include "../keras3/keras3_calls.def"
#undef KF_CALL
};

static const struct call_row *row_of(const struct kf_layer *layer)
{
    size_t i = 0;

    while (strcmp(rows[i].classes, "*") != 0 &&
           (layer->inner || !kf_in_words(rows[i].classes, layer->class_name)))
        i++;
    return &rows[i];
}

/* Word number `index` of a list of words, in the arena; NULL past the end or without memory. */
static const char *word_at(struct kf_adapt *adapt, const char *list, size_t index)
{
    for (; *list; index--) {
        size_t n = strcspn(list, " ");

        if (index == 0)
            return kf_arena_strndup(adapt->model->arena, list, n);
        list += n + strspn(list + n, " ");
    }
    return NULL;
}

static int refuse(struct kf_adapt *adapt, const struct kf_layer *layer, const char *what)
{
    kf_report_add(adapt->rep, KF_GRAPH_NO_EQUAL, layer->path, "the layer is called with %s", what);
    return 0;
}

/* What Keras 2 takes anyway: nothing, or a flag that is not set. */
static bool says_nothing(const char *key, const json_t *value)
{
    return json_is_null(value) || strcmp(key, "training") == 0 ||
           (json_is_false(value) &&
            kf_in_words("use_causal_mask return_attention_scores count_weights", key));
}

static int drop_silent(struct kf_adapt *adapt, const struct kf_layer *layer, json_t *kwargs)
{
    const char *key;
    json_t *value;
    void *next;

    json_object_foreach_safe(kwargs, next, key, value)
    {
        if (!says_nothing(key, value))
            continue;
        if (json_is_boolean(value) && strcmp(key, "training") == 0)
            KF_TRY(kf_report_add(adapt->rep, KF_NODES_REWRITTEN, layer->path,
                                 "training=%s of a call is left out: Keras 3 passes on whether the "
                                 "model trains",
                                 json_is_true(value) ? "True" : "False"));
        json_object_del(kwargs, key);
    }
    return 0;
}

/* Files of Keras 2 have the tensor there. */
static int note_lone(struct kf_adapt *adapt, const char *path, const json_t *list)
{
    struct kf_ref ref;

    if (json_array_size(list) != 1 || !kf_ref_get(json_array_get(list, 0), &ref))
        return 0;
    return kf_report_add(adapt->rep, KF_NODES_REWRITTEN, path,
                         "a list of one tensor is written as the tensor: files of Keras 2 do not "
                         "tell the two");
}

/* Positional arguments behind the first one get their names. */
static int name_arguments(struct kf_adapt *adapt, struct kf_layer *layer, struct kf_call *call)
{
    const struct call_row *row = row_of(layer);
    size_t n = json_array_size(call->args);

    kf_report_rule(adapt->rep, row->name);
    for (size_t i = 1; i < n; i++) {
        const char *name = word_at(adapt, row->names, i);

        if (!name || layer->custom)
            return refuse(adapt, layer, "more arguments than Keras 2 has names for");
        KF_TRY(kf_json_set(call->kwargs, name, json_incref(json_array_get(call->args, i)),
                           adapt->rep));
    }
    while (json_array_size(call->args) > 1)
        json_array_remove(call->args, json_array_size(call->args) - 1);
    return 0;
}

/* The first argument may have been given by its name. */
static int find_first(struct kf_adapt *adapt, struct kf_layer *layer, struct kf_call *call)
{
    const char *name = word_at(adapt, row_of(layer)->names, 0);
    json_t *value = name ? json_object_get(call->kwargs, name) : NULL;

    if (json_array_size(call->args))
        return 0;
    if (!value)
        return refuse(adapt, layer, "no input");
    KF_TRY(kf_json_append(call->args, json_incref(value), adapt->rep));
    json_object_del(call->kwargs, name);
    return 0;
}

/* Refs of a call are objects of their own from here on: later steps count some anew. */
static int own_arguments(struct kf_adapt *adapt, struct kf_layer *layer, struct kf_call *call)
{
    json_t *args = json_deep_copy(call->args), *kwargs = json_deep_copy(call->kwargs);

    if (!args || !kwargs) {
        json_decref(args);
        json_decref(kwargs);
        return kf_adapt_no_memory(adapt, layer->path);
    }
    json_decref(call->args);
    json_decref(call->kwargs);
    call->args = args;
    call->kwargs = kwargs;
    return 0;
}

static int each_inner(struct kf_adapt *adapt, struct kf_layer *layer,
                      int (*one)(struct kf_adapt *adapt, struct kf_graph *graph))
{
    if (layer->inner)
        return one(adapt, layer->inner);
    for (size_t i = 0; i < layer->n_parts; i++)
        KF_TRY(each_inner(adapt, layer->parts[i], one));
    return 0;
}

int kf_down_calls(struct kf_adapt *adapt, struct kf_graph *graph)
{
    KF_TRY(note_lone(adapt, graph->path, graph->inputs));
    KF_TRY(note_lone(adapt, graph->path, graph->outputs));
    for (size_t i = 0; i < graph->n_layers; i++) {
        struct kf_layer *layer = graph->layers[i];

        KF_TRY(each_inner(adapt, layer, kf_down_calls));
        for (size_t k = 0; k < layer->n_calls; k++) {
            KF_TRY(own_arguments(adapt, layer, &layer->calls[k]));
            KF_TRY(note_lone(adapt, layer->path, json_array_get(layer->calls[k].args, 0)));
            if (layer->operation)
                continue;
            KF_TRY(drop_silent(adapt, layer, layer->calls[k].kwargs));
            KF_TRY(name_arguments(adapt, layer, &layer->calls[k]));
            KF_TRY(find_first(adapt, layer, &layer->calls[k]));
            KF_TRY(drop_silent(adapt, layer, layer->calls[k].kwargs));
        }
    }
    return 0;
}

static bool all_refs(const json_t *list)
{
    struct kf_ref ref;
    json_t *one;
    size_t i;

    json_array_foreach(list, i, one) if (!kf_ref_get(one, &ref)) return false;
    return json_is_array(list);
}

/* Keras 2 passes an RNN's state as further inputs, Keras 3 by the keyword. */
static int pass_state(struct kf_adapt *adapt, struct kf_layer *layer, struct kf_call *call)
{
    json_t *state = json_object_get(call->kwargs, "initial_state"), *list;
    struct kf_ref ref;

    if (!state)
        return 0;
    if (!kf_ref_get(state, &ref) && !all_refs(state))
        return refuse(adapt, layer, "a state that is no tensor");
    list = json_pack("[O]", json_array_get(call->args, 0));
    if (list && (json_is_array(state) ? json_array_extend(list, state)
                                      : json_array_append(list, state)) < 0) {
        json_decref(list);
        list = NULL;
    }
    KF_TRY(kf_json_set_at(call->args, 0, list, adapt->rep));
    json_object_del(call->kwargs, "initial_state");
    return kf_report_add(adapt->rep, KF_NODES_REWRITTEN, layer->path,
                         "initial_state is passed as further inputs");
}

static int check_keywords(struct kf_adapt *adapt, struct kf_layer *layer,
                          const struct kf_call *call)
{
    const struct call_row *row = row_of(layer);
    const char *key;
    json_t *value;

    json_object_foreach(call->kwargs, key, value)
    {
        const char *what =
            kf_arena_printf(adapt->model->arena, "%s, which Keras 2 does not take", key);

        if (!what)
            return kf_adapt_no_memory(adapt, layer->path);
        if (!kf_in_words(layer->inner ? "mask" : row->takes, key) && !layer->custom)
            KF_TRY(refuse(adapt, layer, what));
    }
    return 0;
}

int kf_down_states(struct kf_adapt *adapt, struct kf_graph *graph)
{
    for (size_t i = 0; i < graph->n_layers; i++) {
        struct kf_layer *layer = graph->layers[i];

        KF_TRY(each_inner(adapt, layer, kf_down_states));
        for (size_t k = 0; k < layer->n_calls; k++) {
            if (kf_streq(layer->class_name, "TFOpLambda") ||
                kf_streq(layer->class_name, "SlicingOpLambda") || layer->operation)
                continue;
            KF_TRY(pass_state(adapt, layer, &layer->calls[k]));
            KF_TRY(check_keywords(adapt, layer, &layer->calls[k]));
        }
    }
    return 0;
}
