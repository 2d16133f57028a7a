/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MSG_MAX 1024

static _Atomic int threshold = LOG_INFO;

void log_set_level(enum log_level level)
{
    atomic_store(&threshold, (int)level);
}

/* "2026-01-31T12:34:56.789Z" */
static void now(char *out, size_t max)
{
    struct timespec t;
    struct tm tm;
    char date[24];

    clock_gettime(CLOCK_REALTIME, &t);
    gmtime_r(&t.tv_sec, &tm);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out, max, "%s.%03ldZ", date, t.tv_nsec / 1000000);
}

/* One write a line, so that lines of several threads do not mix. */
static void write_line(const json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT);
    size_t n, at = 0;

    if (!text)
        return;
    n = strlen(text);
    text[n++] = '\n'; /* in the place of the NUL */
    while (at < n) {
        ssize_t put = write(STDERR_FILENO, text + at, n - at);

        if (put <= 0)
            break;
        at += (size_t)put;
    }
    free(text);
}

void log_event_new(enum log_level level, const char *event, const char *request_id, json_t *fields)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    char ts[40];
    json_t *line;

    if ((int)level <= atomic_load(&threshold)) {
        now(ts, sizeof ts);
        line = json_pack("{s:s, s:s, s:s, s:s*}", "ts", ts, "level", names[level], "event", event,
                         "request_id", request_id);
        json_object_update(line, fields);
        write_line(line);
        json_decref(line);
    }
    json_decref(fields);
}

/* Text from elsewhere may be no UTF-8, which JSON cannot hold. */
static json_t *text_new(char *text)
{
    json_t *value = json_string(text);

    if (value)
        return value;
    for (char *c = text; *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    return json_string(text);
}

void log_event(enum log_level level, const char *event, const char *request_id, const char *fmt,
               ...)
{
    char text[MSG_MAX];
    va_list args;

    if ((int)level > atomic_load(&threshold))
        return;
    if (!fmt) {
        log_event_new(level, event, request_id, NULL);
        return;
    }
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    log_event_new(level, event, request_id, json_pack("{s:o}", "msg", text_new(text)));
}
