/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "remote_private.h"
#include "sigv4.h"
#include <kf/bundle.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Names of files that a model is, or consists of; everything else in a folder is passed over. */
static const char *const ends[] = {".h5",  ".hdf5",  ".keras", ".json",   ".yaml",       ".yml",
                                   ".pb",  ".pbtxt", ".index", ".gz",     ".tgz",        ".tar",
                                   ".zip", ".onnx",  ".npz",   ".tflite", ".safetensors"};
static const char *const names[] = {"checkpoint", "_CHECKPOINT_METADATA", "manifest.ocdbt",
                                    "MLmodel"};

bool remote_is_of_model(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t n = strlen(name);

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (n > strlen(ends[i]) && strcasecmp(name + n - strlen(ends[i]), ends[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return kf_bundle_is_shard(name) || strstr(name, ".data-") || strstr(path, "/assets/");
}

/* What an earlier conversion left beside its results. */
static bool is_ours(const char *name)
{
    static const char report[] = ".report.json";
    size_t n = strlen(name), n_report = sizeof report - 1;

    return n > n_report && strcmp(name + n - n_report, report) == 0;
}

/* In an URI of a file "%" is an escape; in a key it is a letter. */
static char *join(const char *base, const char *name)
{
    bool escape = strncasecmp(base, "file:", 5) == 0;
    char *rest = escape ? sigv4_encode(name, true) : strdup(name), *whole = NULL;

    if (rest && asprintf(&whole, "%s%s", base, rest) < 0)
        whole = NULL;
    free(rest);
    return whole;
}

static bool is_wanted(const struct remote_listing *listing, const struct remote_window *window,
                      const char *name)
{
    if ((window->from && strcmp(name, window->from) < 0) ||
        (window->to && strcmp(name, window->to) > 0))
        return false;
    return listing->all || (remote_is_of_model(name) && !is_ours(name));
}

bool remote_list_add(struct remote_listing *listing, const struct remote_wish *wish,
                     const struct remote_found *found)
{
    struct remote_entry *grown, *entry;

    if (!is_wanted(listing, &wish->window, found->name))
        return true;
    listing->more = listing->n == wish->max;
    if (listing->more)
        return false;
    grown = realloc(listing->list, (listing->n + 1) * sizeof *grown);
    if (!grown)
        return false;
    listing->list = grown;
    entry = &grown[listing->n++];
    entry->uri = join(wish->base, found->name);
    entry->name = strdup(found->name);
    entry->size = found->size;
    snprintf(entry->etag, sizeof entry->etag, "%s", found->etag);
    return entry->uri && entry->name;
}

void remote_listing_cut(struct remote_listing *listing, size_t n)
{
    while (listing->n > n) {
        listing->n--;
        free(listing->list[listing->n].uri);
        free(listing->list[listing->n].name);
    }
}

void remote_listing_finish(struct remote_listing *listing)
{
    remote_listing_cut(listing, 0);
    free(listing->list);
    *listing = (struct remote_listing){0};
}
