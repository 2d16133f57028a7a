/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_DETECT_H
#define KF_FORMAT_DETECT_H

#include "../../base/arena.h"
#include "../kind.h"
#include <jansson.h>

/* Between detect.c and its neighbours. */
#define KF_HEAD_MAX 4096

struct kf_look {
    const struct kf_source *src;
    const struct kf_limits *limits;
    struct kf_report *rep;
    struct kf_arena *arena;
    char head[KF_HEAD_MAX + 1]; /* the first bytes, with a NUL behind */
    size_t n;
    json_t *config; /* the model's, where it was read whole; owned */
};

/*
 * Each sets `*out` when it knows the file, and leaves it UNKNOWN otherwise. Negative, with a report
 * entry, when the file is of its family but damaged or hostile.
 */
int kf_look_h5(struct kf_look *look, enum kf_kind_id *out);
int kf_look_zip(struct kf_look *look, enum kf_kind_id *out);
int kf_look_json(struct kf_look *look, enum kf_kind_id *out);
int kf_look_text(struct kf_look *look, enum kf_kind_id *out);
int kf_look_proto(struct kf_look *look, enum kf_kind_id *out);

/** Pass on that memory ran out while a part was tried whose other failures are no matter. */
int kf_look_memory(struct kf_look *look, const struct kf_report *ignored);

/** Which Keras wrote a model's config, by its modules and keys: 1, 2, 3, or 0. detect_h5.c */
int kf_look_generation(const json_t *model);

/** Major number of a version like "2.2.4-tf"; 0 when it is none. */
int kf_look_major(const char *version);

#endif
