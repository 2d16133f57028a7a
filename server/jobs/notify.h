/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_NOTIFY_H
#define KF_SERVER_NOTIFY_H

/*
 * Webhooks: whoever asked for it hears of the end of a job. What is to be told stands in a file of
 * the folder `notify` beside the jobs, from before the job is accepted until it was told or given
 * up; whichever service holds the file's lock tells it. The thread begins with giving up uploads
 * that a crash has left.
 */
struct notify;
struct request;
struct server;

/** Begin; NULL when the thread or the folder cannot be had. */
struct notify *notify_start(struct server *server);
/** Stop, also in the middle of telling somebody. */
void notify_stop(struct notify *notify);

/** Write down that the end of the request's job is to be told; -1 with errno. */
int notify_add(const struct request *req);
/** The job was not accepted. */
void notify_drop(const struct server *server, const char *id);

#endif
