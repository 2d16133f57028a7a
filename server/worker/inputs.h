/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_WORKER_INPUTS_H
#define KF_WORKER_INPUTS_H

#include <jansson.h>
#include <kf/convert.h>

/* The descriptors that the worker was given, as the core takes them. */
struct inputs {
    struct kf_input model; /* its other members point into the two below */
    struct kf_input architecture, *files;
    json_t *told; /* what request.json says of them; the names stand in it */
    json_t *cut;  /* which files stand before and after them, of a part of a folder, or NULL */
    bool settled; /* they are known to be one model: nothing is to be unpacked */
    bool brief;   /* nobody reads the report's rows of tensors */
    bool passes;  /* the result is gone soon */
};

/**
 * Take `inputs`, `cut`, `settled`, `brief` and `passes` out of the object of request.json;
 * descriptor 3 belongs to the first row.
 *
 * Outcomes: 0, or -1 when a row is none, the first is no file or there are two architectures.
 * inputs_finish() in both cases.
 */
int inputs_take(struct inputs *out, json_t *request);
void inputs_finish(struct inputs *inputs);

#endif
