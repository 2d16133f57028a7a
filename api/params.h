/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_API_PARAMS_H
#define KF_API_PARAMS_H

#include <jansson.h>
#include <kf/options.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * The parameters of a request: one table for the query, form fields, JSON keys and command line
 * flags (contract.md 4). A parameter that no table row has is refused with a suggestion.
 */
struct kf_request {
    struct kf_options options; /* its strings point into `texts` */
    bool verify;               /* a script that compares comes with the result */
    char *filename;  /* name of the input as the user knows it, basename only; never NULL */
    char *texts[20]; /* owned copies of string values, indexed by row */
};

/* What is wrong with a parameter. */
struct kf_param_error {
    char parameter[64]; /* name as given */
    char detail[256];   /* one sentence: what it may be, or "did you mean" */
};

void kf_request_init(struct kf_request *req);
void kf_request_finish(struct kf_request *req);

/**
 * Set one parameter from its text.
 *
 * Returns 0, or -1 with `err` filled: unknown name, bad value, given twice with two values.
 */
int kf_request_set(struct kf_request *req, const char *name, const char *value,
                   struct kf_param_error *err);

/** True when `name` is a parameter (and so a form field that is no file). */
bool kf_param_known(const char *name);

/** True when the parameter `name`, which there is, was set. */
bool kf_request_has(const struct kf_request *req, const char *name);

/** Check what only holds together: that `to` is there and `keras` one of its releases. */
int kf_request_check(struct kf_request *req, struct kf_param_error *err);

/** The request as JSON object with the same names, new reference; and back. */
json_t *kf_request_to_json(const struct kf_request *req);
int kf_request_from_json(struct kf_request *req, const json_t *object, struct kf_param_error *err);

/** Row number `index` for help texts and documents: name, values, what it does; false past the end.
 */
bool kf_param_describe(size_t index, const char **name, const char **values, const char **help);

/** Value `at` of row `index`, where it can only be one of some words; NULL past the last. */
const char *kf_param_word(size_t index, size_t at, char *room, size_t size);

/** The writer that a file name's suffix stands for, or NULL; the longest suffix wins. */
const char *kf_writer_of_name(const char *filename);

/** The writer called `to` makes a folder, or no such name. */
bool kf_writes_folder(const char *to);

/** "tar" or "zip", how a folder is packed under this name by its suffix; NULL for a plain folder.
 */
const char *kf_archive_of_name(const char *name);

/** The artefact's media type. */
const char *kf_artifact_type(const struct kf_request *req);

/** The artefact's file name: "<stem><suffix>" or "<stem>-keras<version><suffix>"; malloc'ed. */
char *kf_artifact_name(const struct kf_request *req);

#endif
