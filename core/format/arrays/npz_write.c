/* SPDX-License-Identifier: Apache-2.0 */
#include "../../io/move.h"
#include "../../io/zip/npy.h"
#include "../../io/zip/zip.h"
#include "../info.h"
#include "../keras2/keras2_settle.h"
#include "../release.h"
#include "../saving_lib/assets.h"
#include "../writer.h"
#include "tensor_names.h"
#include <string.h>

/*
 * An .npz as numpy.savez writes it, not compressed: a member <name>.npy for each tensor, in the
 * order of model.get_weights(), so that model.set_weights(list(numpy.load(file).values())) takes
 * them.
 *
 * Source: numpy/lib/npyio.py, _savez (1.26)
 */
extern const struct kf_writer kf_write_npz;

/* A name is the path of a member: none may lead out of the folder that it is unpacked to. */
static int check_name(const struct kf_tensor_name *item, struct kf_report *rep)
{
    if (kf_zip_name_is_safe(item->name))
        return 0;
    return kf_report_add(rep, KF_VALUE_NO_EQUAL, item->owner,
                         "the name %s would lead out of the folder that an .npz is unpacked to",
                         item->name);
}

static int say_bfloat16(const struct kf_tensor_names *names, struct kf_report *rep)
{
    for (size_t i = 0; i < names->n; i++)
        if (names->items[i].tensor->payload->dtype == KF_DTYPE_BFLOAT16)
            return kf_report_add(rep, KF_FINDING, "",
                                 "NumPy has no bfloat16: such arrays are of two bytes without a "
                                 "type, as ml_dtypes saves them; .view(ml_dtypes.bfloat16) has "
                                 "their numbers");
    return 0;
}

static int plan_names(const struct kf_tensor_names *names, struct kf_model *model,
                      struct kf_report *rep)
{
    for (size_t i = 0; i < names->n; i++)
        KF_TRY(check_name(&names->items[i], rep));
    KF_TRY(say_bfloat16(names, rep));
    return kf_tensor_names_plan(names, model, rep);
}

static int plan(struct kf_model *model, int keras, const struct kf_options *options,
                struct kf_report *rep)
{
    struct kf_tensor_names names = {0};
    char release[KF_RELEASE_TEXT];
    int r;

    (void)options;
    kf_release_text(keras, release);
    kf_report_set(&rep->target.format, kf_write_npz.info->name);
    kf_report_set(&rep->target.keras_version, release);
    if (model->graph && !model->made_up) {
        KF_TRY(kf_assets_leave(model, rep));
        if (keras < KF_KERAS(3, 0, 0))
            KF_TRY(kf_keras2_settle(model, keras, rep));
    }
    r = kf_tensor_names(&names, model, rep);
    if (r >= 0)
        r = plan_names(&names, model, rep);
    kf_tensor_names_finish(&names);
    return r;
}

static int write_array(struct kf_zip_out *zip, const struct kf_tensor_name *item,
                       struct kf_arena *arena, const struct kf_options *options,
                       struct kf_tensor_report *row, struct kf_report *rep)
{
    const char *member = kf_arena_printf(arena, "%s.npy", item->name);
    struct kf_mover mover = {.to = KF_SINK_NONE};
    char header[KF_NPY_HEADER_MAX];
    size_t n = kf_npy_header(header, item->tensor->payload);
    int r;

    if (!member)
        return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
    KF_TRY(kf_zip_out_begin(zip, member, &mover.to, rep));
    r = kf_sink_write(&mover.to, 0, header, n, member, rep);
    if (r >= 0)
        r = kf_move(&mover, item->tensor->payload, n, options->checksum, row, member, rep);
    kf_mover_finish(&mover);
    return r < 0 ? r : kf_zip_out_end(zip, rep);
}

static int write_npz(const char *path, struct kf_model *model, int keras,
                     const struct kf_options *options, struct kf_report *rep)
{
    KF_AUTO(kf_zip_out) zip = NULL;
    struct kf_tensor_names names = {0};
    int r = kf_zip_create(&zip, path, rep);

    (void)keras;
    if (r >= 0)
        r = kf_tensor_names(&names, model, rep);
    for (size_t i = 0; r >= 0 && i < names.n; i++)
        r = write_array(zip, &names.items[i], model->arena, options,
                        i < rep->n_tensors ? &rep->tensors[i] : NULL, rep);
    kf_tensor_names_finish(&names);
    return r < 0 ? r : kf_zip_out_close(zip, rep);
}

const struct kf_writer kf_write_npz = {
    .info = &kf_info_write_npz,
    .takes = KF_TAKES_NAMES,
    .plan = plan,
    .write = write_npz,
};
