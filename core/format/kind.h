/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_KIND_H
#define KF_FORMAT_KIND_H

#include "../io/source.h"
#include <jansson.h>
#include <kf/options.h>
#include <stdbool.h>

/*
 * What a file is, by its content and never by its name (formats.md 1.1). The rows of kind.def:
 * KF_ROW(id, name, title, what to do with it). Kinds without a reader are named in the
 * refusal, with the way out.
 */
enum kf_kind_id {
    KF_FILE_UNKNOWN,
#define KF_ROW(id, name, title, way_out) KF_FILE_##id,
#include "kind.def"
#undef KF_ROW
    KF_FILE_COUNT
};

struct kf_kind_info {
    const char *name, *title, *way_out;
};
const struct kf_kind_info *kf_kind_info(enum kf_kind_id kind);

/** The kind called `name`, KF_FILE_UNKNOWN when there is none. */
enum kf_kind_id kf_kind_find(const char *name);

/** True when files of the kind hold a model or weights, though nothing here may read them. */
bool kf_kind_holds_model(enum kf_kind_id kind);

/**
 * Tell what `src` is; the evidence, Keras version and backend go to rep->source.
 *
 * Opens HDF5 and zip only after their own checks. UNSAFE or CORRUPT when that failed, else 0,
 * with KF_FILE_UNKNOWN for bytes that nothing is known about.
 */
int kf_detect(enum kf_kind_id *out, const struct kf_source *src, const struct kf_limits *limits,
              struct kf_report *rep);

/**
 * The same for who reads the file next: `config` gets a new reference to the config of a whole
 * model, which was read to tell; NULL where there is none, or none that is JSON.
 */
int kf_detect_config(enum kf_kind_id *out, json_t **config, const struct kf_source *src,
                     const struct kf_limits *limits, struct kf_report *rep);

#endif
