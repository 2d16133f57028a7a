/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_LOG_H
#define KF_SERVER_LOG_H

#include <jansson.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/** Write only what is at least this grave; LOG_INFO until it is called. */
void log_set_level(enum log_level level);

/**
 * Write one line to standard error: {"ts", "level", "event", "request_id", "msg"}.
 *
 * `event` is a slug, "worker-crashed"; `request_id` and `fmt` may be NULL. From any thread.
 */
void log_event(enum log_level level, const char *event, const char *request_id, const char *fmt,
               ...) __attribute__((format(printf, 4, 5)));

/** The same with the members of `fields` instead of "msg". Takes the reference; NULL is none. */
void log_event_new(enum log_level level, const char *event, const char *request_id, json_t *fields);

#endif
