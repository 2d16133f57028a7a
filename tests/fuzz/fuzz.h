/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_TESTS_FUZZ_H
#define KF_TESTS_FUZZ_H

#include <kf/options.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* One try: libFuzzer calls it, or standalone_main.c for each file of a corpus. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What must hold whatever the input is. */
#define FUZZ_CHECK(holds)                                                                          \
    do {                                                                                           \
        if (!(holds))                                                                              \
            abort();                                                                               \
    } while (0)

/* So that a try stays short; each limit is reached by a file that fits in a fuzzer's input. */
static const struct kf_limits fuzz_limits = {
    .json_bytes = 1 << 20,
    .tensor_bytes = 1 << 22,
    .layers = 500,
    .tensors = 2000,
    .objects = 2000,
    .json_depth = 64,
    .nesting = 8,
    .proto_bytes = 1 << 20,
    .expansion = 100,
};

/* An open file that holds `data`; the caller closes it. */
static inline int fuzz_file(const uint8_t *data, size_t n)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    FUZZ_CHECK(fd >= 0 && write(fd, data, n) == (ssize_t)n);
    return fd;
}

#endif
