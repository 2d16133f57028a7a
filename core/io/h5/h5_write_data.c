/* SPDX-License-Identifier: Apache-2.0 */
#include "h5_private.h"
#include <string.h>

/* One payload on its way into one dataset. */
struct move {
    struct kf_h5_out *h5;
    const char *path;
    const struct kf_payload *payload;
    uint64_t to; /* where the dataset's bytes begin in the output file */
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

int kf_h5_out_payload(struct kf_h5_out *h5, const char *path, const struct kf_payload *payload,
                      enum kf_checksum_kind checksum, struct kf_tensor_report *row,
                      struct kf_report *rep)
{
    struct move move = {.h5 = h5, .path = path, .payload = payload, .rep = rep};

    KF_TRY(make_place(&move));
    KF_TRY(kf_move(&h5->mover, payload, move.to, checksum, row, path, rep));
    /* bfloat16 is an opaque type that says what it is: keras/src/saving/saving_lib.py H5Entry */
    if (payload->dtype == KF_DTYPE_BFLOAT16)
        return kf_h5_out_attr_text(h5, path, "dtype", "bfloat16", rep);
    return 0;
}
