/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_TFJS_MANIFEST_H
#define KF_TFJS_MANIFEST_H

#include "../model/model.h"

/* More files of one model are a hostile list: 40 GB, cut every 4 MiB. */
#define KF_TFJS_SHARDS_MAX 10000

/* A weight of the manifest; its bytes stand in the shards. */
struct kf_tfjs_weight {
    const char *name;
    const char *done;                 /* what is done to its values, NULL for nothing */
    const struct kf_payload *payload; /* NULL for what the optimizer keeps */
};

struct kf_tfjs_weights {
    struct kf_tfjs_weight *items;
    size_t n;
    size_t n_optimizer; /* that the optimizer keeps */
    uint64_t bytes;     /* of all shards */
};

/**
 * The weights that a manifest, [{"paths": [...], "weights": [{"name", "shape", "dtype",
 * "quantization", "group"}]}], says to stand in the files beside the model, into the model's arena.
 * What is quantized becomes the float32 that TensorFlow.js computes with.
 *
 * Outcomes: BAD_CONFIG, CORRUPT where shapes and shards differ, VALUE_NO_EQUAL for dtypes that no
 * variable is of, SHARDS_MISSING (all are said), UNSAFE, TOO_LARGE, BAD_OPTION for a file that the
 * manifest does not name, NO_MEMORY.
 * Source: tfjs-core/src/io/io_utils.ts, decodeWeights; tfjs-converter/python/tensorflowjs/
 * write_weights.py, quantization.py (4.22.0)
 */
int kf_tfjs_manifest(struct kf_tfjs_weights *out, struct kf_model *model, const json_t *manifest,
                     const struct kf_options *options, struct kf_report *rep);

#endif
