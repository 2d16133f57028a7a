/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_ASSETS_H
#define KF_FORMAT_ASSETS_H

#include "../../io/zip/zip.h"
#include "../../model/model.h"

/*
 * Files of layers, as a .keras archive has them: assets/<group of the layer>/<file>, where the
 * group is the one of the weights. A vocabulary is text, one entry a line; those that stand for
 * masks and for what is unknown come first.
 */
#define KF_ASSETS "assets"

/* A row of assets.def. */
struct kf_asset_row {
    const char *class_name, *file, *again, *key, *name;
};

/** The row of a class, or NULL. */
const struct kf_asset_row *kf_asset_row(const char *class_name);

/** True when the layer's list can only come from a file: its config has none. */
bool kf_asset_due(const struct kf_layer *layer);

/**
 * Give the layers their files out of an archive whose weights have been bound. Layers of classes
 * that nobody knows get what lies in their folders.
 *
 * `spool` holds what is compressed in the zip; it and the zip outlive the model's payloads.
 *
 * Outcomes: MAPPING_AMBIGUOUS for one file with two contents, CORRUPT, WRITE_FAILED, NO_MEMORY.
 */
int kf_assets_read(struct kf_model *model, struct kf_zip *zip, struct kf_spool *spool,
                   const struct kf_options *options, struct kf_report *rep);

/** Add the layers' files to an archive, at layer->group. WRITE_FAILED, NO_MEMORY. */
int kf_assets_write(struct kf_model *model, struct kf_zip_out *zip, struct kf_report *rep);

/** Say which files a target of weights alone has no place for; called from a plan. */
int kf_assets_leave(struct kf_model *model, struct kf_report *rep);

/**
 * Put those lists into the layers' configs that the release would read otherwise from a file, or
 * not at all; called from the plan of an archive. Outcomes as kf_assets_to_config().
 *
 * Source: keras/src/layers/preprocessing/index_lookup.py load_assets: set_vocabulary(values,
 * idf_weights=False) fails before 3.14, which splits by str.splitlines() (3.13.2, 3.14.1)
 */
int kf_assets_fit(struct kf_model *model, int keras, const struct kf_options *options,
                  struct kf_report *rep);

/**
 * Put lists into the layers' configs, for a target that keeps no files; called from a plan.
 *
 * Outcomes: TOO_LARGE for a list longer than a config may be, CORRUPT for one that is no list,
 * NO_MEMORY.
 */
int kf_assets_to_config(struct kf_model *model, const struct kf_options *options,
                        struct kf_report *rep);

#endif
