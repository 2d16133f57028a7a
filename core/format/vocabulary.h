/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_VOCABULARY_H
#define KF_FORMAT_VOCABULARY_H

#include "../model/model.h"

/*
 * The vocabulary of a lookup layer as text: UTF-8, one entry a line, none behind the last one's
 * end; an IntegerLookup has whole numbers. Python reads it with any kind of line end.
 */

/**
 * See that the text can be read as Keras reads it, and set n_lines and odd_lines of `out`: with
 * those that str.splitlines() takes for line ends too, or empty lines at its end. CORRUPT when it
 * is not UTF-8 or has a number that is none, TOO_LARGE for a line that no vocabulary has,
 * NO_MEMORY. Source: keras/src/layers/preprocessing/index_lookup.py, load_assets (2.15, 3.15.1)
 */
int kf_vocabulary_check(const struct kf_layer *layer, const struct kf_payload *text,
                        struct kf_asset *out, struct kf_report *rep);

/** The entries as a new array in `*out`; TOO_LARGE when they fill more than `bytes_max`. */
int kf_vocabulary_list(json_t **out, const struct kf_layer *layer, const struct kf_payload *text,
                       uint64_t bytes_max, struct kf_report *rep);

/**
 * Have the config of a layer say that the vocabulary in it was given: tf.keras 2.7-2.15 makes a
 * table of another kind where it was learnt, which no .h5 holds, and fails to load one.
 * Source: keras/src/layers/preprocessing/index_lookup.py, __init__ (2.15)
 */
int kf_vocabulary_given(struct kf_layer *layer, struct kf_report *rep);

#endif
