/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_ORDER_H
#define KF_SERVER_ORDER_H

#include "auto.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * A request as JSON: where its files are, where the result goes, who is to be told. Its other
 * members are parameters.
 *
 *   {"source": {"uri": "s3://models/in/m.h5", "sha256": ..., "version_id": ..., "etag": ...},
 *    "architecture": {"uri": ...},
 *    "target": {"uri": "s3://models/out/m.keras", "if_exists": "replace", "report_uri": ...},
 *    "notify": {"url": "https://..."}, "to": "keras"}
 *
 * `source` may be a list: the files of one model, or the two of a comparison.
 */
struct order_file {
    const char *uri;
    const char *sha256, *version_id, *etag; /* NULL where not given */
    bool architecture;
};

#define ORDER_FILES_MAX 128

struct order {
    json_t *json; /* owned: what all strings point into */
    struct order_file files[ORDER_FILES_MAX];
    size_t n_files;
    const char *target, *report; /* URIs; NULL for none */
    bool replace;                /* a target that is there */
    const char *notify;          /* URL, or NULL */
};

struct request;

/** Read a JSON object, of which it takes a reference, into an order. -1 with req->failure. */
int order_read(struct request *req, json_t *object, struct order **out);
void order_destroy(struct order *order);
KF_DEFINE_AUTO(order)

/** Add where it comes from and goes to, without what is secret, to what is told of a job. */
void order_tell(const struct order *order, json_t *facts);

/** Write it into a job's folder for later, and read it there; -1, and NULL when it has none. */
int order_save(const struct order *order, const char *dir);
struct order *order_load(const char *dir);

#endif
