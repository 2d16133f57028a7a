/* SPDX-License-Identifier: Apache-2.0 */
#include "pack.h"
#include "../base/auto.h"
#include "../base/num.h"
#include "tar_write.h"
#include "zip/zip.h"
#include <kf/progress.h>

#define PIECE 65536

int kf_pack_create(struct kf_pack *out, const char *path, enum kf_archive archive,
                   struct kf_report *rep)
{
    *out = KF_PACK_NONE;
    out->archive = archive;
    if (archive == KF_ARCHIVE_ZIP)
        return kf_zip_create(&out->zip, path, rep);
    return kf_spool_create_named(&out->tar, path, UINT64_MAX, rep);
}

int kf_pack_put(struct kf_pack *pack, const char *name, const void *bytes, size_t n,
                struct kf_report *rep)
{
    if (pack->archive == KF_ARCHIVE_ZIP)
        return kf_zip_out_text(pack->zip, name, bytes, n, rep);
    return kf_tar_put(&pack->tar, name, bytes, n, rep);
}

int kf_pack_begin(struct kf_pack *pack, const char *name, uint64_t size, struct kf_sink *out,
                  struct kf_report *rep)
{
    if (pack->archive == KF_ARCHIVE_ZIP)
        return kf_zip_out_begin(pack->zip, name, out, rep);
    KF_TRY(kf_tar_begin(&pack->tar, name, size, rep));
    *out = (struct kf_sink){.fd = pack->tar.fd, .base = pack->tar.size};
    return 0;
}

int kf_pack_end(struct kf_pack *pack, uint64_t size, struct kf_report *rep)
{
    if (pack->archive == KF_ARCHIVE_ZIP)
        return kf_zip_out_end(pack->zip, rep);
    pack->tar.size += size;
    return kf_tar_fill(&pack->tar, size, rep);
}

int kf_pack_put_source(struct kf_pack *pack, const char *name, const struct kf_source *source,
                       struct kf_report *rep)
{
    char piece[PIECE];
    struct kf_sink out;

    KF_TRY(kf_pack_begin(pack, name, source->size, &out, rep));
    for (uint64_t at = 0; at < source->size;) {
        size_t n = (size_t)kf_min(sizeof(piece), source->size - at);

        KF_TRY(kf_source_read(source, at, piece, n, rep));
        KF_TRY(kf_sink_write(&out, at, piece, n, name, rep));
        kf_progress_bytes(rep, 0);
        at += n;
    }
    return kf_pack_end(pack, source->size, rep);
}

int kf_pack_close(struct kf_pack *pack, struct kf_report *rep)
{
    if (pack->archive == KF_ARCHIVE_ZIP)
        return kf_zip_out_close(pack->zip, rep);
    return kf_tar_end(&pack->tar, rep);
}

void kf_pack_finish(struct kf_pack *pack)
{
    kf_zip_out_destroy(pack->zip);
    kf_spool_finish(&pack->tar);
    *pack = KF_PACK_NONE;
}
