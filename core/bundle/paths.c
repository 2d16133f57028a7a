/* SPDX-License-Identifier: Apache-2.0 */
#include "paths.h"
#include "../base/str.h"
#include <string.h>

#define PATH_MAX_BYTES 4096

const char *kf_bundle_path(struct kf_arena *arena, const char *name)
{
    char *path;

    while (name && kf_starts(name, "./"))
        name += 2;
    path = name ? kf_arena_strndup(arena, name, strnlen(name, PATH_MAX_BYTES)) : NULL;
    for (char *c = path; c && *c; c++)
        if (*c == '\\')
            *c = '/';
    if (path && !kf_utf8_valid(path))
        for (char *c = path; *c; c++)
            if ((unsigned char)*c >= 0x80)
                *c = '?';
    return path;
}

bool kf_bundle_climbs(const char *path)
{
    if (path[0] == '/' || (path[0] && path[1] == ':'))
        return true;
    while (*path) {
        size_t n = strcspn(path, "/");

        if (n == 2 && memcmp(path, "..", 2) == 0)
            return true;
        path += n + (path[n] != '\0');
    }
    return false;
}

const char *kf_bundle_base(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

int kf_bundle_folder(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? (int)(slash - path) : 0;
}

bool kf_bundle_beside(const char *a, const char *b)
{
    int n = kf_bundle_folder(a);

    return n == kf_bundle_folder(b) && memcmp(a, b, (size_t)n) == 0;
}

bool kf_bundle_below(const char *path, const char *in, int n)
{
    return n == 0 || (strncmp(path, in, (size_t)n) == 0 && path[n] == '/');
}
