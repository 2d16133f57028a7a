/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/buf.h"
#include "core/io/crc.h"
#include "plan.h"
#include <string.h>

/*
 * The members of a .keras or .npz, in an archive whose checksums are right, so
 * that what stands in them is reached. Input: for each member a byte that
 * chooses its name, two bytes for its length, little-endian and what it holds.
 */
static const char *const names[] = {
    "metadata.json",
    "config.json",
    "model.weights.h5",
    "model.weights.npz",
    "assets/layers/string_lookup/vocabulary.txt",
    "arr_0.npy",
    "dense/kernel.npy",
    "dense/vars/0.npy",
};

static void put_number(struct kf_buf *to, uint32_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        char byte = (char)(value >> 8 * i & 0xff);

        FUZZ_CHECK(kf_buf_add(to, &byte, 1));
    }
}

/* What stands both before a member and in the directory;
 * APPNOTE.TXT 4.3.7, 4.3.12. */
static void put_member(struct kf_buf *to, const char *name, const uint8_t *data, size_t n)
{
    put_number(to, 20, 2);
    put_number(to, 0, 4); /* flags, stored */
    put_number(to, 0x21, 2);
    put_number(to, 0x21, 2);
    put_number(to, kf_crc32(0, data, n), 4);
    put_number(to, (uint32_t)n, 4);
    put_number(to, (uint32_t)n, 4);
    put_number(to, (uint32_t)strlen(name), 2);
    put_number(to, 0, 2);
}

static void put_text(struct kf_buf *to, const char *text)
{
    FUZZ_CHECK(kf_buf_puts(to, text));
}

/* One member at the end of `zip`, its row at the end of `directory`. */
static void add(struct kf_buf *zip, struct kf_buf *directory, const char *name, const uint8_t *data,
                size_t n)
{
    uint32_t at = (uint32_t)zip->n;

    put_number(zip, 0x04034b50, 4);
    put_member(zip, name, data, n);
    put_text(zip, name);
    FUZZ_CHECK(kf_buf_add(zip, data, n));
    put_number(directory, 0x02014b50, 4);
    put_number(directory, 20, 2);
    put_member(directory, name, data, n);
    put_number(directory, 0, 6);
    put_number(directory, 0, 4);
    put_number(directory, at, 4);
    put_text(directory, name);
}

static void end(struct kf_buf *zip, const struct kf_buf *directory, unsigned n_members)
{
    uint32_t at = (uint32_t)zip->n;

    FUZZ_CHECK(kf_buf_add(zip, directory->data, directory->n));
    put_number(zip, 0x06054b50, 4);
    put_number(zip, 0, 4);
    put_number(zip, n_members, 2);
    put_number(zip, n_members, 2);
    put_number(zip, (uint32_t)directory->n, 4);
    put_number(zip, at, 4);
    put_number(zip, 0, 2);
}

static void convert(const struct kf_buf *zip)
{
    const struct kf_input in = {.fd = fuzz_file((const uint8_t *)zip->data, zip->n), .name = "m"};

    fuzz_plan(&in, "keras-h5");
    fuzz_plan(&in, "safetensors");
    close(in.fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct kf_buf zip = {.max = 1 << 20}, directory = {.max = 1 << 20};
    unsigned members = 0;
    size_t at = 0, size;

    for (; n <= 65536 && n - at >= 3; at += size, members++) {
        const char *name = names[data[at] % (sizeof names / sizeof names[0])];

        size = data[at + 1] | (size_t)data[at + 2] << 8;
        at += 3;
        size = size < n - at ? size : n - at;
        add(&zip, &directory, name, data + at, size);
    }
    if (members > 0) {
        end(&zip, &directory, members);
        convert(&zip);
    }
    kf_buf_finish(&zip);
    kf_buf_finish(&directory);
    return 0;
}
