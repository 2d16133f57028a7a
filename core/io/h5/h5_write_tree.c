/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/alloc.h"
#include "../../base/num.h"
#include "h5_out.h"
#include <stdlib.h>
#include <string.h>

/*
 *   superblock    signature 8, versions 1 each of five things with a 0 among them,
 *                 sizes of offsets and lengths 1 each, 0, entries of half a symbol node 2
 *                 and of half a B-tree's node 2, flags 4, base address 8, free space 8,
 *                 end 8, driver 8, the root's entry
 *   entry         offset of the name 8, header 8, what is known 4 (1: the rest), reserved 4,
 *                 B-tree 8, heap 8
 *   heap          "HEAP", version and reserved 4, size 8, first free 8 (1 is none), address 8,
 *                 names padded to 8, of which the first is empty
 *   symbol node   "SNOD", version 1 (1), reserved 1, entries 2, entries; always of full size
 *   B-tree        "TREE", type 1 (0), level 1, children 2, left and right of the same level 8
 *                 each, name 8, child 8, name 8, child 8, ... name 8; always of full size. A
 *                 name is the last one of the child before it, the first is the empty one.
 *   header        version 1 (1), reserved 1, messages 2, references 4, size 4, padding 4, messages
 *   message       type 2, size 2, flags 1 (1: it never changes), reserved 3
 *   fill value    version 1 (2), allocated when written 1 (2), written if set 1 (2), set 1, size 4
 *   layout        version 1 (3), contiguous 1 (1), address 8, size 8
 *
 * Source: HDF5 File Format Specification 3.0, II.A, III.A.1, III.B to III.D, IV.A.2
 */
#define LEAF_HALF  4
#define NODE_HALF  16
#define ENTRIES    (2 * LEAF_HALF)
#define CHILDREN   (2 * NODE_HALF)
#define ENTRY_SIZE 40
#define LEAF_SIZE  (8 + ENTRIES * ENTRY_SIZE)
#define NODE_SIZE  (24 + CHILDREN * 16 + 8)
#define HEAP_HEAD  32
#define HEADER     16
#define MESSAGE    8

/* Several of the largest pieces that are put at once: an attribute. */
#define PEN_SIZE ((size_t)1 << 18)

/* What is written one after another. */
struct pen {
    struct kf_h5_out *h5;
    struct kf_report *rep;
    bool places; /* nothing is written: everything gets its place */
    char *data;
    size_t n;
    uint64_t at;  /* of the first byte in `data` */
    uint64_t end; /* of what was put */
    int status;   /* of the first write that failed */
};

static void flush(struct pen *pen)
{
    if (pen->n == 0)
        return;
    if (pen->status == 0 && !pen->places)
        pen->status = kf_h5_out_write(pen->h5, pen->at, pen->data, pen->n, pen->rep);
    pen->at = pen->end = pen->at + pen->n;
    pen->n = 0;
}

/* The next `n` bytes, zeroed. */
static char *take(struct pen *pen, size_t n)
{
    char *p;

    if (n > PEN_SIZE - pen->n)
        flush(pen);
    p = memset(pen->data + pen->n, 0, n);
    pen->n += n;
    return p;
}

static uint64_t here(const struct pen *pen)
{
    return pen->at + pen->n;
}

static void put_entry(char *to, const struct kf_h5_object *object)
{
    kf_h5_put(to, object->name_at, 8);
    kf_h5_put(to + 8, object->address, 8);
    if (object->data)
        return;
    kf_h5_put(to + 16, 1, 4);
    kf_h5_put(to + 24, object->tree_at, 8);
    kf_h5_put(to + 32, object->heap_at, 8);
}

/* The heap with the names of the members. */
static void put_heap(struct pen *pen, struct kf_h5_object *group)
{
    struct kf_h5_object *const *members = group->members;
    uint64_t size = 8;
    char *p = take(pen, HEAP_HEAD + 8);

    group->heap_at = here(pen) - HEAP_HEAD - 8;
    for (size_t i = 0; i < group->n_children; i++) {
        members[i]->name_at = size;
        size += kf_h5_padded(strlen(members[i]->name) + 1);
    }
    memcpy(p, "HEAP", 4);
    kf_h5_put(p + 8, size, 8);
    kf_h5_put(p + 16, 1, 8);
    kf_h5_put(p + 24, group->heap_at + HEAP_HEAD, 8);
    for (size_t i = 0; i < group->n_children; i++) {
        size_t n = strlen(members[i]->name);

        memcpy(take(pen, (size_t)kf_h5_padded(n + 1)), members[i]->name, n);
    }
}

static void put_leaf(struct pen *pen, struct kf_h5_object *const *members, size_t n)
{
    char *p = take(pen, LEAF_SIZE);

    memcpy(p, "SNOD", 4);
    kf_h5_put(p + 4, 1, 1);
    kf_h5_put(p + 6, n, 2);
    for (size_t i = 0; i < n; i++)
        put_entry(p + 8 + i * ENTRY_SIZE, members[i]);
}

/* One level of a B-tree. */
struct level {
    unsigned number;
    uint64_t child_at; /* the first node below */
    size_t child_size, n_children;
    size_t span; /* members below each child, but for the last */
};

/* Node `i` of a level of `n`. */
static void put_node(struct pen *pen, const struct kf_h5_object *group, const struct level *level,
                     size_t i, size_t n)
{
    struct kf_h5_object *const *members = group->members;
    size_t first = i * CHILDREN, end = (size_t)kf_min(first + CHILDREN, level->n_children);
    uint64_t at = here(pen);
    char *p = take(pen, NODE_SIZE);

    memcpy(p, "TREE", 4);
    kf_h5_put(p + 5, level->number, 1);
    kf_h5_put(p + 6, end - first, 2);
    kf_h5_put(p + 8, i > 0 ? at - NODE_SIZE : KF_H5_UNDEFINED, 8);
    kf_h5_put(p + 16, i + 1 < n ? at + NODE_SIZE : KF_H5_UNDEFINED, 8);
    p = kf_h5_put(p + 24, first > 0 ? members[first * level->span - 1]->name_at : 0, 8);
    for (size_t child = first; child < end; child++) {
        size_t last = (size_t)kf_min((child + 1) * level->span, group->n_children) - 1;

        p = kf_h5_put(p, level->child_at + child * level->child_size, 8);
        p = kf_h5_put(p, members[last]->name_at, 8);
    }
}

/* Symbol nodes and the B-tree over them, from its lowest level to the root. */
static void put_tree(struct pen *pen, struct kf_h5_object *group)
{
    struct level level = {.child_at = here(pen),
                          .child_size = LEAF_SIZE,
                          .n_children = (group->n_children + ENTRIES - 1) / ENTRIES,
                          .span = ENTRIES};
    size_t n;

    for (size_t i = 0; i < group->n_children; i += ENTRIES)
        put_leaf(pen, group->members + i, (size_t)kf_min(ENTRIES, group->n_children - i));
    do {
        group->tree_at = here(pen);
        n = level.n_children > 0 ? (level.n_children + CHILDREN - 1) / CHILDREN : 1;
        for (size_t i = 0; i < n; i++)
            put_node(pen, group, &level, i, n);
        level =
            (struct level){level.number + 1, group->tree_at, NODE_SIZE, n, level.span * CHILDREN};
    } while (n > 1);
}

/* `n` is a multiple of 8; returns where the message's data go. */
static char *put_message(struct pen *pen, unsigned type, unsigned flags, size_t n)
{
    char *p = take(pen, MESSAGE + n);

    kf_h5_put(p, type, 2);
    kf_h5_put(p + 2, n, 2);
    kf_h5_put(p + 4, flags, 1);
    return p + MESSAGE;
}

/* Head of an object with `n` messages of `size` bytes, and the attributes. */
static void put_header(struct pen *pen, struct kf_h5_object *object, size_t n, size_t size)
{
    char *p;

    for (const struct kf_h5_out_attr *attr = object->attrs; attr; attr = attr->next)
        size += MESSAGE + attr->n;
    object->address = here(pen);
    p = take(pen, HEADER);
    kf_h5_put(p, 1, 1);
    kf_h5_put(p + 2, n + object->n_attrs, 2);
    kf_h5_put(p + 4, 1, 4);
    kf_h5_put(p + 8, size, 4);
}

static void put_attrs(struct pen *pen, const struct kf_h5_object *object)
{
    for (const struct kf_h5_out_attr *attr = object->attrs; attr; attr = attr->next)
        memcpy(put_message(pen, KF_H5_MESSAGE_ATTR, 0, attr->n), attr->data, attr->n);
}

static void put_dataset(struct pen *pen, struct kf_h5_object *dataset)
{
    const struct kf_payload *payload = dataset->data->payload;
    const struct kf_h5_type_bytes *type = kf_h5_type_bytes(payload->dtype);
    size_t space = 8 + payload->rank * 16u, fill = 8, layout = 24;
    char *p;

    put_header(pen, dataset, 4, 4 * MESSAGE + space + type->n + fill + layout);
    p = put_message(pen, KF_H5_MESSAGE_SPACE, 0, space);
    kf_h5_put(p, 1, 1);
    kf_h5_put(p + 1, payload->rank, 1);
    kf_h5_put(p + 2, payload->rank > 0, 1);
    for (unsigned i = 0; i < payload->rank; i++) {
        kf_h5_put(p + 8 + i * 8, payload->dims[i], 8);
        kf_h5_put(p + 8 + (payload->rank + i) * 8, payload->dims[i], 8);
    }
    memcpy(put_message(pen, KF_H5_MESSAGE_TYPE, 1, type->n), type->bytes, type->n);
    memcpy(put_message(pen, KF_H5_MESSAGE_FILL, 1, fill), "\2\2\2\1\0\0\0\0", fill);
    p = put_message(pen, KF_H5_MESSAGE_LAYOUT, 0, layout);
    kf_h5_put(p, 3, 1);
    kf_h5_put(p + 1, 1, 1);
    kf_h5_put(p + 2, dataset->at, 8);
    kf_h5_put(p + 10, kf_payload_bytes(payload), 8);
    put_attrs(pen, dataset);
}

/* The bytes behind a dataset's header. */
static int put_bytes(struct pen *pen, struct kf_h5_object *dataset)
{
    const struct kf_h5_out_data *data = dataset->data;
    uint64_t n = kf_payload_bytes(data->payload);

    flush(pen);
    if (pen->status < 0)
        return pen->status;
    if (pen->places)
        dataset->at = n > 0 ? pen->at : KF_H5_UNDEFINED;
    else
        KF_TRY(kf_move(&pen->h5->mover, data->payload, dataset->at, data->checksum, data->row,
                       data->path, pen->rep));
    pen->end += n;
    pen->at = kf_h5_padded(pen->end);
    return 0;
}

static int compare(const void *a, const void *b)
{
    const struct kf_h5_object *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

static int sort_members(struct pen *pen, struct kf_h5_object *group)
{
    size_t n = 0;

    group->members =
        kf_arena_alloc(pen->h5->arena, (group->n_children + 1) * sizeof(*group->members));
    if (!group->members)
        return kf_report_add(pen->rep, KF_NO_MEMORY, group->name ? group->name : "",
                             "no memory for a group");
    for (struct kf_h5_object *member = group->children; member; member = member->sibling)
        group->members[n++] = member;
    qsort(group->members, n, sizeof(struct kf_h5_object *), compare);
    return 0;
}

static int put_group(struct pen *pen, struct kf_h5_object *group)
{
    char *p;

    if (!group->members)
        KF_TRY(sort_members(pen, group));
    put_heap(pen, group);
    put_tree(pen, group);
    put_header(pen, group, 1, MESSAGE + 16);
    p = put_message(pen, KF_H5_MESSAGE_SYMBOLS, 0, 16);
    kf_h5_put(p, group->tree_at, 8);
    kf_h5_put(p + 8, group->heap_at, 8);
    put_attrs(pen, group);
    return 0;
}

static int put_objects(struct pen *pen)
{
    for (struct kf_h5_object *object = pen->h5->root; object; object = object->next) {
        if (!object->data) {
            KF_TRY(put_group(pen, object));
            continue;
        }
        put_dataset(pen, object);
        KF_TRY(put_bytes(pen, object));
    }
    flush(pen);
    return pen->status;
}

static int write_superblock(struct kf_h5_out *h5, struct kf_report *rep)
{
    char block[KF_H5_SUPERBLOCK] = "\x89HDF\r\n\x1a\n";

    kf_h5_put(block + 13, 8, 1);
    kf_h5_put(block + 14, 8, 1);
    kf_h5_put(block + 16, LEAF_HALF, 2);
    kf_h5_put(block + 18, NODE_HALF, 2);
    kf_h5_put(block + 32, KF_H5_UNDEFINED, 8);
    kf_h5_put(block + 40, h5->end, 8);
    kf_h5_put(block + 48, KF_H5_UNDEFINED, 8);
    put_entry(block + 56, h5->root);
    return kf_h5_out_write(h5, 0, block, sizeof(block), rep);
}

int kf_h5_out_tree(struct kf_h5_out *h5, struct kf_report *rep)
{
    struct pen pen = {.h5 = h5, .rep = rep, .places = true, .at = kf_h5_out_place(h5, 0)};
    uint64_t begin = pen.at;
    int status;

    pen.data = kf_alloc(PEN_SIZE);
    if (!pen.data)
        return kf_report_add(rep, KF_NO_MEMORY, "", "no memory to write HDF5");
    status = put_objects(&pen);
    pen.places = false;
    pen.at = begin;
    if (status >= 0)
        status = put_objects(&pen);
    kf_free(pen.data);
    KF_TRY(status);
    h5->end = pen.end;
    return write_superblock(h5, rep);
}
