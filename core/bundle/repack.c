/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/alloc.h"
#include "../base/num.h"
#include "../base/str.h"
#include "bundle.h"
#include <string.h>
#include <zlib.h>

/*
 * A zip of stored members in the scratch file, zip64 throughout: local headers with the bytes
 * behind them, the directory, its two ends. Source: PKWARE APPNOTE 6.3.10, 4.3
 */
#define FLAG_UTF8 0x0800
#define FULL32    UINT64_C(0xffffffff)
#define PIECE     65536

struct member {
    const char *name;
    const struct kf_piece *piece;
    uint64_t at; /* of the local header, in the zip */
    uint32_t crc;
};

struct zip {
    struct kf_bundle *bundle;
    struct kf_spool *spool;
    uint64_t from; /* where the zip begins in the scratch file */
    struct member *members;
    size_t n;
};

struct record {
    unsigned char bytes[96];
    size_t n;
};

static void put(struct record *r, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        r->bytes[r->n++] = (unsigned char)(value >> (8 * i));
}

static int flush(const struct zip *zip, const struct record *r)
{
    return kf_spool_write(zip->spool, r->bytes, r->n, zip->bundle->rep);
}

/* Read a piece once: its CRC, and with `write` its bytes into the zip. */
static int pass(const struct zip *zip, struct member *m, bool write)
{
    unsigned char *piece = kf_alloc(PIECE);
    uLong crc = crc32(0, NULL, 0);
    int status = piece ? 0 : kf_bundle_no_memory(zip->bundle);

    for (uint64_t at = 0; status == 0 && at < m->piece->src.size;) {
        size_t n = (size_t)kf_min(PIECE, m->piece->src.size - at);

        status = kf_source_read(&m->piece->src, at, piece, n, zip->bundle->rep);
        if (status == 0 && write)
            status = kf_spool_write(zip->spool, piece, n, zip->bundle->rep);
        crc = crc32(crc, piece, (uInt)n);
        at += n;
    }
    kf_free(piece);
    m->crc = (uint32_t)crc;
    return status;
}

/* What a local header and an entry of the directory share. */
static void put_common(struct record *r, const struct member *m, int extra)
{
    put(r, 45, 2);
    put(r, FLAG_UTF8, 2);
    put(r, 0, 2); /* stored */
    put(r, 0x00210000, 4);
    put(r, m->crc, 4);
    put(r, FULL32, 4);
    put(r, FULL32, 4);
    put(r, strlen(m->name), 2);
    put(r, (uint64_t)extra, 2);
}

static int write_name(const struct zip *zip, const struct member *m)
{
    return kf_spool_write(zip->spool, m->name, strlen(m->name), zip->bundle->rep);
}

static int write_local(const struct zip *zip, struct member *m)
{
    struct record r = {.n = 0}, extra = {.n = 0};

    KF_TRY(pass(zip, m, false));
    m->at = zip->spool->size - zip->from;
    put(&r, 0x04034b50, 4);
    put_common(&r, m, 20);
    KF_TRY(flush(zip, &r));
    KF_TRY(write_name(zip, m));
    put(&extra, 1, 2);
    put(&extra, 16, 2);
    put(&extra, m->piece->src.size, 8);
    put(&extra, m->piece->src.size, 8);
    KF_TRY(flush(zip, &extra));
    return pass(zip, m, true);
}

static int write_entry(const struct zip *zip, const struct member *m)
{
    struct record r = {.n = 0}, extra = {.n = 0};

    put(&r, 0x02014b50, 4);
    put(&r, 45, 2);
    put_common(&r, m, 28);
    put(&r, 0, 2 + 2 + 2); /* comment, disk, internal attributes */
    put(&r, 0, 4);
    put(&r, FULL32, 4);
    KF_TRY(flush(zip, &r));
    KF_TRY(write_name(zip, m));
    put(&extra, 1, 2);
    put(&extra, 24, 2);
    put(&extra, m->piece->src.size, 8);
    put(&extra, m->piece->src.size, 8);
    put(&extra, m->at, 8);
    return flush(zip, &extra);
}

static int write_end(const struct zip *zip, uint64_t at)
{
    uint64_t end = zip->spool->size - zip->from;
    struct record r = {.n = 0}, last = {.n = 0};

    put(&r, 0x06064b50, 4);
    put(&r, 44, 8);
    put(&r, 45, 2);
    put(&r, 45, 2);
    put(&r, 0, 8);
    put(&r, zip->n, 8);
    put(&r, zip->n, 8);
    put(&r, end - at, 8);
    put(&r, at, 8);
    put(&r, 0x07064b50, 4);
    put(&r, 0, 4);
    put(&r, end, 8);
    put(&r, 1, 4);
    KF_TRY(flush(zip, &r));
    put(&last, 0x06054b50, 4);
    put(&last, 0, 4);
    put(&last, kf_min(zip->n, 0xffff), 2);
    put(&last, kf_min(zip->n, 0xffff), 2);
    put(&last, kf_min(end - at, FULL32), 4);
    put(&last, kf_min(at, FULL32), 4);
    put(&last, 0, 2);
    return flush(zip, &last);
}

/* A file of the folder under the name that it has in a .keras, or NULL. */
static const char *member_name(const struct kf_piece *config, const struct kf_piece *piece)
{
    int n = kf_bundle_folder(config->path);
    const char *name = n == 0 ? piece->path : piece->path + n + 1;

    if (piece->src.fd < 0 || piece->used || !kf_bundle_below(piece->path, config->path, n))
        return NULL;
    if (kf_in_words("config.json metadata.json model.weights.h5 model.weights.npz", name))
        return name;
    return kf_starts(name, "assets/") && strlen(name) < 0xffff ? name : NULL;
}

static int choose_members(struct zip *zip, const struct kf_piece *config)
{
    const struct kf_bundle *bundle = zip->bundle;

    zip->members = kf_arena_alloc(bundle->arena, bundle->n_pieces * sizeof(*zip->members));
    if (!zip->members)
        return kf_bundle_no_memory(bundle);
    for (size_t i = 0; i < bundle->n_pieces; i++) {
        const char *name = member_name(config, &bundle->pieces[i]);

        if (name)
            zip->members[zip->n++] = (struct member){.name = name, .piece = &bundle->pieces[i]};
    }
    return 0;
}

int kf_bundle_repack(struct kf_bundle *bundle, const struct kf_piece *config, struct kf_source *out)
{
    struct zip zip = {.bundle = bundle};
    uint64_t at;

    KF_TRY(kf_bundle_spool(bundle, &zip.spool));
    KF_TRY(choose_members(&zip, config));
    zip.from = zip.spool->size;
    for (size_t i = 0; i < zip.n; i++)
        KF_TRY(write_local(&zip, &zip.members[i]));
    at = zip.spool->size - zip.from;
    for (size_t i = 0; i < zip.n; i++)
        KF_TRY(write_entry(&zip, &zip.members[i]));
    KF_TRY(write_end(&zip, at));
    *out = kf_bundle_unpacked(bundle, zip.from, config->path);
    return 0;
}
