/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_PACK_H
#define KF_IO_PACK_H

#include "sink.h"
#include "spool.h"

struct kf_zip_out;

/*
 * A folder on its way into one file, tar or zip: its files one after the other, each of which may
 * be larger than memory. Same calls, same bytes.
 */
struct kf_pack {
    enum kf_archive archive;
    struct kf_spool tar;
    struct kf_zip_out *zip;
};
#define KF_PACK_NONE                                                                               \
    (struct kf_pack)                                                                               \
    {                                                                                              \
        .tar = {.fd = -1 }                                                                         \
    }

/** Begin the file `path`, which must not be there yet. WRITE_FAILED, NO_MEMORY. */
int kf_pack_create(struct kf_pack *out, const char *path, enum kf_archive archive,
                   struct kf_report *rep);
/** Add a file of `n` bytes. WRITE_FAILED, TOO_LARGE. */
int kf_pack_put(struct kf_pack *pack, const char *name, const void *bytes, size_t n,
                struct kf_report *rep);
/** Add a file with the bytes of a source. READ_FAILED too. */
int kf_pack_put_source(struct kf_pack *pack, const char *name, const struct kf_source *source,
                       struct kf_report *rep);
/** Begin a file of `size` bytes, which are to be written to `out` from 0 on ... */
int kf_pack_begin(struct kf_pack *pack, const char *name, uint64_t size, struct kf_sink *out,
                  struct kf_report *rep);
/** ... and end it. */
int kf_pack_end(struct kf_pack *pack, uint64_t size, struct kf_report *rep);
/** Write what stands behind the files; afterwards only finish. */
int kf_pack_close(struct kf_pack *pack, struct kf_report *rep);
/** Let go of the file, whole or not. */
void kf_pack_finish(struct kf_pack *pack);

#endif
