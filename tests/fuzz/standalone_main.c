/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"
#include <dirent.h>
#include <stdio.h>
#include <string.h>

/*
 * fuzz_<target> FILE-OR-FOLDER...   each file once, without libFuzzer: the corpora as a test.
 *
 * The last line is that of a cmocka test. A file that crashes is the last one named on stderr.
 */
static size_t n_tried;

static int try_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = NULL;
    long n = -1;
    int r = -1;

    fprintf(stderr, "%s\n", path);
    if (file && fseek(file, 0, SEEK_END) == 0)
        n = ftell(file);
    if (n >= 0 && fseek(file, 0, SEEK_SET) == 0)
        data = malloc((size_t)n ? (size_t)n : 1); /* exact, so that ASan sees what is beyond */
    if (data && fread(data, 1, (size_t)n, file) == (size_t)n)
        r = LLVMFuzzerTestOneInput(data, (size_t)n);
    free(data);
    if (file)
        fclose(file);
    n_tried++;
    return r;
}

static int try_path(const char *path)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;
    char below[4096];
    int bad = 0;

    if (!dir)
        return try_file(path);
    while ((entry = readdir(dir)))
        if (entry->d_name[0] != '.') {
            snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
            bad |= try_path(below);
        }
    closedir(dir);
    return bad;
}

int main(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0];
    int bad = 0;

    for (int i = 1; i < argc; i++)
        bad |= try_path(argv[i]);
    printf("%zu files\n%s %s\n", n_tried, bad || !n_tried ? "[  FAILED  ]" : "[       OK ]", name);
    return bad || !n_tried;
}
