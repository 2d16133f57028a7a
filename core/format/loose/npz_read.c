/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/zip/npy.h"
#include "../../io/zip/zip.h"
#include "../architecture.h"
#include "../info.h"
#include "../layer_vars.h"
#include "../legacy/legacy_match.h"
#include "../legacy/legacy_order.h"
#include "../reader.h"
#include <stdlib.h>
#include <string.h>

/*
 * An .npz of a model's weights, with its architecture: what numpy.savez(file, *model.get_weights())
 * writes, arr_0, arr_1, ... in the order of model.weights, or arrays that are called like the
 * variables, "dense/kernel" or "dense/kernel:0".
 *
 * Source: numpy/lib/npyio.py, savez (1.26); Model.weights of keras/src/engine/training.py (2.15)
 * and Layer.weights of keras/src/layers/layer.py (3.15.1): layer by layer, those of a model that is
 * a layer in their place.
 */
struct state {
    struct kf_zip *zip;
    struct kf_spool spool;
};

struct npz {
    struct kf_model *model;
    struct state *state;
    const struct kf_options *options;
    struct kf_report *rep;
    bool numbered;
    size_t n_taken;
};

static int no_memory(struct npz *npz)
{
    return kf_report_add(npz->rep, KF_NO_MEMORY, "", "out of memory");
}

/* Whether the members are arr_0, arr_1, ... and nothing else. */
static int find_numbered(struct npz *npz)
{
    size_t n = kf_zip_count(npz->state->zip);

    npz->numbered = true;
    for (size_t i = 0; i < n && npz->numbered; i++) {
        const char *name = kf_arena_printf(npz->model->arena, "arr_%zu.npy", i);

        if (!name)
            return no_memory(npz);
        npz->numbered = kf_zip_has(npz->state->zip, name);
    }
    return 0;
}

/* The member that is called like a variable: by the layer's path or name, with ":0" or without. */
static int named_member(struct npz *npz, const struct kf_legacy_slot *slot, const char **out)
{
    const char *const layers[] = {slot->layer->path, slot->layer->name};

    *out = NULL;
    for (size_t i = 0; i < 4 && !*out; i++) {
        const char *name = kf_arena_printf(npz->model->arena, "%s/%s%s.npy", layers[i / 2],
                                           slot->tensor->variable, i % 2 ? ":0" : "");

        if (!name)
            return no_memory(npz);
        if (kf_zip_has(npz->state->zip, name))
            *out = name;
    }
    return 0;
}

static int find_member(struct npz *npz, const struct kf_legacy_slot *slot, const char **out)
{
    if (!npz->numbered)
        KF_TRY(named_member(npz, slot, out));
    else if (npz->n_taken >= kf_zip_count(npz->state->zip))
        *out = NULL;
    else if (!(*out = kf_arena_printf(npz->model->arena, "arr_%zu.npy", npz->n_taken)))
        return no_memory(npz);
    if (*out)
        return 0;
    return kf_report_add(npz->rep, KF_WEIGHTS_MISSING, slot->layer->path,
                         npz->numbered
                             ? "the file has too few arrays: there is none for %s"
                             : "no array is called like %s: names are \"<layer>/<variable>\", or "
                               "arr_0, arr_1, ... in the order of model.get_weights()",
                         slot->tensor->variable);
}

static int bind_slot(struct npz *npz, struct kf_legacy_slot *slot)
{
    struct kf_source *src = kf_arena_alloc(npz->model->arena, sizeof(*src));
    const char *name;

    if (!src)
        return no_memory(npz);
    KF_TRY(find_member(npz, slot, &name));
    KF_TRY(kf_zip_member(npz->state->zip, name, &npz->state->spool, npz->options, src, npz->rep));
    src->name = name;
    KF_TRY(kf_npy_payload(&slot->tensor->payload, src, npz->model->arena, npz->rep));
    slot->tensor->source = name;
    npz->n_taken++;
    return kf_vars_check(slot->layer, slot->tensor, npz->rep);
}

static int bind_graph(struct npz *npz, struct kf_graph *graph);

static int bind_layer(struct npz *npz, struct kf_layer *layer)
{
    struct kf_legacy_order order = {0};
    int r;

    if (layer->operation)
        return 0;
    if (layer->inner)
        return bind_graph(npz, layer->inner);
    if (kf_legacy_is_opaque(layer))
        return kf_report_add(npz->rep, KF_CUSTOM_CLASS, layer->path,
                             "%s is not a layer of Keras, and which of the arrays are its own is "
                             "not known",
                             layer->class_name);
    r = kf_legacy_order(&order, layer, npz->model->dialect);
    if (r < 0)
        r = no_memory(npz);
    for (size_t i = 0; r >= 0 && i < order.n; i++)
        r = bind_slot(npz, &order.slots[i]);
    kf_legacy_order_finish(&order);
    return r;
}

static int bind_graph(struct npz *npz, struct kf_graph *graph)
{
    for (size_t i = 0; i < graph->n_layers; i++)
        KF_TRY(bind_layer(npz, graph->layers[i]));
    return 0;
}

static int read_npz(struct kf_model *model, void *opaque, const struct kf_options *options,
                    struct kf_report *rep)
{
    struct npz npz = {.model = model, .state = opaque, .options = options, .rep = rep};
    size_t n;

    npz.state->spool = KF_SPOOL_NONE;
    KF_TRY(kf_architecture_read(model, options, rep));
    if (model->dialect == KF_DIALECT_KERAS1)
        return kf_report_add(rep, KF_UNSUPPORTED_PAIR, "",
                             "arrays of a model of Keras 1: save the weights there with "
                             "model.save_weights()");
    KF_TRY(kf_zip_open(&npz.state->zip, &model->source, &options->limits, rep));
    KF_TRY(find_numbered(&npz));
    KF_TRY(bind_graph(&npz, model->graph));
    n = kf_zip_count(npz.state->zip);
    if (npz.n_taken < n)
        return kf_report_add(rep, KF_WEIGHT_COUNT, "",
                             "the file has %zu arrays where the architecture has %zu variables", n,
                             npz.n_taken);
    return 0;
}

static int verify_npz(void *opaque, struct kf_report *rep)
{
    struct state *state = opaque;

    return kf_zip_verify(state->zip, rep);
}

static void close_npz(void *opaque)
{
    struct state *state = opaque;

    kf_spool_finish(&state->spool);
    kf_zip_destroy(state->zip);
}

const struct kf_reader kf_read_npz = {
    .info = &kf_info_read_npz,
    .kind = KF_FILE_NPZ,
    .state_size = sizeof(struct state),
    .read = read_npz,
    .verify = verify_npz,
    .close = close_npz,
};
