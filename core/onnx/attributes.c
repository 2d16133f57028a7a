/* SPDX-License-Identifier: Apache-2.0 */
#include "graph.h"
#include <onnx.pb-c.h>
#include <string.h>

/* Attributes of nodes, set and read. */

/* The kinds of AttributeProto: onnx.proto, AttributeType. */
enum { FLOAT = 1, INT = 2, STRING = 3, FLOATS = 6, INTS = 7, STRINGS = 8 };

static Onnx__AttributeProto *attribute(struct kf_onnx *onnx, struct kf_onnx_node *node,
                                       const char *name, int type)
{
    Onnx__AttributeProto *made;

    if (!node || node->n_attributes == KF_ONNX_ATTRIBUTES_MAX)
        return NULL;
    made = kf_onnx_alloc(onnx, sizeof(*made));
    if (!made)
        return kf_onnx_no_memory(onnx);
    onnx__attribute_proto__init(made);
    made->name = (char *)name;
    made->type = type;
    made->has_type = 1;
    node->attributes[node->n_attributes++] = made;
    return made;
}

void kf_onnx_set_int(struct kf_onnx *onnx, struct kf_onnx_node *node, const char *name,
                     int64_t value)
{
    Onnx__AttributeProto *made = attribute(onnx, node, name, INT);

    if (!made)
        return;
    made->i = value;
    made->has_i = 1;
}

void kf_onnx_set_float(struct kf_onnx *onnx, struct kf_onnx_node *node, const char *name,
                       double value)
{
    Onnx__AttributeProto *made = attribute(onnx, node, name, FLOAT);

    if (!made)
        return;
    made->f = (float)value;
    made->has_f = 1;
}

static ProtobufCBinaryData bytes_of(const char *text)
{
    return (ProtobufCBinaryData){strlen(text), (uint8_t *)text};
}

void kf_onnx_set_text(struct kf_onnx *onnx, struct kf_onnx_node *node, const char *name,
                      const char *value)
{
    Onnx__AttributeProto *made = attribute(onnx, node, name, STRING);

    if (!made)
        return;
    made->s = bytes_of(value);
    made->has_s = 1;
}

void kf_onnx_set_ints(struct kf_onnx *onnx, struct kf_onnx_node *node, const char *name,
                      const int64_t *values, size_t n)
{
    Onnx__AttributeProto *made = attribute(onnx, node, name, INTS);

    if (made && (made->ints = kf_onnx_copy(onnx, values, n * sizeof(*values))))
        made->n_ints = n;
}

void kf_onnx_set_floats(struct kf_onnx *onnx, struct kf_onnx_node *node, const char *name,
                        const float *values, size_t n)
{
    Onnx__AttributeProto *made = attribute(onnx, node, name, FLOATS);

    if (made && (made->floats = kf_onnx_copy(onnx, values, n * sizeof(*values))))
        made->n_floats = n;
}

void kf_onnx_set_texts(struct kf_onnx *onnx, struct kf_onnx_node *node, const char *name,
                       const char *const *values, size_t n)
{
    Onnx__AttributeProto *made = attribute(onnx, node, name, STRINGS);

    if (!made || !(made->strings = kf_onnx_alloc(onnx, n * sizeof(*made->strings))))
        return;
    for (size_t i = 0; i < n; i++)
        made->strings[i] = bytes_of(values[i]);
    made->n_strings = n;
}

static const Onnx__AttributeProto *find(const struct kf_onnx_node *node, const char *name)
{
    for (size_t i = 0; i < node->n_attributes; i++) {
        const Onnx__AttributeProto *one = node->attributes[i];

        if (strcmp(one->name, name) == 0)
            return one;
    }
    return NULL;
}

int64_t kf_onnx_get_int(const struct kf_onnx_node *node, const char *name, int64_t fallback)
{
    const Onnx__AttributeProto *found = find(node, name);

    return found ? found->i : fallback;
}

double kf_onnx_get_float(const struct kf_onnx_node *node, const char *name, double fallback)
{
    const Onnx__AttributeProto *found = find(node, name);

    return found ? (double)found->f : fallback;
}

const int64_t *kf_onnx_get_ints(const struct kf_onnx_node *node, const char *name, size_t *n)
{
    const Onnx__AttributeProto *found = find(node, name);

    *n = found ? found->n_ints : 0;
    return found ? found->ints : NULL;
}

const float *kf_onnx_get_floats(const struct kf_onnx_node *node, const char *name, size_t *n)
{
    const Onnx__AttributeProto *found = find(node, name);

    *n = found ? found->n_floats : 0;
    return found ? found->floats : NULL;
}

ProtobufCBinaryData *kf_onnx_get_texts(const struct kf_onnx_node *node, const char *name, size_t *n)
{
    const Onnx__AttributeProto *found = find(node, name);

    *n = found ? found->n_strings : 0;
    return found ? found->strings : NULL;
}

const char *kf_onnx_get_text(struct kf_arena *arena, const struct kf_onnx_node *node,
                             const char *name)
{
    const Onnx__AttributeProto *found = find(node, name);

    return found && found->has_s
               ? kf_arena_strndup(arena, (const char *)found->s.data, found->s.len)
               : NULL;
}

bool kf_onnx_is_text(const struct kf_onnx_node *node, const char *name, size_t index,
                     const char *text)
{
    const Onnx__AttributeProto *found = find(node, name);
    ProtobufCBinaryData data = {0};

    if (found && found->n_strings > index)
        data = found->strings[index];
    else if (found && found->has_s && index == 0)
        data = found->s;
    return data.data && data.len == strlen(text) && memcmp(data.data, text, data.len) == 0;
}
