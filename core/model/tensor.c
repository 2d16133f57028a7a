/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor.h"
#include "../base/auto.h"
#include "../base/num.h"
#include "../base/str.h"
#include "model.h"
#include <string.h>

uint64_t kf_payload_elements(const struct kf_payload *payload)
{
    uint64_t n = 1;

    for (unsigned i = 0; i < payload->rank; i++)
        n *= payload->dims[i];
    return n;
}

uint64_t kf_payload_bytes(const struct kf_payload *payload)
{
    return kf_payload_elements(payload) * kf_dtype_size(payload->dtype);
}

const struct kf_payload *kf_payload_root(const struct kf_payload *payload)
{
    while (payload->inner)
        payload = payload->inner;
    return payload;
}

int kf_payload_equal(const struct kf_payload *a, const struct kf_payload *b, bool *same,
                     struct kf_report *rep)
{
    char left[4096], right[4096]; /* whole elements of any dtype */
    uint64_t n = kf_payload_bytes(a);

    *same = a->dtype == b->dtype && n == kf_payload_bytes(b);
    for (uint64_t at = 0; *same && at < n; at += sizeof(left)) {
        size_t piece = (size_t)kf_min(n - at, sizeof(left));

        KF_TRY(a->pull(a, at, left, piece, rep));
        KF_TRY(b->pull(b, at, right, piece, rep));
        *same = memcmp(left, right, piece) == 0;
    }
    return 0;
}

struct kf_tensor *kf_layer_tensor(const struct kf_layer *layer, const char *variable)
{
    for (size_t i = 0; i < layer->n_tensors; i++)
        if (kf_streq(layer->tensors[i].variable, variable))
            return &layer->tensors[i];
    return NULL;
}

struct kf_tensor *kf_layer_part_tensor(const struct kf_layer *layer, const char *part,
                                       const char *variable)
{
    size_t n = strlen(part);

    for (size_t i = 0; i < layer->n_tensors; i++)
        if (strncmp(layer->tensors[i].variable, part, n) == 0 &&
            layer->tensors[i].variable[n] == '/' &&
            strcmp(layer->tensors[i].variable + n + 1, variable) == 0)
            return &layer->tensors[i];
    return NULL;
}
