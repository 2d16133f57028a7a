/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_MODEL_TENSOR_H
#define KF_MODEL_TENSOR_H

#include "dtype.h"
#include <kf/report.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KF_RANK_MAX 32
#define KF_NOWHERE  UINT64_MAX

struct kf_source;

/*
 * Bytes that can be pulled. A reader gives one for each dataset; what must be rewritten on the
 * way (scaled, permuted, joined) is a payload that pulls from another one, so that nobody ever
 * holds a tensor and a writer needs no knowledge of what is done to it.
 */
struct kf_payload {
    enum kf_dtype dtype;
    unsigned rank;
    uint64_t dims[KF_RANK_MAX]; /* elements, outermost first, row-major */

    /* Copy bytes [at, at + n) of the little-endian row-major bytes to `to`; whole elements. */
    int (*pull)(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                struct kf_report *rep);

    /* Where exactly these bytes stand in the file that `file` is a range of, or KF_NOWHERE. */
    uint64_t file_at;
    const struct kf_source *file; /* NULL: the bytes stand in no file */

    const struct kf_payload *inner; /* what it pulls from, NULL for a dataset */
    const void *state;              /* for pull; borrowed from the model's arena or the reader */
};

/** Elements in a payload; dims were checked by its maker, so this cannot overflow. */
uint64_t kf_payload_elements(const struct kf_payload *payload);
uint64_t kf_payload_bytes(const struct kf_payload *payload);
/** The dataset at the bottom of a payload. */
const struct kf_payload *kf_payload_root(const struct kf_payload *payload);

/** Set `*same` to whether two payloads have one dtype and the same bytes; what pulling reports. */
int kf_payload_equal(const struct kf_payload *a, const struct kf_payload *b, bool *same,
                     struct kf_report *rep);

/*
 * What an optimizer keeps about one variable. It stands with the variable, so that it goes where
 * the variable goes: the order of variables differs between files, what belongs together does not.
 */
struct kf_slot {
    const char *name;   /* as optimizers.def calls it: "momentum", "velocity"; static */
    const char *source; /* as found in the file: "Adam/m/dense_1/kernel:0" */
    const struct kf_payload *payload;
    const struct kf_payload *of; /* the values of the variable that it was kept for; where those
                                  * are rewritten, the slot is of no use any more */
    const char *done;            /* what was done to the values, NULL for nothing */
};

/* One variable of a layer. All strings stand in the model's arena. */
struct kf_tensor {
    const char *variable; /* what Keras calls it: "kernel", "query/bias" */
    const char *source;   /* as found in the file: "dense_1/kernel:0" */
    const char *subpath;  /* where saving_lib keeps it below its layer: "", "cell", "query_dense" */
    const char *dataset;  /* its name in saving_lib where that is no number: "idf_weights" */
    bool trainable;       /* how it was made, whatever layer.trainable says */
    const char *target;   /* set by the plan of a legacy .h5: what it is called there */
    const struct kf_payload *payload;
    const char *done;      /* what was done to the values, NULL for nothing */
    struct kf_slot *slots; /* of the optimizer whose state the model carries */
    size_t n_slots;
};

#endif
