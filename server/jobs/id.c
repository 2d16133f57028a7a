/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "id.h"
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

void id_create(char out[ID_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    struct timespec t;
    uint8_t b[16];
    uint64_t ms;
    size_t n = 0;

    if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
        abort();
    clock_gettime(CLOCK_REALTIME, &t);
    ms = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
    for (int i = 0; i < 6; i++)
        b[i] = (uint8_t)(ms >> (8 * (5 - i)));
    b[6] = (uint8_t)(0x70 | (b[6] & 0x0f));
    b[8] = (uint8_t)(0x80 | (b[8] & 0x3f));
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out[n++] = '-';
        out[n++] = digits[b[i] >> 4];
        out[n++] = digits[b[i] & 15];
    }
    out[n] = '\0';
}

bool id_is_request_id(const char *text)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t n = strspn(text, letters);

    return n > 0 && n < REQUEST_ID_SIZE && text[n] == '\0';
}
