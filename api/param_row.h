/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_API_PARAM_ROW_H
#define KF_API_PARAM_ROW_H

#include "params.h"
#include <kf/format.h>

/* A row of params.def, for the files that take requests apart. */

enum kf_param_kind {
    PARAM_WRITER,   /* const char *: name of a writer */
    PARAM_READER,   /* const char *: name of a reader, NULL for "auto" */
    PARAM_RELEASE,  /* int: checked with the writer in kf_request_check() */
    PARAM_CHOICE,   /* enum: position among `values` */
    PARAM_NUMBER,   /* int: one of `values` */
    PARAM_SWITCH,   /* bool: the last of `values` is true */
    PARAM_SHAPE,    /* const char *: "None,7;3" */
    PARAM_FILENAME, /* const char *: cleaned */
    PARAM_FILE,     /* a file of its own, which has no text; no member */
};

struct kf_param {
    const char *name;
    enum kf_param_kind kind;
    size_t offset; /* of the member in struct kf_request */
    const char *values, *help;
};

/** Row number `index`, or NULL past the last. */
const struct kf_param *kf_param_at(size_t index);

/** Set the row's member from a text, which must live as long as the request; -1 with `err` set. */
int kf_param_apply(struct kf_request *req, const struct kf_param *row, const char *text,
                   struct kf_param_error *err);

/** Fill `err`; -1, to be returned. */
int kf_param_fail(struct kf_param_error *err, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/** "a, b, c" out of the names of all readers or writers. */
void kf_param_list_formats(char *out, size_t max, const struct kf_format_info *(*at)(size_t index));

#endif
