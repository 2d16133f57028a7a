/* SPDX-License-Identifier: Apache-2.0 */
#include "marshal.h"
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/*
 * Code that people wrote has a few hundred objects, a dozen levels deep. What is named again may
 * stand deeper than it was read, so the number of objects bounds the depth of the whole.
 */
#define OBJECTS_MAX 5000
#define DEPTH_MAX   64
/* Fifteen bits each: more do not fit into a JSON integer. */
#define DIGITS_MAX 4

#define FLAG_REF 0x80

/*
 * Letters of members: b bytecode, c constants, n names, v variables, k kinds of variables, l lines
 * are kept; t tuple, s bytes, u text and i a number without a type are passed over.
 */
static const struct kf_marshal_layout layouts[] = {
    {"2", 4, 0, "bcnvttuuil"},
    {"3.0-3.7", 5, 1, "bcnvttuuil"},
    {"3.8-3.10", 6, 2, "bcnvttuuil"},
    {"3.11 or later", 5, 2, "bcnvkuuuils"},
};

struct marshal {
    const unsigned char *data;
    size_t n, at;
    size_t objects;
    unsigned depth;
    const struct kf_marshal_layout *layout;
    json_t *refs; /* objects that may be named again; null while one is not yet whole */
};

static json_t *read_object(struct marshal *marshal);

static bool read_number(struct marshal *marshal, size_t size, uint64_t *out)
{
    *out = 0;
    if (marshal->n - marshal->at < size)
        return false;
    for (size_t i = 0; i < size; i++)
        *out |= (uint64_t)marshal->data[marshal->at++] << (8 * i);
    return true;
}

/* A count of `size` bytes, of what takes at least `each` bytes. */
static bool read_count(struct marshal *marshal, size_t size, size_t each, size_t *out)
{
    uint64_t count;

    if (!read_number(marshal, size, &count) || count > (marshal->n - marshal->at) / each)
        return false;
    *out = (size_t)count;
    return true;
}

/* Bytes that are passed over, whose number `size` bytes tell; where they are. */
static bool skip_counted(struct marshal *marshal, size_t size, size_t *at, size_t *n)
{
    if (!read_count(marshal, size, 1, n))
        return false;
    *at = marshal->at;
    marshal->at += *n;
    return true;
}

static json_t *read_bytes(struct marshal *marshal)
{
    size_t at, n;

    if (!skip_counted(marshal, 4, &at, &n))
        return NULL;
    return json_pack("{s:I, s:I}", "bytes", (json_int_t)n, "at", (json_int_t)at);
}

/* Text that is no UTF-8, as Python writes half a surrogate pair, is not understood. */
static json_t *read_text(struct marshal *marshal, size_t size)
{
    size_t at, n;

    return skip_counted(marshal, size, &at, &n) ? json_stringn((const char *)marshal->data + at, n)
                                                : NULL;
}

static json_t *read_int(struct marshal *marshal, size_t size)
{
    uint64_t value;

    if (!read_number(marshal, size, &value))
        return NULL;
    return json_integer(size == 4 ? (json_int_t)(int32_t)(uint32_t)value : (json_int_t)value);
}

/* Digits of 15 bits; the sign of their number is the number's. */
static json_t *read_long(struct marshal *marshal)
{
    uint64_t count, digit;
    json_int_t value = 0;
    int32_t n;

    if (!read_number(marshal, 4, &count))
        return NULL;
    n = (int32_t)(uint32_t)count;
    count = n < 0 ? (uint64_t)(-(int64_t)n) : (uint64_t)n;
    if (count > (marshal->n - marshal->at) / 2)
        return NULL;
    for (uint64_t i = 0; i < count; i++) {
        if (!read_number(marshal, 2, &digit) || digit >> 15)
            return NULL;
        if (i < DIGITS_MAX)
            value |= (json_int_t)(digit << (15 * i));
    }
    if (count > DIGITS_MAX)
        return json_string("a long integer");
    return json_integer(n < 0 ? -value : value);
}

static json_t *read_float(struct marshal *marshal)
{
    uint64_t bits;
    double value;

    if (!read_number(marshal, 8, &bits))
        return NULL;
    memcpy(&value, &bits, sizeof(value));
    return isfinite(value) ? json_real(value) : json_string("not a finite number");
}

static json_t *read_complex(struct marshal *marshal)
{
    uint64_t half;

    return read_number(marshal, 8, &half) && read_number(marshal, 8, &half)
               ? json_string("a complex number")
               : NULL;
}

static json_t *read_items(struct marshal *marshal, size_t size)
{
    json_t *items, *item;
    size_t count;

    if (!read_count(marshal, size, 1, &count))
        return NULL;
    items = json_array();
    for (size_t i = 0; items && i < count; i++) {
        item = read_object(marshal);
        if (!item || json_array_append_new(items, item) < 0) {
            json_decref(items);
            return NULL;
        }
    }
    return items;
}

/* What was named before, and is whole: so that nothing holds itself. */
static json_t *read_ref(struct marshal *marshal)
{
    uint64_t index;
    json_t *found =
        read_number(marshal, 4, &index) ? json_array_get(marshal->refs, (size_t)index) : NULL;

    return json_is_null(found) ? NULL : json_incref(found);
}

static bool is_bytes(const json_t *value)
{
    return json_is_integer(json_object_get(value, "bytes"));
}

/* True for a value that may be the member that a letter stands for. Python 2 names empty bytes. */
static bool fits(const json_t *value, char letter)
{
    if (strchr("cnvt", letter))
        return json_is_array(value);
    return is_bytes(value) || (strchr("lsu", letter) && json_is_string(value));
}

/* One member of a code object; NULL when it is another. */
static json_t *read_member(struct marshal *marshal, char letter)
{
    json_t *value = letter == 'i' ? read_int(marshal, 4) : read_object(marshal);

    if (letter == 'i' || fits(value, letter))
        return value;
    json_decref(value);
    return NULL;
}

static const char *member_name(char letter)
{
    static const struct {
        char letter;
        const char *name;
    } kept[] = {{'b', "code"},      {'c', "consts"}, {'n', "names"},
                {'v', "variables"}, {'k', "kinds"},  {'l', "lines"}};

    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
        if (kept[i].letter == letter)
            return kept[i].name;
    return NULL;
}

static bool read_ints(struct marshal *marshal, json_t *code)
{
    json_t *ints = json_array();

    if (!ints || json_object_set_new(code, "ints", ints) < 0)
        return false;
    for (size_t i = 0; i < marshal->layout->n_ints; i++)
        if (json_array_append_new(ints, read_int(marshal, 4)) < 0)
            return false;
    return true;
}

static json_t *read_code(struct marshal *marshal)
{
    json_t *code = json_object();
    bool fine = code && read_ints(marshal, code);

    for (const char *letter = marshal->layout->members; fine && *letter; letter++) {
        json_t *value = read_member(marshal, *letter);
        const char *name = member_name(*letter);

        fine = value && (!name || json_object_set(code, name, value) == 0);
        json_decref(value);
    }
    if (fine)
        return code;
    json_decref(code);
    return NULL;
}

/* One value behind its type; NULL for a type that code objects do not hold. */
static json_t *read_value(struct marshal *marshal, unsigned type)
{
    switch (type) {
    case 'i':
        return read_int(marshal, 4);
    case 'I':
        return read_int(marshal, 8);
    case 'l':
        return read_long(marshal);
    case 'g':
        return read_float(marshal);
    case 'y':
        return read_complex(marshal);
    case 's':
        return read_bytes(marshal);
    case 't':
    case 'u':
    case 'a':
    case 'A':
        return read_text(marshal, 4);
    case 'f':
    case 'z':
    case 'Z':
        return read_text(marshal, 1);
    case '(':
    case '[':
    case '<':
    case '>':
        return read_items(marshal, 4);
    case ')':
        return read_items(marshal, 1);
    case 'c':
        return read_code(marshal);
    default:
        return NULL;
    }
}

/* Those that are themselves: they are never named again. */
static json_t *read_single(unsigned type)
{
    switch (type) {
    case 'N':
        return json_null();
    case 'F':
        return json_false();
    case 'T':
        return json_true();
    case '.':
        return json_string("...");
    default:
        return NULL;
    }
}

/* An object that may be named again has its number before what it holds has theirs. */
static json_t *read_named(struct marshal *marshal, unsigned type)
{
    size_t index = json_array_size(marshal->refs);
    json_t *value;

    if (json_array_append_new(marshal->refs, json_null()) < 0)
        return NULL;
    value = read_value(marshal, type);
    if (value && json_array_set(marshal->refs, index, value) == 0)
        return value;
    json_decref(value);
    return NULL;
}

static json_t *read_object(struct marshal *marshal)
{
    bool old = marshal->layout == &layouts[0], named;
    json_t *value;
    unsigned type;

    if (marshal->at >= marshal->n || marshal->depth >= DEPTH_MAX ||
        ++marshal->objects > OBJECTS_MAX)
        return NULL;
    type = marshal->data[marshal->at++];
    named = old ? type == 't' : type & FLAG_REF;
    if (!old)
        type &= ~(unsigned)FLAG_REF;
    value = read_single(type);
    if (value)
        return value;
    if (type == (old ? 'R' : 'r'))
        return read_ref(marshal);
    marshal->depth++;
    value = named ? read_named(marshal, type) : read_value(marshal, type);
    marshal->depth--;
    return value;
}

json_t *kf_marshal_code(const void *data, size_t n, const struct kf_marshal_layout **layout_out)
{
    for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
        struct marshal marshal = {.data = data, .n = n, .layout = &layouts[i]};
        json_t *value;

        marshal.refs = json_array();
        value = marshal.refs ? read_object(&marshal) : NULL;
        json_decref(marshal.refs);
        if (marshal.at == n && json_is_array(json_object_get(value, "consts"))) {
            *layout_out = &layouts[i];
            return value;
        }
        json_decref(value);
    }
    return NULL;
}
