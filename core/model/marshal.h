/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_MODEL_MARSHAL_H
#define KF_MODEL_MARSHAL_H

#include <jansson.h>
#include <stddef.h>

/*
 * Python's marshal format, as far as a function's code needs it. Nothing is run, and nothing is
 * believed: sizes are held against what is left, depth and number of objects are bounded.
 *
 * A value is JSON: null, booleans, numbers and strings as they are, tuples, lists and sets as
 * arrays, bytes as {"bytes": how many, "at": where in the stream}, a code object as an object with
 * the members
 *
 *   "ints"       [argcount, ..., flags] as the version stores them
 *   "code", "lines", "kinds"   bytes; kinds from 3.11 on
 *   "consts", "names", "variables"   arrays; variables begin with the arguments
 *
 * Source: CPython, Python/marshal.c (r_object), 2.7 and 3.6 to 3.13
 */

/* Versions that store a code object alike. */
struct kf_marshal_layout {
    const char *python;  /* "3.8-3.10" */
    size_t n_ints;       /* in front of the bytecode */
    size_t keyword_only; /* which of them counts the keyword-only arguments; 0: none does */
    const char *members; /* what follows: a letter for each, see marshal.c */
};

/**
 * The code object that is all of `data`; a new reference, and its layout in `layout_out`.
 *
 * NULL where the bytes are no code object of a known version, or memory ran out.
 */
json_t *kf_marshal_code(const void *data, size_t n, const struct kf_marshal_layout **layout_out);

#endif
