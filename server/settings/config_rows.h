/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_CONFIG_ROWS_H
#define KF_SERVER_CONFIG_ROWS_H

#include "config.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The table of settings, for who reads them (config.c) and who shows them (config_show.c). */
enum config_kind {
    CONFIG_TEXT,
    CONFIG_SECRET, /* a text that may hold a password: masked where it is shown */
    CONFIG_COUNT,
    CONFIG_BYTES,
    CONFIG_SECONDS,
    CONFIG_CHOICE,
    CONFIG_SWITCH
};

struct config_row {
    const char *member;
    enum config_kind kind;
    size_t offset;
    const char *initial;
    int64_t least, most; /* of a text: its length */
    const char *words;   /* of a choice, in the order of its enum */
    const char *help;
};

#define CONFIG_NAME_SIZE 64

/** A row; NULL past the end. */
const struct config_row *config_row_at(size_t index);

/** "KFERRY_UPLOAD_IDLE" or "upload-idle" of "upload_idle". */
void config_row_name(char out[CONFIG_NAME_SIZE], const struct config_row *row, bool environment);

/** Set a row's member from `text`, which came as `name`. 0, or -1 with `error`. */
int config_row_set(struct config *config, const struct config_row *row, const char *text,
                   const char *name, enum config_source source, struct config_error *error);

/** Say what is wrong; -1. */
int config_fail(struct config_error *error, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static inline bool config_row_is_text(const struct config_row *row)
{
    return row->kind == CONFIG_TEXT || row->kind == CONFIG_SECRET;
}

#endif
