/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/alloc.h"
#include "../base/num.h"
#include "zip.h"
#include <string.h>
#include <sys/stat.h>
#include <zip.h>

/* 1980-01-01 00:00, the first moment a zip can name, and Python's choice for streamed members. */
#define DOS_TIME 0
#define DOS_DATE ((0 << 9) | (1 << 5) | 1)
/* A regular file that its owner writes and all read, in the upper half as Unix puts it. */
#define ATTRIBUTES ((zip_uint32_t)(S_IFREG | 0644) << 16)

struct kf_zip_out {
    zip_t *zip;
};

int kf_zip_create(struct kf_zip_out **out, const char *path, struct kf_report *rep)
{
    KF_AUTO(kf_zip_out) zip = kf_alloc(sizeof(*zip));
    zip_error_t error;
    int code = 0;

    if (!zip)
        return kf_report_add(rep, KF_NO_MEMORY, "", "no memory to write zip");
    zip->zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code);
    if (!zip->zip) {
        zip_error_init_with_code(&error, code);
        code = kf_report_add(rep, code == ZIP_ER_MEMORY ? KF_NO_MEMORY : KF_WRITE_FAILED, "",
                             "the zip cannot be created: %s", zip_error_strerror(&error));
        zip_error_fini(&error);
        return code;
    }
    *out = kf_zip_out_take(&zip);
    return 0;
}

void kf_zip_out_destroy(struct kf_zip_out *zip)
{
    if (!zip)
        return;
    if (zip->zip)
        zip_discard(zip->zip);
    kf_free(zip);
}

static int fail(struct kf_zip_out *zip, const char *name, struct kf_report *rep)
{
    bool memory = zip_error_code_zip(zip_get_error(zip->zip)) == ZIP_ER_MEMORY;

    return kf_report_add(rep, memory ? KF_NO_MEMORY : KF_WRITE_FAILED, name,
                         "the member cannot be written: %s", zip_strerror(zip->zip));
}

/* Takes `source`. */
static int add_member(struct kf_zip_out *zip, const char *name, zip_source_t *source,
                      struct kf_report *rep)
{
    zip_int64_t index = source ? zip_file_add(zip->zip, name, source, ZIP_FL_ENC_UTF_8) : -1;

    if (index < 0) {
        int status = fail(zip, name, rep);

        zip_source_free(source);
        return status;
    }
    if (zip_set_file_compression(zip->zip, (zip_uint64_t)index, ZIP_CM_STORE, 0) < 0 ||
        zip_file_set_dostime(zip->zip, (zip_uint64_t)index, DOS_TIME, DOS_DATE, 0) < 0 ||
        zip_file_set_external_attributes(zip->zip, (zip_uint64_t)index, 0, ZIP_OPSYS_UNIX,
                                         ATTRIBUTES) < 0)
        return fail(zip, name, rep);
    return 0;
}

int kf_zip_out_text(struct kf_zip_out *zip, const char *name, const char *data, size_t n,
                    struct kf_report *rep)
{
    char *copy = n > 0 ? kf_alloc(n) : NULL; /* libzip frees no empty buffer */
    zip_source_t *source;

    if (n > 0 && !copy)
        return kf_report_add(rep, KF_NO_MEMORY, name, "no memory for a member");
    if (copy)
        memcpy(copy, data, n);
    source = zip_source_buffer(zip->zip, copy, n, copy != NULL);
    if (!source)
        kf_free(copy);
    return add_member(zip, name, source, rep);
}

int kf_zip_out_file(struct kf_zip_out *zip, const char *name, const char *path,
                    struct kf_report *rep)
{
    return add_member(zip, name, zip_source_file(zip->zip, path, 0, -1), rep);
}

/* A payload as libzip reads it. */
struct from_payload {
    const struct kf_payload *payload;
    uint64_t at, size;
    zip_error_t error;
};

static zip_int64_t read_payload(struct from_payload *from, void *to, zip_uint64_t n)
{
    struct kf_report rep; /* libzip has an error of its own */
    int status;

    n = kf_min(n, from->size - from->at);
    kf_report_init(&rep);
    status = from->payload->pull(from->payload, from->at, to, (size_t)n, &rep);
    kf_report_finish(&rep);
    if (status < 0) {
        zip_error_set(&from->error, ZIP_ER_READ, 0);
        return -1;
    }
    from->at += n;
    return (zip_int64_t)n;
}

/* zip_source_function()'s callback. */
static zip_int64_t answer(void *state, void *data, zip_uint64_t n, zip_source_cmd_t command)
{
    struct from_payload *from = state;
    zip_stat_t *st = data;

    switch (command) {
    case ZIP_SOURCE_OPEN:
        from->at = 0;
        return 0;
    case ZIP_SOURCE_READ:
        return read_payload(from, data, n);
    case ZIP_SOURCE_STAT:
        zip_stat_init(st);
        st->valid = ZIP_STAT_SIZE;
        st->size = from->size;
        return sizeof(*st);
    case ZIP_SOURCE_ERROR:
        return zip_error_to_data(&from->error, data, n);
    case ZIP_SOURCE_FREE:
        zip_error_fini(&from->error);
        kf_free(from);
        return 0;
    case ZIP_SOURCE_CLOSE:
        return 0;
    case ZIP_SOURCE_SUPPORTS:
        return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE,
                                              ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE,
                                              ZIP_SOURCE_SUPPORTS, -1);
    default:
        zip_error_set(&from->error, ZIP_ER_OPNOTSUPP, 0);
        return -1;
    }
}

int kf_zip_out_payload(struct kf_zip_out *zip, const char *name, const struct kf_payload *payload,
                       struct kf_report *rep)
{
    struct from_payload *from = kf_alloc(sizeof(*from));
    zip_source_t *source;

    if (!from)
        return kf_report_add(rep, KF_NO_MEMORY, name, "no memory for a member");
    from->payload = payload;
    from->size = kf_payload_bytes(payload);
    zip_error_init(&from->error);
    source = zip_source_function(zip->zip, answer, from);
    if (!source)
        kf_free(from);
    return add_member(zip, name, source, rep);
}

int kf_zip_out_close(struct kf_zip_out *zip, struct kf_report *rep)
{
    if (zip_close(zip->zip) < 0)
        return fail(zip, "", rep);
    zip->zip = NULL;
    return 0;
}
