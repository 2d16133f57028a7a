/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_WRITER_H
#define KF_FORMAT_WRITER_H

#include "../model/model.h"
#include <kf/format.h>

/* What a model must have to be written in a format. */
enum kf_takes {
    KF_TAKES_MODEL,   /* a graph and its weights */
    KF_TAKES_GRAPH,   /* its weights may be missing: model->weightless */
    KF_TAKES_WEIGHTS, /* its graph may be missing */
    KF_TAKES_NAMES    /* and so may be what layers there are: tensors with names do */
};

/* A format that is written. `keras` is the target release as KF_KERAS(). */
struct kf_writer {
    const struct kf_format_info *info; /* its row in info.c */

    /* For what needs no model: make the file `path` out of the files as they were given, or say
     * only what would be done where it is NULL. NULL for all others, which fill what follows. */
    int (*direct)(const char *path, const struct kf_input *in, const struct kf_options *options,
                  struct kf_report *rep);

    int speaks; /* the release whose words the model is brought into, where the target is for none
                 */
    enum kf_takes takes;
    bool for_tfjs; /* it has the layers of TensorFlow.js alone: see adapt/tfjs */
    bool training; /* its kind can hold a compile config and the state of an optimizer */

    /* Say what the target cannot hold and where every tensor goes (layer->group, the report's
     * table), before any byte is written. `model` already speaks the dialect. */
    int (*plan)(struct kf_model *model, int keras, const struct kf_options *options,
                struct kf_report *rep);

    /* Write the file `path`; pulls each payload once and tells kf_progress_bytes() and
     * kf_progress_tensor() of it. Same model, same bytes. The caller removes `path` when this fails
     * and renames it when it is whole. */
    int (*write)(const char *path, struct kf_model *model, int keras,
                 const struct kf_options *options, struct kf_report *rep);
};

#endif
