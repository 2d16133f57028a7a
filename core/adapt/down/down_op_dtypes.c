/* SPDX-License-Identifier: Apache-2.0 */
#include "down_ops.h"

/* Dtypes that operations bring their arguments to. */

bool kf_down_is_floating(enum kf_dtype dtype)
{
    return dtype >= KF_DTYPE_FLOAT16 && dtype <= KF_DTYPE_FLOAT64;
}

/* Of two floats the wider one, and float32 of the two that have 16 bits. */
static enum kf_dtype wider_float(enum kf_dtype a, enum kf_dtype b)
{
    enum kf_dtype wider = a > b ? a : b;

    return wider == KF_DTYPE_BFLOAT16 ? KF_DTYPE_FLOAT32 : wider;
}

/* Of two integers the first that holds the values of both; no integer holds those of uint64. */
static enum kf_dtype wider_integer(enum kf_dtype a, enum kf_dtype b)
{
    enum kf_dtype low = a < b ? a : b, high = a < b ? b : a, holds;

    if (low >= KF_DTYPE_UINT8 || high <= KF_DTYPE_INT64)
        return high;
    holds = high - KF_DTYPE_UINT8 + KF_DTYPE_INT16;
    return high == KF_DTYPE_UINT64 ? KF_DTYPE_NONE : low > holds ? low : holds;
}

/* A truth value gives way to a number, an integer to a float. Source: backend/common/dtypes.py. */
enum kf_dtype kf_down_promoted(enum kf_dtype a, enum kf_dtype b)
{
    if (a == b || a == KF_DTYPE_NONE)
        return b;
    if (a >= KF_DTYPE_STRING || b >= KF_DTYPE_STRING)
        return KF_DTYPE_NONE;
    if (a == KF_DTYPE_BOOL || b == KF_DTYPE_BOOL)
        return a == KF_DTYPE_BOOL ? b : a;
    if (kf_down_is_floating(a) != kf_down_is_floating(b))
        return kf_down_is_floating(a) ? a : b;
    return kf_down_is_floating(a) ? wider_float(a, b) : wider_integer(a, b);
}
