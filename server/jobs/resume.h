/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_RESUME_H
#define KF_SERVER_RESUME_H

#include "../remote/remote.h"
#include "models.h"

/*
 * All models of a folder go into another one, and an earlier call for the same has stopped, or
 * there are new files: what was made already is passed over. The reports beside the results tell
 * what each was made of, and how: the same options of the same release make the same result.
 */
struct resume;

/**
 * Read the reports below `target` in a `window`, NULL for all, by files in `dir`, and compare them
 * with what is below the source `now`. What cannot be read has made nothing; with NULL for `target`
 * nothing has. NULL when memory ran out.
 */
struct resume *resume_create(struct remote_task *task, const char *target,
                             const struct remote_window *window, const struct remote_listing *now,
                             const struct kf_request *request, const char *dir);
void resume_destroy(struct resume *resume);
KF_DEFINE_AUTO(resume)

/** True when nothing of the file is needed any more. */
bool resume_has_file(const struct resume *resume, const struct remote_entry *entry);

/** True when a result is there of this model, which was found in the `given` files. */
bool resume_has_model(struct resume *resume, const struct found_model *model,
                      const struct job_input *given, size_t n_given);

/** How many results are passed over: by all their files, or by resume_has_model(). */
size_t resume_count(const struct resume *resume);

/** Names of the results that are passed over: no other model may have them. An array. */
const json_t *resume_names(const struct resume *resume);

/** Write into a report what its model, or with NULL everything below the source, was. */
void resume_note(const struct resume *resume, json_t *report, const struct found_model *model,
                 const struct job_input *given, size_t n_given);

/** Add a row to the summary for each that is passed over. */
void resume_tell(const struct resume *resume, json_t *summary);

#endif
