/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_BATCH_H
#define KF_SERVER_BATCH_H

#include "models.h"
#include "progress.h"

/* The models of one input, each given to a worker of its own, one after the other. */
struct batch {
    const struct job
        *order; /* task, sandbox, limits and cancelling of every one; dir of them all */
    const struct kf_request *request;
    const struct models *models;
    struct progress_place *place; /* where it is told how far it is, or NULL */
    bool embed;                   /* reports go into the summary; else it names them */

    /* Has an earlier call made the result? Then nothing runs, and there is no row. May be NULL. */
    bool (*is_made)(void *context, const struct found_model *model);
    /* Take what one worker left in `dir`, which is removed after it: `report` may be NULL, there
     * is an artefact when `done`. 0, or -1 to stop with JOB_CANNOT_WRITE. */
    int (*take)(void *context, const struct found_model *model, const char *dir, bool done,
                json_t *report);
    void *context;
};

/* How it went; the members of job_result add up or are the most of all. */
struct batch_result {
    struct job_result job; /* JOB_DONE, or what stopped it before the last model */
    size_t n_done;
    json_t *summary; /* as summary.schema.json says; NULL when memory ran out */
};

/** Run all of them. What is the model's fault goes into the summary, and the next one follows. */
void batch_run(const struct batch *batch, struct batch_result *out);

/** Name of the report of a model whose result is `output`; malloc'ed or NULL. */
char *batch_report_name(const char *output);

#endif
