/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/alloc.h"
#include "../base/str.h"
#include "../io/text/json.h"
#include "../model/numbers.h"
#include "operation.h"
#include <math.h>
#include <stdint.h>
#include <string.h>

/* Arguments of operations that are numbers, and arrays of numbers. */

/* {"class_name": "__numpy__", "config": {"value", "dtype"}}, as constants are kept. */
const json_t *kf_onnx_array(const json_t *value)
{
    return kf_in_words("__numpy__ __tensor__", kf_json_str(value, "class_name", ""))
               ? json_object_get(value, "config")
               : NULL;
}

static double special(const char *text)
{
    if (kf_streq(text, KF_JSON_INF))
        return INFINITY;
    return kf_streq(text, KF_JSON_NEG_INF) ? -INFINITY : NAN;
}

static bool is_leaf(const json_t *value)
{
    return json_is_number(value) || json_is_boolean(value) || json_is_string(value);
}

static double number_of(const json_t *value)
{
    if (json_is_string(value))
        return special(json_string_value(value));
    return json_is_boolean(value) ? json_is_true(value) : json_number_value(value);
}

/* The dtype that numbers have by themselves; truths and whole numbers are told from others. */
enum kf_dtype kf_onnx_natural_dtype(const json_t *value)
{
    enum kf_dtype dtype = KF_DTYPE_NONE;
    const json_t *one;
    size_t i;

    if (json_is_boolean(value))
        return KF_DTYPE_BOOL;
    if (json_is_integer(value))
        return KF_DTYPE_INT32;
    if (!json_is_array(value))
        return KF_DTYPE_FLOAT32;
    json_array_foreach(value, i, one) dtype = kf_onnx_promote(dtype, kf_onnx_natural_dtype(one));
    return dtype == KF_DTYPE_NONE ? KF_DTYPE_FLOAT32 : dtype;
}

/* The sizes of nested lists; false when they are no array. */
static bool sizes_of(const json_t *value, int64_t *dims, unsigned *rank)
{
    for (*rank = 0; json_is_array(value); value = json_array_get(value, 0)) {
        if (*rank == KF_ONNX_RANK_MAX)
            return false;
        dims[(*rank)++] = (int64_t)json_array_size(value);
        if (!json_array_size(value))
            return true;
    }
    return is_leaf(value);
}

static void write_number(enum kf_dtype dtype, char *to, const json_t *value)
{
    int64_t whole = json_is_integer(value) ? json_integer_value(value)
                    : isfinite(number_of(value)) && fabs(number_of(value)) < 9e18
                        ? (int64_t)number_of(value)
                        : 0;

    if (kf_number_is_float(dtype))
        kf_number_write(dtype, to, number_of(value));
    else
        memcpy(to, &whole, kf_dtype_size(dtype)); /* little-endian: the low bytes first */
}

/* Fill `to` with the numbers of nested lists; false when their sizes differ. */
static bool fill(const json_t *value, const int64_t *dims, unsigned rank, enum kf_dtype dtype,
                 char **to)
{
    const json_t *one;
    size_t i;

    if (rank == 0) {
        if (!is_leaf(value))
            return false;
        write_number(dtype, *to, value);
        *to += kf_dtype_size(dtype);
        return true;
    }
    if (json_array_size(value) != (size_t)dims[0] || !json_is_array(value))
        return false;
    json_array_foreach(value, i, one) if (!fill(one, dims + 1, rank - 1, dtype, to)) return false;
    return true;
}

static struct kf_onnx_tensor *constant(struct kf_onnx_call *call, const json_t *value,
                                       enum kf_dtype dtype)
{
    int64_t dims[KF_ONNX_RANK_MAX];
    struct kf_onnx_tensor *made = NULL;
    char *bytes, *to;
    size_t n = 1;
    unsigned rank;

    if (!sizes_of(value, dims, &rank)) {
        kf_onnx_refuse(call, "an argument of it is no array of numbers");
        return NULL;
    }
    for (unsigned i = 0; i < rank; i++) /* of lists in the file: this is less than its size, or the
                                         * lists are not as long as the first ones */
        if (__builtin_mul_overflow(n, (size_t)dims[i], &n) ||
            n > call->onnx->options->limits.json_bytes / 2) {
            kf_onnx_refuse(call, "an argument of it is no array of numbers");
            return NULL;
        }
    bytes = to = kf_alloc(n * kf_dtype_size(dtype) + 1);
    if (!bytes)
        return kf_onnx_no_memory(call->onnx);
    if (fill(value, dims, rank, dtype, &to))
        made = kf_onnx_constant(call->onnx, dtype, rank, dims, bytes);
    else
        kf_onnx_refuse(call, "an argument of it is no array of numbers");
    kf_free(bytes);
    return made;
}

struct kf_onnx_tensor *kf_onnx_operand_constant(struct kf_onnx_call *call, const json_t *value,
                                                enum kf_dtype dtype)
{
    const json_t *array = kf_onnx_array(value);
    enum kf_dtype own;

    if (!array)
        return constant(call, value, dtype == KF_DTYPE_NONE ? kf_onnx_natural_dtype(value) : dtype);
    own = kf_onnx_dtype_named(kf_json_str(array, "dtype", NULL));
    return constant(call, json_object_get(array, "value"),
                    own == KF_DTYPE_NONE || own == KF_DTYPE_BFLOAT16 ? KF_DTYPE_FLOAT32 : own);
}

bool kf_onnx_operand_sizes(const json_t *value, int64_t *dims, unsigned *rank)
{
    const json_t *array = kf_onnx_array(value);

    return sizes_of(array ? json_object_get(array, "value") : value, dims, rank);
}
