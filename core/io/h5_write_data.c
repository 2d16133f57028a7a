/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/alloc.h"
#include "../base/num.h"
#include "checksum.h"
#include "h5_private.h"
#include <errno.h>
#include <kf/progress.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* One payload on its way into one dataset. */
struct move {
    struct kf_h5_out *h5;
    const char *path;
    const struct kf_payload *payload;
    uint64_t to; /* where the dataset's bytes begin in the output file */
    enum kf_checksum_kind checksum;
    struct kf_report *rep;
};

static hid_t make_space(const struct kf_payload *payload)
{
    hsize_t dims[KF_RANK_MAX];

    if (payload->rank == 0)
        return H5Screate(H5S_SCALAR);
    for (unsigned i = 0; i < payload->rank; i++)
        dims[i] = payload->dims[i];
    return H5Screate_simple((int)payload->rank, dims, NULL);
}

static hid_t create_dataset(struct move *move)
{
    struct kf_h5_out *h5 = move->h5;
    const char *name = strrchr(move->path, '/');
    size_t n = name ? (size_t)(name - move->path) : 0;
    bool in_group = n > 0 && h5->group > 0 && strncmp(h5->group_path, move->path, n) == 0 &&
                    h5->group_path[n] == '\0';
    hid_t type = kf_h5_type(move->payload->dtype), space = make_space(move->payload);
    hid_t id = H5Dcreate2(in_group ? h5->group : h5->file, in_group ? name + 1 : move->path, type,
                          space, h5->link_props, h5->data_props, H5P_DEFAULT);

    H5Tclose(type);
    H5Sclose(space);
    return id;
}

/* Create the dataset with its bytes allocated and find out where they are. */
static int make_place(struct move *move)
{
    const char *name = strrchr(move->path, '/');
    char *group =
        kf_arena_strndup(move->h5->arena, move->path, name ? (size_t)(name - move->path) : 0);
    haddr_t at;
    hid_t id;

    if (!group)
        return kf_report_add(move->rep, KF_NO_MEMORY, move->path, "no memory for a path");
    KF_TRY(kf_h5_out_group(move->h5, group, move->rep));
    id = create_dataset(move);
    if (id < 0)
        return kf_h5_fail(move->rep, KF_WRITE_FAILED, move->path, "the dataset cannot be made");
    at = H5Dget_offset(id);
    H5Dclose(id);
    if (at == HADDR_UNDEF && kf_payload_bytes(move->payload) > 0)
        return kf_h5_fail(move->rep, KF_WRITE_FAILED, move->path,
                          "the dataset got no place in the file");
    move->to = at;
    return 0;
}

static int write_failed(const struct move *move)
{
    return kf_report_add(move->rep, KF_WRITE_FAILED, move->path, "the file cannot be written: %s",
                         strerror(errno));
}

static int write_all(const struct move *move, uint64_t at, const char *data, size_t n)
{
    while (n > 0) {
        ssize_t done = pwrite(move->h5->fd, data, n, (off_t)(move->to + at));

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return write_failed(move);
        data += done;
        at += (uint64_t)done;
        n -= (size_t)done;
    }
    return 0;
}

/* Let the kernel copy what it can; `*at` says how far it came. */
static void copy_in_kernel(const struct move *move, uint64_t *at, uint64_t n)
{
    int fd = move->payload->file->fd;

    while (*at < n) {
        loff_t from = (loff_t)(move->payload->file_at + *at), to = (loff_t)(move->to + *at);
        long done = syscall(SYS_copy_file_range, fd, &from, move->h5->fd, &to,
                            (size_t)kf_min(n - *at, (uint64_t)1 << 30), 0);

        if (done <= 0)
            return; /* another file system, a sandbox, the end: read and write instead */
        *at += (uint64_t)done;
        kf_progress_bytes(move->rep, (uint64_t)done);
    }
}

/* Pull [at, end) of `payload` in pieces; hash them, and write them when `write`. */
static int pull_all(const struct move *move, const struct kf_payload *payload, uint64_t at,
                    bool write, struct kf_hasher *hasher)
{
    uint64_t end = kf_payload_bytes(payload);

    if (!move->h5->piece)
        move->h5->piece = kf_alloc(KF_H5_PIECE);
    if (!move->h5->piece)
        return kf_report_add(move->rep, KF_NO_MEMORY, move->path, "no memory to copy a tensor");
    while (at < end) {
        size_t n = (size_t)kf_min(end - at, KF_H5_PIECE);

        KF_TRY(payload->pull(payload, at, move->h5->piece, n, move->rep));
        kf_hasher_update(hasher, move->h5->piece, n);
        if (write)
            KF_TRY(write_all(move, at, move->h5->piece, n));
        kf_progress_bytes(move->rep, write ? n : 0);
        at += n;
    }
    return 0;
}

static int move_bytes(const struct move *move, struct kf_checksum *after)
{
    struct kf_hasher hasher;
    uint64_t at = 0, n = kf_payload_bytes(move->payload);

    kf_hasher_init(&hasher, move->checksum);
    if (move->checksum == KF_CHECKSUM_NONE && move->payload->file &&
        move->payload->file_at != KF_NOWHERE)
        copy_in_kernel(move, &at, n);
    at -= at % kf_dtype_size(move->payload->dtype); /* pull() takes whole elements */
    KF_TRY(pull_all(move, move->payload, at, true, &hasher));
    kf_hasher_finish(&hasher, after);
    return 0;
}

static int hash_root(const struct move *move, struct kf_checksum *before)
{
    struct kf_hasher hasher;

    kf_hasher_init(&hasher, move->checksum);
    if (move->checksum != KF_CHECKSUM_NONE)
        KF_TRY(pull_all(move, kf_payload_root(move->payload), 0, false, &hasher));
    kf_hasher_finish(&hasher, before);
    return 0;
}

int kf_h5_out_payload(struct kf_h5_out *h5, const char *path, const struct kf_payload *payload,
                      enum kf_checksum_kind checksum, struct kf_tensor_report *row,
                      struct kf_report *rep)
{
    struct move move = {h5, path, payload, 0, row ? checksum : KF_CHECKSUM_NONE, rep};
    struct kf_checksum before = {0}, after = {0};

    KF_TRY(make_place(&move));
    KF_TRY(move_bytes(&move, &after));
    if (kf_payload_root(payload) == payload)
        before = after;
    else
        KF_TRY(hash_root(&move, &before));
    kf_progress_tensor(rep);
    if (row) {
        row->before = before;
        row->after = after;
    }
    /* bfloat16 is an opaque type that says what it is: keras/src/saving/saving_lib.py H5Entry */
    if (payload->dtype == KF_DTYPE_BFLOAT16)
        return kf_h5_out_attr_text(h5, path, "dtype", "bfloat16", rep);
    return 0;
}
