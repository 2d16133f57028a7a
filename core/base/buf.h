/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_BASE_BUF_H
#define KF_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

/* Growing bytes with a ceiling given at birth. Zeroed with a ceiling is empty and valid. */
struct kf_buf {
    char *data; /* NUL-terminated after every successful call */
    size_t n, cap, max;
};

/** False when memory or the ceiling does not allow it; the contents stay as they were. */
bool kf_buf_add(struct kf_buf *buf, const void *data, size_t n);
bool kf_buf_puts(struct kf_buf *buf, const char *text);
bool kf_buf_printf(struct kf_buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void kf_buf_finish(struct kf_buf *buf);

#endif
