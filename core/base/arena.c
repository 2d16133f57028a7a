/* SPDX-License-Identifier: Apache-2.0 */
#include "arena.h"
#include "alloc.h"
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/* Blocks double from the first size to the last; what is larger gets a block of its own. */
#define BLOCK_FIRST 4096u
#define BLOCK_LAST  262144u

#define HUGE_PAGE ((size_t)2 << 20)

struct block {
    struct block *next;
    size_t used, size; /* bytes of data */
    max_align_t data[];
};

struct kf_arena {
    struct block *blocks; /* the first is the one that has room */
    size_t block_size;
    void *shared; /* of `shared_n` bytes, see kf_arena_shared() */
    size_t shared_n;
    const void *user; /* who has it */
};

struct kf_arena *kf_arena_create(void)
{
    struct kf_arena *arena = kf_alloc(sizeof(*arena));

    if (arena)
        arena->block_size = BLOCK_FIRST;
    return arena;
}

void kf_arena_destroy(struct kf_arena *arena)
{
    struct block *next;

    if (!arena)
        return;
    for (struct block *b = arena->blocks; b; b = next) {
        next = b->next;
        kf_free(b);
    }
    kf_free(arena->shared);
    kf_free(arena);
}

/*
 * What is written here and there in far more pages than the processor remembers the places of is
 * better in few large ones, where the kernel has some.
 */
static void in_huge_pages(void *p, size_t n)
{
    size_t skip = (HUGE_PAGE - (uintptr_t)p % HUGE_PAGE) % HUGE_PAGE;

    if (n >= skip + HUGE_PAGE)
        madvise((char *)p + skip, (n - skip) / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
}

void *kf_arena_shared(struct kf_arena *arena, const void *user, size_t n, bool *mine)
{
    *mine = arena->user == user;
    arena->user = user;
    if (n <= arena->shared_n)
        return arena->shared;
    *mine = false;
    kf_free(arena->shared);
    arena->shared = kf_alloc(n);
    arena->shared_n = arena->shared ? n : 0;
    in_huge_pages(arena->shared, arena->shared_n);
    return arena->shared;
}

static struct block *add_block(struct kf_arena *arena, size_t need)
{
    size_t size = need > arena->block_size / 2 ? need : arena->block_size;
    struct block *b;

    if (size > SIZE_MAX - sizeof(*b))
        return NULL;
    b = kf_alloc(sizeof(*b) + size);
    if (!b)
        return NULL;
    b->size = size;
    if (size == need && arena->blocks) { /* full at once: keep the one with room in front */
        b->next = arena->blocks->next;
        arena->blocks->next = b;
        return b;
    }
    b->next = arena->blocks;
    arena->blocks = b;
    if (arena->block_size < BLOCK_LAST)
        arena->block_size *= 2;
    return b;
}

void *kf_arena_alloc(struct kf_arena *arena, size_t n)
{
    const size_t step = alignof(max_align_t);
    struct block *b = arena->blocks;
    char *p;

    if (n > SIZE_MAX / 2)
        return NULL;
    n = n > 0 ? (n + step - 1) / step * step : step;
    if (!b || b->size - b->used < n)
        b = add_block(arena, n);
    if (!b)
        return NULL;
    p = (char *)b->data + b->used;
    b->used += n;
    return p;
}

char *kf_arena_strndup(struct kf_arena *arena, const char *text, size_t n)
{
    char *copy = n < SIZE_MAX ? kf_arena_alloc(arena, n + 1) : NULL;

    if (copy)
        memcpy(copy, text, n); /* the byte after is zero */
    return copy;
}

char *kf_arena_strdup(struct kf_arena *arena, const char *text)
{
    return kf_arena_strndup(arena, text, strlen(text));
}

char *kf_arena_printf(struct kf_arena *arena, const char *fmt, ...)
{
    char small[256], *text = NULL; /* most texts are names and need one pass */
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(small, sizeof(small), fmt, args);
    va_end(args);
    if (n >= 0)
        text = kf_arena_alloc(arena, (size_t)n + 1);
    if (!text)
        return NULL;
    if ((size_t)n < sizeof(small))
        return memcpy(text, small, (size_t)n + 1);
    va_start(args, fmt);
    vsnprintf(text, (size_t)n + 1, fmt, args);
    va_end(args);
    return text;
}
