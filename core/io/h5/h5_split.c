/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/alloc.h"
#include "h5_private.h"
#include <stdlib.h>
#include <string.h>

/*
 * Keras 2.12-2.15 joined the paths of groups by os.path.join, so on Windows a group of the root is
 * called "layers\dense\cell", whole. The nodes made here stand where the name would have led on
 * other systems; what they hold are the file's own nodes, which HDF5 still finds by their names.
 */

/* Layers in layers and wrappers in wrappers: far below. */
#define PARTS_MAX 128

struct entry {
    const char *rest; /* what is left of the name at this depth */
    const struct kf_h5_node *node;
};

struct split {
    struct kf_h5 *h5;
    struct kf_report *rep;
    uint64_t n_nodes; /* made so far */
    unsigned depth;
};

static int no_memory(const struct split *split)
{
    return kf_report_add(split->rep, KF_NO_MEMORY, "", "no memory for the file's tree");
}

/* A name's end comes before its separators, and these before all that a name can hold. */
static int rank(char c)
{
    return c == '\0' ? 0 : c == '\\' ? 1 : 2 + (unsigned char)c;
}

static int compare_entries(const void *a, const void *b)
{
    const char *x = ((const struct entry *)a)->rest, *y = ((const struct entry *)b)->rest;

    while (*x && *x == *y) {
        x++;
        y++;
    }
    return rank(*x) - rank(*y);
}

static int compare_nodes(const void *a, const void *b)
{
    const struct kf_h5_node *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

static int add_below(struct split *split, struct kf_h5_node *above, struct entry *entries,
                     size_t n);

/* The node of the entries that begin with the same part; one may end there, the others go on. */
static int make_node(struct split *split, struct kf_h5_node *node, struct entry *entries, size_t n,
                     size_t part)
{
    const struct kf_h5_node none = {.address = KF_NOWHERE};
    bool ends = !entries->rest[part];

    *node = ends ? *entries->node : none;
    node->name = kf_arena_strndup(split->h5->arena, entries->rest, part);
    if (!node->name)
        return no_memory(split);
    entries += ends;
    n -= ends;
    if (n > 0 && node->dataset)
        return kf_report_add(split->rep, KF_CORRUPT, node->name, "a dataset holds groups");
    for (size_t i = 0; i < n; i++)
        entries[i].rest += part + 1;
    return n > 0 ? add_below(split, node, entries, n) : 0;
}

static int set_children(struct split *split, struct kf_h5_node *node, struct kf_h5_node *more,
                        size_t n)
{
    struct kf_h5_node **children =
        kf_arena_alloc(split->h5->arena, (node->n_children + n + 1) * sizeof(*children));

    if (!children)
        return no_memory(split);
    if (node->n_children > 0)
        memcpy(children, node->children, node->n_children * sizeof(*children));
    for (size_t i = 0; i < n; i++)
        children[node->n_children + i] = &more[i];
    node->children = children;
    node->n_children += n;
    qsort(children, node->n_children, sizeof(*children), compare_nodes);
    for (size_t i = 1; i < node->n_children; i++)
        if (compare_nodes(&children[i - 1], &children[i]) == 0)
            return kf_report_add(split->rep, KF_CORRUPT, "",
                                 "two members are called %s once backslashes part names",
                                 children[i]->name);
    return 0;
}

/* How many of the entries begin with the same part as the first, which has `part` bytes. */
static size_t run_of(const struct entry *entries, size_t n, size_t *part)
{
    size_t run = 1;

    *part = strcspn(entries->rest, "\\");
    while (run < n && strncmp(entries->rest, entries[run].rest, *part) == 0 &&
           rank(entries[run].rest[*part]) < 2)
        run++;
    return run;
}

/* Room for the nodes of one level, as many as there are parts; NULL is reported. */
static struct kf_h5_node *make_room(struct split *split, const struct entry *entries, size_t n)
{
    struct kf_h5_node *nodes;
    size_t made = 0, part;

    for (size_t i = 0; i < n; i += run_of(entries + i, n - i, &part))
        made++;
    split->n_nodes += made;
    if (split->n_nodes > split->h5->limits.objects || ++split->depth > PARTS_MAX) {
        kf_report_add(split->rep, KF_TOO_LARGE, "", "too many backslashes in names of groups");
        return NULL;
    }
    nodes = kf_arena_alloc(split->h5->arena, (made + 1) * sizeof(*nodes));
    if (!nodes)
        no_memory(split);
    return nodes;
}

static int add_below(struct split *split, struct kf_h5_node *above, struct entry *entries, size_t n)
{
    struct kf_h5_node *nodes = make_room(split, entries, n);
    size_t made = 0, part, run;

    if (!nodes)
        return kf_report_status(split->rep);
    for (size_t i = 0; i < n; i += run) {
        run = run_of(entries + i, n - i, &part);
        if (part == 0)
            return kf_report_add(split->rep, KF_CORRUPT, entries[i].node->name,
                                 "a group's name has an empty part between backslashes");
        KF_TRY(make_node(split, &nodes[made], entries + i, run, part));
        nodes[made++].parent = above;
    }
    split->depth--;
    return set_children(split, above, nodes, made);
}

static int split_root(struct split *split, struct entry *entries)
{
    struct kf_h5_node *root = split->h5->root;
    size_t n = root->n_children;

    for (size_t i = 0; i < n; i++)
        entries[i] = (struct entry){root->children[i]->name, root->children[i]};
    qsort(entries, n, sizeof(*entries), compare_entries);
    root->n_children = 0;
    return add_below(split, root, entries, n);
}

int kf_h5_split_names(struct kf_h5 *h5, struct kf_report *rep)
{
    struct split split = {.h5 = h5, .rep = rep};
    struct entry *entries;
    bool any = false;
    int status;

    for (size_t i = 0; i < h5->root->n_children; i++)
        any = any || strchr(h5->root->children[i]->name, '\\');
    if (!any)
        return 0;
    entries = kf_alloc(h5->root->n_children * sizeof(*entries));
    status = entries ? split_root(&split, entries) : no_memory(&split);
    kf_free(entries);
    return status < 0 ? status : 1;
}
