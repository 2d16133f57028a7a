/* SPDX-License-Identifier: Apache-2.0 */
#include "op_attributes.h"
#include "../../io/text/json.h"
#include <limits.h>
#include <nettle/base64.h>
#include <stdlib.h>
#include <string.h>

/* Longer texts are none of a node's words: "SYMMETRIC". */
#define TEXT_MAX 32

/* Axes that a tensor of TensorFlow may be sliced along. */
#define AXES_MAX 32

static const struct {
    const char *text, *dtype;
} types[] = {
#define KF_NODE_TYPE(text, dtype) {text, dtype},
#include "op_layers.def"
};

/* json_format writes 64-bit integers as text. */
static json_t *integer_of(const json_t *value)
{
    const char *text = json_string_value(value);
    char *end = NULL;
    long long number = text ? strtoll(text, &end, 10) : 0;

    if (json_is_integer(value))
        return json_incref((json_t *)value);
    return text && end != text && !*end && number > LLONG_MIN && number < LLONG_MAX
               ? json_integer(number)
               : NULL;
}

static json_t *dtype_of(const json_t *value)
{
    const char *text = json_string_value(value);

    for (size_t i = 0; text && i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(types[i].text, text) == 0)
            return json_string(types[i].dtype);
    return NULL;
}

static json_t *text_of(const json_t *value)
{
    uint8_t bytes[BASE64_DECODE_LENGTH(TEXT_MAX)];
    struct base64_decode_ctx base64;
    size_t n = 0, length = json_string_length(value);

    base64_decode_init(&base64);
    if (!json_is_string(value) || length > TEXT_MAX ||
        !base64_decode_update(&base64, &n, bytes, length, json_string_value(value)) ||
        !base64_decode_final(&base64))
        return NULL;
    return json_stringn((const char *)bytes, n);
}

static json_t *list_of(const json_t *value)
{
    const json_t *integers = json_object_get(value, "i"), *one;
    json_t *list;
    size_t i;

    if (json_object_size(value) == 0)
        return json_null();
    if (!json_is_array(integers))
        return NULL;
    list = json_array();
    json_array_foreach(integers, i, one) if (json_array_append_new(list, integer_of(one)) < 0)
    {
        json_decref(list);
        return NULL;
    }
    return list;
}

json_t *kf_node_attribute(const json_t *attribute)
{
    static const struct {
        const char *kind;
        json_t *(*read)(const json_t *value);
    } kinds[] = {{"i", integer_of}, {"type", dtype_of}, {"s", text_of}, {"list", list_of}};
    json_t *plain = json_object_get(attribute, "b");

    if (!plain)
        plain = json_object_get(attribute, "f");
    if (json_is_boolean(plain) || json_is_number(plain))
        return json_incref(plain);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (json_object_get(attribute, kinds[i].kind))
            return kinds[i].read(json_object_get(attribute, kinds[i].kind));
    return NULL;
}

static bool has_bit(const json_t *attributes, const char *mask, size_t bit)
{
    json_auto_t *bits = kf_node_attribute(json_object_get(attributes, mask));

    return (json_integer_value(bits) >> bit & 1) != 0;
}

static json_t *bound(const json_t *bounds, const char *key, size_t at)
{
    return json_array_get(json_object_get(bounds, key), at);
}

static json_t *slice_at(const json_t *bounds, const json_t *attributes, size_t at)
{
    json_t *none = json_null(); /* is not counted */

    if (has_bit(attributes, "ellipsis_mask", at))
        return json_pack("{s:s, s:{}}", "class_name", "__ellipsis__", "config");
    if (has_bit(attributes, "new_axis_mask", at))
        return none;
    if (has_bit(attributes, "shrink_axis_mask", at))
        return json_incref(bound(bounds, "begin", at));
    return json_pack("{s:O, s:O, s:O}", "start",
                     has_bit(attributes, "begin_mask", at) ? none : bound(bounds, "begin", at),
                     "stop", has_bit(attributes, "end_mask", at) ? none : bound(bounds, "end", at),
                     "step", bound(bounds, "strides", at));
}

json_t *kf_node_slices(const json_t *bounds, const json_t *attributes)
{
    size_t n = json_array_size(json_object_get(bounds, "begin"));
    json_t *slices = n && n <= AXES_MAX ? json_array() : NULL;

    for (size_t i = 0; slices && i < n; i++)
        if (!json_is_integer(bound(bounds, "begin", i)) ||
            !json_is_integer(bound(bounds, "end", i)) ||
            !json_is_integer(bound(bounds, "strides", i)) ||
            json_array_append_new(slices, slice_at(bounds, attributes, i)) < 0) {
            json_decref(slices);
            slices = NULL;
        }
    return slices;
}
