/* SPDX-License-Identifier: Apache-2.0 */
#include "buf.h"
#include "alloc.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Room for `n` more bytes and the NUL. */
static bool reserve(struct kf_buf *buf, size_t n)
{
    size_t want = buf->cap > 0 ? buf->cap : 64;
    char *data;

    if (n > buf->max - buf->n || buf->n + n == SIZE_MAX)
        return false;
    if (buf->n + n < buf->cap)
        return true;
    while (want <= buf->n + n)
        want = want > SIZE_MAX / 2 ? SIZE_MAX : want * 2;
    if (want > buf->max && buf->max < SIZE_MAX)
        want = buf->max + 1;
    data = kf_realloc(buf->data, want);
    if (!data)
        return false;
    buf->data = data;
    buf->cap = want;
    return true;
}

bool kf_buf_add(struct kf_buf *buf, const void *data, size_t n)
{
    if (!reserve(buf, n))
        return false;
    if (n > 0)
        memcpy(buf->data + buf->n, data, n);
    buf->n += n;
    buf->data[buf->n] = '\0';
    return true;
}

bool kf_buf_puts(struct kf_buf *buf, const char *text)
{
    return kf_buf_add(buf, text, strlen(text));
}

bool kf_buf_printf(struct kf_buf *buf, const char *fmt, ...)
{
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0 || !reserve(buf, (size_t)n))
        return false;
    va_start(args, fmt);
    vsnprintf(buf->data + buf->n, (size_t)n + 1, fmt, args);
    va_end(args);
    buf->n += (size_t)n;
    return true;
}

void kf_buf_finish(struct kf_buf *buf)
{
    kf_free(buf->data);
    buf->data = NULL;
    buf->n = buf->cap = 0;
}
