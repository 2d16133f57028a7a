/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_KERAS_ZIP_OPEN_H
#define KF_FORMAT_KERAS_ZIP_OPEN_H

#include "../../io/h5/h5.h"
#include "../../io/zip/zip.h"
#include "../../model/model.h"

/* What the readers of .keras archives share; a reader's state. See keras_zip.h for the members. */
struct kf_keras_zip {
    struct kf_zip *zip;
    struct kf_spool spool; /* of weights and files that are compressed in the zip */
    struct kf_h5 *h5;      /* the weights */
    json_t *config;        /* config.json; owned */
};

/**
 * Open the model's source and read config.json; set model->keras, as metadata.json has it, and
 * model->training to the config's compile_config.
 *
 * `out` is zeroed and goes to kf_keras_zip_close() whatever comes of this.
 *
 * Outcomes: what kf_zip_open() reports, BAD_CONFIG, BAD_JSON, TOO_LARGE, NO_MEMORY.
 * Source: keras/src/saving/saving_lib.py, load_model (2.15, 3.15.1)
 */
int kf_keras_zip_open(struct kf_keras_zip *out, struct kf_model *model,
                      const struct kf_options *options, struct kf_report *rep);

/**
 * Give the tensors of model->graph their payloads out of the member `weights`, by
 * kf_saving_lib_bind() from `root` down, and the layers their files, by kf_assets_read().
 *
 * Outcomes: WEIGHTS_MISSING, CORRUPT for a member that is damaged or no HDF5, what binding reports.
 */
int kf_keras_zip_bind(struct kf_keras_zip *zip, struct kf_model *model, const char *weights,
                      const char *root, const struct kf_options *options, struct kf_report *rep);

/**
 * For a model that is defined by Python code: its weights alone where they do, by kf_loose_read(),
 * or else for the architecture that was given. Its training state is left out.
 *
 * Outcomes: ARCHITECTURE_MISSING, what binding reports.
 */
int kf_keras_zip_coded(struct kf_keras_zip *zip, struct kf_model *model, const char *weights,
                       const struct kf_options *options, struct kf_report *rep);

void kf_keras_zip_close(struct kf_keras_zip *zip);

#endif
