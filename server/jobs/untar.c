/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "untar.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK      512
#define COPY_BYTES ((size_t)256 << 10)
#define PAX_MAX    8192

struct header {
    char name[100], rest[24], size[12], mtime[12], checksum[8], type;
};

/* Records "<length> <key>=<value>\n". */
static void read_pax(struct untar *tar, char *text)
{
    for (char *line = text; *line;) {
        size_t n = strtoul(line, &line, 10);
        char *end = strchr(line, '\n');

        if (n == 0 || *line != ' ' || !end)
            return;
        *end = '\0';
        if (strncmp(line, " path=", 6) == 0)
            snprintf(tar->name, sizeof tar->name, "%s", line + 6);
        else if (strncmp(line, " size=", 6) == 0)
            tar->size = strtoull(line + 6, NULL, 10);
        line = end + 1;
    }
}

/* Octal digits, or from 8 GiB on a number in base 256. */
static uint64_t read_size(const struct header *h)
{
    char number[sizeof h->size + 1] = "";
    uint64_t size = 0;

    if (((unsigned char)h->size[0] & 0x80) == 0) {
        memcpy(number, h->size, sizeof h->size);
        return strtoull(number, NULL, 8);
    }
    for (size_t i = sizeof h->size - 8; i < sizeof h->size; i++)
        size = size << 8 | (unsigned char)h->size[i];
    return size;
}

static uint64_t padding(uint64_t size)
{
    return (BLOCK - size % BLOCK) % BLOCK;
}

static bool skip(struct untar *tar, uint64_t n)
{
    return n <= INT64_MAX && fseeko(tar->in, (off_t)n, SEEK_CUR) == 0;
}

int untar_next(struct untar *tar)
{
    char block[BLOCK], text[PAX_MAX + 1];
    struct header h;

    if (!skip(tar, tar->left) || !skip(tar, padding(tar->size)))
        return -1;
    tar->name[0] = '\0';
    tar->size = tar->left = 0;
    for (;;) {
        uint64_t size;

        if (fread(block, 1, BLOCK, tar->in) != BLOCK)
            return -1;
        memcpy(&h, block, sizeof h);
        if (h.name[0] == '\0')
            return 0;
        size = read_size(&h);
        if (h.type != 'x') {
            if (tar->name[0] == '\0')
                snprintf(tar->name, sizeof tar->name, "%.100s", h.name);
            if (tar->size == 0)
                tar->size = size;
            tar->left = tar->size;
            return 1;
        }
        if (size > PAX_MAX || fread(text, 1, (size_t)size, tar->in) != size ||
            !skip(tar, padding(size)))
            return -1;
        text[size] = '\0';
        read_pax(tar, text);
    }
}

bool untar_copy(struct untar *tar, FILE *out)
{
    char *piece = malloc(COPY_BYTES);
    bool ok = piece != NULL;

    while (ok && tar->left > 0) {
        size_t n = tar->left < COPY_BYTES ? (size_t)tar->left : COPY_BYTES;

        ok = fread(piece, 1, n, tar->in) == n && fwrite(piece, 1, n, out) == n;
        tar->left -= n;
    }
    free(piece);
    return ok && fflush(out) == 0;
}

bool untar_copy_new(struct untar *tar, const char *path)
{
    FILE *out = fopen(path, "wxe");
    bool ok = out && untar_copy(tar, out);

    return out && fclose(out) == 0 && ok;
}

/* Below the folder and nowhere else. */
static bool is_safe(const char *path)
{
    if (*path == '/' || *path == '\0')
        return false;
    for (const char *at = path; at; at = strchr(at, '/')) {
        at += *at == '/';
        if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || at[2] == '\0'))
            return false;
    }
    return true;
}

const char *untar_below(const struct untar *tar)
{
    const char *slash = strchr(tar->name, '/'), *name = slash ? slash + 1 : tar->name;

    return is_safe(name) ? name : NULL;
}
