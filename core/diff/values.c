/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/alloc.h"
#include "../base/num.h"
#include "../base/str.h"
#include "../model/numbers.h"
#include "diff.h"
#include <math.h>
#include <string.h>

#define PIECE_ELEMENTS 8192
#define ELEMENT_MAX    8 /* bytes */

/* Two payloads of one shape, read side by side. */
struct reading {
    const struct kf_payload *a, *b;
    unsigned char *x, *y; /* room for PIECE_ELEMENTS of each */
    uint64_t n_different; /* elements */
    double largest;       /* difference; NaN where one of them is none */
    uint64_t first;       /* element that differs, row-major */
};

static double number(enum kf_dtype dtype, const void *from)
{
    if (kf_number_is_float(dtype))
        return kf_number_read(dtype, from);
    if (dtype == KF_DTYPE_BOOL)
        return *(const unsigned char *)from != 0;
    return (double)kf_number_read_int(dtype, from);
}

static void compare_element(struct reading *r, uint64_t at, const void *x, const void *y)
{
    double p = number(r->a->dtype, x), q = number(r->b->dtype, y), d;

    if (r->a->dtype == r->b->dtype ? memcmp(x, y, kf_dtype_size(r->a->dtype)) == 0 : p == q)
        return;
    if (r->n_different++ == 0)
        r->first = at;
    d = fabs(p - q);
    if (isnan(d) || d > r->largest)
        r->largest = d;
}

static int compare_piece(struct reading *r, uint64_t at, size_t n, struct kf_report *rep)
{
    size_t size_a = kf_dtype_size(r->a->dtype), size_b = kf_dtype_size(r->b->dtype);

    KF_TRY(r->a->pull(r->a, at * size_a, r->x, n * size_a, rep));
    KF_TRY(r->b->pull(r->b, at * size_b, r->y, n * size_b, rep));
    if (size_a == size_b && r->a->dtype == r->b->dtype && memcmp(r->x, r->y, n * size_a) == 0)
        return 0;
    for (size_t i = 0; i < n; i++)
        compare_element(r, at + i, r->x + i * size_a, r->y + i * size_b);
    return 0;
}

static int compare_all(struct kf_diff *diff, struct reading *r)
{
    uint64_t n = kf_payload_elements(r->a);
    int status = 0;

    r->x = kf_alloc(PIECE_ELEMENTS * ELEMENT_MAX);
    r->y = kf_alloc(PIECE_ELEMENTS * ELEMENT_MAX);
    if (!r->x || !r->y)
        status = kf_diff_no_memory(diff);
    for (uint64_t at = 0; status >= 0 && at < n; at += PIECE_ELEMENTS)
        status = compare_piece(r, at, (size_t)kf_min(PIECE_ELEMENTS, n - at), diff->rep);
    kf_free(r->x);
    kf_free(r->y);
    return status < 0 ? status : 0;
}

static json_t *shape_json(const struct kf_payload *payload)
{
    json_t *shape = json_array();

    for (unsigned i = 0; i < payload->rank; i++)
        json_array_append_new(shape, json_integer((json_int_t)payload->dims[i]));
    return shape;
}

static bool same_shape(const struct kf_payload *a, const struct kf_payload *b)
{
    return a->rank == b->rank && memcmp(a->dims, b->dims, a->rank * sizeof(a->dims[0])) == 0;
}

/* Values as they are where they differ first, so that one can look. */
static int add_values(struct kf_diff *diff, const char *where, const struct kf_tensor *tensor,
                      const struct reading *r)
{
    json_t *row = kf_diff_add(diff, where, "values", tensor->variable, NULL, NULL);

    if (!row)
        return 0;
    json_object_set_new(row, "elements", json_integer((json_int_t)kf_payload_elements(r->a)));
    json_object_set_new(row, "n_different", json_integer((json_int_t)r->n_different));
    json_object_set_new(row, "first", json_integer((json_int_t)r->first));
    json_object_set_new(row, "max_difference",
                        isfinite(r->largest) ? json_real(r->largest) : json_null());
    return 0;
}

static int compare_payloads(struct kf_diff *diff, const char *where, const struct kf_tensor *a,
                            const struct kf_tensor *b)
{
    struct reading r = {.a = a->payload, .b = b->payload};

    if (!r.a || !r.b)
        return 0;
    if (!same_shape(r.a, r.b)) {
        kf_diff_add(diff, where, "shape", a->variable, shape_json(r.a), shape_json(r.b));
        return 0;
    }
    if (r.a->dtype != r.b->dtype)
        kf_diff_add(diff, where, "dtype", a->variable, json_string(kf_dtype_name(r.a->dtype)),
                    json_string(kf_dtype_name(r.b->dtype)));
    KF_TRY(compare_all(diff, &r));
    return r.n_different > 0 ? add_values(diff, where, a, &r) : 0;
}

/* By name; variables that have none in common, as those of custom layers, by position. */
static const struct kf_tensor *match(const struct kf_layer *a, size_t i, const struct kf_layer *b)
{
    const struct kf_tensor *found = kf_layer_tensor(b, a->tensors[i].variable);

    if (!found && i < b->n_tensors && !kf_layer_tensor(a, b->tensors[i].variable))
        found = &b->tensors[i];
    return found;
}

int kf_diff_tensors(struct kf_diff *diff, const struct kf_layer *a, const struct kf_layer *b)
{
    if (!diff->weights)
        return 0;
    for (size_t i = 0; i < a->n_tensors; i++) {
        const struct kf_tensor *other = match(a, i, b);

        if (other)
            KF_TRY(compare_payloads(diff, a->path, &a->tensors[i], other));
        else
            kf_diff_add(diff, a->path, "tensor-missing", a->tensors[i].variable,
                        json_string(a->tensors[i].variable), NULL);
    }
    for (size_t i = 0; i < b->n_tensors; i++)
        if (!match(b, i, a))
            kf_diff_add(diff, a->path, "tensor-missing", b->tensors[i].variable, NULL,
                        json_string(b->tensors[i].variable));
    return 0;
}
