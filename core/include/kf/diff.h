/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_DIFF_H
#define KF_DIFF_H

#include <kf/convert.h>

/**
 * Do two files hold the same model, and where not?
 *
 * Where they speak different dialects the older one is brought to the newer one's by the steps of
 * a conversion. Two models are the same when they compute the same with the same values: names and
 * order of layers do not count, nor config keys that say what holds without them; training state
 * is told apart. Weights alone are taken as those of the model that the other file holds; what only
 * one of the two has at all is not compared.
 *
 * `out` gets {"verdict": "same" | "different", "compared_as", "a", "b", "layers", "training",
 * "renamed", "not_compared", "differences", "more_differences"}, see diff.schema.json; new
 * reference.
 *
 * Outcomes: 0, or the negative code of the first reason why it cannot be said, all in `rep`.
 */
int kf_diff(const struct kf_input *a, const struct kf_input *b, const struct kf_options *options,
            struct kf_report *rep, json_t **out);

#endif
