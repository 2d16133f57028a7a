/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/rewrite.h"
#include "tfjs.h"
#include <stdlib.h>

/* Layers that work on other axes: what they take and give is turned round, or put in another shape.
 */

/* A config of a list of sizes or axes; NULL when memory ran out. */
static json_t *config_of(const char *key, const json_int_t *numbers, size_t n)
{
    json_t *list = json_array();
    int bad = 0;

    for (size_t i = 0; i < n; i++)
        bad |= json_array_append_new(list, json_integer(numbers[i]));
    if (bad == 0)
        return json_pack("{s:o}", key, list);
    json_decref(list);
    return NULL;
}

/* The axes of `rank`, without the batch, axis `axis` as the last; or back where it was. */
static json_t *turn(size_t rank, size_t axis, bool back)
{
    json_int_t dims[KF_RANK_MAX];
    size_t n = 0;

    for (size_t i = 1; i < rank; i++)
        if (back)
            dims[n++] = (json_int_t)(i == axis ? rank - 1 : i > axis ? i - 1 : i);
        else if (i != axis)
            dims[n++] = (json_int_t)i;
    if (!back)
        dims[n++] = (json_int_t)axis;
    return config_of("dims", dims, n);
}

static json_t *reshape(const json_int_t *dims, size_t n)
{
    return config_of("target_shape", dims, n);
}

int kf_tfjs_form_turned(struct kf_instead *one)
{
    struct kf_report *rep = one->adapt->rep;
    size_t rank = *one->word == '*' ? one->in[0].rank : (size_t)(*one->word - '0');
    bool gone = one->word[1] && !kf_json_bool(one->layer->config, "keepdims", false);

    if (!kf_shape_first(one->layer) || rank < 3)
        return 0;
    KF_TRY(kf_json_set(one->layer->config, "data_format", json_string("channels_last"), rep));
    KF_TRY(kf_instead_before(one, "Permute", turn(rank, 1, false)));
    return gone ? 0 : kf_instead_behind(one, "Permute", turn(rank, 1, true));
}

/* The only axis that a layer works along; 0 where there are several or nobody knows. */
static size_t axis_of(const struct kf_instead *one)
{
    const json_t *axis = json_object_get(one->layer->config, "axis");
    json_int_t rank = (json_int_t)one->in[0].rank, value;

    if (json_array_size(axis) == 1)
        axis = json_array_get(axis, 0);
    value = json_is_integer(axis) ? json_integer_value(axis) : 0;
    value = value < 0 ? rank + value : value;
    return value > 0 && value < rank ? (size_t)value : 0;
}

int kf_tfjs_form_last_axis(struct kf_instead *one)
{
    size_t rank = one->in[0].rank, axis = axis_of(one);

    if (rank < 3 || axis == 0 || axis == rank - 1)
        return 0;
    KF_TRY(kf_json_set(one->layer->config, "axis", json_integer(-1), one->adapt->rep));
    KF_TRY(kf_instead_before(one, "Permute", turn(rank, axis, false)));
    return kf_instead_behind(one, "Permute", turn(rank, axis, true));
}

int kf_tfjs_form_flat(struct kf_instead *one)
{
    json_int_t channels = kf_shape_axis(&one->in[0], -1);

    if (channels < 1 || kf_shape_first(one->layer) ||
        kf_json_bool(one->layer->config, "keepdims", false))
        return 0;
    KF_TRY(kf_instead_rename(one, one->word));
    return kf_instead_before(one, "Reshape", reshape((json_int_t[]){-1, channels}, 2));
}

int kf_tfjs_form_keepdims(struct kf_instead *one)
{
    size_t rank = one->in[0].rank;
    json_int_t dims[KF_RANK_MAX];

    if (!kf_json_bool(one->layer->config, "keepdims", false) || rank < 3)
        return 0;
    for (size_t i = 0; i + 2 < rank; i++)
        dims[i] = 1;
    dims[rank - 2] = -1;
    KF_TRY(kf_json_set(one->layer->config, "keepdims", json_false(), one->adapt->rep));
    return kf_instead_behind(one, "Reshape", reshape(dims, rank - 1));
}

/* The steps as a shape takes them: as many as there are, where all calls have as many. */
static json_int_t steps_of(const struct kf_instead *one, const struct kf_shape *shape)
{
    json_int_t steps = kf_shape_axis(shape, 1);

    return one->layer->n_calls > 1 || steps < 1 ? -1 : steps;
}

/* What is beside the steps at their two ends, and nothing on the axis beside. */
static json_t *at_ends(const json_t *value)
{
    json_int_t first = json_integer_value(value), last = first;

    if (json_is_array(value)) {
        first = json_integer_value(json_array_get(value, 0));
        last = json_integer_value(json_array_get(value, json_array_size(value) - 1));
    }
    return json_pack("[[I, I], [i, i]]", first, last, 0, 0);
}

/* Numbers of one axis for two: a window is one wide there, strides may be as they are. */
static int widen_config(struct kf_instead *one)
{
    static const struct {
        const char *key;
        bool same;
    } keys[] = {
        {"kernel_size", false}, {"size", false}, {"strides", true}, {"dilation_rate", true}};
    json_t *config = one->layer->config;
    bool across = !kf_streq(one->word, "Conv2DTranspose");

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        json_int_t number = kf_shape_number(config, keys[i].key, 0);

        if (number > 0)
            KF_TRY(kf_json_set(
                config, keys[i].key,
                json_pack("[I, I]", number, keys[i].same && across ? number : (json_int_t)1),
                one->adapt->rep));
    }
    for (const char *const *key = (const char *const[]){"padding", "cropping", NULL}; *key; key++) {
        const json_t *value = json_object_get(config, *key);

        if (json_is_integer(value) || json_is_array(value))
            KF_TRY(kf_json_set(config, *key, at_ends(value), one->adapt->rep));
    }
    return 0;
}

static int widen_tensors(struct kf_instead *one)
{
    for (size_t i = 0; i < one->layer->n_tensors; i++) {
        struct kf_tensor *tensor = &one->layer->tensors[i];
        bool fits = true;

        if (tensor->payload->rank == 3)
            KF_TRY(kf_instead_take(
                one, tensor, kf_rewrite_widen(one->adapt->model->arena, tensor->payload, 1, &fits),
                fits, "one axis more"));
    }
    return 0;
}

/* Of one axis, as an image that is one wide. */
int kf_tfjs_form_wide(struct kf_instead *one)
{
    const json_t *config = one->layer->config;
    json_int_t channels = kf_shape_axis(&one->in[0], 2), made = kf_shape_axis(&one->out, 2);
    json_int_t steps = steps_of(one, &one->in[0]), after = steps_of(one, &one->out);

    if (one->in[0].rank != 3 || channels < 1 || made < 1 || kf_shape_first(one->layer) ||
        kf_streq(kf_json_str(config, "padding", NULL), "causal") ||
        (json_object_get(config, "output_padding") &&
         !json_is_null(json_object_get(config, "output_padding"))))
        return 0;
    KF_TRY(kf_instead_before(one, "Reshape", reshape((json_int_t[]){steps, 1, channels}, 3)));
    KF_TRY(kf_instead_behind(one, "Reshape", reshape((json_int_t[]){after, made}, 2)));
    KF_TRY(widen_config(one));
    KF_TRY(widen_tensors(one));
    return kf_instead_rename(one, one->word);
}

/* Zeros in front of the steps, as many as the window looks back. */
int kf_tfjs_form_causal(struct kf_instead *one)
{
    json_t *config = one->layer->config;
    json_int_t window = kf_shape_number(config, "kernel_size", 0);
    json_int_t dilation = kf_shape_number(config, "dilation_rate", 0);
    json_int_t steps = steps_of(one, &one->in[0]), channels = kf_shape_axis(&one->in[0], 2), more;

    if (!kf_streq(kf_json_str(config, "padding", NULL), "causal") || channels < 1 || window < 1 ||
        window > 1 << 20 || dilation > 1 << 20)
        return 0;
    more = (window - 1) * (dilation > 1 ? dilation : 1);
    KF_TRY(kf_json_set(config, "padding", json_string("valid"), one->adapt->rep));
    KF_TRY(kf_instead_before(one, "Reshape", reshape((json_int_t[]){steps, 1, channels}, 3)));
    KF_TRY(kf_instead_before(one, "ZeroPadding2D",
                             json_pack("{s:[[I, i], [i, i]], s:s}", "padding", more, 0, 0, 0,
                                       "data_format", "channels_last")));
    return kf_instead_before(one, "Reshape",
                             reshape((json_int_t[]){steps < 0 ? -1 : steps + more, channels}, 2));
}
