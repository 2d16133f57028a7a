/* SPDX-License-Identifier: Apache-2.0 */
#include "nearest.h"
#include <ctype.h>
#include <string.h>

/* Longer words are no slip of the finger. */
#define WORD_MAX 48

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* Letters to insert, remove or replace, '-' and '_' and both cases being equal. */
static size_t distance(const char *a, const char *b)
{
    size_t row[WORD_MAX + 1], n = strlen(b);

    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];

        row[0] = i + 1;
        for (size_t j = 0; j < n; j++) {
            int x = a[i] == '-' ? '_' : tolower((unsigned char)a[i]);
            int y = b[j] == '-' ? '_' : tolower((unsigned char)b[j]);
            size_t replaced = diagonal + (x != y);

            diagonal = row[j + 1];
            row[j + 1] = least(replaced, row[j] + 1, row[j + 1] + 1);
        }
    }
    return row[n];
}

void kf_nearest_init(struct kf_nearest *nearest, const char *word)
{
    /* One slip in short words, a third of the letters in long ones. */
    size_t n = strlen(word), near = n < 5 ? 1 : n / 3;

    *nearest = (struct kf_nearest){.word = word, .distance = near + 1};
}

void kf_nearest_offer(struct kf_nearest *nearest, const char *candidate)
{
    size_t d;

    if (strlen(nearest->word) > WORD_MAX || strlen(candidate) > WORD_MAX)
        return;
    d = distance(nearest->word, candidate);
    if (d < nearest->distance) {
        nearest->distance = d;
        nearest->best = candidate;
    }
}

void kf_show(char *out, size_t max, const char *text)
{
    size_t n = 0;

    for (; text[n] && n + 1 < max; n++)
        out[n] = text[n] >= 0x20 && text[n] < 0x7f ? text[n] : '?';
    out[n] = '\0';
    if (text[n] && max > 4)
        memcpy(out + max - 4, "...", 4);
}
