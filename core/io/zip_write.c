/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/alloc.h"
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

int kf_zip_out_close(struct kf_zip_out *zip, struct kf_report *rep)
{
    if (zip_close(zip->zip) < 0)
        return fail(zip, "", rep);
    zip->zip = NULL;
    return 0;
}
