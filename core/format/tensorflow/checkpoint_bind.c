/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoint_bind.h"
#include "../../base/str.h"
#include "../legacy/legacy_match.h"
#include "checkpoint_models.h"
#include "checkpoint_tables.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *classes, *variable, *path, *name;
} edges[] = {
#define KF_EDGE(classes, variable, path) {classes, variable, path, "edge:" classes "." variable},
#include "checkpoint_edges.def"
#undef KF_EDGE
};

/* Variables of an object that a report names. */
#define NAMED_MAX 8

struct bind {
    struct kf_checkpoint *cp;
    struct kf_model *model;
    const struct kf_checkpoint_visit *visit;
    struct kf_report *rep;
    bool keras3;
    bool trial; /* whether it would fit: configs are left as they are */
};

/* An object, and the way to it. */
struct spot {
    int node;
    const char *path;
};

static int bind_layer(struct bind *bind, struct kf_layer *layer, const struct spot *spot);

static int no_memory(struct bind *bind)
{
    return kf_report_add(bind->rep, KF_NO_MEMORY, "", "out of memory");
}

/* One edge further; `out->node` is -1 where there is none. */
static int step(struct bind *bind, const struct spot *spot, const char *edge, struct spot *out)
{
    const char *path =
        kf_arena_printf(bind->model->arena, "%s%s%s", spot->path, *spot->path ? "/" : "", edge);

    *out = (struct spot){.node = kf_checkpoint_path(bind->cp, spot->node, edge), .path = path};
    return path ? 0 : no_memory(bind);
}

/* The edges from a layer to one of its variables. */
static const char *edges_of(struct bind *bind, const struct kf_layer *layer,
                            const struct kf_tensor *tensor)
{
    const char *slash = strrchr(tensor->variable, '/');

    for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
        if (kf_in_words(edges[i].classes, layer->class_name) &&
            kf_streq(edges[i].variable, tensor->variable)) {
            kf_report_rule(bind->rep, edges[i].name);
            return edges[i].path;
        }
    return kf_arena_printf(bind->model->arena, "%s%s%s", tensor->subpath,
                           *tensor->subpath ? "/" : "", slash ? slash + 1 : tensor->variable);
}

/* "kernel, bias": the variables right below an object. */
static void name_variables(struct bind *bind, int node, struct kf_buf *text)
{
    const Kf__Tf__TrackableObjectGraph__Object *object = bind->cp->graph->nodes[node];
    const char *name;
    size_t n = 0;

    for (size_t i = 0; i < object->n_children && n < NAMED_MAX; i++)
        if (kf_checkpoint_value(bind->cp, object->children[i]->node_id, &name))
            kf_buf_printf(text, "%s%.100s", n++ ? ", " : "", object->children[i]->local_name);
}

static int report_missing(struct bind *bind, const struct kf_layer *layer, const char *variable,
                          int node)
{
    struct kf_buf text = {.max = 2048};

    name_variables(bind, node, &text);
    kf_report_add(bind->rep, KF_WEIGHTS_MISSING, layer->path,
                  "the %s needs %s, but its object has %s%s", layer->class_name, variable,
                  text.n ? "only " : "no variables", text.n ? text.data : "");
    kf_buf_finish(&text);
    return 0; /* the other layers are looked at too */
}

static int bind_tensor(struct bind *bind, struct kf_layer *layer, struct kf_tensor *tensor,
                       int node)
{
    const char *path = edges_of(bind, layer, tensor), *name;
    const struct kf_bundle_entry *entry;

    if (!path)
        return no_memory(bind);
    entry = kf_checkpoint_value(bind->cp, kf_checkpoint_path(bind->cp, node, path), &name);
    if (!entry)
        return report_missing(bind, layer, tensor->variable, node);
    return kf_checkpoint_take(bind->cp, layer, tensor, entry, name, bind->rep);
}

/* A layer of a class that nobody knows: what its own list has, else what its attributes are. */
static int take_unknown(struct bind *bind, struct kf_layer *layer, int node)
{
    int list = kf_checkpoint_child(bind->cp, node, "variables");
    const Kf__Tf__TrackableObjectGraph__Object *object =
        bind->cp->graph->nodes[list >= 0 ? list : node];

    layer->n_tensors = 0;
    layer->tensors =
        kf_arena_alloc(bind->model->arena, (object->n_children + 1) * sizeof(*layer->tensors));
    if (!layer->tensors)
        return no_memory(bind);
    for (size_t i = 0; i < object->n_children; i++) {
        struct kf_tensor *tensor = &layer->tensors[layer->n_tensors];
        const char *name;
        const struct kf_bundle_entry *entry =
            kf_checkpoint_value(bind->cp, object->children[i]->node_id, &name);

        if (!entry)
            continue;
        *tensor = (struct kf_tensor){.variable = name, .subpath = "", .trainable = true};
        KF_TRY(kf_checkpoint_take(bind->cp, layer, tensor, entry, name, bind->rep));
        layer->n_tensors++;
    }
    return 0;
}

static int bind_parts(struct bind *bind, struct kf_layer *layer, const struct spot *spot)
{
    for (size_t i = 0, member = 0; i < layer->n_parts; i++) {
        struct kf_layer *part = layer->parts[i];
        char edge[96];
        struct spot at;

        member = i && layer->parts[i - 1]->attribute == part->attribute ? member + 1 : 0;
        snprintf(edge, sizeof(edge), part->in_container ? "%.64s/%zu" : "%.64s", part->attribute,
                 member);
        KF_TRY(step(bind, spot, edge, &at));
        KF_TRY(bind_layer(bind, part, &at));
    }
    return 0;
}

/*
 * Whether the numbers of a Sequential's layers pass over its InputLayer, as they do since
 * TensorFlow 2.2: else there is one number more.
 */
static bool passes_input(const struct bind *bind, const struct kf_graph *graph, int node)
{
    char last[32];

    snprintf(last, sizeof(last), "layer-%zu", graph->n_layers - 1);
    return graph->topology == KF_SEQUENTIAL && kf_graph_begins_with_input(graph) &&
           (node < 0 || kf_checkpoint_child(bind->cp, node, last) < 0);
}

/* The edge to layer number `i` of a graph whose object is `node`. */
static void edge_of(const struct bind *bind, const struct kf_graph *graph, int node, size_t i,
                    char *edge, size_t room)
{
    bool sequential = graph->topology == KF_SEQUENTIAL;

    if (bind->keras3)
        snprintf(edge, room, "%s_operations/%zu", sequential ? "_functional/" : "", i);
    else
        snprintf(edge, room, "layer-%zu", i - passes_input(bind, graph, node));
}

static int bind_graph(struct bind *bind, struct kf_graph *graph, const struct spot *spot)
{
    for (size_t i = 0; i < graph->n_layers; i++) {
        struct kf_layer *layer = graph->layers[i];
        char edge[64];
        struct spot at;

        if (layer->operation || kf_layer_is_input(layer))
            continue;
        edge_of(bind, graph, spot->node, i, edge, sizeof(edge));
        KF_TRY(step(bind, spot, edge, &at));
        KF_TRY(bind_layer(bind, layer, &at));
    }
    return 0;
}

static bool needs_object(const struct kf_layer *layer)
{
    return layer->n_tensors || layer->n_parts || layer->inner;
}

static int bind_layer(struct bind *bind, struct kf_layer *layer, const struct spot *spot)
{
    if (spot->node < 0) {
        if (needs_object(layer))
            kf_report_add(bind->rep, KF_WEIGHTS_MISSING, layer->path,
                          "there is no object for the %s, which would be %s", layer->class_name,
                          spot->path);
        return 0;
    }
    if (layer->inner)
        return bind_graph(bind, layer->inner, spot);
    if (kf_legacy_is_opaque(layer))
        KF_TRY(take_unknown(bind, layer, spot->node));
    else
        for (size_t i = 0; i < layer->n_tensors; i++)
            KF_TRY(bind_tensor(bind, layer, &layer->tensors[i], spot->node));
    KF_TRY(bind_parts(bind, layer, spot));
    if (bind->trial)
        return 0;
    KF_TRY(kf_checkpoint_vocabulary(bind->cp, layer, spot->node, bind->rep));
    return bind->visit ? bind->visit->layer(bind->visit->context, layer, spot->path, bind->rep) : 0;
}

bool kf_checkpoint_leads_aside(const char *edge)
{
    return kf_in_words(
        "optimizer _optimizer keras_api _rng _random_generator _seed_generator "
        "seed_generator states num_documents _metrics _loss_tracker loss_tracker signatures "
        "save_counter estimator_global_step",
        edge);
}

static int bind_root(struct bind *bind, int root)
{
    const struct spot spot = {.node = root, .path = ""};

    bind->keras3 = kf_checkpoint_is_keras3(bind->cp, root);
    if (bind->keras3 && bind->model->dialect != KF_DIALECT_KERAS3)
        return kf_report_add(bind->rep, KF_ARCHITECTURE_MISSING, "",
                             "the checkpoint is of Keras 3 and the architecture of Keras 2");
    KF_TRY(bind_graph(bind, bind->model->graph, &spot));
    KF_TRY(kf_report_status(bind->rep));
    return kf_checkpoint_rest(bind->cp, bind->model, root, bind->visit, bind->rep);
}

int kf_checkpoint_bind(struct kf_checkpoint *cp, struct kf_model *model, int root,
                       const struct kf_checkpoint_visit *visit, struct kf_report *rep)
{
    struct bind bind = {.cp = cp, .model = model, .visit = visit, .rep = rep};

    return bind_root(&bind, root);
}

bool kf_checkpoint_fits(struct kf_checkpoint *cp, struct kf_model *model, int root)
{
    struct kf_report ignored;
    struct bind bind = {.cp = cp, .model = model, .rep = &ignored, .trial = true};
    int r;

    kf_report_init(&ignored);
    r = bind_root(&bind, root);
    kf_report_finish(&ignored);
    memset(cp->taken, 0, kf_tensor_bundle_count(cp->bundle) * sizeof(*cp->taken));
    return r >= 0;
}
