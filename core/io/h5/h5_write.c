/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/alloc.h"
#include "../../base/str.h"
#include "h5_out.h"
#include <string.h>

/* A writer without a place yet. */
static struct kf_h5_out *make_out(void)
{
    struct kf_h5_out *h5 = kf_alloc(sizeof(*h5));

    if (!h5)
        return NULL;
    h5->own = h5->mover.to = KF_SINK_NONE;
    h5->end = KF_H5_SUPERBLOCK;
    h5->arena = kf_arena_create();
    if (h5->arena)
        h5->root = h5->last = kf_arena_alloc(h5->arena, sizeof(*h5->root));
    if (h5->root)
        return h5;
    kf_h5_out_destroy(h5);
    return NULL;
}

int kf_h5_create_in(struct kf_h5_out **out, const struct kf_sink *to, struct kf_report *rep)
{
    struct kf_h5_out *h5 = make_out();

    if (!h5)
        return kf_report_add(rep, KF_NO_MEMORY, "", "no memory to write HDF5");
    h5->mover.to = *to;
    *out = h5;
    return 0;
}

int kf_h5_create(struct kf_h5_out **out, const char *path, struct kf_report *rep)
{
    KF_AUTO(kf_h5_out) h5 = make_out();

    if (!h5)
        return kf_report_add(rep, KF_NO_MEMORY, "", "no memory to write HDF5");
    KF_TRY(kf_sink_create(&h5->own, path, rep));
    h5->mover.to = h5->own;
    *out = kf_h5_out_take(&h5);
    return 0;
}

void kf_h5_out_destroy(struct kf_h5_out *h5)
{
    if (!h5)
        return;
    kf_sink_finish(&h5->own);
    kf_mover_finish(&h5->mover);
    kf_free(h5->table);
    kf_arena_destroy(h5->arena);
    kf_free(h5);
}

int kf_h5_out_close(struct kf_h5_out *h5, struct kf_report *rep)
{
    KF_TRY(kf_h5_out_texts(h5, rep));
    return kf_h5_out_tree(h5, rep);
}

uint64_t kf_h5_out_place(struct kf_h5_out *h5, uint64_t n)
{
    uint64_t at = kf_h5_padded(h5->end);

    h5->end = at + n;
    return at;
}

int kf_h5_out_write(struct kf_h5_out *h5, uint64_t at, const void *data, size_t n,
                    struct kf_report *rep)
{
    const struct kf_sink *to = &h5->mover.to;

    if (to->crc)
        kf_crc_note(to->crc, at, n, kf_crc32(0, data, n));
    return kf_sink_write(to, at, data, n, "", rep);
}

static size_t hash_name(const struct kf_h5_object *parent, const char *name, size_t n)
{
    uint64_t hash = UINT64_C(14695981039346656037) ^ (uintptr_t)parent;

    for (size_t i = 0; i < n; i++)
        hash = (hash ^ (unsigned char)name[i]) * UINT64_C(1099511628211);
    return (size_t)(hash ^ hash >> 32);
}

/* Where the member stands in the table whose name is the first n bytes, or its free place. */
static struct kf_h5_object **find_member(const struct kf_h5_out *h5,
                                         const struct kf_h5_object *parent, const char *name,
                                         size_t n)
{
    size_t i = hash_name(parent, name, n) & (h5->cap - 1);
    struct kf_h5_object *there;

    while ((there = h5->table[i]) && (there->parent != parent ||
                                      strncmp(there->name, name, n) != 0 || there->name[n] != '\0'))
        i = (i + 1) & (h5->cap - 1);
    return &h5->table[i];
}

static bool grow_table(struct kf_h5_out *h5)
{
    struct kf_h5_out bigger = {.cap = h5->cap > 0 ? h5->cap * 2 : 64};

    if (h5->n_objects * 2 < h5->cap)
        return true;
    bigger.table = kf_alloc(bigger.cap * sizeof(struct kf_h5_object *));
    if (!bigger.table)
        return false;
    for (struct kf_h5_object *object = h5->root->next; object; object = object->next)
        *find_member(&bigger, object->parent, object->name, strlen(object->name)) = object;
    kf_free(h5->table);
    h5->table = bigger.table;
    h5->cap = bigger.cap;
    return true;
}

/* Take the first name of `*path`; false at its end. */
static bool next_name(const char **path, const char **name, size_t *n)
{
    *name = *path + strspn(*path, "/");
    *n = strcspn(*name, "/");
    *path = *name + *n;
    return *n > 0;
}

struct kf_h5_object *kf_h5_out_find(const struct kf_h5_out *h5, const char *path)
{
    struct kf_h5_object *object = h5->root;
    const char *name;
    size_t n;

    while (object && next_name(&path, &name, &n))
        object = h5->cap > 0 ? *find_member(h5, object, name, n) : NULL;
    return object;
}

/* Far more than any reader takes, and less than is put into the file at once. */
#define NAME_MAX_ 65000

/* What HDF5 would take for the group itself is no name of a member. */
static bool is_name(const char *name)
{
    return name[0] != '\0' && !kf_streq(name, ".") && strlen(name) <= NAME_MAX_;
}

int kf_h5_out_make(struct kf_h5_object **out, struct kf_h5_out *h5, struct kf_h5_object *parent,
                   const char *name, struct kf_report *rep)
{
    struct kf_h5_object *object, **place;

    if (parent->data || !is_name(name))
        return kf_report_add(rep, KF_WRITE_FAILED, name, "the object can be no member of %s",
                             parent->data ? parent->name : "a group");
    if (!grow_table(h5) || !(object = kf_arena_alloc(h5->arena, sizeof(*object))))
        return kf_report_add(rep, KF_NO_MEMORY, name, "no memory for groups");
    place = find_member(h5, parent, name, strlen(name));
    if (*place)
        return kf_report_add(rep, KF_WRITE_FAILED, name, "the file has two objects of one name");
    *object = (struct kf_h5_object){.name = name, .parent = parent, .sibling = parent->children};
    parent->children = *place = h5->last->next = object;
    h5->last = object;
    parent->n_children++;
    h5->n_objects++;
    *out = object;
    return 0;
}

int kf_h5_out_group(struct kf_h5_out *h5, const char *path, struct kf_report *rep)
{
    struct kf_h5_object *object = h5->root;
    const char *name;
    size_t n;

    while (next_name(&path, &name, &n)) {
        struct kf_h5_object *member = h5->cap > 0 ? *find_member(h5, object, name, n) : NULL;

        if (!member) {
            const char *copy = kf_arena_strndup(h5->arena, name, n);

            if (!copy)
                return kf_report_add(rep, KF_NO_MEMORY, name, "no memory for groups");
            KF_TRY(kf_h5_out_make(&member, h5, object, copy, rep));
        }
        object = member;
    }
    return 0;
}
