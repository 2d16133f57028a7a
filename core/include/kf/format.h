/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_H
#define KF_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

/* One range of target releases of a writer, as KF_KERAS() numbers without the patch. */
struct kf_release_range {
    const char *family; /* "keras", or "tf_keras" */
    int first, last;    /* both included */
    int proven[4];      /* releases that the conformance tests load and run, 0-terminated */
};

/* What a reader or writer is, for people and programs; static. */
struct kf_format_info {
    const char *name;                        /* "keras-h5", "keras"; part of the API */
    const char *title;                       /* "Keras model file (.keras)" */
    const char *media_type;                  /* of what is written; NULL for a reader */
    const char *suffix;                      /* ".keras"; NULL for a reader */
    bool quantizes;                          /* takes the option quantize */
    bool folder;                             /* writers: what is written is one, packed */
    const char *wrote;                       /* readers: who writes such files, "Keras 2.0-2.15" */
    const struct kf_release_range *releases; /* writers: family NULL ends it; NULL for a reader */
    int keras_default; /* writers: KF_KERAS() of the default target; 0 for none, or, where there are
                        * releases, for the last of the model's own generation */
    const char *only;  /* writers: the one reader whose files they take; NULL where any will do */
};

/** The reader or writer number `index`, NULL past the end. */
const struct kf_format_info *kf_reader_info(size_t index);
const struct kf_format_info *kf_writer_info(size_t index);

/** The writer called `name`, or NULL. */
const struct kf_format_info *kf_writer_find(const char *name);

/**
 * Read "3.15", "3.15.1", "2.15" as a release of the writer's: X.Y is its last patch.
 *
 * Returns the KF_KERAS() number, or 0 when the writer does not write for it.
 */
int kf_writer_release(const struct kf_format_info *writer, const char *text);

#endif
