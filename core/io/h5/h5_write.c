/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/alloc.h"
#include "../../base/num.h"
#include "../../base/str.h"
#include "h5_private.h"
#include <string.h>

static bool make_props(struct kf_h5_out *h5)
{
    h5->group_props = H5Pcreate(H5P_GROUP_CREATE);
    h5->link_props = H5Pcreate(H5P_LINK_CREATE);
    h5->data_props = H5Pcreate(H5P_DATASET_CREATE);
    h5->text_type = H5Tcopy(H5T_C_S1);
    h5->ascii_type = H5Tcopy(H5T_C_S1);
    return H5Pset_obj_track_times(h5->group_props, 0) >= 0 &&
           H5Pset_char_encoding(h5->link_props, H5T_CSET_UTF8) >= 0 &&
           H5Pset_obj_track_times(h5->data_props, 0) >= 0 &&
           H5Pset_layout(h5->data_props, H5D_CONTIGUOUS) >= 0 &&
           H5Pset_alloc_time(h5->data_props, H5D_ALLOC_TIME_EARLY) >= 0 &&
           H5Pset_fill_time(h5->data_props, H5D_FILL_TIME_NEVER) >= 0 &&
           H5Tset_size(h5->text_type, H5T_VARIABLE) >= 0 &&
           H5Tset_size(h5->ascii_type, H5T_VARIABLE) >= 0 &&
           H5Tset_cset(h5->text_type, H5T_CSET_UTF8) >= 0;
}

/* Superblock 0 and symbol tables, as every Keras writes and reads them. */
static int create_file(struct kf_h5_out *h5, hid_t create, hid_t access, struct kf_report *rep)
{
    const struct kf_sink *to = &h5->mover.to;
    struct kf_h5_place place = {.src = {.fd = to->fd, .base = to->base, .name = ""},
                                .written = true};

    KF_TRY(kf_h5_driver(&h5->driver, access, &place, rep));
    if (H5Pset_obj_track_times(create, 0) >= 0 &&
        H5Pset_libver_bounds(access, H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST) >= 0 &&
        H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0)
        h5->file = H5Fcreate("result", H5F_ACC_TRUNC, create, access);
    if (h5->file < 0 || !make_props(h5))
        return kf_h5_fail(rep, KF_WRITE_FAILED, "", "the file cannot be created");
    return 0;
}

/* A writer without a place yet. */
static struct kf_h5_out *make_out(void)
{
    struct kf_h5_out *h5 = kf_alloc(sizeof(*h5));

    if (!h5)
        return NULL;
    h5->own = h5->mover.to = KF_SINK_NONE;
    h5->arena = kf_arena_create();
    if (h5->arena)
        return h5;
    kf_h5_out_destroy(h5);
    return NULL;
}

static int begin(struct kf_h5_out *h5, const struct kf_sink *to, struct kf_report *rep)
{
    hid_t create, access;
    int r;

    h5->mover.to = *to;
    kf_h5_quiet();
    create = H5Pcreate(H5P_FILE_CREATE);
    access = H5Pcreate(H5P_FILE_ACCESS);
    r = create_file(h5, create, access, rep);
    H5Pclose(create);
    H5Pclose(access);
    return r;
}

int kf_h5_create_in(struct kf_h5_out **out, const struct kf_sink *to, struct kf_report *rep)
{
    KF_AUTO(kf_h5_out) h5 = make_out();

    if (!h5)
        return kf_report_add(rep, KF_NO_MEMORY, "", "no memory to write HDF5");
    KF_TRY(begin(h5, to, rep));
    *out = kf_h5_out_take(&h5);
    return 0;
}

int kf_h5_create(struct kf_h5_out **out, const char *path, struct kf_report *rep)
{
    KF_AUTO(kf_h5_out) h5 = make_out();

    if (!h5)
        return kf_report_add(rep, KF_NO_MEMORY, "", "no memory to write HDF5");
    KF_TRY(kf_sink_create(&h5->own, path, rep));
    KF_TRY(begin(h5, &h5->own, rep));
    *out = kf_h5_out_take(&h5);
    return 0;
}

static void close_id(hid_t *id)
{
    if (*id > 0)
        H5Idec_ref(*id);
    *id = 0;
}

static herr_t close_all(struct kf_h5_out *h5)
{
    herr_t status = 0;

    close_id(&h5->group);
    close_id(&h5->group_props);
    close_id(&h5->link_props);
    close_id(&h5->data_props);
    close_id(&h5->text_type);
    close_id(&h5->ascii_type);
    if (h5->file > 0)
        status = H5Fclose(h5->file);
    h5->file = 0;
    if (h5->driver > 0)
        H5FDunregister(h5->driver);
    h5->driver = 0;
    return status;
}

void kf_h5_out_destroy(struct kf_h5_out *h5)
{
    if (!h5)
        return;
    close_all(h5);
    kf_sink_finish(&h5->own);
    kf_mover_finish(&h5->mover);
    kf_free(h5->groups);
    kf_arena_destroy(h5->arena);
    kf_free(h5);
}

int kf_h5_out_close(struct kf_h5_out *h5, struct kf_report *rep)
{
    if (H5Fflush(h5->file, H5F_SCOPE_LOCAL) < 0)
        return kf_h5_fail(rep, KF_WRITE_FAILED, "", "the file cannot be written");
    return close_all(h5) < 0 ? kf_h5_fail(rep, KF_WRITE_FAILED, "", "the file cannot be closed")
                             : 0;
}

static size_t hash_path(const char *path, size_t n)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < n; i++)
        hash = (hash ^ (unsigned char)path[i]) * UINT64_C(1099511628211);
    return (size_t)(hash ^ hash >> 32);
}

/* Where the first n bytes of `path` stand in the table, or the free place for them. */
static const char **find_group(const struct kf_h5_out *h5, const char *path, size_t n)
{
    size_t i = hash_path(path, n) & (h5->cap - 1);

    while (h5->groups[i] && (strncmp(h5->groups[i], path, n) != 0 || h5->groups[i][n] != '\0'))
        i = (i + 1) & (h5->cap - 1);
    return &h5->groups[i];
}

static bool grow_groups(struct kf_h5_out *h5)
{
    struct kf_h5_out bigger = {.cap = h5->cap > 0 ? h5->cap * 2 : 64};

    if (h5->n_groups * 2 < h5->cap)
        return true;
    bigger.groups = kf_alloc(bigger.cap * sizeof(*bigger.groups));
    if (!bigger.groups)
        return false;
    for (size_t i = 0; i < h5->cap; i++)
        if (h5->groups[i])
            *find_group(&bigger, h5->groups[i], strlen(h5->groups[i])) = h5->groups[i];
    kf_free(h5->groups);
    h5->groups = bigger.groups;
    h5->cap = bigger.cap;
    return true;
}

/* Make the group named by the first n bytes of `path`; the one above it is there. */
static int make_group(struct kf_h5_out *h5, const char *path, size_t n, struct kf_report *rep)
{
    const char **place, *copy;
    hid_t group;

    if (!grow_groups(h5))
        return kf_report_add(rep, KF_NO_MEMORY, path, "no memory for groups");
    place = find_group(h5, path, n);
    if (*place)
        return 0;
    copy = kf_arena_strndup(h5->arena, path, n);
    if (!copy)
        return kf_report_add(rep, KF_NO_MEMORY, path, "no memory for groups");
    group = H5Gcreate2(h5->file, copy, h5->link_props, h5->group_props, H5P_DEFAULT);
    if (group < 0)
        return kf_h5_fail(rep, KF_WRITE_FAILED, path, "the group cannot be made");
    close_id(&h5->group);
    h5->group = group;
    h5->group_path = copy;
    *place = copy;
    h5->n_groups++;
    return 0;
}

int kf_h5_out_group(struct kf_h5_out *h5, const char *path, struct kf_report *rep)
{
    for (size_t i = 1; path[0] != '\0' && path[i - 1] != '\0'; i++)
        if ((path[i] == '/' || path[i] == '\0') && path[i - 1] != '/')
            KF_TRY(make_group(h5, path, i, rep));
    return 0;
}

static int write_text(hid_t type, hid_t object, const char *name, const char *text)
{
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attr = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    int status = attr >= 0 && H5Awrite(attr, type, &text) >= 0 ? 0 : -1;

    if (attr >= 0)
        H5Aclose(attr);
    if (space >= 0)
        H5Sclose(space);
    return status;
}

static int write_attr(struct kf_h5_out *h5, hid_t type, const char *path, const char *name,
                      const char *text, struct kf_report *rep)
{
    hid_t object = H5Oopen(h5->file, path, H5P_DEFAULT);
    int status = object >= 0 ? write_text(type, object, name, text) : -1;

    if (object >= 0)
        H5Oclose(object);
    return status < 0 ? kf_h5_fail(rep, KF_WRITE_FAILED, path, "the attribute cannot be written")
                      : 0;
}

int kf_h5_out_attr_text(struct kf_h5_out *h5, const char *path, const char *name, const char *text,
                        struct kf_report *rep)
{
    return write_attr(h5, h5->text_type, path, name, text, rep);
}

int kf_h5_out_attr_ascii(struct kf_h5_out *h5, const char *path, const char *name, const char *text,
                         struct kf_report *rep)
{
    return write_attr(h5, h5->ascii_type, path, name, text, rep);
}
