/* SPDX-License-Identifier: Apache-2.0 */
#include "mutate.h"

/* A config as JSON, and perhaps one byte behind it, which stays where it is. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed)
{
    size_t rest = n > 0 && data[n - 1] != '}', size;
    uint8_t last = n > 0 ? data[n - 1] : 0;

    if (seed % 8 == 0 || n < 2)
        return LLVMFuzzerMutate(data, n, max);
    if (seed % 8 == 1 && n < max) {
        data[n - rest] = (uint8_t)(seed >> 8);
        return n - rest + 1;
    }
    size = fuzz_mutate_json(data, n - rest, max - rest, seed);
    if (size == 0)
        return LLVMFuzzerMutate(data, n, max);
    if (rest)
        data[size++] = last;
    return size;
}
