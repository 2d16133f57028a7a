/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/alloc.h"
#include "../../base/num.h"
#include "h5_plain.h"
#include <string.h>

/*
 * Members of a group of the old form. h5_write_tree.c has what the nodes look like. A tree counts
 * as one only when each level is one less than that above it and no node is empty: then it has no
 * more nodes than members, of which the teller takes no more than a file may have.
 *
 * Source: HDF5 File Format Specification 3.0, III.A.1, III.B to III.D
 */
#define ENTRIES    8
#define CHILDREN   32
#define ENTRY_SIZE 40
#define LEAF_SIZE  (8 + ENTRIES * ENTRY_SIZE)
#define NODE_HEAD  24
#define NODE_SIZE  (NODE_HEAD + CHILDREN * 16 + 8)
#define HEAP_HEAD  32
#define LEVEL_MAX  8
#define CACHED_MAX 1 /* what an entry for a hard link may know: nothing, or the group's tree */

/* The last node of a level, and what it says its right neighbour is. */
struct level {
    bool met;
    uint64_t address, right;
};

struct symbols {
    struct kf_h5 *h5;
    const struct kf_h5_teller *teller;
    struct kf_report *rep;
    char *names; /* of the heap, with a NUL behind them */
    uint64_t n_names;
    struct level levels[LEVEL_MAX + 1];
};

/* Read what may lie outside of the file, which then is not told as damage. */
static bool read_at(const struct symbols *symbols, uint64_t address, void *to, size_t n)
{
    struct kf_h5 *h5 = symbols->h5;
    struct kf_report ignored;
    uint64_t at;
    bool good;

    if (!kf_add(address, h5->base, &at) || at > h5->src.size || n > h5->src.size - at)
        return false;
    kf_report_init(&ignored);
    good = kf_h5_read(h5, at, to, n, &ignored) == 0;
    kf_report_finish(&ignored);
    return good;
}

/* All heaps together are no more than the file, or some are the same. */
static int read_names(struct symbols *symbols, uint64_t heap)
{
    struct kf_h5 *h5 = symbols->h5;
    char head[HEAP_HEAD];
    uint64_t n;

    if (!read_at(symbols, heap, head, sizeof(head)) || memcmp(head, "HEAP\0", 5) != 0)
        return 1;
    n = kf_h5_get(head + 8, 8);
    if (n == 0 || n > h5->src.size || !kf_add(h5->heaps_bytes, n, &h5->heaps_bytes) ||
        h5->heaps_bytes > h5->src.size)
        return 1;
    symbols->names = kf_alloc((size_t)n + 1);
    if (!symbols->names)
        return kf_report_add(symbols->rep, KF_NO_MEMORY, "", "no memory for names");
    symbols->n_names = n;
    return read_at(symbols, kf_h5_get(head + 24, 8), symbols->names, (size_t)n) ? 0 : 1;
}

static int tell_leaf(const struct symbols *symbols, uint64_t address)
{
    char leaf[LEAF_SIZE];
    size_t n;

    if (!read_at(symbols, address, leaf, sizeof(leaf)) || memcmp(leaf, "SNOD\1", 5) != 0)
        return 1;
    n = (size_t)kf_h5_get(leaf + 6, 2);
    if (n == 0 || n > ENTRIES)
        return 1;
    for (size_t i = 0; i < n; i++) {
        const char *entry = leaf + 8 + i * ENTRY_SIZE;
        uint64_t name = kf_h5_get(entry, 8);

        /* HDF5 1.10 reads a name wherever it is said to be. */
        if (name >= symbols->n_names || strlen(symbols->names + name) >= symbols->n_names - name)
            return kf_report_add(symbols->rep, KF_CORRUPT, "",
                                 "the name of a member lies outside its group's heap");
        if (kf_h5_get(entry + 16, 4) > CACHED_MAX)
            return 1;
        KF_TRY(symbols->teller->member(symbols->teller->context, symbols->names + name,
                                       kf_h5_get(entry + 8, 8)));
    }
    return 0;
}

/* Whether the nodes of each level know each other. */
static bool is_next(struct level *level, uint64_t address, uint64_t left, uint64_t right)
{
    bool good =
        level->met ? left == level->address && address == level->right : left == KF_H5_UNDEFINED;

    *level = (struct level){true, address, right};
    return good;
}

static bool are_ended(const struct symbols *symbols)
{
    for (unsigned i = 0; i <= LEVEL_MAX; i++)
        if (symbols->levels[i].met && symbols->levels[i].right != KF_H5_UNDEFINED)
            return false;
    return true;
}

/* A node of the level `*level`, or of any when that is unknown. */
static int tell_node(struct symbols *symbols, uint64_t address, unsigned level, bool root)
{
    char node[NODE_SIZE];
    int status = 0;
    size_t n;

    if (!read_at(symbols, address, node, sizeof(node)) || memcmp(node, "TREE\0", 5) != 0)
        return 1;
    n = (size_t)kf_h5_get(node + 6, 2);
    if (root)
        level = (unsigned char)node[5];
    if ((unsigned char)node[5] != level || level > LEVEL_MAX || n > CHILDREN ||
        !is_next(&symbols->levels[level], address, kf_h5_get(node + 8, 8), kf_h5_get(node + 16, 8)))
        return 1;
    if (n == 0)
        return root && level == 0 ? 0 : 1;
    for (size_t i = 0; status == 0 && i < n; i++) {
        uint64_t child = kf_h5_get(node + NODE_HEAD + 8 + i * 16, 8);

        status =
            level > 0 ? tell_node(symbols, child, level - 1, false) : tell_leaf(symbols, child);
    }
    return status;
}

int kf_h5_symbols(struct kf_h5 *h5, const struct kf_h5_plain *plain,
                  const struct kf_h5_teller *teller, struct kf_report *rep)
{
    struct symbols symbols = {.h5 = h5, .teller = teller, .rep = rep};
    int status = read_names(&symbols, plain->heap);

    if (status == 0)
        status = tell_node(&symbols, plain->tree, 0, true);
    if (status == 0 && !are_ended(&symbols))
        status = 1;
    kf_free(symbols.names);
    return status;
}
