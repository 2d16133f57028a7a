/* SPDX-License-Identifier: Apache-2.0 */
#include "core/io/zip/npy.h"
#include "fuzz.h"
#include <string.h>

/* Whatever payload is read out of `src` can be pulled, in pieces of any size, to its end. */
static void pull(const struct kf_payload *payload, struct kf_report *rep)
{
    uint64_t bytes = kf_payload_bytes(payload);
    size_t piece = 8 * kf_dtype_size(payload->dtype);
    char to[64];

    for (uint64_t at = 0; at < bytes; at += piece) {
        size_t n = bytes - at < piece ? (size_t)(bytes - at) : piece;

        if (payload->pull(payload, at, to, n, rep) < 0)
            break;
    }
}

/* Any bytes as an array of NumPy; what was read is written as a header, and read again the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const struct kf_input in = {.fd = fuzz_file(data, n), .name = "a.npy"};
    struct kf_arena *arena = kf_arena_create();
    const struct kf_payload *payload;
    char header[KF_NPY_HEADER_MAX];
    struct kf_source src;
    struct kf_report rep;

    FUZZ_CHECK(arena);
    kf_report_init(&rep);
    if (kf_source_init(&src, &in, &rep) == 0 && kf_npy_payload(&payload, &src, arena, &rep) == 0) {
        FUZZ_CHECK(payload->rank <= KF_RANK_MAX && kf_payload_bytes(payload) <= n);
        FUZZ_CHECK(kf_npy_header(header, payload) % 64 == 0);
        pull(payload, &rep);
    } else {
        FUZZ_CHECK(kf_report_status(&rep) < 0);
    }
    FUZZ_CHECK(rep.first_failure != KF_INTERNAL);
    kf_report_finish(&rep);
    kf_arena_destroy(arena);
    close(in.fd);
    return 0;
}
