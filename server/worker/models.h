/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_WORKER_MODELS_H
#define KF_WORKER_MODELS_H

#include <kf/bundle.h>

/**
 * models.json: the models of a bundle, each with the files that it is made of,
 *
 *   [{"path": "a/m.h5", "inputs": [{"role", "name", "from", "at", "size", "kind"}]}]
 *
 * where `from` is the number of the input that the file is, or stands in, and -1 is the scratch
 * file; without `size` it is the whole of it. New reference, NULL when memory ran out.
 */
json_t *models_json(const struct kf_bundle *bundle);

#endif
