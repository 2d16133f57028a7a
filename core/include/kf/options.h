/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_OPTIONS_H
#define KF_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A Keras release as one number: 2.15.1 is 21501, 3.4.0 is 30400. */
#define KF_KERAS(major, minor, patch) ((major)*10000 + (minor)*100 + (patch))
/* A release as the tables count them: 315. */
#define KF_SINCE(keras) ((keras) / 10000 * 100 + (keras) / 100 % 100)

enum kf_allow { KF_ALLOW_EXACT, KF_ALLOW_ADAPTED, KF_ALLOW_LOSSY };
enum kf_custom { KF_CUSTOM_REFUSE, KF_CUSTOM_KEEP };
enum kf_backend { KF_BACKEND_FILE, KF_BACKEND_TENSORFLOW, KF_BACKEND_THEANO };
enum kf_archive { KF_ARCHIVE_TAR, KF_ARCHIVE_ZIP };
enum kf_quantize { KF_QUANTIZE_NONE, KF_QUANTIZE_FLOAT16, KF_QUANTIZE_UINT8, KF_QUANTIZE_UINT16 };
enum kf_checksum_kind { KF_CHECKSUM_XXH3, KF_CHECKSUM_SHA256, KF_CHECKSUM_NONE };

/* Ceilings, each with the reason for its default. */
struct kf_limits {
    uint64_t json_bytes;   /* 64 MiB: the largest real config seen is under 3 MiB */
    uint64_t tensor_bytes; /* 1 TiB: above it sizes no longer are a model */
    uint64_t layers;       /* 100,000 layers, nested ones included */
    uint64_t tensors;      /* 1,000,000 */
    uint64_t objects;      /* 2,000,000 HDF5 groups and datasets looked at */
    unsigned json_depth;   /* 512 levels */
    unsigned nesting;      /* 32 models inside models, wrappers inside wrappers */
    uint64_t proto_bytes;  /* 512 MiB of a message in protocol buffers: a real one has under 10 */
    uint64_t expansion;    /* 1,000: bytes that one stored byte may become, above 4 GiB */
};
#define KF_LIMITS_INIT                                                                             \
    {                                                                                              \
        .json_bytes = UINT64_C(64) << 20, .tensor_bytes = UINT64_C(1) << 40, .layers = 100000,     \
        .tensors = 1000000, .objects = 2000000, .json_depth = 512, .nesting = 32,                  \
        .proto_bytes = UINT64_C(512) << 20, .expansion = 1000                                      \
    }

struct kf_progress;

/* What the user asked for. Strings are borrowed and may be NULL. */
struct kf_options {
    const char *to;   /* writer's name, "keras" */
    const char *from; /* reader's name or NULL for what the content says */
    int keras;        /* target release as KF_KERAS(), 0 for the writer's default */
    enum kf_allow allow;
    enum kf_custom custom;
    bool require_training;
    bool guess;
    bool all_checkpoints; /* of a folder: each is a model, not the latest alone */
    enum kf_backend backend;
    int opset;                 /* of ONNX, 0 for the default */
    enum kf_quantize quantize; /* of the weights, where the target can hold them so */
    const char *input_shape;   /* "None,7" ; inputs separated by ';' */
    enum kf_archive archive;   /* of a target that is a folder */
    enum kf_checksum_kind checksum;
    bool histograms;              /* of tensors whose values are rewritten */
    bool passes;                  /* the result is gone soon: no disk need begin with it */
    struct kf_progress *progress; /* kf/progress.h; NULL when nobody wants to know */
    const char *scratch;          /* folder for what must be unpacked; NULL is the current one */
    struct kf_limits limits;
};
#define KF_OPTIONS_INIT                                                                            \
    {                                                                                              \
        .allow = KF_ALLOW_ADAPTED, .limits = KF_LIMITS_INIT                                        \
    }

#endif
