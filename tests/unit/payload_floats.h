/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_PAYLOAD_FLOATS_H
#define TEST_PAYLOAD_FLOATS_H

/* Payloads for tests of what rewrites them; cmocka stands before. */
#include <string.h>

#include "core/model/tensor.h"

/* A payload over floats in memory. */
static int pull_memory(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                       struct kf_report *rep)
{
    (void)rep;
    memcpy(to, (const char *)payload->state + at, n);
    return 0;
}

static struct kf_payload floats(const float *values, uint64_t rows, uint64_t columns)
{
    struct kf_payload payload = {.dtype = KF_DTYPE_FLOAT32,
                                 .rank = columns ? 2 : 1,
                                 .dims = {rows, columns},
                                 .pull = pull_memory,
                                 .file_at = KF_NOWHERE,
                                 .state = values};
    return payload;
}

static void pull_all(const struct kf_payload *payload, void *to)
{
    struct kf_report rep;

    kf_report_init(&rep);
    assert_int_equal(payload->pull(payload, 0, to, (size_t)kf_payload_bytes(payload), &rep), 0);
    kf_report_finish(&rep);
}

#endif
