/* SPDX-License-Identifier: Apache-2.0 */
#include "h5_out.h"
#include <string.h>

int kf_h5_out_payload(struct kf_h5_out *h5, const char *path, const struct kf_payload *payload,
                      enum kf_checksum_kind checksum, struct kf_tensor_report *row,
                      struct kf_report *rep)
{
    char *copy = kf_arena_strdup(h5->arena, path), *group;
    struct kf_h5_out_data *data = kf_arena_alloc(h5->arena, sizeof(*data));
    struct kf_h5_object *dataset;
    const char *name;

    if (!copy || !data)
        return kf_report_add(rep, KF_NO_MEMORY, path, "no memory for a dataset");
    name = strrchr(copy, '/') + 1;
    group = kf_arena_strndup(h5->arena, path, (size_t)(name - copy));
    if (!group)
        return kf_report_add(rep, KF_NO_MEMORY, path, "no memory for a dataset");
    KF_TRY(kf_h5_out_group(h5, group, rep));
    KF_TRY(kf_h5_out_make(&dataset, h5, kf_h5_out_find(h5, group), name, rep));
    *data = (struct kf_h5_out_data){payload, checksum, row, copy};
    dataset->data = data;
    /* bfloat16 is an opaque type that says what it is: keras/src/saving/saving_lib.py H5Entry */
    if (payload->dtype == KF_DTYPE_BFLOAT16)
        return kf_h5_out_attr_text(h5, path, "dtype", "bfloat16", rep);
    return 0;
}
