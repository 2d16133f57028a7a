/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/alloc.h"
#include "../base/str.h"
#include "../io/text/json.h"
#include "../model/numbers.h"
#include "operation.h"
#include <math.h>
#include <stdint.h>
#include <string.h>

/* Arguments of operations: tensors of the graph, numbers, and arrays of numbers. */

static const struct kf_onnx_row rows[] = {
#define KF_ONNX_OPERATION(class_name, form, op, names)                                             \
    {#class_name, kf_onnx_form_##form, op, "onnx-operation:" #class_name, names},
#include "operations.def"
#undef KF_ONNX_OPERATION
};

const struct kf_onnx_row *kf_onnx_operation(const char *class_name)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].class_name, class_name) == 0)
            return &rows[i];
    return NULL;
}

/* The place of a word in the row's list of arguments, or SIZE_MAX. */
static size_t place_of(const char *words, const char *name)
{
    size_t n = strlen(name);

    for (size_t place = 0; *words; place++) {
        size_t length = strcspn(words, " ");

        if (length == n && strncmp(words, name, n) == 0)
            return place;
        words += length + (words[length] == ' ');
    }
    return SIZE_MAX;
}

json_t *kf_onnx_operand_json(const struct kf_onnx_call *call, const char *name)
{
    size_t place = place_of(call->row->names, name);
    json_t *value = json_object_get(call->kwargs, name);

    if (!value && place != SIZE_MAX)
        value = json_array_get(call->args, place);
    if (!value)
        value = json_object_get(call->layer->config, name);
    return json_is_null(value) ? NULL : value;
}

bool kf_onnx_is_tensor(const json_t *value)
{
    struct kf_ref ref;

    return kf_ref_get(value, &ref);
}

/* {"class_name": "__numpy__", "config": {"value", "dtype"}}, as constants are kept. */
static const json_t *array_of(const json_t *value)
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
static enum kf_dtype natural_dtype(const json_t *value)
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
    json_array_foreach(value, i, one) dtype = kf_onnx_promote(dtype, natural_dtype(one));
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

struct kf_onnx_tensor *kf_onnx_operand(struct kf_onnx_call *call, const json_t *value,
                                       enum kf_dtype dtype)
{
    const json_t *array = array_of(value);

    if (!value || json_is_null(value))
        return NULL;
    if (kf_onnx_is_tensor(value))
        return kf_onnx_plain(call->onnx, kf_onnx_resolve(call, value));
    if (array) {
        enum kf_dtype own = kf_onnx_dtype_named(kf_json_str(array, "dtype", NULL));

        value = json_object_get(array, "value");
        return constant(call, value,
                        own == KF_DTYPE_NONE || own == KF_DTYPE_BFLOAT16 ? KF_DTYPE_FLOAT32 : own);
    }
    return constant(call, value, dtype == KF_DTYPE_NONE ? natural_dtype(value) : dtype);
}

struct kf_onnx_tensor *kf_onnx_operand_first(struct kf_onnx_call *call)
{
    char name[32] = "";
    size_t n = strcspn(call->row->names, " ");

    if (n < sizeof(name))
        memcpy(name, call->row->names, n);
    return kf_onnx_operand(call, kf_onnx_operand_json(call, name), KF_DTYPE_NONE);
}

/* What a plain number becomes beside tensors of `dtype`: it is weak, so it gives way. */
static enum kf_dtype beside(enum kf_dtype dtype, const json_t *value)
{
    enum kf_dtype own = natural_dtype(value);

    if (dtype == KF_DTYPE_NONE || kf_number_is_float(dtype))
        return dtype == KF_DTYPE_NONE ? own : dtype;
    if (kf_number_is_float(own))
        return KF_DTYPE_FLOAT32;
    return dtype == KF_DTYPE_BOOL ? own : dtype;
}

bool kf_onnx_operands(struct kf_onnx_call *call, json_t *const *values, size_t n,
                      struct kf_onnx_tensor **out)
{
    enum kf_dtype dtype = KF_DTYPE_NONE;

    for (size_t i = 0; i < n; i++) {
        out[i] = NULL;
        if (!kf_onnx_is_tensor(values[i]) && !array_of(values[i]))
            continue;
        out[i] = kf_onnx_operand(call, values[i], KF_DTYPE_NONE);
        if (!out[i])
            return false;
        dtype = kf_onnx_promote(dtype, out[i]->dtype);
    }
    for (size_t i = 0; i < n; i++)
        if (!out[i])
            dtype = beside(dtype, values[i]);
    for (size_t i = 0; i < n; i++) {
        out[i] = out[i] ? kf_onnx_cast(call->onnx, out[i], dtype)
                        : kf_onnx_operand(call, values[i], dtype);
        if (!out[i])
            return false;
    }
    return true;
}

size_t kf_onnx_operand_axes(struct kf_onnx_call *call, const struct kf_onnx_tensor *x,
                            const char *name, int64_t *axes)
{
    json_t *value = kf_onnx_operand_json(call, name);
    size_t n = value ? kf_onnx_numbers(call, value, axes) : x->rank;

    for (size_t i = 0; i < n; i++) {
        axes[i] = kf_onnx_axis(call->onnx, x, value ? axes[i] : (int64_t)i);
        if (axes[i] < 0)
            return 0;
    }
    return n;
}

struct kf_onnx_tensor *kf_onnx_as_real(struct kf_onnx *onnx, struct kf_onnx_tensor *x)
{
    return x && !kf_number_is_float(x->dtype) ? kf_onnx_cast(onnx, x, KF_DTYPE_FLOAT32) : x;
}

struct kf_onnx_tensor *kf_onnx_operand_real(struct kf_onnx_call *call)
{
    return kf_onnx_as_real(call->onnx, kf_onnx_operand_first(call));
}

double kf_onnx_operand_number(const struct kf_onnx_call *call, const char *name, double fallback)
{
    const json_t *value = kf_onnx_operand_json(call, name);

    return json_is_number(value) || json_is_boolean(value) ? number_of(value) : fallback;
}

bool kf_onnx_operand_pair(struct kf_onnx_call *call, struct kf_onnx_tensor **out)
{
    json_t *values[2] = {kf_onnx_operand_json(call, "x1"), kf_onnx_operand_json(call, "x2")};

    return values[0] && values[1] && kf_onnx_operands(call, values, 2, out);
}

int kf_onnx_operand_axis(struct kf_onnx_call *call, const struct kf_onnx_tensor *x,
                         const char *name, int64_t fallback)
{
    json_t *value = kf_onnx_operand_json(call, name);

    if (value && !json_is_integer(value)) {
        kf_onnx_refuse(call, "its %s is not one axis", name);
        return -1;
    }
    return kf_onnx_axis(call->onnx, x, value ? json_integer_value(value) : fallback);
}

struct kf_onnx_tensor **kf_onnx_operand_list(struct kf_onnx_call *call, const char *name, size_t *n)
{
    json_t *list = kf_onnx_operand_json(call, name), *one, **values;
    struct kf_onnx_tensor **all;
    size_t i;

    *n = json_array_size(list);
    values = kf_onnx_alloc(call->onnx, (*n + 1) * sizeof(*values));
    all = kf_onnx_alloc(call->onnx, (*n + 1) * sizeof(*all));
    if (!values || !all)
        return kf_onnx_no_memory(call->onnx);
    json_array_foreach(list, i, one) values[i] = one;
    return *n && kf_onnx_operands(call, values, *n, all) ? all : NULL;
}
