/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_OUTCOME_H
#define KF_SERVER_OUTCOME_H

struct request;

/**
 * Take over what a worker left in the job's folder, and remove the folder.
 *
 * A worker may have been turned by the file it read: its files are opened without following links,
 * must be plain files, and are read up to a ceiling. In the supervisor's thread.
 */
void outcome_collect(struct request *req);

/** Bytes of a file name before its suffix: "model" of "model.weights.h5". */
int outcome_stem(const char *name);

#endif
