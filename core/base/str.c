/* SPDX-License-Identifier: Apache-2.0 */
#include "str.h"
#include <stdint.h>
#include <string.h>

bool kf_streq(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool kf_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool kf_ends(const char *text, const char *suffix)
{
    size_t n = strlen(text), m = strlen(suffix);

    return n >= m && memcmp(text + n - m, suffix, m) == 0;
}

bool kf_in_words(const char *list, const char *word)
{
    size_t n = strlen(word);

    while (n > 0 && *list) {
        size_t step = strcspn(list, " ");

        if (step == n && memcmp(list, word, n) == 0)
            return true;
        list += step + (list[step] == ' ');
    }
    return false;
}

/* The smallest code point that a sequence of so many bytes may hold. */
static const uint32_t utf8_least[] = {0, 0, 0x80, 0x800, 0x10000};

size_t kf_utf8_char(const char *text, size_t n)
{
    unsigned char c = n > 0 ? (unsigned char)text[0] : 0x80;
    size_t len = c < 0x80 ? 1 : c < 0xc0 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf8 ? 4 : 0;
    uint32_t code;

    if (len <= 1 || len > n)
        return len <= n ? len : 0;
    code = c & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if (((unsigned char)text[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | ((unsigned char)text[i] & 0x3fu);
    }
    if (code < utf8_least[len] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        return 0;
    return len;
}

bool kf_utf8_valid(const char *text)
{
    size_t n = strlen(text), len;

    for (; n > 0; text += len, n -= len) {
        len = kf_utf8_char(text, n);
        if (len == 0)
            return false;
    }
    return true;
}

/* ASCII only and without the locale; bytes of UTF-8 sequences count as letters of no case. */
static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}
static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_word(char c)
{
    return is_upper(c) || is_lower(c) || (c >= '0' && c <= '9') || c == '_' || (c & 0x80);
}

/* re.sub("(.)([A-Z][a-z]+)", r"\1_\2", ...): matches do not overlap. */
static void split_words(char *to, const char *from)
{
    while (*from) {
        *to++ = *from++;
        if (!is_upper(from[0]) || !is_lower(from[1]))
            continue;
        *to++ = '_';
        *to++ = *from++;
        while (is_lower(*from))
            *to++ = *from++;
    }
}

/* re.sub("([a-z])([A-Z])", r"\1_\2", ...).lower() */
static void split_humps(char *to, const char *from)
{
    for (; *from; from++) {
        *to++ = is_upper(*from) ? (char)(*from - 'A' + 'a') : *from;
        if (is_lower(from[0]) && is_upper(from[1]))
            *to++ = '_';
    }
}

char *kf_snake_case(struct kf_arena *arena, const char *class_name)
{
    size_t n = strlen(class_name);
    char *bare, *words, *snake;

    if (n > SIZE_MAX / 8)
        return NULL;
    bare = kf_arena_alloc(arena, n + 1 + 2 * n + 1);
    snake = kf_arena_alloc(arena, 4 * n + 1);
    if (!bare || !snake)
        return NULL;
    words = bare + n + 1;
    for (char *p = bare; *class_name; class_name++)
        if (is_word(*class_name))
            *p++ = *class_name;
    split_words(words, bare);
    split_humps(snake, words);
    return snake;
}
