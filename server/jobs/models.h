/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_MODELS_H
#define KF_SERVER_MODELS_H

#include "job.h"
#include "params.h"
#include <jansson.h>

/* One of several models in an input. */
struct found_model {
    const char *path; /* in the input; borrowed from `told` */
    char *output;     /* where its result belongs, below the folder of all results: "a/m.keras" */
    struct job_input *inputs;
    size_t n_inputs;
};

/* What a worker handed back in models.json. */
struct models {
    json_t *told;
    struct found_model *list;
    size_t n;
    const json_t *taken; /* names that are no longer free; borrowed, or NULL */
    bool part;           /* of a folder: names that other parts may want are not free either */
    int scratch;         /* the file of what the worker had to unpack; -1 when there is none */
};

/**
 * Read models.json of the job in `dir`, whose inputs were `given`.
 *
 * Every row is checked: it may name only inputs that were given, and what lies in them. `output` is
 * unique, none of the names that are `taken`, an array or NULL, and holds no name that leads out of
 * a folder; for a `part` no other part's result has it. `given` must outlive the result.
 *
 * Outcomes: 0; -1 when there is none or it cannot be believed. models_finish() in both cases.
 */
int models_load(struct models *out, const char *dir, const struct job_input *given, size_t n_given,
                const struct kf_request *request, const json_t *taken, bool part);
void models_finish(struct models *models);

/** The request for one of the models: the same, with its own name. 0 or -1; finish `out` always. */
int models_request(struct kf_request *out, const struct kf_request *request,
                   const struct found_model *model);

#endif
