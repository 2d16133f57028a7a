/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>
#include <zlib.h>

/*
 * At build time: embed OUT.c NAME FILE [NAME FILE...] writes the table of server/http/assets.h,
 * each file as it is and compressed. The same files give the same table.
 */

#define FILE_MAX_BYTES (16 << 20)
#define GZIP_WINDOW    (15 + 16)
#define GZIP_MEMORY    9

struct bytes {
    unsigned char *data;
    size_t n;
};

static bool read_file(struct bytes *out, const char *path)
{
    FILE *in = fopen(path, "re");

    out->data = malloc(FILE_MAX_BYTES);
    out->n = in && out->data ? fread(out->data, 1, FILE_MAX_BYTES, in) : 0;
    if (in)
        fclose(in);
    return out->n > 0 && out->n < FILE_MAX_BYTES;
}

static bool compress_whole(struct bytes *out, const struct bytes *in)
{
    z_stream z = {0};
    bool done;

    if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    out->n = deflateBound(&z, (uLong)in->n);
    out->data = malloc(out->n);
    z.next_in = in->data;
    z.avail_in = (uInt)in->n;
    z.next_out = out->data;
    z.avail_out = (uInt)out->n;
    done = out->data && deflate(&z, Z_FINISH) == Z_STREAM_END;
    out->n = z.total_out;
    return deflateEnd(&z) == Z_OK && done;
}

static void write_bytes(FILE *out, const char *kind, int index, const struct bytes *bytes)
{
    fprintf(out, "static const unsigned char %s_%d[] = {", kind, index);
    for (size_t i = 0; i < bytes->n; i++)
        fprintf(out, "%u,", bytes->data[i]);
    fprintf(out, "};\n");
}

/* One file's bytes into `out` and its row into `rows`; compressed only where that is shorter. */
static bool write_file(FILE *out, FILE *rows, int index, const char *name, const char *path)
{
    struct bytes plain = {0}, packed = {0};
    bool ok = read_file(&plain, path) && compress_whole(&packed, &plain);

    if (ok) {
        write_bytes(out, "plain", index, &plain);
        write_bytes(out, "packed", index, &packed);
        fprintf(rows, "    {\"%s\", \"%016" PRIx64 "\", plain_%d, %zu, packed_%d, %zu},\n", name,
                XXH3_64bits(plain.data, plain.n), index, plain.n, index,
                packed.n < plain.n ? packed.n : 0);
    } else {
        fprintf(stderr, "embed: %s cannot be read\n", path);
    }
    free(plain.data);
    free(packed.data);
    return ok;
}

int main(int argc, char **argv)
{
    FILE *out = argc > 1 ? fopen(argv[1], "we") : NULL, *rows;
    char *text = NULL;
    size_t n = 0;
    bool ok = out != NULL;

    rows = open_memstream(&text, &n);
    ok = ok && rows && fprintf(out, "/* Made by embed.c. */\n#include \"http/assets.h\"\n\n") > 0;
    for (int i = 2; ok && i + 1 < argc; i += 2)
        ok = write_file(out, rows, i / 2, argv[i], argv[i + 1]);
    if (rows)
        fclose(rows);
    if (ok)
        fprintf(out, "const struct asset assets[] = {\n%s    {0}};\n", text);
    free(text);
    if (out && fclose(out) != 0)
        ok = false;
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
