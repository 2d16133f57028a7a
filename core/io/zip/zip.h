/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_IO_ZIP_H
#define KF_IO_ZIP_H

#include "../../base/arena.h"
#include "../../base/buf.h"
#include "../../model/tensor.h"
#include "../sink.h"
#include "../spool.h"
#include <kf/options.h>
#include <stdbool.h>

/* Reading zip. Only zip.c calls libzip's zip_*. */
struct kf_zip;

/**
 * Open `src` after checking its members: refused are absolute names, "..", backslashes that climb,
 * symlinks, duplicates, encrypted members, expansion beyond limits, and a central directory that
 * disagrees with the local headers. UNSAFE, CORRUPT, TOO_LARGE, NO_MEMORY.
 */
int kf_zip_open(struct kf_zip **out, const struct kf_source *src, const struct kf_limits *limits,
                struct kf_report *rep);
void kf_zip_destroy(struct kf_zip *zip);
KF_DEFINE_AUTO(kf_zip)

size_t kf_zip_count(const struct kf_zip *zip);
const char *kf_zip_name(const struct kf_zip *zip, size_t index); /* borrowed */
bool kf_zip_has(const struct kf_zip *zip, const char *name);

/** The members whose names begin with `prefix`: `*n_out` of them, kf_zip_at(zip, *first_out + i).
 */
void kf_zip_below(const struct kf_zip *zip, const char *prefix, size_t *first_out, size_t *n_out);
/** The name of member number `index` in the order of names, for kf_zip_below(); borrowed. */
const char *kf_zip_at(const struct kf_zip *zip, size_t index);

/** Append a whole small member (a JSON) to `out`, whose ceiling bounds it. */
int kf_zip_read(struct kf_zip *zip, const char *name, struct kf_buf *out, struct kf_report *rep);

/**
 * A stored member as a range of the input file, whose CRC kf_zip_verify() will compare.
 * BAD_CONFIG when it is compressed.
 */
int kf_zip_stored(struct kf_zip *zip, const char *name, struct kf_source *out,
                  struct kf_report *rep);

/**
 * Any member as a source: a stored one is a range of the input file, another is unpacked into
 * `spool` (KF_SPOOL_NONE for the first), behind what it holds; the caller finishes it.
 *
 * Limits: what kf_zip_open() has checked the member's size against; not a byte more is unpacked.
 * Outcomes: BAD_CONFIG when there is none, CORRUPT for a wrong size or CRC, WRITE_FAILED.
 */
int kf_zip_member(struct kf_zip *zip, const char *name, struct kf_spool *spool,
                  const struct kf_options *options, struct kf_source *out, struct kf_report *rep);

/** Member number `index`: bytes that it has when unpacked, and whether it is stored as they are. */
uint64_t kf_zip_size(const struct kf_zip *zip, size_t index);
bool kf_zip_is_stored(const struct kf_zip *zip, size_t index);

/** The first `n` bytes of a member, or all it has: how many; negative with CORRUPT. */
int kf_zip_peek(struct kf_zip *zip, size_t index, void *to, int n, struct kf_report *rep);

/** Unpack a member to the end of a spool that is made. CORRUPT, TOO_LARGE, WRITE_FAILED. */
int kf_zip_unpack(struct kf_zip *zip, size_t index, struct kf_spool *spool, struct kf_report *rep);

/**
 * Compare the CRCs of the stored members that were given out as ranges, as unpacking does for
 * others; reads of them what nobody has read. To be called when all that is wanted was. CORRUPT.
 */
int kf_zip_verify(struct kf_zip *zip, struct kf_report *rep);

/** False for a name that leads out of the folder it is unpacked to, on any system. */
bool kf_zip_name_is_safe(const char *name);

/* Writing zip: stored members, times fixed, same calls give the same bytes. */
struct kf_zip_out;

int kf_zip_create(struct kf_zip_out **out, const char *path, struct kf_report *rep);
void kf_zip_out_destroy(struct kf_zip_out *zip); /* removes a file that was not closed */
KF_DEFINE_AUTO(kf_zip_out)
int kf_zip_out_text(struct kf_zip_out *zip, const char *name, const char *data, size_t n,
                    struct kf_report *rep);
/**
 * Begin a member that is written in place: `out` is what follows in the file, to be written from 0
 * on until kf_zip_out_end(). Nothing else is added in between.
 */
int kf_zip_out_begin(struct kf_zip_out *zip, const char *name, struct kf_sink *out,
                     struct kf_report *rep);
/** The member is whole: it ends where the file does. */
int kf_zip_out_end(struct kf_zip_out *zip, struct kf_report *rep);
/** The bytes of a payload as member `name`. */
int kf_zip_out_payload(struct kf_zip_out *zip, const char *name, const struct kf_payload *payload,
                       struct kf_report *rep);
/** Write the directory; afterwards only destroy. */
int kf_zip_out_close(struct kf_zip_out *zip, struct kf_report *rep);

#endif
