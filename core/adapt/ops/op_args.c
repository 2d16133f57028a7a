/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "ops.h"
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

bool kf_op_is_array(const json_t *value)
{
    const json_t *one;
    size_t i;

    json_array_foreach(value, i, one) if (!is_scalar(one) && !kf_op_is_array(one)) return false;
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

bool kf_op_has_refs(json_t *value)
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

static bool is_kind(const char *kind, json_t *value)
{
    if (strcmp(kind, "any") == 0)
        return !kf_op_has_refs(value);
    if (strcmp(kind, "int") == 0)
        return json_is_integer(value);
    if (strcmp(kind, "ints") == 0 || strcmp(kind, "axis") == 0)
        return json_is_integer(value) || is_ints(value);
    if (strcmp(kind, "bool") == 0)
        return json_is_boolean(value) || json_is_integer(value);
    if (strcmp(kind, "number") == 0)
        return is_number(value);
    if (strcmp(kind, "lower") == 0)
        return json_is_string(value);
    return kf_op_dtype_named(json_string_value(value)) != KF_DTYPE_NONE; /* "dtype" */
}

/* The value as an operation's config takes it, a new reference; NULL when memory ran out. */
static json_t *of_kind(const char *kind, json_t *value)
{
    if (strcmp(kind, "ints") == 0 && json_is_integer(value))
        return json_pack("[O]", value);
    if (strcmp(kind, "bool") == 0 && json_is_integer(value))
        return json_boolean(json_integer_value(value) != 0);
    return strcmp(kind, "lower") == 0 ? lower(value) : json_incref(value);
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
    struct kf_report *rep = op->ops->adapt->rep;

    if (!value && !word->fallback)
        return refuse_parameter(op, word->parameter, "is missing");
    if (!value)
        return kf_json_set(op->config, word->key, fallback_of(word), rep);
    if (!is_kind(word->kind, value))
        return refuse_parameter(op, word->parameter,
                                kf_op_has_refs(value) ? "is computed, and Keras 3 takes a constant"
                                                      : "has a value that Keras 3 does not take");
    return kf_json_set(op->config, word->key, of_kind(word->kind, value), rep);
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
    if (word->mark != '[' && !kf_ref_get(value, &ref) && !is_scalar(value) &&
        !kf_op_is_array(value))
        return refuse_parameter(op, word->parameter, "is no tensor");
    if (word->mark == '#' && kf_op_is_array(value)) {
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

int kf_op_read(struct kf_op *op)
{
    char *text = kf_arena_strdup(op->ops->adapt->model->arena, op->row->takes_args);
    json_t *known = json_object();
    int r = text && known ? read_words(op, text, known) : no_memory(op);

    json_decref(known);
    KF_TRY(r);
    if (!op->why && !kf_op_has_refs(op->args))
        return kf_op_refuse(op, "it is called with no tensor");
    return op->why ? 0 : kf_op_settle(op);
}
