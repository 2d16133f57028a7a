/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_MODEL_LAMBDA_CODE_H
#define KF_MODEL_LAMBDA_CODE_H

#include "marshal.h"
#include <stdbool.h>

/* Longer code is no layer's: a thousand lines are 64 KiB. */
#define KF_LAMBDA_CODE_MAX ((size_t)1 << 20)

/* The bytecode of a function in a config; nothing of it is ever run. */
struct kf_lambda_code {
    unsigned char *bytes; /* the marshalled stream; owned */
    size_t n;
    json_t *code; /* what marshal.h makes of it; owned */
    const struct kf_marshal_layout *layout;
};

/**
 * The text of a function's code: the first of ["text", defaults, closure], or what stands in the
 * object that Keras 3, or Keras 2.12 and later, write; NULL where there is none.
 */
const json_t *kf_lambda_text(const json_t *function);

/** The bytes of such a text. False when memory ran out. */
bool kf_lambda_decode(struct kf_lambda_code *out, const json_t *text);

/** Read the function's code. False where it is none of a known version, or memory ran out. */
bool kf_lambda_code_read(struct kf_lambda_code *out, const json_t *function);

/** A member that is bytes, and how many; 0 where it has none. */
const unsigned char *kf_lambda_bytes(const struct kf_lambda_code *code, const char *member,
                                     size_t *n);

void kf_lambda_code_finish(struct kf_lambda_code *code);

#endif
