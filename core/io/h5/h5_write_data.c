/* SPDX-License-Identifier: Apache-2.0 */
#include "h5_out.h"
#include <string.h>

/* Make the dataset, with those groups above it that are missing, and a place for its bytes. */
static int make_dataset(struct kf_h5_object **out, struct kf_h5_out *h5, const char *path,
                        const struct kf_payload *payload, struct kf_report *rep)
{
    const char *name = strrchr(path, '/') + 1;
    char *group = kf_arena_strndup(h5->arena, path, (size_t)(name - path));
    char *copy = kf_arena_strdup(h5->arena, name);
    uint64_t *dims = kf_arena_alloc(h5->arena, (payload->rank + 1) * sizeof(*dims));
    uint64_t n = kf_payload_bytes(payload);

    if (!group || !copy || !dims)
        return kf_report_add(rep, KF_NO_MEMORY, path, "no memory for a dataset");
    KF_TRY(kf_h5_out_group(h5, group, rep));
    KF_TRY(kf_h5_out_make(out, h5, kf_h5_out_find(h5, group), copy, rep));
    memcpy(dims, payload->dims, payload->rank * sizeof(*dims));
    (*out)->is_dataset = true;
    (*out)->dtype = payload->dtype;
    (*out)->rank = payload->rank;
    (*out)->dims = dims;
    (*out)->at = n > 0 ? kf_h5_out_place(h5, n) : KF_H5_UNDEFINED;
    return 0;
}

int kf_h5_out_payload(struct kf_h5_out *h5, const char *path, const struct kf_payload *payload,
                      enum kf_checksum_kind checksum, struct kf_tensor_report *row,
                      struct kf_report *rep)
{
    struct kf_h5_object *dataset;

    KF_TRY(make_dataset(&dataset, h5, path, payload, rep));
    KF_TRY(kf_move(&h5->mover, payload, dataset->at, checksum, row, path, rep));
    /* bfloat16 is an opaque type that says what it is: keras/src/saving/saving_lib.py H5Entry */
    if (payload->dtype == KF_DTYPE_BFLOAT16)
        return kf_h5_out_attr_text(h5, path, "dtype", "bfloat16", rep);
    return 0;
}
