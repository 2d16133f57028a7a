/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/alloc.h"
#include "../../base/str.h"
#include "zip_input.h"
#include "zip_private.h"
#include <inttypes.h>
#include <string.h>

struct kf_zip {
    struct kf_arena *arena;
    struct kf_zip_dir dir;
    struct kf_zip_input input;
    zip_t *zip;
};

/* libzip must see the members that we see. */
static int compare_views(const struct kf_zip *zip, struct kf_report *rep)
{
    size_t n = (size_t)zip_get_num_entries(zip->zip, 0);

    for (size_t i = 0; n == zip->dir.n && i < n; i++) {
        const char *name = zip_get_name(zip->zip, i, ZIP_FL_ENC_RAW);

        if (!name || strcmp(name, zip->dir.members[i].name) != 0)
            n = SIZE_MAX;
    }
    if (n != zip->dir.n)
        return kf_report_add(rep, KF_UNSAFE, "", "the zip's directory can be read in two ways");
    return 0;
}

int kf_zip_open(struct kf_zip **out, const struct kf_source *src, const struct kf_limits *limits,
                struct kf_report *rep)
{
    KF_AUTO(kf_zip) zip = kf_alloc(sizeof(*zip));

    if (zip)
        zip->arena = kf_arena_create();
    if (!zip || !zip->arena)
        return kf_report_add(rep, KF_NO_MEMORY, "", "no memory to open zip");
    KF_TRY(kf_zip_dir_read(&zip->dir, src, limits, zip->arena, rep));
    KF_TRY(kf_zip_dir_check(&zip->dir, src, limits, zip->arena, rep));
    KF_TRY(kf_zip_input_open(&zip->zip, &zip->input, src, rep));
    KF_TRY(compare_views(zip, rep));
    *out = kf_zip_take(&zip);
    return 0;
}

void kf_zip_destroy(struct kf_zip *zip)
{
    if (!zip)
        return;
    for (size_t i = 0; i < zip->dir.n; i++) {
        if (zip->dir.members[i].seen)
            kf_crc_finish(zip->dir.members[i].seen);
        kf_free(zip->dir.members[i].seen);
    }
    if (zip->zip)
        zip_discard(zip->zip);
    zip_error_fini(&zip->input.error);
    kf_arena_destroy(zip->arena);
    kf_free(zip);
}

size_t kf_zip_count(const struct kf_zip *zip)
{
    return zip->dir.n;
}

const char *kf_zip_name(const struct kf_zip *zip, size_t index)
{
    return zip->dir.members[index].name;
}

/* The first member in the order of names that does not come before `name`. */
static size_t lower_bound(const struct kf_zip_dir *dir, const char *name)
{
    size_t low = 0, high = dir->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (strcmp(dir->by_name[mid]->name, name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

void kf_zip_below(const struct kf_zip *zip, const char *prefix, size_t *first_out, size_t *n_out)
{
    size_t end;

    *first_out = end = lower_bound(&zip->dir, prefix);
    while (end < zip->dir.n && kf_starts(zip->dir.by_name[end]->name, prefix))
        end++;
    *n_out = end - *first_out;
}

const char *kf_zip_at(const struct kf_zip *zip, size_t index)
{
    return zip->dir.by_name[index]->name;
}

bool kf_zip_has(const struct kf_zip *zip, const char *name)
{
    return kf_zip_dir_find(&zip->dir, name);
}

static int find(const struct kf_zip *zip, const char *name, const struct kf_zip_member **out,
                struct kf_report *rep)
{
    *out = kf_zip_dir_find(&zip->dir, name);
    if (!*out)
        return kf_report_add(rep, KF_BAD_CONFIG, name, "the zip has no such member");
    return 0;
}

/* Where the bytes of a member go: to a buffer or to a spool. */
struct sink {
    int (*put)(const struct sink *sink, const void *data, size_t n, struct kf_report *rep);
    void *to;
    const char *name; /* the member's */
};

static int put_in_buf(const struct sink *sink, const void *data, size_t n, struct kf_report *rep)
{
    if (!kf_buf_add(sink->to, data, n))
        return kf_report_add(rep, KF_NO_MEMORY, sink->name, "no memory for a member");
    return 0;
}

static int put_in_spool(const struct sink *sink, const void *data, size_t n, struct kf_report *rep)
{
    return kf_spool_write(sink->to, data, n, rep);
}

/* Read to the end, so that libzip compares the CRC. */
static int read_member(zip_file_t *file, const struct kf_zip_member *member,
                       const struct sink *sink, struct kf_report *rep)
{
    char piece[16384];
    uint64_t total = 0;
    zip_int64_t n;

    while ((n = zip_fread(file, piece, sizeof(piece))) > 0) {
        total += (uint64_t)n;
        if (total > member->size)
            break;
        KF_TRY(sink->put(sink, piece, (size_t)n, rep));
    }
    if (n < 0 || total != member->size)
        return kf_report_add(rep, KF_CORRUPT, member->name, "the member is damaged: %s",
                             n < 0 ? zip_file_strerror(file) : "not as long as it says");
    return 0;
}

static int pour(struct kf_zip *zip, const struct kf_zip_member *member, const struct sink *sink,
                struct kf_report *rep)
{
    zip_uint64_t index = (zip_uint64_t)(member - zip->dir.members);
    zip_file_t *file = zip_fopen_index(zip->zip, index, 0);
    int status;

    if (!file)
        return kf_report_add(rep, KF_CORRUPT, member->name, "the member cannot be read: %s",
                             zip_strerror(zip->zip));
    status = read_member(file, member, sink, rep);
    zip_fclose(file);
    return status;
}

uint64_t kf_zip_size(const struct kf_zip *zip, size_t index)
{
    return zip->dir.members[index].size;
}

bool kf_zip_is_stored(const struct kf_zip *zip, size_t index)
{
    return zip->dir.members[index].method == ZIP_CM_STORE;
}

int kf_zip_peek(struct kf_zip *zip, size_t index, void *to, int n, struct kf_report *rep)
{
    const struct kf_zip_member *member = &zip->dir.members[index];
    zip_file_t *file = zip_fopen_index(zip->zip, index, 0);
    zip_int64_t got = file ? zip_fread(file, to, (zip_uint64_t)n) : -1;

    if (file)
        zip_fclose(file);
    if (got < 0)
        return kf_report_add(rep, KF_CORRUPT, member->name, "the member cannot be read");
    return (int)got;
}

int kf_zip_unpack(struct kf_zip *zip, size_t index, struct kf_spool *spool, struct kf_report *rep)
{
    const struct kf_zip_member *member = &zip->dir.members[index];

    return pour(zip, member, &(struct sink){put_in_spool, spool, member->name}, rep);
}

int kf_zip_read(struct kf_zip *zip, const char *name, struct kf_buf *out, struct kf_report *rep)
{
    const struct kf_zip_member *member;

    KF_TRY(find(zip, name, &member, rep));
    if (member->size > out->max - out->n)
        return kf_report_add(rep, KF_TOO_LARGE, name, "a member of %" PRIu64 " bytes",
                             member->size);
    return pour(zip, member, &(struct sink){put_in_buf, out, name}, rep);
}

int kf_zip_member(struct kf_zip *zip, const char *name, struct kf_spool *spool,
                  const struct kf_options *options, struct kf_source *out, struct kf_report *rep)
{
    const struct kf_zip_member *member;
    uint64_t before;

    KF_TRY(find(zip, name, &member, rep));
    if (member->method == ZIP_CM_STORE)
        return kf_zip_stored(zip, name, out, rep);
    if (spool->fd < 0)
        KF_TRY(kf_spool_create(spool, 0, options, rep));
    before = spool->size;
    spool->ceiling = before + member->size; /* all members together fit in a uint64_t */
    KF_TRY(pour(zip, member, &(struct sink){put_in_spool, spool, name}, rep));
    *out = kf_spool_source(spool, zip->input.src.name);
    out->base = before;
    out->size -= before;
    return 0;
}

static struct kf_source range_of(const struct kf_zip *zip, const struct kf_zip_member *member)
{
    const struct kf_source *src = &zip->input.src;

    return (struct kf_source){.fd = src->fd,
                              .base = src->base + member->data_at,
                              .size = member->size,
                              .name = src->name};
}

int kf_zip_stored(struct kf_zip *zip, const char *name, struct kf_source *out,
                  struct kf_report *rep)
{
    const struct kf_zip_member *member;
    struct kf_crc **seen;

    KF_TRY(find(zip, name, &member, rep));
    if (member->method != ZIP_CM_STORE)
        return kf_report_add(rep, KF_BAD_CONFIG, name,
                             "the member is compressed: pack the zip again with zip -0");
    seen = &zip->dir.members[member - zip->dir.members].seen;
    if (!*seen && !(*seen = kf_alloc(sizeof(**seen))))
        return kf_report_add(rep, KF_NO_MEMORY, name, "no memory for a member");
    *out = range_of(zip, member);
    out->crc = *seen;
    return 0;
}

static int verify_member(const struct kf_zip *zip, const struct kf_zip_member *member,
                         struct kf_report *rep)
{
    struct kf_source src = range_of(zip, member);
    uint32_t crc;

    KF_TRY(kf_crc_whole(&crc, member->seen, &src, rep));
    if (crc != member->crc)
        return kf_report_add(rep, KF_CORRUPT, member->name, "the member's CRC is wrong");
    return 0;
}

int kf_zip_verify(struct kf_zip *zip, struct kf_report *rep)
{
    for (size_t i = 0; i < zip->dir.n; i++)
        if (zip->dir.members[i].seen)
            KF_TRY(verify_member(zip, &zip->dir.members[i], rep));
    return 0;
}
