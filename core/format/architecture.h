/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_ARCHITECTURE_H
#define KF_FORMAT_ARCHITECTURE_H

#include "../model/model.h"

/**
 * Make the graph of a model from what to_json() gave, in the dialect that the config itself shows,
 * else the keras_version in it. Sets graph, dialect and keras; no tensor has a payload.
 *
 * Outcomes: what the dialect's own parser reports, UNSUPPORTED_PAIR.
 * Source: to_json() of keras/engine/topology.py (1.2.2), keras/src/engine/training.py (2.15) and
 * keras/src/models/model.py (3.15.1)
 */
int kf_architecture_parse(struct kf_model *model, json_t *config, const struct kf_options *options,
                          struct kf_report *rep);

/**
 * For a file of weights: read the architecture that was given with it, by its own reader, and take
 * its graph over without its weights. `rep` goes on speaking of the weights as the source.
 *
 * Outcomes: ARCHITECTURE_MISSING, what its reader reports.
 */
int kf_architecture_read(struct kf_model *model, const struct kf_options *options,
                         struct kf_report *rep);

/** What targets do without an architecture, for weights that only have names, and for others. */
#define KF_NAMES_DO_WITHOUT "to=npz and to=safetensors do"
#define KF_DO_WITHOUT       "to=weights.h5 and to=npz do"

/** Refuse weights alone, and say what to give: ARCHITECTURE_MISSING. */
int kf_architecture_missing(const char *what_does, struct kf_report *rep);

#endif
