/* SPDX-License-Identifier: Apache-2.0 */
#include "failure.h"
#include <stdarg.h>
#include <stdio.h>

int remote_fail(struct remote_failure *failure, const char *code, const char *fmt, ...)
{
    va_list args;

    if (failure->code)
        return -1;
    failure->code = code;
    va_start(args, fmt);
    vsnprintf(failure->detail, sizeof failure->detail, fmt, args);
    va_end(args);
    /* Of what others say only what every log and terminal can show. */
    for (char *c = failure->detail; *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    return -1;
}
