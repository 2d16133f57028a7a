/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_TESTS_FUZZ_MUTATE_H
#define KF_TESTS_FUZZ_MUTATE_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer's own mutation, and the one that it calls where a target has it. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t n, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed);

/**
 * Change one value of a JSON text, in place: into one of another kind, into one that stands
 * elsewhere in the text, into the name of a class of Keras, or away. How many bytes the text has
 * then; 0, and nothing changed, where `n` bytes are no JSON or it would have more than `max`.
 */
size_t fuzz_mutate_json(uint8_t *data, size_t n, size_t max, unsigned seed);

#endif
