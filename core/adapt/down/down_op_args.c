/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../ops/ops.h"
#include "down_ops.h"
#include <stdlib.h>
#include <string.h>

/* One word of a row: "#y<x2", "perm<axes", "!decimals=0". */
struct word {
    char mark;
    const char *parameter, *key, *neutral;
};

static int no_memory(struct kf_down_op *op)
{
    return kf_adapt_no_memory(op->ops->adapt, op->layer->path);
}

static struct word cut(char *text)
{
    struct word word = {0};
    char *at;

    if (strchr("#[!+", *text))
        word.mark = *text++;
    if ((at = strpbrk(text, "=]"))) {
        word.neutral = *at == '=' ? at + 1 : NULL;
        *at = '\0';
    }
    word.parameter = word.key = text;
    if ((at = strchr(text, '<'))) {
        *at = '\0';
        word.key = at + 1;
    }
    return word;
}

enum kf_dtype kf_down_dtype(const struct kf_down_ops *ops, const json_t *value)
{
    const json_t *config = json_object_get(value, "config"), *one;
    enum kf_dtype dtype;
    struct kf_ref ref;
    size_t i;

    if (kf_ref_get(value, &ref))
        return ref.layer >= ops->n_dtypes ? KF_DTYPE_NONE
               : ref.output               ? ops->dtypes[ref.layer].others
                                          : ops->dtypes[ref.layer].first;
    if (config)
        return kf_op_dtype_named(kf_json_str(config, "dtype", NULL));
    json_array_foreach(value, i, one) if ((dtype = kf_down_dtype(ops, one))) return dtype;
    return KF_DTYPE_NONE;
}

/* {"class_name": "__numpy__" or "__tensor__", "config": {"value", "dtype"}} */
static json_t *array_of(json_t *value)
{
    return kf_in_words("__numpy__ __tensor__", kf_json_str(value, "class_name", "no"))
               ? json_object_get(json_object_get(value, "config"), "value")
               : NULL;
}

/* A constant as the function takes it, borrowed; NULL for a tensor. */
static json_t *constant_of(json_t *value)
{
    json_t *array = array_of(value);

    return array ? array : json_is_object(value) ? NULL : value;
}

json_t *kf_down_numbers(enum kf_dtype dtype, json_t *value)
{
    json_t *list, *one;
    size_t i;

    if (kf_down_is_floating(dtype) && (json_is_boolean(value) || json_is_integer(value)))
        return json_real(json_is_true(value) ? 1 : json_number_value(value));
    if (json_is_boolean(value) && dtype != KF_DTYPE_BOOL && dtype != KF_DTYPE_NONE)
        return json_integer(json_is_true(value));
    if (!json_is_array(value))
        return json_deep_copy(value);
    list = json_array();
    json_array_foreach(value, i, one)
    {
        if (json_array_append_new(list, kf_down_numbers(dtype, one)) == 0)
            continue;
        json_decref(list);
        return NULL;
    }
    return list;
}

/* A tensor of another dtype than the one that all are brought to is cast first. */
static int cast_tensor(struct kf_down_op *op, const json_t *value, json_t **out)
{
    enum kf_dtype dtype = kf_down_dtype(op->ops, value);

    *out = json_deep_copy(value);
    if (!*out)
        return no_memory(op);
    if (dtype == op->dtype || dtype == KF_DTYPE_NONE)
        return dtype == op->dtype
                   ? 0
                   : kf_down_refuse(op, "Keras 3 promotes the dtypes of its arguments");
    return kf_down_function(op, "cast", *out, json_pack("{s:s}", "dtype", kf_dtype_name(op->dtype)),
                            out);
}

/* What an integer is compared with may be written as a float: 0.0 is 0. */
static bool is_whole(const struct kf_down_op *op, const json_t *value)
{
    double number = json_number_value(value);

    return op->row->gives == KF_DOWN_BOOL && json_is_real(value) && op->dtype != KF_DTYPE_NONE &&
           !kf_down_is_floating(op->dtype) && number >= -1e9 && number <= 1e9 &&
           !((double)(json_int_t)number < number) && !((double)(json_int_t)number > number);
}

/* A member of a list of tensors, or a tensor, as the function takes it; a new reference. */
static int read_value(struct kf_down_op *op, const struct word *word, json_t *value, json_t **out)
{
    struct kf_ref ref;
    json_t *constant = constant_of(value);

    if (!kf_ref_get(value, &ref) && !constant)
        return kf_down_refuse(op, "it is called with what is no tensor");
    if (is_whole(op, value)) {
        *out = json_integer((json_int_t)json_number_value(value));
        return *out ? 0 : no_memory(op);
    }
    if (word->mark != '#' && !constant)
        return cast_tensor(op, value, out);
    *out = constant && word->mark != '#' ? kf_down_numbers(op->dtype, constant)
                                         : json_deep_copy(constant ? constant : value);
    return *out ? 0 : no_memory(op);
}

static int read_list(struct kf_down_op *op, const struct word *word, json_t *value, json_t **out)
{
    json_auto_t *list = json_array();
    json_t *one, *made = NULL;
    size_t i;

    if (!json_is_array(value))
        return kf_down_refuse(op, "it is not called with a list");
    json_array_foreach(value, i, one)
    {
        KF_TRY(read_value(op, word, one, &made));
        if (op->why) {
            json_decref(made);
            return 0;
        }
        KF_TRY(kf_json_append(list, made, op->ops->adapt->rep));
    }
    *out = json_incref(list);
    return list ? 0 : no_memory(op);
}

static int check_takes(struct kf_down_op *op)
{
    enum kf_dtype dtype = op->dtype;
    bool wide = kf_down_is_floating(dtype) || dtype == KF_DTYPE_INT32 || dtype == KF_DTYPE_INT64 ||
                dtype == KF_DTYPE_UINT32 || dtype == KF_DTYPE_UINT64;

    if (op->row->takes == KF_DOWN_ANY ||
        (kf_down_is_floating(dtype) &&
         (op->row->takes == KF_DOWN_FLOAT || op->row->takes == KF_DOWN_REAL)) ||
        (op->row->takes == KF_DOWN_COMPLEX &&
         (dtype == KF_DTYPE_COMPLEX64 || kf_down_is_floating(dtype))) ||
        (op->row->takes == KF_DOWN_WIDE && wide) ||
        (op->row->takes == KF_DOWN_SINGLE && dtype == KF_DTYPE_FLOAT32) ||
        (op->row->takes == KF_DOWN_INTEGER && wide && !kf_down_is_floating(dtype)))
        return 0;
    return kf_down_refuse(op, dtype == KF_DTYPE_NONE
                                  ? "the dtype of its input cannot be told"
                                  : "Keras 3 gives another dtype for that of its input");
}

json_t *kf_down_argument(const struct kf_down_op *op, size_t index, const char *key)
{
    const struct kf_call *call = &op->layer->calls[0];
    json_t *value = json_array_get(call->args, index);

    value = value ? value : json_object_get(call->kwargs, key);
    return json_is_null(value) ? NULL : value;
}

static int read_argument(struct kf_down_op *op, const struct word *word, size_t index)
{
    json_t *value = kf_down_argument(op, index, word->key), *made = NULL;

    if (!value && index == 0)
        return kf_down_refuse(op, "it is called with no tensor");
    if (!value)
        return 0;
    KF_TRY(word->mark == '[' ? read_list(op, word, value, &made)
                             : read_value(op, word, value, &made));
    if (op->why) {
        json_decref(made);
        return 0;
    }
    if (index)
        return kf_json_set(op->kwargs, word->parameter, made, op->ops->adapt->rep);
    op->first = made;
    return 0;
}

/* A constant of the config: what Keras 3 takes as it is missing is in the file. */
static int read_key(struct kf_down_op *op, const struct word *word, size_t index)
{
    json_t *value = json_object_get(op->layer->config, word->key);
    json_auto_t *neutral = word->neutral ? json_loads(word->neutral, JSON_DECODE_ANY, NULL) : NULL;

    (void)index;
    if (word->neutral && !neutral)
        return no_memory(op);
    if (word->mark == '+')
        return kf_json_set(op->kwargs, word->parameter, json_incref(neutral), op->ops->adapt->rep);
    if (!value || json_is_null(value))
        return 0;
    if (word->mark == '!')
        return kf_rules_same(value, neutral)
                   ? 0
                   : kf_down_refuse(op, "it has an argument that TensorFlow does not know");
    return kf_json_set(op->kwargs, word->parameter, json_deep_copy(value), op->ops->adapt->rep);
}

/* The dtype that the tensors which share one have together, as Keras 3 sees it. */
static int measure(struct kf_down_op *op, const struct word *word, size_t index)
{
    json_t *value = kf_down_argument(op, index, word->key), *one;
    json_auto_t *alone = json_is_array(value) ? json_incref(value) : json_pack("[O?]", value);
    size_t i;

    if (!alone)
        return no_memory(op);
    json_array_foreach(alone, i, one) if (word->mark != '#' && kf_down_dtype(op->ops, one))
    {
        op->dtype = kf_down_promoted(op->dtype, kf_down_dtype(op->ops, one));
        if (op->dtype == KF_DTYPE_NONE)
            return kf_down_refuse(op, "Keras 3 promotes the dtypes of its arguments");
    }
    return 0;
}

/* A number beside tensors: a float makes floats of integers, an integer makes such of truths. */
static int measure_number(struct kf_down_op *op, const struct word *word, size_t index)
{
    const json_t *value = kf_down_argument(op, index, word->key);

    if (word->mark == '#' || op->dtype == KF_DTYPE_NONE || is_whole(op, value))
        return 0;
    if (json_is_real(value) && !kf_down_is_floating(op->dtype))
        op->dtype = KF_DTYPE_FLOAT32;
    if (json_is_integer(value) && op->dtype == KF_DTYPE_BOOL)
        op->dtype = KF_DTYPE_INT32;
    return 0;
}

/* What the operation makes of dtypes that it does not compute in. */
static void widen(struct kf_down_op *op)
{
    if (op->row->takes == KF_DOWN_REAL && op->dtype != KF_DTYPE_NONE &&
        !kf_down_is_floating(op->dtype))
        op->dtype = KF_DTYPE_FLOAT32;
    if (op->row->takes == KF_DOWN_WIDE && op->dtype == KF_DTYPE_BOOL)
        op->dtype = KF_DTYPE_INT32;
}

/* Each word of a list, cut in the arena. */
static int each_word(struct kf_down_op *op, const char *list, json_t *known,
                     int (*visit)(struct kf_down_op *op, const struct word *word, size_t index))
{
    char *text = kf_arena_strdup(op->ops->adapt->model->arena, list);
    size_t index = 0;

    if (!text)
        return no_memory(op);
    while (*text && !op->why) {
        char *end = text + strcspn(text, " ");
        bool more = *end == ' ';
        struct word word;

        *end = '\0';
        word = cut(text);
        KF_TRY(kf_json_set(known, word.key, json_true(), op->ops->adapt->rep));
        KF_TRY(visit(op, &word, index++));
        text = end + more;
    }
    return 0;
}

/* Keys and keywords that the row does not know might change anything. */
static int check_unknown(struct kf_down_op *op, const json_t *object, const json_t *known)
{
    const char *key;
    json_t *value;

    json_object_foreach(
        (json_t *)object, key,
        value) if (!json_is_null(value) && !kf_in_words("name dtype", key) &&
                   !json_object_get(
                       known, key)) return kf_down_refuse(op,
                                                          "it has an argument that is not known");
    return 0;
}

/* More arguments than the row has words for. */
static int check_places(struct kf_down_op *op)
{
    const json_t *args = op->layer->calls[0].args;
    size_t n = *op->row->tensors != '\0';

    for (const char *at = op->row->tensors; *at; at++)
        n += *at == ' ';
    for (; n < json_array_size(args); n++)
        if (!json_is_null(json_array_get(args, n)))
            return kf_down_refuse(op, "it has an argument that is not known");
    return 0;
}

int kf_down_read(struct kf_down_op *op)
{
    json_auto_t *known = json_object();
    const struct kf_call *call = &op->layer->calls[0];

    if (!known || !op->kwargs)
        return no_memory(op);
    KF_TRY(check_places(op));
    KF_TRY(each_word(op, op->row->tensors, known, measure));
    KF_TRY(each_word(op, op->row->tensors, known, measure_number));
    widen(op);
    if (!op->why)
        KF_TRY(check_takes(op));
    KF_TRY(each_word(op, op->row->tensors, known, read_argument));
    KF_TRY(each_word(op, op->row->keys, known, read_key));
    if (!op->why)
        KF_TRY(check_unknown(op, op->layer->config, known));
    return op->why ? 0 : check_unknown(op, call->kwargs, known);
}
