/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_H5_PRIVATE_H
#define KF_IO_H5_PRIVATE_H

/* Between the h5*.c files that read only. */
#define H5_USE_110_API
#include "h5.h"
#include "h5_types.h"
#include <hdf5.h>

/**
 * Report that HDF5 failed, "<what>: <its own words>", and clear its error stack. NO_MEMORY instead
 * of `code` when memory has run out, which HDF5 does not tell apart.
 */
int kf_h5_fail(struct kf_report *rep, enum kf_code code, const char *where, const char *what);

/** Type of a dtype in memory: close it; -1 without memory. */
hid_t kf_h5_type(enum kf_dtype dtype);

/* A dataset, as the check found it. */
struct kf_h5_dataset {
    struct kf_h5 *h5;
    const struct kf_h5_node *node;
    enum kf_dtype dtype;
    const char *odd; /* what it has that no tensor has, else NULL */
    bool own_type;   /* read without conversion: bool, bfloat16 */
    bool packed;     /* its chunks pass through filters */
    bool foreign;    /* not little-endian: HDF5 must convert */
    unsigned rank;
    uint64_t *dims;
    uint64_t file_at;      /* in the input file, KF_NOWHERE when HDF5 must read it */
    uint64_t chunk, cache; /* bytes of a chunk; of the chunks that a linear read needs at once */
};

/* The file's tree. Every object is in it once; nothing is looked up by HDF5 any more. */
struct kf_h5_node {
    const char *name;
    const struct kf_h5_node *parent; /* NULL for the root */
    uint64_t address;                /* of the object header, from the frame's base */
    struct kf_h5_node **children;    /* sorted by name */
    size_t n_children;
    struct kf_h5_dataset *dataset; /* NULL for a group */
    struct kf_h5 *from;            /* the file it stands in, NULL for the one whose tree it is in */
};

/* One collection of the global heap, where variable-length strings are. */
struct kf_h5_heap {
    uint64_t address, loaded; /* `loaded`: bytes read so far, all collections together */
    char *data;
    size_t size;
};

/* The last pages of the file in which something small was read. */
#define KF_H5_PAGE  ((size_t)4096)
#define KF_H5_PAGES 16
struct kf_h5_page {
    uint64_t number;
    size_t n; /* bytes, 0 when there is none; fewer than a page at the end of the file */
    char data[KF_H5_PAGE];
};

struct kf_h5 {
    struct kf_source src;
    struct kf_h5_page pages[KF_H5_PAGES];
    struct kf_limits limits;
    struct kf_arena *arena;
    hid_t driver, file, opened; /* `opened` is the dataset of the last pull */
    const struct kf_h5_dataset *opened_for;
    uint64_t base, root_address; /* where HDF5's address 0 is in the source; see h5_frame.c */
    bool plain; /* the frame has nothing that only the library shall judge, see h5_plain.h */
    struct kf_h5_node *root;
    struct kf_h5_heap heap;
    uint64_t names_bytes; /* of all lists of names that were read */
    uint64_t heaps_bytes; /* of all groups' names, see h5_symbols.c */
};

/** h5_pages.c: kf_source_read() of h5->src, for many small pieces. */
int kf_h5_read(struct kf_h5 *h5, uint64_t at, void *to, size_t n, struct kf_report *rep);

/* h5_frame.c: the superblock; sets base and root_address. */
int kf_h5_frame(struct kf_h5 *h5, struct kf_report *rep);

/* h5_driver.c: register the driver, to be unregistered by the caller, and set it to open `src`. */
int kf_h5_driver(hid_t *driver, hid_t fapl, const struct kf_source *src, struct kf_report *rep);

/* h5_check.c: walk the whole tree, refuse what is unsafe, give h5->root its children. */
int kf_h5_check(struct kf_h5 *h5, struct kf_report *rep);

struct kf_h5_plain;

/* h5_dataset.c: look at one dataset, whose `id` is open. */
struct kf_h5_sums {
    uint64_t declared, contiguous; /* bytes of all datasets, of the contiguous ones */
    uint64_t chunks;               /* of all datasets, written or not */
};
/** Make the dataset of a node, with nothing known about it yet; NULL without memory, reported. */
struct kf_h5_dataset *kf_h5_dataset_new(struct kf_h5 *h5, struct kf_h5_node *node,
                                        struct kf_report *rep);
int kf_h5_look(struct kf_h5 *h5, struct kf_h5_node *node, const char *path, hid_t id,
               struct kf_h5_sums *sums, struct kf_report *rep);
/** The same without the library, of a dataset that is plain. */
int kf_h5_look_plain(struct kf_h5 *h5, struct kf_h5_node *node, const char *path,
                     const struct kf_h5_plain *plain, struct kf_h5_sums *sums,
                     struct kf_report *rep);

/** Set dtype, own_type, foreign and odd from the file's type (h5_type.c). */
void kf_h5_recognise(struct kf_h5_dataset *dataset, hid_t type);

/* h5_chunks.c: check that each chunk of an open, packed dataset unpacks to its size. CORRUPT. */
int kf_h5_chunks(const struct kf_h5_dataset *dataset, hid_t id, struct kf_report *rep);

/* h5_attr.c */
struct kf_h5_node *kf_h5_find(const struct kf_h5 *h5, const char *path);
/** Text of a short scalar string attribute of a node, or NULL. */
const char *kf_h5_node_text(struct kf_h5 *h5, const struct kf_h5_node *node, const char *name,
                            struct kf_arena *arena);

/*
 * h5_header.c: visit the messages of the object header at `address`. A visitor returns 0 to go on,
 * less to fail, 1 to stop; then `*block_out` owns what its message lies in, else it is NULL.
 */
struct kf_h5_visitor {
    bool *plain_out; /* where to say whether the header is of version 1 and holds what it says */
    int (*visit)(void *context, unsigned type, unsigned flags, const char *p, size_t n);
    void *context;
};
int kf_h5_messages(struct kf_h5 *h5, uint64_t address, const struct kf_h5_visitor *visitor,
                   char **block_out, struct kf_report *rep);
/** Little-endian number of `n` bytes. */
uint64_t kf_h5_get(const char *p, size_t n);

/*
 * h5_guard.c: check what HDF5 would not survive, or may not do, before it opens the object.
 * CORRUPT, UNSAFE.
 */
struct kf_h5_plain {
    bool odd; /* it has something that only the library shall judge, see h5_plain.h */
    unsigned n_spaces, n_types, n_layouts, n_fills, n_symbols;
    uint64_t tree, heap; /* of a group */
    enum kf_dtype dtype;
    unsigned rank;
    uint64_t dims[KF_RANK_MAX];
    uint64_t at, stored; /* of a dataset's bytes, from the frame's base */
};
struct kf_h5_guard {
    struct kf_h5_plain plain;
    bool has_type, has_layout; /* a dataset has both, a committed type no layout */
    const char *odd;           /* a type that no tensor has, and HDF5 shall not see; else NULL */
};
int kf_h5_guard(struct kf_h5_guard *out, struct kf_h5 *h5, uint64_t address, const char *path,
                struct kf_report *rep);
/** True when a type message is whole. `*odd_out` names a type that no tensor has, or is NULL. */
bool kf_h5_type_sound(const char *p, size_t n, const char **odd_out);
/** True when a message of filters is whole. Which filters may be, h5_dataset.c says. */
bool kf_h5_filters_sound(const char *p, size_t n);

/* h5_message.c: an attribute as it lies in an object header. */
struct kf_h5_attr {
    bool found;
    bool dense;       /* the object keeps its attributes elsewhere, which is not read */
    bool vlen;        /* variable-length strings, 16 bytes each */
    bool text;        /* strings of any kind */
    bool spaces;      /* padded with spaces */
    uint64_t n;       /* elements */
    uint64_t size;    /* bytes an element */
    const char *data; /* n * size bytes in `block` */
    char *block;      /* owned */
};
/** Look for the attribute `name` of the object at `address`. CORRUPT, NO_MEMORY. */
int kf_h5_attr_find(struct kf_h5_attr *out, struct kf_h5 *h5, uint64_t address, const char *name,
                    struct kf_report *rep);
void kf_h5_attr_finish(struct kf_h5_attr *attr);

/* h5_heap.c: the text that a variable-length element of 16 bytes names; borrowed until the next. */
int kf_h5_heap_text(struct kf_h5 *h5, const char *element, const char **text_out, size_t *n_out,
                    struct kf_report *rep);

#endif
