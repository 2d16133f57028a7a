/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_PARTS_H
#define KF_SERVER_PARTS_H

#include "../remote/remote.h"
#include "auto.h"
#include "job.h"
#include <jansson.h>

/*
 * A folder or prefix that may hold more than one call takes: it goes in parts, one after the other,
 * of as many files and bytes as are fetched at once. A part ends between two folders rather than in
 * one, and never between files that may be one model. Of all that is below a prefix there is never
 * more in memory than one part, and rows of a summary that are bounded too.
 */
#define PARTS_FILES_MAX ((size_t)1000)
#define PARTS_BYTES_MAX (UINT64_C(4) << 30)
#define PARTS_ROWS_MAX  1000 /* in the summary of all */

struct parts;

struct parts *parts_create(void);
void parts_destroy(struct parts *parts);
KF_DEFINE_AUTO(parts)

/**
 * List the files of the first or the next part of what is below `uri`; finish `out` always.
 *
 * Outcomes: 0; -1 with task->failure, where files that may be one model are too many, too.
 */
int parts_list(struct parts *parts, struct remote_task *task, const char *uri,
               struct remote_listing *out);

/** True when what was listed is not all that is below the folder. */
bool parts_are_several(const struct parts *parts);
/** True when others follow the part that was listed. */
bool parts_go_on(const struct parts *parts);

/** What stands beside the part, for its worker. */
struct job_told parts_told(const struct parts *parts);

/**
 * Where the results of the part are among others, and their reports; the texts are the parts'.
 * NULL for everywhere: then it is all.
 */
const struct remote_window *parts_window(struct parts *parts, const struct remote_listing *listed);

/** Add the summary of the part to that of all; the name that it has as a file of its own, borrowed,
 * or NULL when memory ran out. */
const char *parts_add(struct parts *parts, const json_t *summary);

/** The summary of all parts until now; new reference. */
json_t *parts_summary(const struct parts *parts);

#endif
