/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_REMOTE_UPLOADS_H
#define KF_REMOTE_UPLOADS_H

#include "s3.h"

/*
 * Uploads in parts that were begun, a file for each that is locked as long as somebody is at it:
 * what a killed service leaves in a bucket costs money until somebody gives it up.
 */
struct upload;

/** Write an upload down in the folder; NULL when `dir` is "" or cannot be written. */
struct upload *upload_note(const char *dir, const char *uri, const char *id);
void upload_forget(struct upload *upload);

/** Give an upload up; -1 with the task's failure. `id` is encoded. */
int s3_abort(struct s3 *s3, const struct s3_place *place, const char *id);

#endif
