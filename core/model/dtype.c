/* SPDX-License-Identifier: Apache-2.0 */
#include "dtype.h"

static const struct {
    const char *name;
    size_t size; /* bytes */
} dtypes[] = {
    [KF_DTYPE_NONE] = {"none", 0},         [KF_DTYPE_FLOAT16] = {"float16", 2},
    [KF_DTYPE_BFLOAT16] = {"bfloat16", 2}, [KF_DTYPE_FLOAT32] = {"float32", 4},
    [KF_DTYPE_FLOAT64] = {"float64", 8},   [KF_DTYPE_INT8] = {"int8", 1},
    [KF_DTYPE_INT16] = {"int16", 2},       [KF_DTYPE_INT32] = {"int32", 4},
    [KF_DTYPE_INT64] = {"int64", 8},       [KF_DTYPE_UINT8] = {"uint8", 1},
    [KF_DTYPE_UINT16] = {"uint16", 2},     [KF_DTYPE_UINT32] = {"uint32", 4},
    [KF_DTYPE_UINT64] = {"uint64", 8},     [KF_DTYPE_BOOL] = {"bool", 1},
    [KF_DTYPE_STRING] = {"string", 0},
};

size_t kf_dtype_size(enum kf_dtype dtype)
{
    return dtypes[dtype].size;
}

const char *kf_dtype_name(enum kf_dtype dtype)
{
    return dtypes[dtype].name;
}
