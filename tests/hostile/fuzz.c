/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/alloc.h"
#include "core/base/str.h"
#include "core/format/kind.h"
#include "core/io/h5/h5.h"
#include "core/io/text/json.h"
#include "core/io/zip/zip.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * libFuzzer's target for everything that looks at bytes before a reader does: detection, HDF5 with
 * all its names and datasets, zip, JSON. HDF5 itself has bugs that only some guard keeps away from
 * (core/io/h5/h5_guard.c, h5_chunks.c): what this finds becomes a row of make.py.
 *
 *   cmake -DKF_FUZZ=ON, or: clang -fsanitize=address,undefined,fuzzer -I. -Icore -Icore/include ...
 *   ./fuzz -fork=1 -ignore_crashes=1 -max_len=70000 -rss_limit_mb=2500 corpus
 * tests/fixtures/hostile
 */
#define OBJECTS_MAX 2000
#define BYTES_MAX   ((uint64_t)4 << 20) /* of one dataset */

static const struct kf_limits limits = KF_LIMITS_INIT;

struct look {
    struct kf_h5 *h5;
    struct kf_arena *arena;
    struct kf_report *rep;
    int left; /* objects still to be looked at */
};

static int read_dataset(struct look *look, const char *path)
{
    static char piece[65536];
    struct kf_payload payload;
    uint64_t end;

    if (kf_h5_payload(look->h5, path, look->arena, &payload, look->rep) < 0)
        return 0;
    end = kf_payload_bytes(&payload) < BYTES_MAX ? kf_payload_bytes(&payload) : BYTES_MAX;
    for (uint64_t at = 0; at < end; at += sizeof(piece)) {
        size_t n = end - at < sizeof(piece) ? (size_t)(end - at) : sizeof(piece);

        if (payload.pull(&payload, at, piece, n, look->rep) < 0)
            return 0;
    }
    return 0;
}

static int read_tree(struct look *look, const char *path)
{
    const char **names;
    size_t n;

    if (look->left-- <= 0)
        return 0;
    kf_h5_attr_names(look->h5, path, "weight_names", look->arena, &names, &n, look->rep);
    kf_h5_attr_names(look->h5, path, "layer_names", look->arena, &names, &n, look->rep);
    if (!kf_h5_is_group(look->h5, path))
        return read_dataset(look, path);
    KF_TRY(kf_h5_children(look->h5, path, look->arena, &names, &n, look->rep));
    for (size_t i = 0; i < n; i++)
        KF_TRY(read_tree(look, kf_arena_printf(look->arena, "%s/%s", path, names[i])));
    return 0;
}

static void read_json(struct kf_buf *text, struct kf_report *rep)
{
    json_t *value = kf_json_parse(text->data, text->n, &limits, "", rep);
    size_t n;

    kf_free(kf_json_dump(value, &n));
    json_decref(value);
    kf_buf_finish(text);
}

static void read_h5(const struct kf_source *src, struct kf_report *rep)
{
    KF_AUTO(kf_arena) arena = kf_arena_create();
    KF_AUTO(kf_h5) h5 = NULL;
    struct kf_buf text = {.max = 1 << 20};
    struct look look = {.arena = arena, .rep = rep, .left = OBJECTS_MAX};

    if (kf_h5_open(&h5, src, &limits, rep) < 0)
        return;
    look.h5 = h5;
    if (kf_h5_attr_text(h5, "/", "model_config", &text, rep) == 0)
        read_json(&text, rep);
    kf_buf_finish(&text);
    read_tree(&look, "");
}

static void read_zip(struct kf_source *src, struct kf_report *rep)
{
    KF_AUTO(kf_zip) zip = NULL;
    struct kf_buf text = {.max = 1 << 20};

    if (kf_zip_open(&zip, src, &limits, rep) < 0)
        return;
    for (size_t i = 0; i < kf_zip_count(zip) && i < 20; i++) {
        if (kf_zip_read(zip, kf_zip_name(zip, i), &text, rep) == 0)
            read_json(&text, rep);
        kf_buf_finish(&text);
    }
    if (kf_zip_has(zip, "model.weights.h5") &&
        kf_zip_stored(zip, "model.weights.h5", src, rep) == 0)
        read_h5(src, rep);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct kf_source src = {.fd = memfd_create("fuzz", MFD_CLOEXEC), .size = n, .name = ""};
    enum kf_kind_id kind = KF_FILE_UNKNOWN;
    struct kf_report rep;
    uint64_t at;

    kf_report_init(&rep);
    if (write(src.fd, data, n) == (ssize_t)n && kf_detect(&kind, &src, &limits, &rep) == 0) {
        if (kf_h5_signature(&src, &at, &rep))
            read_h5(&src, &rep);
        else if (n > 2 && memcmp(data, "PK", 2) == 0)
            read_zip(&src, &rep);
    }
    kf_report_finish(&rep);
    close(src.fd);
    return 0;
}
