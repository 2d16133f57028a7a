/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_H5_OUT_H
#define KF_IO_H5_OUT_H

#include "../move.h"
#include "h5.h"
#include "h5_types.h"

/*
 * Between the h5_write*.c files only, which write HDF5 themselves: HDF5's library takes about 100
 * microseconds for each dataset that it creates, and bytes between which a kernel cannot copy.
 * What a model needs is little of the format, and the oldest part of it, which everybody reads:
 *
 *   superblock       version 0, at 0
 *   texts            collections of the global heap, where they come
 *   in the order in which they were made, each at a multiple of 8:
 *     group          local heap of names, symbol nodes, B-tree, object header 1: symbol table,
 *                    attributes
 *     dataset        object header 1: dataspace, datatype, fill value, layout, attributes; then
 *                    its bytes, contiguous
 *
 * Keras 2.13 to 2.15 and the first of Keras 3 read HDF5 out of a zip through Python, which reads
 * from the member's beginning when it goes back and all that is between when it goes on: whoever
 * takes layer after layer goes forwards here. All of it is written at the end, when what is known
 * of the last object is known to the first.
 * Source: HDF5 File Format Specification 3.0
 */
#define KF_H5_SUPERBLOCK 96

/* Least size of a collection of the global heap, H5HG_MINSIZE there. */
#define KF_H5_COLLECTION 4096

/* An attribute: the data of its message, padded to a multiple of 8. */
struct kf_h5_out_attr {
    struct kf_h5_out_attr *next;
    const char *name, *data;
    size_t n;
};

/* The bytes of a dataset, and who wants to hear of them. */
struct kf_h5_out_data {
    const struct kf_payload *payload;
    enum kf_checksum_kind checksum;
    struct kf_tensor_report *row;
    const char *path;
};

/* A group or a dataset of the file that is written. */
struct kf_h5_object {
    struct kf_h5_object *parent;   /* NULL for the root */
    struct kf_h5_object *next;     /* made after this one; so a group comes before its members */
    struct kf_h5_object *children; /* of a group, the last one first */
    struct kf_h5_object *sibling;
    struct kf_h5_object **members; /* the children sorted by name, when they get their places */
    const char *name;
    size_t n_children;
    struct kf_h5_out_attr *attrs;
    size_t n_attrs;
    const struct kf_h5_out_data *data; /* of a dataset, NULL for a group */
    uint64_t at;                       /* of its bytes, KF_H5_UNDEFINED when there are none */
    uint64_t address;                  /* of its header */
    uint64_t name_at;                  /* its name in the heap of the group that it is in */
    uint64_t tree_at, heap_at;         /* of a group */
};

/* Texts that wait for their collection to be full. */
struct kf_h5_texts {
    uint64_t at; /* its place in the file, which is kept free */
    size_t n;    /* bytes that are taken; 0 when there is none */
    unsigned count;
    char data[KF_H5_COLLECTION];
};

struct kf_h5_out {
    struct kf_sink own; /* the file where it was made here, else KF_SINK_NONE */
    struct kf_mover mover;
    struct kf_arena *arena;
    struct kf_h5_object *root, *last;
    struct kf_h5_object **table; /* all but the root by their path, a hash table */
    size_t n_objects, cap;
    uint64_t end; /* of what has a place */
    struct kf_h5_texts texts;
};

/* h5_write.c: NULL when there is no such object. */
struct kf_h5_object *kf_h5_out_find(const struct kf_h5_out *h5, const char *path);
/** Make an empty member of `parent`; one of that name may not be there. WRITE_FAILED, NO_MEMORY. */
int kf_h5_out_make(struct kf_h5_object **out, struct kf_h5_out *h5, struct kf_h5_object *parent,
                   const char *name, struct kf_report *rep);
/** The next `n` bytes of the file, at a multiple of 8. */
uint64_t kf_h5_out_place(struct kf_h5_out *h5, uint64_t n);
/** Write what is no tensor. WRITE_FAILED. */
int kf_h5_out_write(struct kf_h5_out *h5, uint64_t at, const void *data, size_t n,
                    struct kf_report *rep);

/* h5_write_attr.c: an array of `n` elements, or a scalar when `rank` is 0. */
struct kf_h5_value {
    const unsigned char *type;
    size_t type_n; /* bytes, without padding */
    unsigned rank;
    uint64_t n;
    const void *data;
    size_t data_n; /* bytes */
};
/** WRITE_FAILED, also when the object has it already; NO_MEMORY. */
int kf_h5_out_attr(struct kf_h5_out *h5, const char *path, const char *name,
                   const struct kf_h5_value *value, struct kf_report *rep);
/** Write the collection of texts that is not full. WRITE_FAILED. */
int kf_h5_out_texts(struct kf_h5_out *h5, struct kf_report *rep);

/* h5_write_tree.c: all objects, and the superblock. What pulling reports, WRITE_FAILED, NO_MEMORY.
 */
int kf_h5_out_tree(struct kf_h5_out *h5, struct kf_report *rep);

/** Put `n` bytes of a little-endian number; returns what follows them. */
static inline char *kf_h5_put(char *to, uint64_t value, size_t n)
{
    for (; n > 0; n--, value >>= 8)
        *to++ = (char)(value & 0xff);
    return to;
}

static inline uint64_t kf_h5_padded(uint64_t n)
{
    return (n + 7) / 8 * 8;
}

#endif
