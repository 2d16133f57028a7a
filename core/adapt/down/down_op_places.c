/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../ops/ops.h"
#include "down_ops.h"
#include <string.h>

/* Operations that put tensors into places: margins, parts, grids and products of all pairs. */

#define PLACES_MAX 65536 /* numbers that are written out in a config */
#define NO_PART    "where it puts something is not in the file, or is not a part of its tensor"

static json_int_t given(const struct kf_down_op *op, const char *key)
{
    json_int_t value = kf_json_int(op->kwargs, key, -1);

    return value > INT32_MAX ? -1 : value;
}

/* The two margins of an axis, of which one may follow from the size that is wanted. */
static bool margins(const struct kf_down_op *op, const char *const *keys, json_int_t more,
                    json_int_t *out)
{
    out[0] = given(op, keys[0]);
    out[1] = given(op, keys[1]);
    for (size_t i = 0; i < 2; i++)
        if (out[i] < 0 && out[1 - i] >= 0)
            out[i] = more - out[1 - i];
    return out[0] >= 0 && out[1] >= 0;
}

/* How much longer than its image the size is that is wanted; -1 is not told. */
static json_int_t growth(const struct kf_down_op *op, const char *key, json_int_t size, int sign)
{
    json_int_t wanted = given(op, key);

    return wanted < 0 || size < 0 || size > INT32_MAX || wanted > INT32_MAX
               ? -1
               : sign * (wanted - size);
}

/* The margins of height and width, and where in the shape these two are. */
static bool read_margins(const struct kf_down_op *op, const char *const keys[2][2], int sign,
                         json_int_t out[2][2], size_t *place)
{
    const json_t *own = kf_down_argument(op, 0, "images");
    bool first = kf_streq(kf_json_str(op->kwargs, "data_format", NULL), "channels_first");
    size_t rank = kf_down_rank(own);
    json_int_t size;

    if (rank != 3 && rank != 4)
        return false;
    *place = rank - (first ? 2 : 3);
    size = kf_down_size(own, (json_int_t)*place);
    if (!margins(op, keys[0], growth(op, "target_height", size, sign), out[0]))
        return false;
    size = kf_down_size(own, (json_int_t)*place + 1);
    return margins(op, keys[1], growth(op, "target_width", size, sign), out[1]);
}

/* Source: keras/src/ops/image.py, _pad_images (3.15.1) */
int kf_down_form_pad_images(struct kf_down_op *op)
{
    static const char *const keys[2][2] = {{"top_padding", "bottom_padding"},
                                           {"left_padding", "right_padding"}};
    size_t rank = kf_down_rank(kf_down_argument(op, 0, "images")), place;
    json_int_t found[2][2];
    json_t *paddings = json_array();

    if (!read_margins(op, keys, 1, found, &place)) {
        json_decref(paddings);
        return kf_down_refuse(op, KF_DOWN_NO_SIZE);
    }
    for (size_t i = 0; i < rank; i++) {
        const json_int_t *both = i - place < 2 ? found[i - place] : (const json_int_t[]){0, 0};

        KF_TRY(
            kf_json_append(paddings, json_pack("[I, I]", both[0], both[1]), op->ops->adapt->rep));
    }
    json_object_clear(op->kwargs);
    return kf_down_set(op, "paddings", paddings);
}

/* The part of a tensor that begins at one place of an axis and is so long; -1 is all the rest. */
static json_t *part_of(size_t rank, size_t axis, json_int_t begin, json_int_t length)
{
    json_auto_t *begins = json_array(), *sizes = json_array();
    int bad = 0;

    for (size_t i = 0; i < rank; i++) {
        bad |= json_array_append_new(begins, json_integer(i == axis ? begin : 0));
        bad |= json_array_append_new(sizes, json_integer(i == axis ? length : -1));
    }
    return bad == 0 ? json_pack("{s:O, s:O}", "begin", begins, "size", sizes) : NULL;
}

/* Source: keras/src/ops/image.py, _crop_images (3.15.1) */
int kf_down_form_crop_images(struct kf_down_op *op)
{
    static const char *const keys[2][2] = {{"top_cropping", "bottom_cropping"},
                                           {"left_cropping", "right_cropping"}};
    const json_t *own = kf_down_argument(op, 0, "images");
    size_t rank = kf_down_rank(own), place;
    json_int_t found[2][2], lengths[2];

    if (!read_margins(op, keys, -1, found, &place))
        return kf_down_refuse(op, KF_DOWN_NO_SIZE);
    for (size_t i = 0; i < 2; i++) {
        lengths[i] = kf_down_size(own, (json_int_t)(place + i)) - found[i][0] - found[i][1];
        if (lengths[i] < 0)
            return kf_down_refuse(op, KF_DOWN_NO_SIZE);
    }
    KF_TRY(kf_down_before(op, "slice", part_of(rank, place, found[0][0], lengths[0])));
    json_decref(op->kwargs);
    op->kwargs = part_of(rank, place + 1, found[1][0], lengths[1]);
    return op->kwargs ? 0 : kf_adapt_no_memory(op->ops->adapt, op->layer->path);
}

/* The places of a part as scatter_nd takes them, by axes from the first one on. */
static json_t *places_of(const json_int_t *starts, const json_int_t *sizes, size_t rank,
                         size_t axis, json_t *place)
{
    json_auto_t *list = NULL;
    int bad = 0;

    if (axis == rank)
        return json_deep_copy(place);
    list = json_array();
    for (json_int_t i = 0; i < sizes[axis] && bad == 0; i++) {
        json_auto_t *next = json_deep_copy(place);

        bad |= json_array_append_new(next, json_integer(starts[axis] + i));
        bad |= json_array_append_new(list, places_of(starts, sizes, rank, axis + 1, next));
    }
    return bad == 0 ? json_incref(list) : NULL;
}

/* What is before the part along its only shorter axis, the part, and what is behind it. */
static int join_parts(struct kf_down_op *op, json_int_t in, json_int_t start, json_int_t size,
                      size_t axis)
{
    json_t *list = json_array(), *part = NULL;
    size_t rank = kf_down_rank(kf_down_argument(op, 0, "inputs"));

    for (size_t i = 0; i < 2; i++) {
        json_int_t begin = i ? start + size : 0, length = i ? in - begin : start;

        if (i)
            KF_TRY(kf_json_append(list, json_incref(json_object_get(op->kwargs, "updates")),
                                  op->ops->adapt->rep));
        if (length < 1)
            continue;
        KF_TRY(kf_down_function(op, "slice", json_deep_copy(op->first),
                                part_of(rank, axis, begin, length), &part));
        KF_TRY(kf_json_append(list, part, op->ops->adapt->rep));
    }
    KF_TRY(kf_down_set_first(op, list));
    json_object_clear(op->kwargs);
    op->function = "concat";
    return kf_down_set(op, "axis", json_integer((json_int_t)axis));
}

/* Source: backend/tensorflow/core.py, slice_update (3.15.1) */
int kf_down_form_slice_update(struct kf_down_op *op)
{
    const json_t *own = kf_down_argument(op, 0, "inputs"),
                 *part = kf_down_argument(op, 2, "updates");
    json_t *at = json_object_get(op->kwargs, "start_indices"), *none;
    json_int_t in[KF_RANK_MAX], starts[KF_RANK_MAX], sizes[KF_RANK_MAX], all = 1;
    size_t rank = kf_down_rank(own), shorter = 0, last = 0;
    struct kf_ref ref;

    if (rank == 0 || rank > KF_RANK_MAX || kf_down_rank(part) != rank ||
        json_array_size(at) != rank)
        return kf_down_refuse(op, NO_PART);
    for (size_t i = 0; i < rank; i++) {
        starts[i] =
            json_is_integer(json_array_get(at, i)) ? json_integer_value(json_array_get(at, i)) : -1;
        in[i] = kf_down_size(own, (json_int_t)i);
        sizes[i] = kf_down_size(part, (json_int_t)i);
        if (starts[i] < 0 || starts[i] > INT32_MAX ||
            (in[i] >= 0 && (sizes[i] < 0 || starts[i] > in[i] - sizes[i])))
            return kf_down_refuse(op, NO_PART);
        all = sizes[i] < 1 || all > PLACES_MAX / sizes[i] ? 0 : all * sizes[i];
        if (starts[i] > 0 || sizes[i] != in[i])
            last = i, shorter++;
    }
    if (shorter == 1 && in[last] >= 0 && kf_ref_get(json_object_get(op->kwargs, "updates"), &ref))
        return join_parts(op, in[last], starts[last], sizes[last], last);
    if (all < 1)
        return kf_down_refuse(op, NO_PART);
    none = json_array();
    at = places_of(starts, sizes, rank, 0, none);
    json_decref(none);
    json_object_del(op->kwargs, "start_indices");
    return kf_down_set(op, "indices", at);
}

/* One axis of a grid: its numbers along that, and 1 along the others. */
static json_t *grid_shape(size_t n, size_t axis)
{
    json_auto_t *shape = json_array();
    int bad = 0;

    for (size_t i = 0; i < n; i++)
        bad |= json_array_append_new(shape, json_integer(i == axis ? -1 : 1));
    return bad == 0 ? json_pack("{s:O}", "shape", shape) : NULL;
}

/* Each axis' numbers spread over all others, by zeros as large as all of them together. */
int kf_down_form_meshgrid(struct kf_down_op *op)
{
    static const char *const keys[] = {"b", "c", "d"};
    bool turned = !kf_streq(kf_json_str(op->kwargs, "indexing", "xy"), "ij");
    size_t n = json_array_size(op->layer->calls[0].args);
    json_t *axes[4] = {NULL}, *zeros = NULL, *one = NULL, *list = json_array();
    struct kf_ref ref;

    for (size_t i = 0; i < n; i++) {
        json_t *value = i ? json_object_get(op->kwargs, keys[i - 1]) : op->first;

        if (!kf_ref_get(value, &ref)) {
            json_decref(list);
            return kf_down_refuse(op, "it is called with what is no tensor");
        }
        KF_TRY(kf_down_function(op, "reshape", json_deep_copy(value),
                                grid_shape(n, turned && n > 1 && i < 2 ? 1 - i : i), &axes[i]));
        KF_TRY(kf_down_function(op, "zeros_like", json_deep_copy(axes[i]), json_object(), &one));
        if (zeros)
            KF_TRY(kf_down_function(op, "math.add", zeros, json_pack("{s:o}", "y", one), &one));
        zeros = one;
    }
    for (size_t i = 0; i < n; i++) {
        KF_TRY(kf_down_function(op, "math.add", axes[i],
                                json_pack("{s:o}", "y", json_deep_copy(zeros)), &one));
        KF_TRY(kf_json_append(list, one, op->ops->adapt->rep));
    }
    json_decref(zeros);
    KF_TRY(kf_down_set_first(op, list));
    json_object_clear(op->kwargs);
    KF_TRY(kf_down_before(op, "stack", json_pack("{s:i}", "axis", 0)));
    KF_TRY(kf_down_set(op, "num", json_integer((json_int_t)n)));
    return kf_down_set(op, "axis", json_integer(0));
}

/* A constant with an axis of one in front of each of its own. */
static json_t *spread(json_t *value)
{
    json_auto_t *list = NULL;
    json_t *one;
    int bad = 0;
    size_t i;

    if (!json_is_array(value))
        return json_deep_copy(value);
    list = json_array();
    json_array_foreach(value, i, one) bad |= json_array_append_new(list, spread(one));
    return bad == 0 ? json_pack("[O]", list) : NULL;
}

/* Every number of one tensor by the whole other one. Source: numpy.py, kron (3.15.1) */
int kf_down_form_kron(struct kf_down_op *op)
{
    const json_t *own = kf_down_argument(op, 0, "x1"), *by = kf_down_argument(op, 1, "x2");
    json_t *other = json_incref(json_object_get(op->kwargs, "y")), *shape, *made = NULL;
    size_t rank = kf_down_rank(own), n_free = 0;
    struct kf_ref ref;

    if (!rank || rank != kf_down_rank(by) || !kf_ref_get(op->first, &ref)) {
        json_decref(other);
        return kf_down_refuse(op, KF_DOWN_NOT_TOLD);
    }
    shape = json_array();
    for (size_t i = 0; i < rank; i++) {
        json_int_t a = kf_down_size(own, (json_int_t)i), b = kf_down_size(by, (json_int_t)i);
        bool free = a < 0 || b < 0 || a > INT32_MAX || b > INT32_MAX;

        n_free += free;
        KF_TRY(kf_json_append(shape, json_integer(free ? -1 : a * b), op->ops->adapt->rep));
        KF_TRY(
            kf_down_before(op, "expand_dims", json_pack("{s:I}", "axis", (json_int_t)(2 * i + 1))));
        if (kf_ref_get(other, &ref))
            KF_TRY(kf_down_function(op, "expand_dims", other,
                                    json_pack("{s:I}", "axis", (json_int_t)(2 * i)), &other));
    }
    made = kf_ref_get(other, &ref) ? json_incref(other) : spread(other);
    json_decref(other);
    KF_TRY(kf_down_before(op, "math.multiply", json_pack("{s:o}", "y", made)));
    json_object_clear(op->kwargs);
    KF_TRY(kf_down_set(op, "shape", shape));
    return n_free < 2 ? 0 : kf_down_refuse(op, KF_DOWN_NOT_TOLD);
}

/* A kernel of a line: its numbers, each of one channel in and out. */
static int line_kernel(struct kf_down_op *op, json_t *value, json_t **out)
{
    struct kf_ref ref;
    json_t *one;
    size_t i;

    if (kf_ref_get(value, &ref))
        return kf_down_function(op, "reshape", json_incref(value),
                                json_pack("{s:[i,i,i]}", "shape", -1, 1, 1), out);
    *out = json_array();
    json_array_foreach(value, i, one)
        KF_TRY(kf_json_append(*out, json_pack("[[O]]", one), op->ops->adapt->rep));
    return 0;
}

/* Source: backend/tensorflow/numpy.py, correlate (3.15.1) */
int kf_down_form_correlate(struct kf_down_op *op)
{
    const char *mode = kf_json_str(op->kwargs, "mode", "valid");
    json_int_t n = kf_down_size(kf_down_argument(op, 0, "x1"), 0);
    json_int_t m = kf_down_size(kf_down_argument(op, 1, "x2"), 0), longer = n > m ? n : m;
    bool same = strcmp(mode, "same") == 0, valid = strcmp(mode, "valid") == 0;
    json_t *kernel = NULL;
    struct kf_ref ref;

    if (m < 1 || m > INT32_MAX || n > INT32_MAX || (same && n < 1) ||
        !kf_ref_get(op->first, &ref) || kf_down_rank(kf_down_argument(op, 0, "x1")) != 1)
        return kf_down_refuse(op, KF_DOWN_NOT_TOLD);
    KF_TRY(line_kernel(op, json_object_get(op->kwargs, "y"), &kernel));
    if (!valid)
        KF_TRY(kf_down_before(op, "compat.v1.pad",
                              json_pack("{s:[[I, I]]}", "paddings", m - 1, m - 1)));
    KF_TRY(kf_down_before(op, "reshape", json_pack("{s:[i,i,i]}", "shape", 1, -1, 1)));
    KF_TRY(kf_down_before(op, "nn.convolution",
                          json_pack("{s:o, s:s}", "filters", kernel, "padding", "VALID")));
    if (same)
        KF_TRY(kf_down_before(op, "slice",
                              json_pack("{s:[i,I,i], s:[i,I,i]}", "begin", 0,
                                        (n + m - 1 - longer) / 2, 0, "size", -1, longer, -1)));
    json_object_clear(op->kwargs);
    return kf_down_set(op, "shape", json_pack("[i]", -1));
}
