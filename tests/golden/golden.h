/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_TESTS_GOLDEN_H
#define KF_TESTS_GOLDEN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/**
 * What stands in a result, read without the core:
 *
 *   {"config": config.json, "tree": {"members": [name, ...], "metadata": metadata.json,
 *    "datasets": [{"path", "dtype", "shape", "xxh3_128"}, ...]}}
 *
 * for a .keras file; of HDF5 only "tree" with "datasets", of a SavedModel's tar with "members" too,
 * of a JSON file only "config".
 *
 * The checksum is of the little-endian row-major bytes. New reference, NULL after a word on stderr.
 */
json_t *golden_read(const char *path);

/** The same for the tar of a SavedModel; NULL without a word when it is none. */
json_t *golden_read_saved(const char *path);

/**
 * Find where two values differ, the numbers by value and objects whatever their order.
 *
 * False when they are equal; else `where` gets a path as ".tensors[2].shape".
 */
bool golden_differ(const json_t *want, const json_t *got, char *where, size_t n);

#endif
