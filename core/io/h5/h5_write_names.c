/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/alloc.h"
#include "h5_out.h"
#include <stdio.h>
#include <string.h>

/*
 * A list of names as Keras writes it: an array of fixed-length strings, padded with NULs; an empty
 * one is an empty array of float64. A list that does not fit into an object header is cut into
 * name0, name1, ... of nearly equal parts.
 *
 * Source: keras/src/legacy/saving/legacy_h5_format.py, save_attributes_to_hdf5_group (3.15.1)
 */
#define HEADER_LIMIT 64512 /* HDF5_OBJECT_HEADER_LIMIT there */
#define FLOAT64_SIZE 20    /* bytes of the type, without padding */

struct list {
    const char *const *names;
    size_t n, longest;
};

/* The object that gets them. */
struct names {
    struct kf_h5_out *h5;
    const char *path;
    struct kf_report *rep;
};

/* Names one after another, each of the same length; zeroed memory pads them. */
static char *lay_out(const struct list *list)
{
    char *bytes = kf_alloc(list->n * list->longest + 1);

    for (size_t i = 0; bytes && i < list->n; i++)
        memcpy(bytes + i * list->longest, list->names[i], strlen(list->names[i]));
    return bytes;
}

/* Strings of a fixed length padded with NULs, and what NumPy calls an empty list. */
static int write_part(struct names *to, const char *name, const struct list *list)
{
    unsigned char string_type[8] = {0x13, 1};
    const struct kf_h5_type_bytes *empty_type = kf_h5_type_bytes(KF_DTYPE_FLOAT64);
    char *bytes = lay_out(list);
    struct kf_h5_value value = {.type = string_type,
                                .type_n = sizeof(string_type),
                                .rank = 1,
                                .n = list->n,
                                .data = bytes,
                                .data_n = list->n * list->longest};
    int status;

    if (!bytes)
        return kf_report_add(to->rep, KF_NO_MEMORY, to->path, "no memory for names");
    kf_h5_put((char *)string_type + 4, list->longest, 4);
    if (list->n == 0) {
        value.type = empty_type->bytes;
        value.type_n = FLOAT64_SIZE;
    }
    status = kf_h5_out_attr(to->h5, to->path, name, &value, to->rep);
    kf_free(bytes);
    return status;
}

/* numpy.array_split: the first n % parts of them get one more. */
static int write_parts(struct names *to, const char *name, const struct list *list, size_t parts)
{
    char numbered[80];
    size_t at = 0;

    for (size_t i = 0; i < parts; i++) {
        struct list part = {list->names + at, list->n / parts + (i < list->n % parts),
                            list->longest};

        snprintf(numbered, sizeof(numbered), "%s%zu", name, i);
        KF_TRY(write_part(to, numbered, &part));
        at += part.n;
    }
    return 0;
}

int kf_h5_out_attr_names(struct kf_h5_out *h5, const char *path, const char *name,
                         const char *const *names, size_t n, struct kf_report *rep)
{
    struct list list = {.names = names, .n = n, .longest = 1};
    struct names to = {h5, path, rep};
    size_t parts = 1;

    for (size_t i = 0; i < n; i++)
        if (strlen(names[i]) > list.longest)
            list.longest = strlen(names[i]);
    if (list.longest > HEADER_LIMIT)
        return kf_report_add(rep, KF_WRITE_FAILED, path, "a name of %zu bytes", list.longest);
    while ((list.n + parts - 1) / parts * list.longest > HEADER_LIMIT)
        parts++;
    return parts > 1 ? write_parts(&to, name, &list, parts) : write_part(&to, name, &list);
}
