/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/alloc.h"
#include "../../base/num.h"
#include "tensor_bundle.h"
#include "varint.h"
#include <inttypes.h>
#include <string.h>

/*
 * Tensors of strings: the length of each as a varint, a checksum of the lengths, the strings. The
 * checksum of the entry is of the lengths as whole numbers, the other checksum, and the strings.
 *
 * Source: tensorflow/core/util/tensor_bundle/tensor_bundle.cc, WriteStringTensor (2.15)
 */
#define VARINT_MAX 10

/* A tensor on its way in; its arrays are of the heap. */
struct strings {
    const struct kf_tensor_bundle *bundle;
    const struct kf_bundle_entry *entry;
    struct kf_source source;
    uint64_t *lengths;
    size_t n, at; /* how many, and bytes that say their lengths */
    char *bytes;
    size_t total;
};

static void finish(struct strings *strings)
{
    kf_free(strings->lengths);
    kf_free(strings->bytes);
}

static int no_memory(struct kf_report *rep)
{
    return kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
}

static int no_string(const struct strings *strings, struct kf_report *rep)
{
    return kf_report_add(rep, KF_CORRUPT, strings->entry->key, "it is no string");
}

/* Each has a byte at least, so there are no more than the tensor has bytes. */
static bool count(struct strings *strings)
{
    uint64_t n = 1;

    for (unsigned i = 0; i < strings->entry->rank; i++)
        if (!kf_mul(n, strings->entry->dims[i], &n))
            return false;
    strings->n = (size_t)n;
    return n <= strings->source.size && n <= strings->bundle->limits->json_bytes;
}

static bool parse_lengths(struct strings *strings, const unsigned char *head, size_t n)
{
    uint64_t total = 0;

    for (size_t i = 0; i < strings->n; i++)
        if (!kf_varint(head, n, &strings->at, &strings->lengths[i]) ||
            !kf_add(total, strings->lengths[i], &total))
            return false;
    strings->total = (size_t)total;
    return strings->source.size >= strings->at + 4 &&
           total == strings->source.size - strings->at - 4;
}

static int read_lengths(struct strings *strings, struct kf_report *rep)
{
    unsigned char *head;
    size_t n;
    int r;

    if (strings->entry->type != KF_TF_STRING || !count(strings))
        return no_string(strings, rep);
    n = (size_t)kf_min((uint64_t)strings->n * VARINT_MAX, strings->source.size);
    head = kf_alloc(n + 1);
    strings->lengths = kf_alloc((strings->n + 1) * sizeof(*strings->lengths));
    r = head && strings->lengths ? kf_source_read(&strings->source, 0, head, n, rep)
                                 : no_memory(rep);
    if (r >= 0 && !parse_lengths(strings, head, n))
        r = no_string(strings, rep);
    kf_free(head);
    return r;
}

static uint32_t sum_lengths(const struct strings *strings)
{
    uint32_t crc = 0;

    for (size_t i = 0; i < strings->n; i++) {
        uint64_t length = strings->lengths[i];
        unsigned char bytes[8];

        for (int k = 0; k < 8; k++)
            bytes[k] = (unsigned char)(length >> (8 * k));
        crc = kf_crc32c(&strings->bundle->crc, crc, bytes, length > UINT32_MAX ? 8 : 4);
    }
    return crc;
}

static int read_bytes(struct strings *strings, struct kf_report *rep)
{
    const struct kf_crc32c *table = &strings->bundle->crc;
    unsigned char stored[4];
    uint32_t crc;

    strings->bytes = kf_alloc(strings->total + 1);
    if (!strings->bytes)
        return no_memory(rep);
    KF_TRY(kf_source_read(&strings->source, strings->at, stored, sizeof(stored), rep));
    KF_TRY(kf_source_read(&strings->source, strings->at + sizeof(stored), strings->bytes,
                          strings->total, rep));
    crc = kf_crc32c(table, sum_lengths(strings), stored, sizeof(stored));
    crc = kf_crc32c(table, crc, strings->bytes, strings->total);
    return kf_crc32c_mask(crc) == strings->entry->message->crc32c
               ? 0
               : kf_report_add(rep, KF_CORRUPT, strings->entry->key,
                               "the checksum of its bytes is another");
}

static int read_strings(struct strings *strings, uint64_t bytes_max, struct kf_report *rep)
{
    KF_TRY(kf_bundle_locate(strings->bundle, strings->entry, &strings->source, rep));
    KF_TRY(read_lengths(strings, rep));
    if (strings->total > bytes_max)
        return kf_report_add(rep, KF_TOO_LARGE, strings->entry->key, "a string of %zu bytes",
                             strings->total);
    return read_bytes(strings, rep);
}

int kf_tensor_bundle_string(struct kf_tensor_bundle *bundle, const struct kf_bundle_entry *entry,
                            struct kf_buf *out, struct kf_report *rep)
{
    struct strings strings = {.bundle = bundle, .entry = entry};
    int r;

    if (entry->rank)
        return no_string(&strings, rep);
    r = read_strings(&strings, out->max - out->n, rep);
    if (r >= 0 && !kf_buf_add(out, strings.bytes, strings.total))
        r = no_memory(rep);
    finish(&strings);
    return r;
}

int kf_tensor_bundle_strings(struct kf_tensor_bundle *bundle, const struct kf_bundle_entry *entry,
                             json_t **out, struct kf_report *rep)
{
    struct strings strings = {.bundle = bundle, .entry = entry};
    json_t *list = json_array();
    size_t at = 0;
    int r = list ? read_strings(&strings, bundle->limits->json_bytes, rep) : no_memory(rep);

    for (size_t i = 0; r >= 0 && i < strings.n; at += (size_t)strings.lengths[i++]) {
        json_t *text = json_stringn(strings.bytes + at, (size_t)strings.lengths[i]);

        if (!text)
            r = kf_report_add(rep, KF_CORRUPT, entry->key, "string %zu of it is no UTF-8", i);
        else if (json_array_append_new(list, text) < 0)
            r = no_memory(rep);
    }
    finish(&strings);
    if (r < 0)
        json_decref(list);
    else
        *out = list;
    return r;
}
