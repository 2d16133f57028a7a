/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_BASE_STR_H
#define KF_BASE_STR_H

#include "arena.h"
#include <stdbool.h>
#include <stddef.h>

bool kf_streq(const char *a, const char *b); /* NULL equals only NULL */
bool kf_starts(const char *text, const char *prefix);
bool kf_ends(const char *text, const char *suffix);

/** True when `word` is one of the space-separated words of `list`. */
bool kf_in_words(const char *list, const char *word);

/** Bytes of the UTF-8 character at `text`, of which `n` bytes may be read; 0 when it is none. */
size_t kf_utf8_char(const char *text, size_t n);
/** True when all of `text` is UTF-8. */
bool kf_utf8_valid(const char *text);

/**
 * The name that Keras's saving_lib gives an object of a class: "Conv2D" is "conv2d",
 * "PReLU" is "p_re_lu".
 *
 * Source: keras/src/utils/naming.py, to_snake_case (3.15.1)
 */
char *kf_snake_case(struct kf_arena *arena, const char *class_name);

#endif
