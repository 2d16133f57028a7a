/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/alloc.h"
#include "h5_private.h"
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

struct list {
    const char *const *names;
    size_t n, longest;
};

static hid_t make_type(const struct list *list)
{
    hid_t type = list->n > 0 ? H5Tcopy(H5T_C_S1) : H5Tcopy(H5T_IEEE_F64LE);

    if (list->n > 0)
        H5Tset_size(type, list->longest);
    if (list->n > 0)
        H5Tset_strpad(type, H5T_STR_NULLPAD);
    return type;
}

/* Names one after another, each of the same length; zeroed memory pads them. */
static char *lay_out(const struct list *list)
{
    char *bytes = kf_alloc(list->n * list->longest);

    for (size_t i = 0; bytes && i < list->n; i++)
        memcpy(bytes + i * list->longest, list->names[i], strlen(list->names[i]));
    return bytes;
}

static int write_part(hid_t object, const char *name, const struct list *list)
{
    hsize_t n = list->n;
    hid_t type = make_type(list), space = H5Screate_simple(1, &n, NULL);
    hid_t attr = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    char *bytes = lay_out(list);
    int status = attr >= 0 && bytes && (n == 0 || H5Awrite(attr, type, bytes) >= 0) ? 0 : -1;

    if (attr >= 0)
        H5Aclose(attr);
    H5Sclose(space);
    H5Tclose(type);
    kf_free(bytes);
    return status;
}

/* numpy.array_split: the first n % parts of them get one more. */
static int write_parts(hid_t object, const char *name, const struct list *list, size_t parts)
{
    char numbered[80];
    size_t at = 0;

    for (size_t i = 0; i < parts; i++) {
        struct list part = {list->names + at, list->n / parts + (i < list->n % parts),
                            list->longest};

        snprintf(numbered, sizeof(numbered), "%s%zu", name, i);
        if (write_part(object, numbered, &part) < 0)
            return -1;
        at += part.n;
    }
    return 0;
}

static int write_list(hid_t object, const char *name, const struct list *list)
{
    size_t parts = 1;

    while ((list->n + parts - 1) / parts * list->longest > HEADER_LIMIT)
        parts++;
    return parts > 1 ? write_parts(object, name, list, parts) : write_part(object, name, list);
}

int kf_h5_out_attr_names(struct kf_h5_out *h5, const char *path, const char *name,
                         const char *const *names, size_t n, struct kf_report *rep)
{
    struct list list = {.names = names, .n = n, .longest = 1};
    hid_t object;
    int status;

    for (size_t i = 0; i < n; i++)
        if (strlen(names[i]) > list.longest)
            list.longest = strlen(names[i]);
    if (list.longest > HEADER_LIMIT)
        return kf_report_add(rep, KF_WRITE_FAILED, path, "a name of %zu bytes", list.longest);
    object = H5Oopen(h5->file, path, H5P_DEFAULT);
    status = object >= 0 ? write_list(object, name, &list) : -1;
    if (object >= 0)
        H5Oclose(object);
    return status < 0 ? kf_h5_fail(rep, KF_WRITE_FAILED, path, "the names cannot be written") : 0;
}
