/* SPDX-License-Identifier: Apache-2.0 */
#include "npy.h"
#include "../../base/str.h"
#include "../../model/rewrite.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_MAX ((size_t)64 << 10)
#define MAGIC      "\x93NUMPY"
/* Magic, version and the longer of the two lengths. */
#define PREFIX_MAX 12

/* An array in a file, and what its header says. */
struct npy {
    const struct kf_source *src;
    uint64_t at; /* of the first element */
    size_t size; /* of one element */
    bool swapped, columns;
    enum kf_dtype dtype;
    unsigned rank;
    uint64_t dims[KF_RANK_MAX];
};

static const struct {
    const char *descr;
    enum kf_dtype dtype;
} dtypes[] = {
    {"f2", KF_DTYPE_FLOAT16},  {"f4", KF_DTYPE_FLOAT32}, {"f8", KF_DTYPE_FLOAT64},
    {"i1", KF_DTYPE_INT8},     {"i2", KF_DTYPE_INT16},   {"i4", KF_DTYPE_INT32},
    {"i8", KF_DTYPE_INT64},    {"u1", KF_DTYPE_UINT8},   {"u2", KF_DTYPE_UINT16},
    {"u4", KF_DTYPE_UINT32},   {"u8", KF_DTYPE_UINT64},  {"b1", KF_DTYPE_BOOL},
    {"V2", KF_DTYPE_BFLOAT16}, /* as ml_dtypes saves it */
};

static int corrupt(const struct npy *npy, struct kf_report *rep, const char *what)
{
    return kf_report_add(rep, KF_CORRUPT, npy->src->name, "no .npy: %s", what);
}

static void swap(char *bytes, size_t size, size_t n)
{
    for (; n; n--, bytes += size)
        for (size_t i = 0; i < size / 2; i++) {
            char one = bytes[i];

            bytes[i] = bytes[size - 1 - i];
            bytes[size - 1 - i] = one;
        }
}

static int pull_array(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                      struct kf_report *rep)
{
    const struct npy *npy = payload->state;

    KF_TRY(kf_source_read(npy->src, npy->at + at, to, n, rep));
    if (npy->swapped)
        swap(to, npy->size, n / npy->size);
    return 0;
}

/* What stands behind 'key': in the header; NULL where it is not. */
static const char *value_of(const char *header, const char *key)
{
    const char *at = strstr(header, key);

    return at ? at + strlen(key) + strspn(at + strlen(key), " ") : NULL;
}

static int read_descr(struct npy *npy, const char *header, struct kf_report *rep)
{
    const char *at = value_of(header, "'descr':");

    if (!at || *at != '\'' || !strchr("<>=|", at[1]) || at[1] == '\0')
        return corrupt(npy, rep, "its header names no dtype");
    if (at[2] == 'O')
        return kf_report_add(rep, KF_UNSAFE, npy->src->name,
                             "an array of Python objects is a pickle: undoing it runs code, which "
                             "nothing here does");
    npy->swapped = at[1] == '>';
    for (size_t i = 0; i < sizeof(dtypes) / sizeof(dtypes[0]); i++)
        if (strncmp(at + 2, dtypes[i].descr, 2) == 0 && at[4] == '\'') {
            npy->dtype = dtypes[i].dtype;
            npy->size = kf_dtype_size(npy->dtype);
            return 0;
        }
    return kf_report_add(rep, KF_VALUE_NO_EQUAL, npy->src->name,
                         "an array of the dtype %.8s holds no weights of Keras", at);
}

/* "(3, 4)": elements are counted so that no product of axes overflows. */
static int read_shape(struct npy *npy, const char *header, struct kf_report *rep)
{
    const char *at = value_of(header, "'shape':");
    uint64_t n = npy->size;

    if (!at || *at++ != '(')
        return corrupt(npy, rep, "its header names no shape");
    for (at += strspn(at, " "); *at != ')'; at += strspn(at, ", ")) {
        char *end;
        unsigned long long size = strtoull(at, &end, 10);

        if (*at < '0' || *at > '9' || end == at || !size || npy->rank == KF_RANK_MAX ||
            __builtin_mul_overflow(n, (uint64_t)size, &n))
            return corrupt(npy, rep, "its header's shape is none");
        npy->dims[npy->rank++] = size;
        at = end;
    }
    return npy->src->size - npy->at == n ? 0
                                         : corrupt(npy, rep, "its size is not that of its shape");
}

static int read_order(struct npy *npy, const char *header, struct kf_report *rep)
{
    const char *at = value_of(header, "'fortran_order':");

    if (!at || (!kf_starts(at, "True") && !kf_starts(at, "False")))
        return corrupt(npy, rep, "its header names no order");
    npy->columns = *at == 'T';
    return 0;
}

/* Where the header begins, and how long it is. */
static int read_prefix(struct npy *npy, size_t *begin, size_t *n, struct kf_report *rep)
{
    unsigned char head[PREFIX_MAX];
    size_t wide;

    if (npy->src->size < PREFIX_MAX)
        return corrupt(npy, rep, "it is too short");
    KF_TRY(kf_source_read(npy->src, 0, head, sizeof(head), rep));
    if (memcmp(head, MAGIC, 6) != 0 || head[6] < 1 || head[6] > 3)
        return corrupt(npy, rep, "its magic is none");
    wide = head[6] == 1 ? 2 : 4;
    *n = 0;
    for (size_t i = 0; i < wide; i++)
        *n |= (size_t)head[8 + i] << (8 * i);
    *begin = 8 + wide;
    if (*n > HEADER_MAX || *n > npy->src->size - *begin)
        return corrupt(npy, rep, "its header does not end in it");
    npy->at = *begin + *n;
    return 0;
}

static int read_header(struct npy *npy, struct kf_arena *arena, struct kf_report *rep)
{
    size_t begin = 0, n = 0;
    char *header;

    KF_TRY(read_prefix(npy, &begin, &n, rep));
    header = kf_arena_alloc(arena, n + 1);
    if (!header)
        return kf_report_add(rep, KF_NO_MEMORY, npy->src->name, "out of memory");
    KF_TRY(kf_source_read(npy->src, begin, header, n, rep));
    if (memchr(header, '\0', n))
        return corrupt(npy, rep, "its header is no text");
    KF_TRY(read_descr(npy, header, rep));
    KF_TRY(read_order(npy, header, rep));
    return read_shape(npy, header, rep);
}

/* Column-major is the transposed array, row by row. */
static int turn(const struct kf_payload **out, struct kf_payload *payload, struct kf_arena *arena,
                struct kf_report *rep)
{
    unsigned axes[KF_AXES_MAX], n = payload->rank;
    bool fits;

    if (n > KF_AXES_MAX)
        return kf_report_add(rep, KF_TOO_LARGE, "", "a column-major array of %u axes", n);
    for (unsigned i = 0; i < n; i++)
        axes[i] = n - 1 - i;
    for (unsigned i = 0; i < n / 2; i++) {
        uint64_t one = payload->dims[i];

        payload->dims[i] = payload->dims[n - 1 - i];
        payload->dims[n - 1 - i] = one;
    }
    *out = kf_rewrite_transpose(arena, payload, axes, n, &fits);
    return *out ? 0 : kf_report_add(rep, KF_NO_MEMORY, "", "out of memory");
}

int kf_npy_payload(const struct kf_payload **out, const struct kf_source *src,
                   struct kf_arena *arena, struct kf_report *rep)
{
    struct npy *npy = kf_arena_alloc(arena, sizeof(*npy));
    struct kf_payload *payload = kf_arena_alloc(arena, sizeof(*payload));

    if (!npy || !payload)
        return kf_report_add(rep, KF_NO_MEMORY, src->name, "out of memory");
    npy->src = src;
    KF_TRY(read_header(npy, arena, rep));
    *payload = (struct kf_payload){.dtype = npy->dtype,
                                   .rank = npy->rank,
                                   .pull = pull_array,
                                   .file_at = KF_NOWHERE,
                                   .state = npy};
    memcpy(payload->dims, npy->dims, npy->rank * sizeof(*npy->dims));
    *out = payload;
    return npy->columns && npy->rank > 1 ? turn(out, payload, arena, rep) : 0;
}

/* "<f4": elements of one byte have no order. */
static size_t put_descr(char *out, size_t max, enum kf_dtype dtype)
{
    size_t i = 0;

    while (dtypes[i].dtype != dtype)
        i++;
    return (size_t)snprintf(out, max, "{'descr': '%c%s', 'fortran_order': False, 'shape': (",
                            kf_dtype_size(dtype) > 1 ? '<' : '|', dtypes[i].descr);
}

size_t kf_npy_header(char out[KF_NPY_HEADER_MAX], const struct kf_payload *payload)
{
    static const size_t prefix = 10;
    size_t n = prefix;

    memcpy(out, MAGIC "\x01\x00", 8);
    n += put_descr(out + n, KF_NPY_HEADER_MAX - n, payload->dtype);
    for (unsigned i = 0; i < payload->rank; i++)
        n += (size_t)snprintf(out + n, KF_NPY_HEADER_MAX - n, "%s%" PRIu64, i ? ", " : "",
                              payload->dims[i]);
    n += (size_t)snprintf(out + n, KF_NPY_HEADER_MAX - n, "%s), }", payload->rank == 1 ? "," : "");
    do
        out[n++] = ' ';
    while ((n + 1) % 64);
    out[n++] = '\n';
    out[8] = (char)((n - prefix) & 0xff);
    out[9] = (char)((n - prefix) >> 8);
    return n;
}
