/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "cli_upload.h"
#include "../jobs/archive.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* One part of the form: a file, or the archive of all. */
struct content {
    struct archive_member file;
    struct archive *archive; /* owned; NULL for a file */
    uint64_t size, at;
};

struct upload {
    CURL *curl;
    curl_mime *mime;
    struct content *contents;
    size_t n;
    uint64_t size;
};

static size_t on_read(char *to, size_t size, size_t n, void *context)
{
    struct content *content = context;
    ssize_t got = content->archive ? archive_read(content->archive, content->at, to, size * n)
                                   : archive_read_file(&content->file, content->at, to, size * n);

    if (got < 0)
        return CURL_READFUNC_ABORT;
    content->at += (uint64_t)got;
    return (size_t)got;
}

static int on_seek(void *context, curl_off_t at, int origin)
{
    struct content *content = context;

    if (origin != SEEK_SET)
        return CURL_SEEKFUNC_CANTSEEK;
    content->at = (uint64_t)at;
    return CURL_SEEKFUNC_OK;
}

static bool look_at(struct archive_member *out, const struct job_input *input)
{
    struct stat st;

    if (fstat(input->fd, &st) < 0)
        return false;
    *out =
        (struct archive_member){.name = input->name, .size = (uint64_t)st.st_size, .fd = input->fd};
    return true;
}

static bool add_part(struct upload *upload, struct content *content, const char *name,
                     const char *filename)
{
    curl_mimepart *part = curl_mime_addpart(upload->mime);

    upload->size += content->size;
    return part && curl_mime_name(part, name) == CURLE_OK &&
           curl_mime_filename(part, filename) == CURLE_OK &&
           curl_mime_type(part, "application/octet-stream") == CURLE_OK &&
           curl_mime_data_cb(part, (curl_off_t)content->size, on_read, on_seek, NULL, content) ==
               CURLE_OK;
}

static bool add_files(struct upload *upload, const struct service_upload *what)
{
    for (size_t i = 0; i < what->n_inputs; i++) {
        struct content *content = &upload->contents[upload->n++];
        const struct job_input *input = &what->inputs[i];

        if (!look_at(&content->file, input))
            return false;
        content->size = content->file.size;
        if (!add_part(upload, content, input->architecture ? "architecture" : "file", input->name))
            return false;
    }
    return true;
}

/* All files that are no architecture, with the folders in their names. */
static bool add_archive(struct upload *upload, const struct service_upload *what)
{
    struct archive_member *members = calloc(what->n_inputs, sizeof *members);
    struct content *content = &upload->contents[upload->n++];
    bool ok = members != NULL;
    size_t n = 0;

    for (size_t i = 0; ok && i < what->n_inputs; i++)
        if (!what->inputs[i].architecture)
            ok = look_at(&members[n++], &what->inputs[i]);
    if (ok)
        content->archive = archive_tar(members, n, time(NULL));
    free(members);
    if (!content->archive)
        return false;
    content->size = archive_size(content->archive);
    return add_part(upload, content, "file", what->archive);
}

static bool add_all(struct upload *upload, const struct service_upload *what)
{
    struct service_upload architecture = *what;

    if (!what->archive)
        return add_files(upload, what);
    if (!add_archive(upload, what))
        return false;
    architecture.inputs = &what->inputs[what->n_inputs - 1]; /* the last one, where there is one */
    architecture.n_inputs = architecture.inputs->architecture;
    return add_files(upload, &architecture);
}

struct upload *upload_create(CURL *curl, const struct service_upload *what)
{
    struct upload *upload = calloc(1, sizeof *upload);

    if (!upload)
        return NULL;
    upload->curl = curl;
    upload->contents = calloc(what->n_inputs + 1, sizeof *upload->contents);
    upload->mime = curl_mime_init(curl);
    if (upload->contents && upload->mime && add_all(upload, what) &&
        curl_easy_setopt(curl, CURLOPT_MIMEPOST, upload->mime) == CURLE_OK)
        return upload;
    upload_destroy(upload);
    return NULL;
}

void upload_destroy(struct upload *upload)
{
    curl_easy_setopt(upload->curl, CURLOPT_MIMEPOST, NULL);
    curl_mime_free(upload->mime);
    for (size_t i = 0; i < upload->n; i++)
        archive_destroy(upload->contents[i].archive);
    free(upload->contents);
    free(upload);
}

uint64_t upload_size(const struct upload *upload)
{
    return upload->size;
}
