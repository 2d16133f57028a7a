/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/alloc.h"
#include "../../base/str.h"
#include "h5_plain.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/*
 * One walk over the whole tree, before anything else looks at it. Refused are
 *   - links that leave the file or the tree: external, soft, user-defined   (UNSAFE)
 *   - an object with two names, so also every cycle                         (UNSAFE)
 *   - datasets that read other files, or bytes of each other                (UNSAFE, h5_dataset.c)
 *   - more depth, objects or bytes than a model has                         (TOO_LARGE)
 * What it finds stays as h5->root, so that later look-ups cannot find anything else.
 */

/* Layers in layers, each two groups deep, and names that hold slashes: far below. */
#define DEPTH_MAX 256
#define NAME_MAX_ 1024

struct walk {
    struct kf_h5 *h5;
    struct kf_report *rep;
    struct kf_buf path; /* of the object at hand, for the report */
    struct kf_h5_sums sums;
    uint64_t *seen; /* addresses of objects, a hash table; 0 is free */
    size_t n_seen, seen_cap;
    unsigned depth;
};

/* Members of one group while they are collected. */
struct members {
    struct walk *walk;
    struct kf_h5_node *nodes;
    size_t n, cap;
    int status;
};

static int no_memory(struct walk *walk)
{
    return kf_report_add(walk->rep, KF_NO_MEMORY, walk->path.data, "no memory for the file's tree");
}

static uint64_t *find_seen(const struct walk *walk, uint64_t address)
{
    size_t i = (size_t)((address * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (walk->seen_cap - 1);

    while (walk->seen[i] != 0 && walk->seen[i] != address + 1)
        i = (i + 1) & (walk->seen_cap - 1);
    return &walk->seen[i];
}

static bool grow_seen(struct walk *walk)
{
    struct walk bigger = {.seen_cap = walk->seen_cap > 0 ? walk->seen_cap * 2 : 256};

    if (walk->n_seen * 2 < walk->seen_cap)
        return true;
    bigger.seen = kf_alloc(bigger.seen_cap * sizeof(*bigger.seen));
    if (!bigger.seen)
        return false;
    for (size_t i = 0; i < walk->seen_cap; i++)
        if (walk->seen[i] != 0)
            *find_seen(&bigger, walk->seen[i] - 1) = walk->seen[i];
    kf_free(walk->seen);
    walk->seen = bigger.seen;
    walk->seen_cap = bigger.seen_cap;
    return true;
}

/* Count the object; refuse to meet it again. */
static int meet(struct walk *walk, uint64_t address)
{
    uint64_t *place;

    if (walk->n_seen >= walk->h5->limits.objects)
        return kf_report_add(walk->rep, KF_TOO_LARGE, "", "more than %" PRIu64 " HDF5 objects",
                             walk->h5->limits.objects);
    if (!grow_seen(walk))
        return no_memory(walk);
    place = find_seen(walk, address);
    if (*place != 0)
        return kf_report_add(walk->rep, KF_UNSAFE, walk->path.data,
                             "the object has a second name: hard links may not share or loop");
    *place = address + 1;
    walk->n_seen++;
    return 0;
}

static int refuse_link(struct walk *walk, const char *name, H5L_type_t type)
{
    const char *kind = type == H5L_TYPE_SOFT       ? "soft"
                       : type == H5L_TYPE_EXTERNAL ? "external"
                                                   : "user-defined";

    return kf_report_add(walk->rep, KF_UNSAFE, walk->path.data, "the member %s is an HDF5 %s link",
                         name, kind);
}

static int check_name(struct walk *walk, const char *name)
{
    size_t n = strlen(name);

    if (n == 0 || n > NAME_MAX_ || strchr(name, '/') || strcmp(name, ".") == 0 ||
        !kf_utf8_valid(name))
        return kf_report_add(walk->rep, KF_CORRUPT, walk->path.data,
                             "a member has a name of %zu bytes that is none", n);
    return 0;
}

/* One hard link of the group; a kf_h5_teller too. */
static int add_member(void *context, const char *name, uint64_t address)
{
    struct members *members = context;
    struct walk *walk = members->walk;
    struct kf_h5_node *node;

    KF_TRY(check_name(walk, name));
    if (members->n >= walk->h5->limits.objects)
        return kf_report_add(walk->rep, KF_TOO_LARGE, walk->path.data,
                             "more members than a file may have");
    if (!kf_grow(&members->nodes, &members->cap, members->n + 1, sizeof(*members->nodes)))
        return no_memory(walk);
    node = &members->nodes[members->n++];
    node->name = kf_arena_strdup(walk->h5->arena, name);
    node->address = address;
    return node->name ? 0 : no_memory(walk);
}

/* Called by HDF5 for each link of a group; opens nothing. */
static herr_t collect(hid_t group, const char *name, const H5L_info_t *info, void *context)
{
    struct members *members = context;

    (void)group;
    members->status = check_name(members->walk, name);
    if (members->status == 0 && info->type != H5L_TYPE_HARD)
        members->status = refuse_link(members->walk, name, info->type);
    if (members->status == 0)
        members->status = add_member(members, name, info->u.address);
    return members->status < 0 ? -1 : 0;
}

static int compare(const void *a, const void *b)
{
    const struct kf_h5_node *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

/* Give the node its sorted children. */
static int keep(struct walk *walk, struct kf_h5_node *node, const struct members *members)
{
    struct kf_arena *arena = walk->h5->arena;
    struct kf_h5_node *nodes = kf_arena_alloc(arena, (members->n + 1) * sizeof(*nodes));

    node->children = kf_arena_alloc(arena, (members->n + 1) * sizeof(*node->children));
    if (!nodes || !node->children)
        return no_memory(walk);
    for (size_t i = 0; i < members->n; i++) {
        nodes[i] = members->nodes[i];
        nodes[i].parent = node;
        node->children[i] = &nodes[i];
    }
    node->n_children = members->n;
    qsort(node->children, node->n_children, sizeof(*node->children), compare);
    for (size_t i = 1; i < node->n_children; i++)
        if (compare(&node->children[i - 1], &node->children[i]) == 0)
            return kf_report_add(walk->rep, KF_CORRUPT, walk->path.data,
                                 "two members are called %s", node->children[i]->name);
    return 0;
}

/* The members of a group as the library tells them. */
static int iterate(struct members *members, hid_t id)
{
    struct walk *walk = members->walk;
    hsize_t at = 0;

    if (H5Literate(id, H5_INDEX_NAME, H5_ITER_NATIVE, &at, collect, members) >= 0)
        return 0;
    return members->status < 0
               ? members->status
               : kf_h5_fail(walk->rep, KF_CORRUPT, walk->path.data, "the group cannot be read");
}

static int check_object(struct walk *walk, struct kf_h5_node *node);

static int check_members(struct walk *walk, const struct kf_h5_node *node)
{
    size_t n = walk->path.n;

    if (node->n_children > 0 && ++walk->depth > DEPTH_MAX)
        return kf_report_add(walk->rep, KF_TOO_LARGE, "", "groups deeper than %d levels",
                             DEPTH_MAX);
    for (size_t i = 0; i < node->n_children; i++) {
        if (!kf_buf_puts(&walk->path, "/") || !kf_buf_puts(&walk->path, node->children[i]->name))
            return no_memory(walk);
        KF_TRY(check_object(walk, node->children[i]));
        walk->path.n = n;
        walk->path.data[n] = '\0';
    }
    walk->depth -= node->n_children > 0;
    return 0;
}

/* Have the library look at an object; `*group_out` says whether it is a group. */
static int open_object(struct walk *walk, struct kf_h5_node *node, struct members *members,
                       bool *group_out)
{
    hid_t id = H5Oopen_by_addr(walk->h5->file, node->address);
    H5I_type_t type;
    int status = 0;

    if (id < 0)
        return kf_h5_fail(walk->rep, KF_CORRUPT, walk->path.data, "the object cannot be opened");
    type = H5Iget_type(id);
    *group_out = type == H5I_GROUP;
    if (type == H5I_GROUP)
        status = iterate(members, id);
    else if (type == H5I_DATASET)
        status = kf_h5_look(walk->h5, node, walk->path.data, id, &walk->sums, walk->rep);
    H5Oclose(id);
    return status;
}

/* A group's members are in `members` afterwards. */
static int look_at(struct walk *walk, struct kf_h5_node *node, const struct kf_h5_guard *guard,
                   struct members *members, bool *group_out)
{
    const struct kf_h5_teller teller = {add_member, members};

    if (kf_h5_plain_dataset(&guard->plain))
        return kf_h5_look_plain(walk->h5, node, walk->path.data, &guard->plain, &walk->sums,
                                walk->rep);
    if (kf_h5_plain_group(&guard->plain)) {
        int status = kf_h5_symbols(walk->h5, &guard->plain, &teller, walk->rep);

        *group_out = true;
        if (status <= 0)
            return status;
        members->n = 0;
    }
    return open_object(walk, node, members, group_out);
}

static int check_object(struct walk *walk, struct kf_h5_node *node)
{
    struct members members = {.walk = walk};
    struct kf_h5_guard guard;
    bool is_group = false;
    int status;

    KF_TRY(meet(walk, node->address));
    KF_TRY(kf_h5_guard(&guard, walk->h5, node->address, walk->path.data, walk->rep));
    if (guard.has_type && !guard.has_layout)
        return 0; /* a committed type stays a node without members: no reader asks for one */
    if (guard.odd) {
        if (!kf_h5_dataset_new(walk->h5, node, walk->rep))
            return -KF_NO_MEMORY;
        node->dataset->odd = guard.odd;
        return 0;
    }
    status = look_at(walk, node, &guard, &members, &is_group);
    if (status == 0 && is_group)
        status = keep(walk, node, &members);
    kf_free(members.nodes);
    return status < 0 || !is_group ? status : check_members(walk, node);
}

int kf_h5_check(struct kf_h5 *h5, struct kf_report *rep)
{
    /* Depth times the longest name, so that the path always fits. */
    struct walk walk = {.h5 = h5, .rep = rep, .path = {.max = (DEPTH_MAX + 2) * (NAME_MAX_ + 1)}};
    int status;

    status = kf_buf_puts(&walk.path, "") ? check_object(&walk, h5->root) : no_memory(&walk);
    kf_buf_finish(&walk.path);
    kf_free(walk.seen);
    return status;
}
