/* SPDX-License-Identifier: Apache-2.0 */
#include "h5_private.h"
#include <stdlib.h>
#include <string.h>

/* The trees of two files as one: nodes of the other keep their file, see kf_h5_node.from. */
struct join {
    struct kf_h5 *h5, *other;
    struct kf_report *rep;
};

static int compare_nodes(const void *a, const void *b)
{
    const struct kf_h5_node *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

static struct kf_h5_node *find_child(const struct kf_h5_node *node, const struct kf_h5_node *like)
{
    struct kf_h5_node *const *found = node->n_children
                                          ? bsearch(&like, node->children, node->n_children,
                                                    sizeof(struct kf_h5_node *), compare_nodes)
                                          : NULL;

    return found ? *found : NULL;
}

/* As deep as kf_h5_check() let the other file be. */
static void mark(struct kf_h5_node *node, struct kf_h5 *from)
{
    node->from = from;
    for (size_t i = 0; i < node->n_children; i++)
        mark(node->children[i], from);
}

static int join_groups(struct join *join, struct kf_h5_node *node, const struct kf_h5_node *with);

/* One member of the other file's group: NULL in `*new_out` when the group has it already. */
static int join_member(struct join *join, struct kf_h5_node *node, struct kf_h5_node *member,
                       struct kf_h5_node **new_out)
{
    struct kf_h5_node *own = find_child(node, member);

    *new_out = own ? NULL : member;
    if (!own) {
        mark(member, join->other);
        member->parent = node;
        return 0;
    }
    if (own->dataset || member->dataset)
        return kf_report_add(join->rep, KF_MAPPING_AMBIGUOUS, own->name,
                             "two shards hold the dataset %s/%s", node->name, own->name);
    return join_groups(join, own, member);
}

static int join_groups(struct join *join, struct kf_h5_node *node, const struct kf_h5_node *with)
{
    size_t n = node->n_children;
    struct kf_h5_node **children =
        kf_arena_alloc(join->h5->arena, (n + with->n_children + 1) * sizeof(*children));

    if (!children)
        return kf_report_add(join->rep, KF_NO_MEMORY, "", "no memory for the files' trees");
    if (n)
        memcpy(children, node->children, n * sizeof(*children));
    for (size_t i = 0; i < with->n_children; i++) {
        struct kf_h5_node *made = NULL;

        KF_TRY(join_member(join, node, with->children[i], &made));
        if (made)
            children[n++] = made;
    }
    qsort(children, n, sizeof(*children), compare_nodes);
    node->children = children;
    node->n_children = n;
    return 0;
}

int kf_h5_join(struct kf_h5 *h5, struct kf_h5 *other, struct kf_report *rep)
{
    struct join join = {.h5 = h5, .other = other, .rep = rep};

    return join_groups(&join, h5->root, other->root);
}
