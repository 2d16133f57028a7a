/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/alloc.h"
#include "../../base/str.h"
#include "h5_private.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Bytes of names that one file may have; a million names of 64 bytes are a quarter of it. */
#define NAMES_BYTES_MAX ((uint64_t)256 << 20)

/* Element `i` of a string attribute, without its padding. */
static int element(struct kf_h5 *h5, const struct kf_h5_attr *attr, uint64_t i,
                   const char **text_out, size_t *n_out, struct kf_report *rep)
{
    const char *p = attr->data + i * attr->size;

    if (attr->vlen)
        return kf_h5_heap_text(h5, p, text_out, n_out, rep);
    *text_out = p;
    *n_out = strnlen(p, (size_t)attr->size);
    while (attr->spaces && *n_out > 0 && p[*n_out - 1] == ' ')
        --*n_out;
    return 0;
}

/* The file whose attributes those of a path are: see kf_h5_join(). */
static struct kf_h5 *file_of(struct kf_h5 *h5, const char *path)
{
    const struct kf_h5_node *node = kf_h5_find(h5, path);

    return node && node->from ? node->from : h5;
}

/* Find an attribute; `*out` stays empty when there is none. */
static int find(struct kf_h5_attr *out, struct kf_h5 *h5, const char *path, const char *name,
                struct kf_report *rep)
{
    const struct kf_h5_node *node = kf_h5_find(h5, path);

    *out = (struct kf_h5_attr){0};
    if (!node)
        return 0;
    KF_TRY(kf_h5_attr_find(out, h5, node->address, name, rep));
    if (!out->found && out->dense)
        return kf_report_add(rep, KF_UNSAFE, path,
                             "attributes in dense storage are not read: rewrite the file with "
                             "h5repack");
    return 0;
}

bool kf_h5_has_attr(struct kf_h5 *h5, const char *path, const char *name)
{
    const struct kf_h5_node *node = kf_h5_find(h5, path);
    struct kf_h5_attr attr = {0};
    struct kf_report rep;
    bool has;

    if (!node)
        return false;
    h5 = file_of(h5, path);
    kf_report_init(&rep);
    /* A header that cannot be read is reported by whoever reads the attribute then. */
    has = kf_h5_attr_find(&attr, h5, node->address, name, &rep) < 0 || attr.found;
    if (!has && attr.dense && h5->file > 0) {
        hid_t id = H5Oopen_by_addr(h5->file, node->address);

        has = H5Aexists(id, name) > 0;
        H5Oclose(id);
    }
    kf_h5_attr_finish(&attr);
    kf_report_finish(&rep);
    return has;
}

static int append_text(struct kf_h5 *h5, const struct kf_h5_attr *attr, const char *path,
                       struct kf_buf *out, struct kf_report *rep)
{
    const char *text;
    size_t n;

    KF_TRY(element(h5, attr, 0, &text, &n, rep));
    if (n > out->max - out->n)
        return kf_report_add(rep, KF_TOO_LARGE, path, "an attribute of %zu bytes", n);
    if (!kf_buf_add(out, text, n))
        return kf_report_add(rep, KF_NO_MEMORY, path, "no memory for an attribute");
    return 0;
}

int kf_h5_attr_text(struct kf_h5 *h5, const char *path, const char *name, struct kf_buf *out,
                    struct kf_report *rep)
{
    struct kf_h5_attr attr;
    int status;

    h5 = file_of(h5, path);
    KF_TRY(find(&attr, h5, path, name, rep));
    if (!attr.found)
        status = kf_report_add(rep, KF_BAD_CONFIG, path, "the attribute %s is missing", name);
    else if (!attr.text || attr.n != 1)
        status = kf_report_add(rep, KF_BAD_CONFIG, path, "the attribute %s is no text", name);
    else
        status = append_text(h5, &attr, path, out, rep);
    kf_h5_attr_finish(&attr);
    return status;
}

const char *kf_h5_attr_short(struct kf_h5 *h5, const char *path, const char *name,
                             struct kf_arena *arena)
{
    const struct kf_h5_node *node = kf_h5_find(h5, path);

    return node ? kf_h5_node_text(file_of(h5, path), node, name, arena) : NULL;
}

const char *kf_h5_node_text(struct kf_h5 *h5, const struct kf_h5_node *node, const char *name,
                            struct kf_arena *arena)
{
    struct kf_h5_attr attr;
    struct kf_report rep; /* whatever is wrong with it, it is no short text */
    const char *text, *copy = NULL;
    size_t n;

    kf_report_init(&rep);
    if (kf_h5_attr_find(&attr, h5, node->address, name, &rep) == 0 && attr.text && attr.n == 1 &&
        element(h5, &attr, 0, &text, &n, &rep) == 0)
        copy = kf_arena_strndup(arena, text, n);
    kf_h5_attr_finish(&attr);
    kf_report_finish(&rep);
    return copy;
}

/* A list of names in the making. */
struct names {
    struct kf_arena *arena;
    const char **list;
    size_t n, cap;
};

static int add_name(struct kf_h5 *h5, struct names *names, const char *text, size_t n,
                    struct kf_report *rep)
{
    const char *copy;

    h5->names_bytes += n;
    if (names->n >= h5->limits.tensors || h5->names_bytes > NAMES_BYTES_MAX)
        return kf_report_add(rep, KF_TOO_LARGE, "", "more names than a model may have");
    copy = kf_arena_strndup(names->arena, text, n);
    if (!copy || !kf_grow(&names->list, &names->cap, names->n + 1, sizeof(*names->list)))
        return kf_report_add(rep, KF_NO_MEMORY, "", "no memory for names");
    names->list[names->n++] = copy;
    return 0;
}

/* Add the names in the attribute `name`; `*found` says whether there is one. */
static int add_names(struct kf_h5 *h5, const char *path, const char *name, struct names *names,
                     bool *found, struct kf_report *rep)
{
    struct kf_h5_attr attr;
    int status = 0;

    KF_TRY(find(&attr, h5, path, name, rep));
    *found = attr.found;
    if (attr.found && attr.n > 0 && !attr.text)
        status = kf_report_add(rep, KF_BAD_CONFIG, path, "the attribute %s holds no names", name);
    for (uint64_t i = 0; status == 0 && i < attr.n; i++) {
        const char *text;
        size_t n;

        status = element(h5, &attr, i, &text, &n, rep);
        if (status == 0)
            status = add_name(h5, names, text, n, rep);
    }
    kf_h5_attr_finish(&attr);
    return status;
}

static int collect_names(struct kf_h5 *h5, const char *path, const char *name, struct names *names,
                         struct kf_report *rep)
{
    char numbered[80];
    bool found, more;

    KF_TRY(add_names(h5, path, name, names, &found, rep));
    more = !found;
    for (unsigned i = 0; more; i++) {
        snprintf(numbered, sizeof(numbered), "%s%u", name, i);
        KF_TRY(add_names(h5, path, numbered, names, &more, rep));
        found = found || more;
    }
    if (!found)
        return kf_report_add(rep, KF_BAD_CONFIG, path, "the attribute %s is missing", name);
    return 0;
}

int kf_h5_attr_names(struct kf_h5 *h5, const char *path, const char *name, struct kf_arena *arena,
                     const char ***names_out, size_t *n_out, struct kf_report *rep)
{
    struct names names = {.arena = arena};
    int status = collect_names(file_of(h5, path), path, name, &names, rep);
    const char **list = NULL;

    if (status == 0) {
        list = kf_arena_alloc(arena, (names.n + 1) * sizeof(*list));
        if (!list)
            status = kf_report_add(rep, KF_NO_MEMORY, path, "no memory for names");
        else if (names.n > 0)
            memcpy(list, names.list, names.n * sizeof(*list));
    }
    kf_free(names.list);
    if (status < 0)
        return status;
    *names_out = list;
    *n_out = names.n;
    return 0;
}
