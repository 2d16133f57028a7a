/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/alloc.h"
#include "../../base/str.h"
#include "../../io/pack.h"
#include "../../io/tensorflow/proto.h"
#include "../../io/tensorflow/tensor_bundle.h"
#include "../info.h"
#include "../kind.h"
#include "../writer.h"
#include "saved_model.h"
#include "saved_model_mend.h"
#include <inttypes.h>

/* Where the files stand in the archive. */
#define FOLDER "saved_model/"

struct repair {
    const struct kf_input *in;
    const struct kf_options *options;
    struct kf_report *rep;
    struct kf_buf mended; /* saved_model.pb as it will be */
};

static int no_memory(struct repair *repair)
{
    return kf_report_add(repair->rep, KF_NO_MEMORY, "", "out of memory");
}

static int mend(struct repair *repair, const struct kf_source *source, const char *bytes)
{
    struct kf_report *rep = repair->rep;
    size_t gone;
    int r = kf_saved_model_mend(bytes, (size_t)source->size, &repair->mended, &gone);

    if (r == -KF_NO_MEMORY)
        return no_memory(repair);
    if (r < 0)
        return kf_report_add(rep, KF_CORRUPT, "", "saved_model.pb is damaged: it is no message");
    if (!gone) {
        kf_report_add(rep, KF_FINDING, "",
                      "there was nothing to mend: no object has slot variables");
        return 0;
    }
    kf_report_add(rep, KF_VALUE_REWRITTEN, "",
                  "%zu slot variables of the optimizer were taken out of the graph of objects, "
                  "which TensorFlow from 2.16 on cannot load",
                  gone);
    kf_report_add(rep, KF_TRAINING_LOST, "optimizer",
                  "what the optimizer kept stays in the variables, but nothing restores it");
    rep->training = KF_TRAINING_DROPPED;
    if (repair->options->require_training)
        return kf_report_add(rep, KF_TRAINING_REQUIRED, "",
                             "require=training, but the training state would be dropped");
    return 0;
}

/* The graph is carried over, and with it what it does. */
static int look_for_code(struct repair *repair)
{
    KF_AUTO(kf_arena) arena = kf_arena_create();
    struct kf_saved_model saved = {0};
    const Kf__Tf__SavedModel *file;

    if (!arena)
        return no_memory(repair);
    file = kf_proto_unpack(&kf__tf__saved_model__descriptor, arena, repair->mended.data,
                           repair->mended.n, "saved_model.pb", repair->rep);
    if (!file)
        return kf_report_status(repair->rep);
    for (size_t i = 0; i < file->n_meta_graphs; i++) {
        saved.meta = file->meta_graphs[i];
        kf_saved_model_unsafe(&saved, repair->rep);
    }
    return 0;
}

static int read_graph(struct repair *repair, struct kf_source *source)
{
    char *bytes;
    int r;

    KF_TRY(kf_source_init(source, repair->in, repair->rep));
    if (source->size > repair->options->limits.proto_bytes)
        return kf_report_add(repair->rep, KF_TOO_LARGE, "", "saved_model.pb has %" PRIu64 " bytes",
                             source->size);
    bytes = kf_alloc((size_t)source->size + 1);
    if (!bytes)
        return no_memory(repair);
    r = kf_source_read(source, 0, bytes, (size_t)source->size, repair->rep);
    if (r >= 0)
        r = mend(repair, source, bytes);
    kf_free(bytes);
    return r < 0 ? r : look_for_code(repair);
}

/* That the variables are whole: without them the result would not load either. */
static int check_variables(struct repair *repair)
{
    KF_AUTO(kf_arena) arena = kf_arena_create();
    struct kf_tensor_bundle *bundle;
    struct kf_source index;

    if (!arena)
        return no_memory(repair);
    for (size_t i = 0; i < repair->in->n_shards; i++) {
        if (!kf_streq(repair->in->shards[i].name, KF_SAVED_MODEL_INDEX))
            continue;
        KF_TRY(kf_source_init(&index, &repair->in->shards[i], repair->rep));
        KF_TRY(kf_tensor_bundle_open(&bundle, arena, &index, repair->in->shards,
                                     repair->in->n_shards, &repair->options->limits, repair->rep));
        return kf_tensor_bundle_check(bundle, repair->rep);
    }
    return kf_report_add(repair->rep, KF_VARIABLES_MISSING, "",
                         "the file " KF_SAVED_MODEL_INDEX " is missing, which lists the variables");
}

static int write_file(struct repair *repair, struct kf_pack *pack, const struct kf_input *in)
{
    struct kf_source source;
    char name[4200];

    if (snprintf(name, sizeof(name), FOLDER "%s", in->name) >= (int)sizeof(name))
        return kf_report_add(repair->rep, KF_TOO_LARGE, "", "the name of a file is too long");
    KF_TRY(kf_source_init(&source, in, repair->rep));
    return kf_pack_put_source(pack, name, &source, repair->rep);
}

static int write_files(struct repair *repair, struct kf_pack *pack)
{
    KF_TRY(kf_pack_put(pack, FOLDER "saved_model.pb", repair->mended.data, repair->mended.n,
                       repair->rep));
    for (size_t i = 0; i < repair->in->n_shards; i++)
        KF_TRY(write_file(repair, pack, &repair->in->shards[i]));
    return kf_pack_close(pack, repair->rep);
}

static int make(struct repair *repair, const char *path)
{
    struct kf_pack pack = KF_PACK_NONE;
    struct kf_source source;
    uint64_t size;
    int r;

    KF_TRY(read_graph(repair, &source));
    size = source.size;
    KF_TRY(check_variables(repair));
    repair->rep->source.size = size;
    kf_report_set(&repair->rep->target.format, kf_info_write_savedmodel_repaired.name);
    KF_TRY(kf_report_status(repair->rep));
    if (!path)
        return 0;
    r = kf_pack_create(&pack, path, repair->options->archive, repair->rep);
    r = r < 0 ? r : write_files(repair, &pack);
    kf_pack_finish(&pack);
    repair->rep->source.size = size;
    return r;
}

static int repair_saved_model(const char *path, const struct kf_input *in,
                              const struct kf_options *options, struct kf_report *rep)
{
    struct repair repair = {.in = in, .options = options, .rep = rep};
    int r;

    if (!kf_streq(in->kind, kf_kind_info(KF_FILE_SAVED_MODEL_FOLDER)->name) ||
        kf_streq(in->name, KF_SAVED_MODEL_METADATA))
        return kf_report_add(
            rep, KF_UNSUPPORTED_PAIR, "",
            "only the folder of a SavedModel can be mended, with its saved_model.pb");
    kf_report_set(&rep->source.format, in->kind);
    kf_report_set(&rep->source.title, kf_kind_info(KF_FILE_SAVED_MODEL_FOLDER)->title);
    repair.mended.max = (size_t)options->limits.proto_bytes;
    r = make(&repair, path);
    kf_buf_finish(&repair.mended);
    return r;
}

const struct kf_writer kf_write_savedmodel_repaired = {
    .info = &kf_info_write_savedmodel_repaired,
    .direct = repair_saved_model,
};
