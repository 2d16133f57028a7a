/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/alloc.h"
#include "../base/num.h"
#include "../base/str.h"
#include "../io/zip/zip.h"
#include "bundle.h"
#include "gzip.h"
#include "tar.h"
#include <string.h>

/* Archives in archives; a .tar.gz is one. */
#define DEPTH_MAX  2
#define HEAD_BYTES 512

/* A file on its way through the layers around it. */
struct file {
    const char *path;
    struct kf_source src;
    unsigned depth;  /* archives around it */
    bool root;       /* the only one that was given: paths begin in it */
    bool compressed; /* by gzip, right around it: a tar in it is no further archive */
};

struct visit {
    struct kf_bundle *bundle;
    const struct file *archive;
};

static int unpack(struct kf_bundle *bundle, const struct file *file);

/* How a file may be a wrapping, by its first bytes; a zip may be a model as well. */
enum wrapping { NO_WRAPPING, IN_GZIP, IN_TAR, IN_ZIP };

static enum wrapping wrapping_of(const char *head, size_t n)
{
    if (n >= 2 && memcmp(head, "\x1f\x8b", 2) == 0)
        return IN_GZIP;
    if (n >= 262 && memcmp(head + 257, "ustar", 5) == 0)
        return IN_TAR;
    if (n >= 4 && (memcmp(head, "PK\3\4", 4) == 0 || memcmp(head, "PK\5\6", 4) == 0))
        return IN_ZIP;
    return NO_WRAPPING;
}

static struct kf_piece *add_piece(struct kf_bundle *bundle, const struct file *file)
{
    struct kf_piece *piece = NULL;

    if (bundle->n_pieces >= KF_BUNDLE_FILES_MAX)
        kf_report_add(bundle->rep, KF_TOO_LARGE, "", "more than %d files", KF_BUNDLE_FILES_MAX);
    else if (!kf_grow(&bundle->pieces, &bundle->pieces_cap, bundle->n_pieces + 1,
                      sizeof(*bundle->pieces)))
        kf_bundle_no_memory(bundle);
    else
        piece = &bundle->pieces[bundle->n_pieces++];
    if (piece)
        *piece = (struct kf_piece){.path = file->path, .src = file->src};
    return piece;
}

/* What a file is. That it is damaged is for its conversion to say; only our own troubles count. */
static int detect(struct kf_bundle *bundle, const struct file *file, enum kf_kind_id *kind,
                  bool *damaged)
{
    struct kf_report ignored;
    enum kf_code failure;

    kf_report_init(&ignored);
    *damaged = kf_detect(kind, &file->src, &bundle->options->limits, &ignored) < 0;
    failure = ignored.first_failure;
    kf_report_finish(&ignored);
    if (failure != KF_OK && kf_code_grade(failure) == KF_GRADE_FATAL)
        return kf_report_add(bundle->rep, failure, file->path, "the file cannot be looked at");
    return 0;
}

/* One file that is given alone is for its conversion to look at. */
static int add_leaf(struct kf_bundle *bundle, const struct file *file)
{
    struct kf_piece *piece = add_piece(bundle, file);

    if (!piece)
        return kf_report_status(bundle->rep);
    if (file->src.fd < 0 || (!bundle->packed && bundle->in->n_shards == 0))
        return 0;
    return detect(bundle, file, &piece->kind, &piece->damaged);
}

/* The name without what says that it is compressed. */
static const char *bare_name(const struct kf_bundle *bundle, const char *path)
{
    size_t n = strlen(path);

    if (kf_ends(path, ".tgz"))
        return kf_arena_printf(bundle->arena, "%.*s.tar", (int)n - 4, path);
    return kf_ends(path, ".gz") ? kf_arena_strndup(bundle->arena, path, n - 3) : path;
}

static int unpack_gzip(struct kf_bundle *bundle, const struct file *file)
{
    struct file inner = {.path = bare_name(bundle, file->path),
                         .depth = file->depth + 1,
                         .root = file->root,
                         .compressed = true};
    struct kf_spool *spool;
    uint64_t from;

    if (!inner.path)
        return kf_bundle_no_memory(bundle);
    KF_TRY(kf_bundle_spool(bundle, &spool));
    from = spool->size;
    KF_TRY(kf_gunzip(&file->src, spool, bundle->rep));
    inner.src = kf_bundle_unpacked(bundle, from, inner.path);
    return unpack(bundle, &inner);
}

static int unpack_inner(const struct visit *visit, const char *name, const struct kf_source *src)
{
    const struct file *archive = visit->archive;
    struct file inner = {.src = *src, .depth = archive->depth + !archive->compressed};

    inner.path =
        archive->root ? name : kf_arena_printf(visit->bundle->arena, "%s/%s", archive->path, name);
    if (!inner.path)
        return kf_bundle_no_memory(visit->bundle);
    inner.src.name = inner.path;
    return unpack(visit->bundle, &inner);
}

static int visit_tar(const struct kf_tar_file *file, void *context)
{
    const struct visit *visit = context;
    struct kf_source src = visit->archive->src;

    src.base += file->at;
    src.size = file->size;
    return unpack_inner(visit, file->path, &src);
}

static int unpack_tar(struct kf_bundle *bundle, const struct file *file)
{
    struct visit visit = {bundle, file};

    return kf_tar_each(&file->src, bundle->arena, visit_tar, &visit, bundle->rep);
}

/* Files that only their name tells, or that belong to a folder which is a model. */
static bool has_model_name(const char *path)
{
    static const char *const ends[] = {".h5",     ".hdf5", ".keras",      ".pb",  ".pbtxt",
                                       ".index",  ".yaml", ".yml",        ".npz", ".npy",
                                       ".tflite", ".onnx", ".safetensors"};

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (kf_ends(path, ends[i]))
            return true;
    return strstr(path, ".data-") || strstr(path, "assets/") ||
           kf_streq(kf_bundle_base(path), "checkpoint") || kf_bundle_is_shard(kf_bundle_base(path));
}

/* Is a compressed member worth its unpacking? */
static bool may_be_model(const struct kf_bundle *bundle, const char *name, const char *head,
                         size_t n, uint64_t size)
{
    size_t at = 0;

    while (at < n && strchr(" \t\r\n\"", head[at]) && head[at])
        at++;
    return has_model_name(name) || wrapping_of(head, n) != NO_WRAPPING ||
           (n >= 8 && memcmp(head, "\x89HDF\r\n\x1a\n", 8) == 0) ||
           (at < n && head[at] == '{' && size <= bundle->options->limits.json_bytes);
}

/* A compressed member: into the scratch file, or listed with nothing but its name. */
static int take_compressed(const struct visit *visit, struct kf_zip *zip, size_t index,
                           const char *name)
{
    struct kf_bundle *bundle = visit->bundle;
    struct kf_source src = {.fd = -1};
    struct kf_spool *spool;
    char head[HEAD_BYTES];
    uint64_t from;
    int n = kf_zip_peek(zip, index, head, sizeof(head), bundle->rep);

    KF_TRY(n);
    if (may_be_model(bundle, name, head, (size_t)n, kf_zip_size(zip, index))) {
        KF_TRY(kf_bundle_spool(bundle, &spool));
        from = spool->size;
        KF_TRY(kf_zip_unpack(zip, index, spool, bundle->rep));
        src = kf_bundle_unpacked(bundle, from, name);
    }
    return unpack_inner(visit, name, &src);
}

static int take_member(const struct visit *visit, struct kf_zip *zip, size_t index)
{
    const char *name = kf_bundle_path(visit->bundle->arena, kf_zip_name(zip, index));
    struct kf_source src;

    if (!name)
        return kf_bundle_no_memory(visit->bundle);
    if (kf_ends(name, "/"))
        return 0;
    if (!kf_zip_is_stored(zip, index))
        return take_compressed(visit, zip, index, name);
    KF_TRY(kf_zip_stored(zip, kf_zip_name(zip, index), &src, visit->bundle->rep));
    src.crc = NULL; /* the zip's own, which goes before the piece does */
    return unpack_inner(visit, name, &src);
}

static int unpack_zip(struct kf_bundle *bundle, const struct file *file)
{
    const struct visit visit = {bundle, file};
    KF_AUTO(kf_zip) zip = NULL;

    KF_TRY(kf_zip_open(&zip, &file->src, &bundle->options->limits, bundle->rep));
    for (size_t i = 0; i < kf_zip_count(zip); i++)
        KF_TRY(take_member(&visit, zip, i));
    return kf_zip_verify(zip, bundle->rep);
}

/* A zip that is no model itself, or a file of another kind. */
static int unpack_zip_or_add(struct kf_bundle *bundle, const struct file *file)
{
    enum kf_kind_id kind = KF_FILE_UNKNOWN;
    bool damaged = false;

    KF_TRY(detect(bundle, file, &kind, &damaged));
    if (damaged || (kind != KF_FILE_MODELS_ZIP && kind != KF_FILE_SAVED_MODEL_ZIP &&
                    kind != KF_FILE_ZIP_OTHER))
        return add_leaf(bundle, file);
    bundle->packed = true;
    return unpack_zip(bundle, file);
}

/* Too deep to be looked into: told, so that nobody misses it. */
static int tell_depth(struct kf_bundle *bundle, const struct file *file)
{
    kf_report_add(bundle->rep, KF_FINDING, file->path,
                  "archives in archives are looked into %d deep, and this one is deeper",
                  DEPTH_MAX);
    return add_leaf(bundle, file);
}

static int unpack(struct kf_bundle *bundle, const struct file *file)
{
    char head[HEAD_BYTES];
    bool closed =
        file->src.fd < 0 || (kf_bundle_is_shard(kf_bundle_base(file->path)) && !file->root);
    size_t n = closed ? 0 : (size_t)kf_min(sizeof(head), file->src.size);
    enum wrapping wrapping;
    unsigned depth = file->depth;

    if (n > 0)
        KF_TRY(kf_source_read(&file->src, 0, head, n, bundle->rep));
    wrapping = wrapping_of(head, n);
    if (wrapping == IN_TAR && file->compressed)
        depth--;
    if (wrapping != NO_WRAPPING && depth >= DEPTH_MAX)
        return wrapping == IN_ZIP ? add_leaf(bundle, file) : tell_depth(bundle, file);
    if (wrapping == IN_ZIP)
        return unpack_zip_or_add(bundle, file);
    bundle->packed |= wrapping != NO_WRAPPING;
    if (wrapping == IN_GZIP)
        return unpack_gzip(bundle, file);
    return wrapping == IN_TAR ? unpack_tar(bundle, file) : add_leaf(bundle, file);
}

int kf_bundle_unpack(struct kf_bundle *bundle, const char *path, const struct kf_source *src)
{
    const struct file file = {.path = path, .src = *src, .root = bundle->in->n_shards == 0};

    return unpack(bundle, &file);
}
