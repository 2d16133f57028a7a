/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor.h"

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
