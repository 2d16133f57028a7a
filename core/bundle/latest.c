/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/num.h"
#include "../base/str.h"
#include "bundle.h"
#include <string.h>

/* The latest one stands first in the list; the others are of no use here. */
#define STATE_BYTES 4096

/* Where all models are checkpoints of one folder: the list of them that TensorFlow keeps there. */
static const struct kf_piece *find_state(const struct kf_bundle *bundle)
{
    const struct kf_bundle_model *first = bundle->models;
    const char *kind = kf_kind_info(KF_FILE_CHECKPOINT_FOLDER)->name;

    for (size_t i = 0; i < bundle->n_models; i++)
        if (!kf_streq(bundle->models[i].in.kind, kind) ||
            !kf_bundle_beside(bundle->models[i].path, first->path))
            return NULL;
    for (size_t i = 0; i < bundle->n_pieces; i++) {
        const struct kf_piece *piece = &bundle->pieces[i];

        if (piece->kind == KF_FILE_CHECKPOINT_STATE && piece->src.fd >= 0 &&
            kf_streq(kf_bundle_base(piece->path), "checkpoint") &&
            kf_bundle_beside(piece->path, first->path))
            return piece;
    }
    return NULL;
}

/*
 * The name in `model_checkpoint_path: "..."`, without its folder, which may be one of another
 * machine; NULL where there is none. Source: tensorflow/python/checkpoint/checkpoint_management.py,
 * update_checkpoint_state_internal() (2.15.0)
 */
static char *name_in(char *text)
{
    char *name = strchr(text, '"'), *end = name ? strchr(name + 1, '"') : NULL;

    if (!end)
        return NULL;
    *end = '\0';
    for (const char *at = ++name; *at; at++)
        if (*at == '/' || *at == '\\')
            name = text + (at - text) + 1;
    return name;
}

const struct kf_bundle_model *kf_bundle_latest(const struct kf_bundle *bundle,
                                               struct kf_report *rep)
{
    const struct kf_piece *state = find_state(bundle);
    char text[STATE_BYTES + 1] = "", *name;
    size_t n = state ? (size_t)kf_min(state->src.size, STATE_BYTES) : 0;

    if (n == 0 || kf_source_read(&state->src, 0, text, n, rep) < 0 || !(name = name_in(text)))
        return NULL;
    for (size_t i = 0; i < bundle->n_models; i++) {
        const char *base = kf_bundle_base(bundle->models[i].path);

        if (kf_starts(base, name) && kf_streq(base + strlen(name), ".index"))
            return &bundle->models[i];
    }
    return NULL;
}
