/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_KERAS_ZIP_H
#define KF_FORMAT_KERAS_ZIP_H

/*
 * A .keras file: a zip whose members are stored, not deflated, in this order:
 *
 *   metadata.json     {"keras_version": "3.15.1", "date_saved": "1980-01-01@00:00:00"}
 *   config.json       the model, see keras3_config.h
 *   model.weights.h5  its weights, see keras3_paths.h
 *   assets/...        files of layers, at the layer's group; only in archives of more than three
 *                     members, as Keras looks for them in no others
 *
 * Source: keras/src/saving/saving_lib.py, _save_model_to_fileobj (3.15.1)
 */
#define KF_ZIP_METADATA "metadata.json"
#define KF_ZIP_CONFIG   "config.json"
#define KF_ZIP_WEIGHTS  "model.weights.h5"

/* What 2.11 called it, in whose keras.saving.experimental the format began. */
#define KF_ZIP_WEIGHTS_211 "variables.h5"

/* Nobody reads it, and a real one would make each conversion of a file another file. The first
 * moment that a zip can tell, as the members have it too. */
#define KF_ZIP_DATE "1980-01-01@00:00:00"

#endif
