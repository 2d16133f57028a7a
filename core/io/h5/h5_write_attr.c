/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/num.h"
#include "../../base/str.h"
#include "h5_out.h"
#include <string.h>

/*
 *   attribute    version 1 (1), reserved 1, sizes of name, datatype and dataspace 2 each, then
 *                these and the value, each padded to 8
 *   dataspace    version 1 (1), rank 1, flags 1 (1: with the largest dims), reserved 5,
 *                dims 8 each, largest dims 8 each
 *   collection   "GCOL", version 1 (1), reserved 3, size 8 (of all), objects
 *   object       index 2, references 2, reserved 4, size 8, data padded to 8; index 0 is free space
 *
 * Source: HDF5 File Format Specification 3.0, III.E, IV.A.2.b, IV.A.2.m
 */
#define ATTR_HEAD  8
#define SPACE_HEAD 8
#define HEAD       16 /* of a collection, of an object in it, and what a text is in its attribute */
#define TYPE_SIZE  20

/* Both counts have two bytes in the file. */
#define ATTRS_MAX   60000
#define MESSAGE_MAX 65528

/* Strings of any length as Python's str are, and as bytes are; their elements are characters. */
static const unsigned char utf8_type[TYPE_SIZE] = {0x19, 1, 1, 0, 16, 0, 0, 0, 0x10, 0,
                                                   0,    0, 1, 0, 0,  0, 0, 0, 8};
static const unsigned char ascii_type[TYPE_SIZE] = {0x19, 1, 0, 0, 16, 0, 0, 0, 0x10, 0,
                                                    0,    0, 1, 0, 0,  0, 0, 0, 8};

static size_t space_size(const struct kf_h5_value *value)
{
    return SPACE_HEAD + value->rank * 16u;
}

static size_t attr_size(const char *name, const struct kf_h5_value *value)
{
    return (size_t)(ATTR_HEAD + kf_h5_padded(strlen(name) + 1) + kf_h5_padded(value->type_n) +
                    space_size(value) + kf_h5_padded(value->data_n));
}

/* `to` is zeroed. */
static void put_attr(char *to, const char *name, const struct kf_h5_value *value)
{
    kf_h5_put(to, 1, 1);
    kf_h5_put(to + 2, strlen(name) + 1, 2);
    kf_h5_put(to + 4, value->type_n, 2);
    kf_h5_put(to + 6, space_size(value), 2);
    to += ATTR_HEAD;
    memcpy(to, name, strlen(name));
    to += kf_h5_padded(strlen(name) + 1);
    memcpy(to, value->type, value->type_n);
    to += kf_h5_padded(value->type_n);
    kf_h5_put(to, 1, 1);
    kf_h5_put(to + 1, value->rank, 1);
    kf_h5_put(to + 2, value->rank > 0, 1);
    for (unsigned i = 0; i < value->rank * 2; i++)
        kf_h5_put(to + SPACE_HEAD + i * 8, value->n, 8);
    if (value->data_n > 0)
        memcpy(to + space_size(value), value->data, value->data_n);
}

static int refuse(const char *path, const char *name, const char *why, struct kf_report *rep)
{
    return kf_report_add(rep, KF_WRITE_FAILED, path, "the attribute %s cannot be written: %s", name,
                         why);
}

int kf_h5_out_attr(struct kf_h5_out *h5, const char *path, const char *name,
                   const struct kf_h5_value *value, struct kf_report *rep)
{
    struct kf_h5_object *object = kf_h5_out_find(h5, path);
    size_t n = attr_size(name, value);
    struct kf_h5_out_attr *attr, **place;
    char *data, *copy;

    if (!object)
        return refuse(path, name, "there is no such object", rep);
    if (n > MESSAGE_MAX || object->n_attrs >= ATTRS_MAX)
        return refuse(path, name, "an object header cannot hold it", rep);
    for (place = &object->attrs; *place; place = &(*place)->next)
        if (kf_streq((*place)->name, name))
            return refuse(path, name, "the object has it already", rep);
    attr = kf_arena_alloc(h5->arena, sizeof(*attr));
    data = kf_arena_alloc(h5->arena, n);
    copy = kf_arena_strdup(h5->arena, name);
    if (!attr || !data || !copy)
        return kf_report_add(rep, KF_NO_MEMORY, path, "no memory for an attribute");
    put_attr(data, name, value);
    *attr = (struct kf_h5_out_attr){.name = copy, .data = data, .n = n};
    *place = attr;
    object->n_attrs++;
    return 0;
}

/* A collection has the size `n`, what follows it in `texts` is zeroed. */
static void begin_collection(struct kf_h5_texts *texts, uint64_t at, uint64_t n)
{
    *texts = (struct kf_h5_texts){.at = at, .n = HEAD};
    memcpy(texts->data, "GCOL", 4);
    kf_h5_put(texts->data + 4, 1, 1);
    kf_h5_put(texts->data + 8, n, 8);
}

/* The head of the next object. */
static void put_object(struct kf_h5_texts *texts, uint64_t n)
{
    kf_h5_put(texts->data + texts->n, ++texts->count, 2);
    kf_h5_put(texts->data + texts->n + 8, n, 8);
    texts->n += HEAD;
}

/* A text that has a collection for itself. */
static int write_long(struct kf_h5_out *h5, const char *text, size_t n, uint64_t *at_out,
                      struct kf_report *rep)
{
    uint64_t size = 2 * HEAD + kf_h5_padded(n);
    struct kf_h5_texts texts;

    if (size < KF_H5_COLLECTION)
        size = KF_H5_COLLECTION; /* what is left is too little for the head of free space */
    *at_out = kf_h5_out_place(h5, size);
    begin_collection(&texts, *at_out, size);
    put_object(&texts, n);
    KF_TRY(kf_h5_out_write(h5, *at_out, texts.data, texts.n, rep));
    KF_TRY(kf_h5_out_write(h5, *at_out + texts.n, text, n, rep));
    return kf_h5_out_write(h5, *at_out + texts.n + n, texts.data + texts.n,
                           (size_t)(size - texts.n - n), rep);
}

int kf_h5_out_texts(struct kf_h5_out *h5, struct kf_report *rep)
{
    struct kf_h5_texts *texts = &h5->texts;

    if (texts->n == 0)
        return 0;
    kf_h5_put(texts->data + texts->n + 8, KF_H5_COLLECTION - texts->n, 8);
    texts->n = 0;
    return kf_h5_out_write(h5, texts->at, texts->data, KF_H5_COLLECTION, rep);
}

/* A text that shares a collection, behind which always remains room for the head of free space. */
static int write_short(struct kf_h5_out *h5, const char *text, size_t n, uint64_t *at_out,
                       struct kf_report *rep)
{
    struct kf_h5_texts *texts = &h5->texts;

    if (texts->n + 2 * HEAD + kf_h5_padded(n) > KF_H5_COLLECTION)
        KF_TRY(kf_h5_out_texts(h5, rep));
    if (texts->n == 0)
        begin_collection(texts, kf_h5_out_place(h5, KF_H5_COLLECTION), KF_H5_COLLECTION);
    put_object(texts, n);
    memcpy(texts->data + texts->n, text, n);
    texts->n += kf_h5_padded(n);
    *at_out = texts->at;
    return 0;
}

static int write_text(struct kf_h5_out *h5, const unsigned char *type, const char *path,
                      const char *name, const char *text, struct kf_report *rep)
{
    size_t n = strlen(text);
    bool alone = 3 * HEAD + kf_h5_padded(n) > KF_H5_COLLECTION;
    char element[HEAD];
    const struct kf_h5_value value = {
        .type = type, .type_n = TYPE_SIZE, .data = element, .data_n = sizeof(element)};
    uint64_t at;

    if (n > UINT32_MAX)
        return refuse(path, name, "a text of more than 4 GiB", rep);
    KF_TRY(alone ? write_long(h5, text, n, &at, rep) : write_short(h5, text, n, &at, rep));
    kf_h5_put(element, n, 4);
    kf_h5_put(element + 4, at, 8);
    kf_h5_put(element + 12, alone ? 1 : h5->texts.count, 4);
    return kf_h5_out_attr(h5, path, name, &value, rep);
}

int kf_h5_out_attr_text(struct kf_h5_out *h5, const char *path, const char *name, const char *text,
                        struct kf_report *rep)
{
    return write_text(h5, utf8_type, path, name, text, rep);
}

int kf_h5_out_attr_ascii(struct kf_h5_out *h5, const char *path, const char *name, const char *text,
                         struct kf_report *rep)
{
    return write_text(h5, ascii_type, path, name, text, rep);
}
