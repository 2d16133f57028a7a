/* SPDX-License-Identifier: Apache-2.0 */
#include "../../io/zip/npy.h"
#include "../../io/zip/zip.h"
#include "../architecture.h"
#include "../info.h"
#include "../reader.h"
#include "arrays.h"

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
};

/* The names arr_0, arr_1, ... and no others. */
static int find_numbered(struct kf_arrays *arrays, struct npz *npz)
{
    arrays->numbered = true;
    for (size_t i = 0; i < arrays->n && arrays->numbered; i++) {
        const char *name = kf_arena_printf(npz->model->arena, "arr_%zu.npy", i);

        if (!name)
            return kf_report_add(npz->rep, KF_NO_MEMORY, "", "out of memory");
        arrays->numbered = kf_zip_has(npz->state->zip, name);
    }
    return 0;
}

static const char *name_at(const struct kf_arrays *arrays, size_t index)
{
    const struct npz *npz = arrays->state;

    return kf_zip_name(npz->state->zip, index);
}

static bool has(const struct kf_arrays *arrays, const char *name)
{
    const struct npz *npz = arrays->state;

    return kf_zip_has(npz->state->zip, name);
}

static int payload_of(const struct kf_arrays *arrays, const char *name,
                      const struct kf_payload **out, struct kf_report *rep)
{
    const struct npz *npz = arrays->state;
    struct kf_source *src = kf_arena_alloc(npz->model->arena, sizeof(*src));

    if (!src)
        return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
    KF_TRY(kf_zip_member(npz->state->zip, name, &npz->state->spool, npz->options, src, rep));
    src->name = name;
    return kf_npy_payload(out, src, npz->model->arena, rep);
}

static int read_npz(struct kf_model *model, void *opaque, const struct kf_options *options,
                    struct kf_report *rep)
{
    struct npz npz = {.model = model, .state = opaque, .options = options, .rep = rep};
    struct kf_arrays arrays = {
        .suffix = ".npy", .name = name_at, .has = has, .payload = payload_of, .state = &npz};
    bool alone = !model->in->architecture && model->names_do;

    npz.state->spool = KF_SPOOL_NONE;
    if (!alone)
        KF_TRY(kf_architecture_read(model, options, rep));
    if (model->dialect == KF_DIALECT_KERAS1 && !alone)
        return kf_report_add(rep, KF_UNSUPPORTED_PAIR, "",
                             "arrays of a model of Keras 1: save the weights there with "
                             "model.save_weights()");
    KF_TRY(kf_zip_open(&npz.state->zip, &model->source, &options->limits, rep));
    arrays.n = kf_zip_count(npz.state->zip);
    KF_TRY(find_numbered(&arrays, &npz));
    return alone ? kf_arrays_loose(model, &arrays, rep) : kf_arrays_bind(model, &arrays, rep);
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
