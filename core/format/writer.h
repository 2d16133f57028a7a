/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_WRITER_H
#define KF_FORMAT_WRITER_H

#include "../model/model.h"
#include <kf/format.h>

/* A format that is written. `keras` is the target release as KF_KERAS(). */
struct kf_writer {
    const struct kf_format_info *info; /* its row in info.c */

    /* The config language it is written in for a target release. */
    enum kf_dialect (*dialect)(int keras);

    /* Say what the target cannot hold and where every tensor goes (layer->group, the report's
     * table), before any byte is written. `model` already speaks the dialect. */
    int (*plan)(struct kf_model *model, int keras, const struct kf_options *options,
                struct kf_report *rep);

    /* Write the file `path`; pulls each payload once. Same model, same bytes. The caller removes
     * `path` when this fails and renames it when it is whole. */
    int (*write)(const char *path, struct kf_model *model, int keras,
                 const struct kf_options *options, struct kf_report *rep);
};

#endif
