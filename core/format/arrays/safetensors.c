/* SPDX-License-Identifier: Apache-2.0 */
#include "safetensors.h"
#include "../../base/str.h"

static const char *const names[KF_DTYPE_COUNT] = {
    [KF_DTYPE_NONE] = "",       [KF_DTYPE_FLOAT16] = "F16", [KF_DTYPE_BFLOAT16] = "BF16",
    [KF_DTYPE_FLOAT32] = "F32", [KF_DTYPE_FLOAT64] = "F64", [KF_DTYPE_INT8] = "I8",
    [KF_DTYPE_INT16] = "I16",   [KF_DTYPE_INT32] = "I32",   [KF_DTYPE_INT64] = "I64",
    [KF_DTYPE_UINT8] = "U8",    [KF_DTYPE_UINT16] = "U16",  [KF_DTYPE_UINT32] = "U32",
    [KF_DTYPE_UINT64] = "U64",  [KF_DTYPE_BOOL] = "BOOL",
};

const char *kf_safetensors_dtype_name(enum kf_dtype dtype)
{
    return names[dtype];
}

enum kf_dtype kf_safetensors_dtype(const char *name)
{
    for (int dtype = KF_DTYPE_NONE + 1; dtype < KF_DTYPE_COUNT; dtype++)
        if (kf_streq(names[dtype], name))
            return (enum kf_dtype)dtype;
    return KF_DTYPE_NONE;
}
