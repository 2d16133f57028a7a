/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "../io/json.h"
#include "ops.h"
#include <stdint.h>
#include <string.h>

/* One word of a row's arguments: "axes<perm:ints=null" has key axes, parameter perm. */
struct word {
    char mark;                                     /* '#', '[', '!', '?' or 0 */
    const char *key, *parameter, *kind, *fallback; /* kind and fallback may be NULL */
};

static int no_memory(struct kf_op *op)
{
    return kf_adapt_no_memory(op->ops->adapt, op->layer->path);
}

static int refuse_parameter(struct kf_op *op, const char *parameter, const char *why)
{
    const char *text =
        kf_arena_printf(op->ops->adapt->model->arena, "its argument %s %s", parameter, why);

    return text ? kf_op_refuse(op, text) : no_memory(op);
}

/* Cut a word at its marks, in place. */
static struct word cut(char *text)
{
    struct word word = {0};
    char *at;

    if (strchr("#[!?", *text))
        word.mark = *text++;
    if ((at = strchr(text, '='))) {
        *at = '\0';
        word.fallback = at + 1;
    }
    if ((at = strpbrk(text, ":]"))) {
        word.kind = *at == ':' ? at + 1 : NULL;
        *at = '\0';
    }
    word.key = word.parameter = text;
    if ((at = strchr(text, '<'))) {
        *at = '\0';
        word.parameter = at + 1;
    }
    return word;
}

static bool is_number(const json_t *value)
{
    const char *text = json_string_value(value);

    return json_is_number(value) ||
           (text && (strcmp(text, KF_JSON_INF) == 0 || strcmp(text, KF_JSON_NEG_INF) == 0));
}

static bool is_scalar(const json_t *value)
{
    return is_number(value) || json_is_boolean(value);
}

static bool is_array(const json_t *value)
{
    const json_t *one;
    size_t i;

    json_array_foreach(value, i, one) if (!is_scalar(one) && !is_array(one)) return false;
    return json_is_array(value);
}

static bool is_ints(const json_t *value)
{
    const json_t *one;
    size_t i;

    json_array_foreach(value, i, one) if (!json_is_integer(one)) return false;
    return json_is_array(value);
}

static int note_ref(json_t *ref, void *context)
{
    (void)ref;
    *(bool *)context = true;
    return 0;
}

static bool has_refs(json_t *value)
{
    bool found = false;

    return kf_refs_each(value, note_ref, &found) < 0 || found;
}

static json_t *lower(const json_t *value)
{
    json_t *copy = json_string(json_string_value(value));
    char *text = copy ? (char *)json_string_value(copy) : NULL;

    for (; text && *text; text++)
        if (*text >= 'A' && *text <= 'Z')
            *text = (char)(*text - 'A' + 'a');
    return copy;
}

/* The value as an operation's config takes it, a new reference; NULL when it is of another kind. */
static json_t *of_kind(const char *kind, json_t *value)
{
    if (strcmp(kind, "any") == 0)
        return has_refs(value) ? NULL : json_incref(value);
    if (strcmp(kind, "int") == 0)
        return json_is_integer(value) ? json_incref(value) : NULL;
    if (strcmp(kind, "ints") == 0)
        return json_is_integer(value) ? json_pack("[O]", value)
                                      : (is_ints(value) ? json_incref(value) : NULL);
    if (strcmp(kind, "axis") == 0)
        return json_is_integer(value) || is_ints(value) ? json_incref(value) : NULL;
    if (strcmp(kind, "bool") == 0)
        return json_is_boolean(value)   ? json_incref(value)
               : json_is_integer(value) ? json_boolean(json_integer_value(value) != 0)
                                        : NULL;
    if (strcmp(kind, "number") == 0)
        return is_number(value) ? json_incref(value) : NULL;
    if (strcmp(kind, "lower") == 0)
        return json_is_string(value) ? lower(value) : NULL;
    return kf_op_dtype_named(json_string_value(value)) != KF_DTYPE_NONE ? json_incref(value) : NULL;
}

/* A parameter as the file has it; the first one is the call's only positional argument. */
static json_t *parameter_of(const struct kf_op *op, const char *parameter, bool first)
{
    json_t *value =
        first ? json_array_get(op->call->args, 0) : json_object_get(op->call->kwargs, parameter);

    return json_is_null(value) ? NULL : value;
}

static json_t *fallback_of(const struct word *word)
{
    return json_loads(word->fallback, JSON_DECODE_ANY, NULL);
}

static int read_key(struct kf_op *op, const struct word *word, json_t *value)
{
    json_t *made = NULL;

    if (!value && !word->fallback)
        return refuse_parameter(op, word->parameter, "is missing");
    if (!value)
        return kf_json_set(op->config, word->key, fallback_of(word), op->ops->adapt->rep);
    made = of_kind(word->kind, value);
    if (!made)
        return refuse_parameter(op, word->parameter,
                                has_refs(value) ? "is computed, and Keras 3 takes a constant"
                                                : "has a value that Keras 3 does not take");
    return kf_json_set(op->config, word->key, made, op->ops->adapt->rep);
}

/* "!x=json" */
static int check_neutral(struct kf_op *op, const struct word *word, const json_t *value)
{
    json_t *wanted = value ? fallback_of(word) : NULL;
    bool same;

    if (!value)
        return 0;
    if (!wanted)
        return no_memory(op);
    same = json_equal((json_t *)value, wanted) ||
           (json_is_number(value) && json_is_number(wanted) &&
            !(json_number_value(value) < json_number_value(wanted)) &&
            !(json_number_value(value) > json_number_value(wanted)));
    json_decref(wanted);
    return same ? 0
                : refuse_parameter(op, word->parameter, "has a value that Keras 3 does not know");
}

/* "x", "#x", "[xs]": what stands for a tensor, raw; constants are written when dtypes are known. */
static int read_tensor(struct kf_op *op, const struct word *word, json_t *value)
{
    struct kf_ref ref;

    if (!value)
        return refuse_parameter(op, word->parameter, "is missing");
    if (word->mark == '[' && !is_scalar(value) && !json_is_array(value))
        return kf_json_append(op->args, json_pack("[O]", value), op->ops->adapt->rep);
    if (word->mark != '[' && !kf_ref_get(value, &ref) && !is_scalar(value) && !is_array(value))
        return refuse_parameter(op, word->parameter, "is no tensor");
    if (word->mark == '#' && is_array(value)) {
        json_t *made = NULL;

        KF_TRY(kf_op_constant(op, &made, value, kf_op_content(value)));
        return made ? kf_json_append(op->args, made, op->ops->adapt->rep) : 0;
    }
    return kf_json_append(op->args, json_incref(value), op->ops->adapt->rep);
}

static int read_word(struct kf_op *op, const struct word *word, bool first)
{
    json_t *value = parameter_of(op, word->parameter, first);

    if (word->mark == '?')
        return 0;
    if (word->mark == '!')
        return check_neutral(op, word, value);
    return word->kind ? read_key(op, word, value) : read_tensor(op, word, value);
}

/* A keyword that the row does not know might change anything. */
static int check_unknown(struct kf_op *op, json_t *known)
{
    const char *key;
    json_t *value;

    json_object_foreach(
        op->call->kwargs, key,
        value) if (strcmp(key, "name") != 0 && !json_is_null(value) &&
                   !json_object_get(known, key)) return refuse_parameter(op, key, "is not known");
    return 0;
}

static int read_words(struct kf_op *op, char *text, json_t *known)
{
    bool first = true;

    while (*text && !op->why) {
        char *end = text + strcspn(text, " ");
        bool more = *end == ' ';
        struct word word;

        *end = '\0';
        word = cut(text);
        KF_TRY(kf_json_set(known, word.parameter, json_true(), op->ops->adapt->rep));
        KF_TRY(read_word(op, &word, first));
        first = false;
        text = end + more;
    }
    return op->why ? 0 : check_unknown(op, known);
}

static int find_refusal(json_t *value, void *context)
{
    const struct kf_op *op = context;
    struct kf_ref ref;

    return kf_ref_get(value, &ref) && ref.layer < op->ops->n_states &&
                   op->ops->states[ref.layer].why
               ? -1
               : 0;
}

/* Nothing is known of what comes out of a refused operation, and one report of it is enough. */
static bool after_refusal(struct kf_op *op)
{
    return kf_refs_each(op->args, find_refusal, op) < 0;
}

enum kf_dtype kf_op_content(const json_t *value)
{
    enum kf_dtype all = KF_DTYPE_NONE;
    const json_t *one;
    size_t i;

    if (json_is_integer(value))
        return json_integer_value(value) < INT32_MIN || json_integer_value(value) > INT32_MAX
                   ? KF_DTYPE_INT64
                   : KF_DTYPE_INT32;
    if (!json_is_array(value))
        return json_is_boolean(value) ? KF_DTYPE_BOOL : KF_DTYPE_FLOAT32;
    json_array_foreach(value, i, one)
    {
        enum kf_dtype dtype = kf_op_content(one);

        if (all == KF_DTYPE_NONE || dtype == KF_DTYPE_FLOAT32 ||
            (dtype == KF_DTYPE_INT64 && all == KF_DTYPE_INT32))
            all = dtype;
    }
    return all == KF_DTYPE_NONE ? KF_DTYPE_FLOAT32 : all;
}

int kf_op_constant(struct kf_op *op, json_t **out, json_t *value, enum kf_dtype dtype)
{
    if (dtype == KF_DTYPE_NONE)
        return kf_op_refuse(op, after_refusal(op) ? ""
                                                  : "it has a constant whose dtype cannot be told");
    *out = json_pack("{s:s, s:{s:O, s:s}}", "class_name", "__numpy__", "config", "value", value,
                     "dtype", kf_dtype_name(dtype));
    return *out ? 0 : no_memory(op);
}

/* The dtype of an argument: of a ref or an array, in a list of its first member that has one. */
static enum kf_dtype argument_dtype(const struct kf_op *op, const json_t *value)
{
    const json_t *config = json_object_get(value, "config"), *one;
    enum kf_dtype dtype;
    struct kf_ref ref;
    size_t i;

    if (kf_ref_get(value, &ref))
        return ref.layer < op->ops->n_states ? op->ops->states[ref.layer].dtype : KF_DTYPE_NONE;
    if (config)
        return kf_op_dtype_named(kf_json_str(config, "dtype", NULL));
    json_array_foreach(value, i, one) if ((dtype = argument_dtype(op, one))) return dtype;
    return KF_DTYPE_NONE;
}

static void find_dtype(struct kf_op *op)
{
    size_t n = json_array_size(op->args), first = op->row->gives == KF_GIVES_SECOND ? 1 : 0;

    for (size_t i = first; i < n; i++) {
        json_t *value = json_array_get(op->args, i);

        op->dtype = argument_dtype(op, value);
        if (op->dtype != KF_DTYPE_NONE || has_refs(value))
            return;
    }
    if (first < n)
        op->dtype = kf_op_content(json_array_get(op->args, first));
}

/* Array constants take the dtype of the tensors beside them, as TensorFlow gives it to them. */
static int write_constants(struct kf_op *op, json_t *list)
{
    for (size_t i = 0; i < json_array_size(list) && !op->why; i++) {
        json_t *value = json_array_get(list, i), *made = NULL;

        if (list == op->args && json_is_array(value) && has_refs(value)) {
            KF_TRY(write_constants(op, value));
            continue;
        }
        if (!is_array(value))
            continue;
        KF_TRY(kf_op_constant(op, &made, value, op->dtype));
        if (made)
            KF_TRY(kf_json_set_at(list, i, made, op->ops->adapt->rep));
    }
    return 0;
}

static int check_dtype(struct kf_op *op)
{
    enum kf_dtype dtype = op->dtype;
    bool floating = dtype >= KF_DTYPE_FLOAT16 && dtype <= KF_DTYPE_FLOAT64;

    if (op->why || op->row->takes == KF_TAKES_ANY)
        return 0;
    if (dtype == KF_DTYPE_NONE)
        return kf_op_refuse(op, after_refusal(op) ? "" : "the dtype of its input cannot be told");
    if (op->row->takes == KF_TAKES_WIDE &&
        (floating || dtype == KF_DTYPE_INT32 || dtype == KF_DTYPE_INT64 ||
         dtype == KF_DTYPE_UINT32 || dtype == KF_DTYPE_UINT64))
        return 0;
    if (op->row->takes == KF_TAKES_FLOAT && floating)
        return 0;
    return kf_op_refuse(op, "Keras 3 gives another dtype for this one");
}

int kf_op_read(struct kf_op *op)
{
    char *text = kf_arena_strdup(op->ops->adapt->model->arena, op->row->takes_args);
    json_t *known = json_object();
    int r = text && known ? read_words(op, text, known) : no_memory(op);

    json_decref(known);
    KF_TRY(r);
    if (!op->why && !has_refs(op->args))
        return kf_op_refuse(op, "it is called with no tensor");
    find_dtype(op);
    KF_TRY(check_dtype(op));
    return op->why ? 0 : write_constants(op, op->args);
}
