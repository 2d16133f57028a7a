/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_REMOTE_REMOTE_H
#define KF_REMOTE_REMOTE_H

#include "auto.h"
#include "failure.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Files that are elsewhere: s3://bucket/key, http(s):// and file:///path on a shared volume. Jobs,
 * conversions that are waited for and the command line all come through here.
 *
 *   remote.c         which kind an URI is; what all kinds have in common
 *   address.c        which addresses may be connected to
 *   http.c           the only caller of libcurl
 *   url_source.c     http(s):// sources, url_target.c presigned PUT targets
 *   s3*.c            S3-style storage; sigv4.c signs, credentials*.c find the keys
 *   volume.c         file://
 *   webhook.c        telling somebody about the end of a job
 */
struct remote;

enum remote_urls { REMOTE_URLS_HTTPS, REMOTE_URLS_HTTP, REMOTE_URLS_OFF };
enum remote_style { REMOTE_STYLE_AUTO, REMOTE_STYLE_PATH, REMOTE_STYLE_VIRTUAL };

/* How it is set up; copied where it is kept. Empty strings are what is not set. */
struct remote_settings {
    bool own; /* the command line: whoever calls may reach everything that this machine may */
    enum remote_urls urls;
    const char *allow_hosts, *allow_cidrs, *proxy;
    const char *file_roots; /* "/models/in:ro,/models/out:rw" */
    const char *s3_endpoint, *s3_region, *s3_ca;
    const char *s3_read, *s3_write; /* buckets, or bucket/prefix with a star at the end */
    enum remote_style s3_style;
    bool s3_anonymous; /* nothing is signed */
    const char *webhook_secret_file;
    const char *uploads; /* folder where uploads in parts are noted, to be given up after a crash */
    uint64_t source_max; /* bytes of one source; 0 for no limit */
    uint64_t rate_min;   /* bytes a second */
    uint64_t timeout_s;  /* for one fetch or one store */
    uint64_t part;       /* bytes of a range or part that goes alone; 0: s3_parts.c chooses */
};

/** NULL with one sentence about the setting that is wrong. Reads AWS_* of the environment. */
struct remote *remote_create(const struct remote_settings *settings, char *error, size_t error_max);
void remote_destroy(struct remote *remote);
KF_DEFINE_AUTO(remote)

/** The region that S3 and STS are asked in, as long as nobody says another. */
const char *remote_region(const struct remote *remote);

/* One thread's work for one conversion. */
struct remote_task {
    struct remote *remote;
    int cancel_fd; /* becomes readable when nobody waits any more, or -1 */
    /* Set bytes on the disk aside before they come; false when there is no room. May be NULL. */
    bool (*reserve)(void *context, uint64_t bytes);
    void *context;
    bool looks_back; /* at earlier results: what may be written may be read, too */
    struct remote_failure failure;
};

/* What is to be fetched. Strings are borrowed; NULL where nothing is asked for. */
struct remote_source {
    const char *uri;
    const char *sha256;     /* the bytes must have */
    const char *version_id; /* of S3 */
    const char *etag;       /* it must still have */
};

/* What came. remote_got_finish() in any case. */
struct remote_got {
    char *name;     /* of the file, without folders */
    char *shown;    /* the URI without what is secret */
    char etag[256]; /* "" where there is none */
    uint64_t size;
};
void remote_got_finish(struct remote_got *got);

/** True for a text that begins as an URI of ours does: "s3://", "https://", "http://", "file://".
 */
bool remote_is_uri(const char *text);

/** The URI as logs and answers may show it: no query, no user; malloc'ed or NULL. */
char *remote_show(const char *uri);

/** The last part of its path, decoded, without what a file system stumbles over; malloc'ed or NULL.
 */
char *remote_name(const char *uri);

/** %XX in place; what is none stays. */
void remote_decode(char *text);

/** May it be read, or written? 0, or -1 with task->failure, as far as that is known beforehand. */
int remote_check(struct remote_task *task, const char *uri, bool write);

/** Fetch one file into `path`, which must not exist. -1 with task->failure. */
int remote_fetch(struct remote_task *task, const struct remote_source *source, const char *path,
                 struct remote_got *got);

/* The files of models below a folder or prefix. */
struct remote_entry {
    char *uri, *name; /* the name is the path from the folder on */
    char etag[256];   /* "" where there is none */
    uint64_t size;    /* bytes */
};
struct remote_listing {
    struct remote_entry *list;
    size_t n;
    bool all;  /* also what is no file of a model */
    bool more; /* there are others, for which there was no room */
};

/* Which of the files below a folder; names are as those of entries, NULL is no bound. */
struct remote_window {
    const char *after;     /* those that the storage lists after this one */
    const char *from, *to; /* those between, byte by byte, both of them included */
};

/** True for an URI that ends with "/": all that is below it. */
static inline bool remote_is_folder(const char *uri)
{
    size_t n = 0;

    while (uri[n] != '\0')
        n++;
    return n > 0 && uri[n - 1] == '/';
}

/**
 * List what is below a folder, in an order that keeps each folder together: `max` files at most,
 * and out->more where there are others. `window` may be NULL. Finish `out` always. -1 with
 * task->failure, also where there is no file of a model and none was listed `after`.
 */
int remote_list(struct remote_task *task, const char *uri, const struct remote_window *window,
                struct remote_listing *out, size_t max);
/** The same of all files, of which there may be none. */
int remote_list_all(struct remote_task *task, const char *uri, const struct remote_window *window,
                    struct remote_listing *out, size_t max);
/** Only the first `n` files of a listing. */
void remote_listing_cut(struct remote_listing *listing, size_t n);
void remote_listing_finish(struct remote_listing *listing);

/** True for names of files that a model is, or consists of. */
bool remote_is_of_model(const char *path);

/* Where a file is to go. Strings are borrowed; NULL where there is none. */
struct remote_target {
    const char *uri;
    bool replace;       /* what is there already */
    const char *job;    /* whose it is: its own earlier attempt may be replaced always */
    const char *sha256; /* of the source, told beside it */
    const char *media_type;
};

/** Put `size` bytes of a file there; they appear whole or not at all. -1 with task->failure. */
int remote_store(struct remote_task *task, const struct remote_target *target, int fd,
                 uint64_t size);

/** Give up the uploads that nobody is at any more; how many. */
unsigned remote_sweep(struct remote *remote, int cancel_fd);

/* What a webhook tells. Strings are borrowed. */
struct remote_note {
    const char *id, *body;
    const char *trace; /* id of a trace, or "" */
};

/** May this URL be told? 0, or -1 with task->failure. */
int remote_check_notify(struct remote_task *task, const char *url);

/** Send it once, signed; -1 with task->failure. */
int remote_notify(struct remote_task *task, const char *url, const struct remote_note *note);

#endif
