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

struct kf_onnx_tensor *kf_onnx_operand(struct kf_onnx_call *call, const json_t *value,
                                       enum kf_dtype dtype)
{
    if (!value || json_is_null(value))
        return NULL;
    if (kf_onnx_is_tensor(value))
        return kf_onnx_plain(call->onnx, kf_onnx_resolve(call, value));
    return kf_onnx_operand_constant(call, value, dtype);
}

static json_t *first_json(const struct kf_onnx_call *call)
{
    char name[32] = "";
    size_t n = strcspn(call->row->names, " ");

    if (n < sizeof(name))
        memcpy(name, call->row->names, n);
    return kf_onnx_operand_json(call, name);
}

struct kf_onnx_tensor *kf_onnx_operand_first(struct kf_onnx_call *call)
{
    return kf_onnx_operand(call, first_json(call), KF_DTYPE_NONE);
}

struct kf_onnx_tensor *kf_onnx_operand_either(struct kf_onnx_call *call, bool *moved)
{
    const json_t *value = first_json(call);
    const struct kf_onnx_value *found = kf_onnx_resolve(call, value);

    *moved = false;
    return found && !call->onnx->runtime->beyond ? kf_onnx_either(found, moved)
                                                 : kf_onnx_operand(call, value, KF_DTYPE_NONE);
}

/* What a plain number becomes beside tensors of `dtype`: it is weak, so it gives way. */
static enum kf_dtype beside(enum kf_dtype dtype, const json_t *value)
{
    enum kf_dtype own = kf_onnx_natural_dtype(value);

    if (dtype == KF_DTYPE_NONE || kf_number_is_float(dtype))
        return dtype == KF_DTYPE_NONE ? own : dtype;
    if (kf_number_is_float(own))
        return KF_DTYPE_FLOAT32;
    return dtype == KF_DTYPE_BOOL ? own : dtype;
}

/* True when sizes that meet others of `full` axes differ in the batch and the channels alone. */
static bool is_thin(const int64_t *dims, unsigned rank, unsigned full)
{
    for (unsigned i = 0; i + 1 < rank; i++)
        if (dims[i] != 1 && (i || rank < full))
            return false;
    return rank <= full;
}

/*
 * How many axes tensors have that all can meet with their last axis moved; 0 when they meet as
 * Keras has them: none of them is moved, or one of them would need a Transpose for it.
 */
static unsigned moved_rank(const struct kf_onnx_call *call, json_t *const *values, size_t n)
{
    int64_t dims[KF_ONNX_RANK_MAX];
    unsigned rank = 0, of;
    bool any = false, moved;

    for (size_t i = 0; i < n; i++) {
        const struct kf_onnx_value *value = kf_onnx_resolve(call, values[i]);
        const struct kf_onnx_tensor *x = kf_onnx_either(value, &moved);

        if (!kf_onnx_is_tensor(values[i]))
            continue;
        if (!x || (rank && x->rank != rank) ||
            (!value->moved && !is_thin(x->dims, x->rank, x->rank)))
            return 0;
        rank = x->rank;
        any = any || moved;
    }
    for (size_t i = 0; i < n; i++)
        if (!kf_onnx_is_tensor(values[i]) &&
            (!kf_onnx_operand_sizes(values[i], dims, &of) || !is_thin(dims, of, rank)))
            return 0;
    return any ? rank : 0;
}

/* A constant that is thin, beside what is moved. */
static struct kf_onnx_tensor *lay_out(struct kf_onnx *onnx, struct kf_onnx_tensor *x, unsigned rank)
{
    int64_t dims[KF_ONNX_RANK_MAX];

    if (!x || x->rank == 0)
        return x;
    for (unsigned i = 0; i < rank; i++)
        dims[i] = 1;
    if (x->rank == rank)
        dims[0] = x->dims[0];
    dims[1] = x->dims[x->rank - 1];
    return kf_onnx_constant(onnx, x->dtype, rank, dims, x->bytes);
}

/* With the last axis moved where `rank` says how many there are. */
static struct kf_onnx_tensor *operand_as(struct kf_onnx_call *call, const json_t *value,
                                         enum kf_dtype dtype, unsigned rank)
{
    if (!rank)
        return kf_onnx_operand(call, value, dtype);
    if (kf_onnx_is_tensor(value))
        return kf_onnx_moved(call->onnx, kf_onnx_resolve(call, value));
    return lay_out(call->onnx, kf_onnx_operand_constant(call, value, dtype), rank);
}

static bool meet(struct kf_onnx_call *call, json_t *const *values, size_t n, unsigned rank,
                 struct kf_onnx_tensor **out)
{
    enum kf_dtype dtype = KF_DTYPE_NONE;

    for (size_t i = 0; i < n; i++) {
        out[i] = NULL;
        if (!kf_onnx_is_tensor(values[i]) && !kf_onnx_array(values[i]))
            continue;
        out[i] = operand_as(call, values[i], KF_DTYPE_NONE, rank);
        if (!out[i])
            return false;
        dtype = kf_onnx_promote(dtype, out[i]->dtype);
    }
    for (size_t i = 0; i < n; i++)
        if (!out[i])
            dtype = beside(dtype, values[i]);
    for (size_t i = 0; i < n; i++) {
        out[i] = out[i] ? kf_onnx_cast(call->onnx, out[i], dtype)
                        : operand_as(call, values[i], dtype, rank);
        if (!out[i])
            return false;
    }
    return true;
}

bool kf_onnx_operands(struct kf_onnx_call *call, json_t *const *values, size_t n,
                      struct kf_onnx_tensor **out)
{
    return meet(call, values, n, 0, out);
}

bool kf_onnx_operands_either(struct kf_onnx_call *call, json_t *const *values, size_t n,
                             struct kf_onnx_tensor **out, bool *moved)
{
    unsigned rank = call->onnx->runtime->beyond ? 0 : moved_rank(call, values, n);

    *moved = rank > 0;
    return meet(call, values, n, rank, out);
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

struct kf_onnx_tensor *kf_onnx_operand_either_real(struct kf_onnx_call *call, bool *moved)
{
    return kf_onnx_as_real(call->onnx, kf_onnx_operand_either(call, moved));
}

double kf_onnx_operand_number(const struct kf_onnx_call *call, const char *name, double fallback)
{
    const json_t *value = kf_onnx_operand_json(call, name);

    return json_is_boolean(value)  ? json_is_true(value)
           : json_is_number(value) ? json_number_value(value)
                                   : fallback;
}

bool kf_onnx_operand_pair(struct kf_onnx_call *call, struct kf_onnx_tensor **out)
{
    json_t *values[2] = {kf_onnx_operand_json(call, "x1"), kf_onnx_operand_json(call, "x2")};

    return values[0] && values[1] && kf_onnx_operands(call, values, 2, out);
}

bool kf_onnx_operand_pair_either(struct kf_onnx_call *call, struct kf_onnx_tensor **out,
                                 bool *moved)
{
    json_t *values[2] = {kf_onnx_operand_json(call, "x1"), kf_onnx_operand_json(call, "x2")};

    *moved = false;
    return values[0] && values[1] && kf_onnx_operands_either(call, values, 2, out, moved);
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
