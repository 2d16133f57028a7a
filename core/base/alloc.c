/* SPDX-License-Identifier: Apache-2.0 */
#include "alloc.h"
#include "num.h"
#include <stdlib.h>
#include <string.h>

/* The hook is the core's only state that changes; a build without tests leaves it out. */
#ifdef KF_ALLOC_HOOK
static size_t fail_after;

void kf_alloc_fail_after(size_t n)
{
    fail_after = n;
}

static bool may_allocate(void)
{
    if (fail_after == 1)
        return false;
    if (fail_after > 1)
        fail_after--;
    return true;
}
#else
static bool may_allocate(void)
{
    return true;
}
#endif

void *kf_alloc(size_t n)
{
    return may_allocate() ? calloc(1, n > 0 ? n : 1) : NULL;
}

void *kf_json_alloc(size_t n)
{
    return may_allocate() ? malloc(n > 0 ? n : 1) : NULL;
}

void *kf_realloc(void *p, size_t n)
{
    return may_allocate() ? realloc(p, n > 0 ? n : 1) : NULL;
}

void kf_free(void *p)
{
    free(p);
}

bool kf_grow(void *array, size_t *cap, size_t need, size_t size)
{
    size_t want = *cap > 0 ? *cap : 8;
    size_t bytes;
    char *p;

    if (need <= *cap)
        return true;
    while (want < need)
        want = want > SIZE_MAX / 2 ? need : want * 2;
    if (__builtin_mul_overflow(want, size, &bytes))
        return false;
    memcpy(&p, array, sizeof(p));
    p = kf_realloc(p, bytes);
    if (!p)
        return false;
    memset(p + *cap * size, 0, bytes - *cap * size);
    memcpy(array, &p, sizeof(p));
    *cap = want;
    return true;
}
