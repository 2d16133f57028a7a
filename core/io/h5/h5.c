/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/alloc.h"
#include "../../base/str.h"
#include "h5_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for HDF5's own structures, so that a worker's memory does not grow with the file. */
#define METADATA_FIRST ((size_t)1 << 20)
#define METADATA_MAX   ((size_t)4 << 20)
#define CHUNK_CACHE    ((size_t)1 << 20)

/* Bytes that a program with any memory left can have. */
#define MEMORY_PROBE 1024

/*
 * Turn off HDF5's printing, its search for plugins, its work at exit, and links to other files: of
 * each that a group has, HDF5 1.10 reads where it leads to, even of one that says nothing.
 */
static void quiet(void)
{
    /* Before anything else: a file that could not be closed makes HDF5's end crash. */
    H5dont_atexit();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5PLset_loading_state(0);
    if (H5Lis_registered(H5L_TYPE_EXTERNAL) > 0)
        H5Lunregister(H5L_TYPE_EXTERNAL);
}

/* HDF5's words for what went wrong innermost, which is said first. */
struct words {
    char text[160];
};

static herr_t take_words(unsigned n, const H5E_error2_t *error, void *out)
{
    static const char key[] = "error message = '";
    const char *desc = error->desc ? error->desc : "";
    const char *system = strstr(desc, key);
    struct words *words = out;

    (void)n;
    /* Of a failed write HDF5 tells time and place as well; the system's words are enough. */
    if (system)
        desc = system + sizeof(key) - 1;
    snprintf(words->text, sizeof(words->text), "%.*s",
             (int)(system ? strcspn(desc, "'") : strlen(desc)), desc);
    return 1; /* no more */
}

int kf_h5_fail(struct kf_report *rep, enum kf_code code, const char *where, const char *what)
{
    struct words words = {"HDF5 does not say why"};
    void *probe = kf_alloc(MEMORY_PROBE);

    kf_free(probe);
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_words, &words);
    H5Eclear2(H5E_DEFAULT);
    return kf_report_add(rep, probe ? code : KF_NO_MEMORY, where, "%s: %s", what, words.text);
}

static bool bound_memory(hid_t fapl)
{
    H5AC_cache_config_t cache = {.version = H5AC__CURR_CACHE_CONFIG_VERSION};

    if (H5Pget_mdc_config(fapl, &cache) < 0)
        return false;
    cache.set_initial_size = 1;
    cache.initial_size = METADATA_FIRST;
    cache.min_size = METADATA_FIRST;
    cache.max_size = METADATA_MAX;
    return H5Pset_mdc_config(fapl, &cache) >= 0 &&
           H5Pset_cache(fapl, 0, 521, CHUNK_CACHE, 0.75) >= 0;
}

static int open_file(struct kf_h5 *h5, hid_t fapl, struct kf_report *rep)
{
    KF_TRY(kf_h5_driver(&h5->driver, fapl, &h5->src, rep));
    if (!bound_memory(fapl) || H5Pset_fclose_degree(fapl, H5F_CLOSE_STRONG) < 0)
        return kf_report_add(rep, KF_NO_MEMORY, "", "no memory to open HDF5");
    /* The name is never opened; HDF5 only shows it. */
    h5->file = H5Fopen("kferry-input", H5F_ACC_RDONLY, fapl);
    if (h5->file < 0) {
        h5->file = 0;
        return kf_h5_fail(rep, KF_CORRUPT, "", "HDF5 cannot open the file");
    }
    return 0;
}

int kf_h5_peek(struct kf_h5 **out, const struct kf_source *src, const struct kf_limits *limits,
               struct kf_report *rep)
{
    KF_AUTO(kf_h5) h5 = kf_alloc(sizeof(*h5));

    if (h5)
        h5->arena = kf_arena_create();
    if (h5 && h5->arena)
        h5->root = kf_arena_alloc(h5->arena, sizeof(*h5->root));
    if (!h5 || !h5->root)
        return kf_report_add(rep, KF_NO_MEMORY, "", "no memory to open HDF5");
    h5->src = *src;
    h5->limits = *limits;
    KF_TRY(kf_h5_frame(h5, rep));
    h5->root->name = "";
    h5->root->address = h5->root_address;
    *out = kf_h5_take(&h5);
    return 0;
}

int kf_h5_open(struct kf_h5 **out, const struct kf_source *src, const struct kf_limits *limits,
               struct kf_report *rep)
{
    KF_AUTO(kf_h5) h5 = NULL;
    struct kf_h5_guard root; /* HDF5 decodes its header as it opens the file */
    hid_t fapl;
    int status;

    KF_TRY(kf_h5_peek(&h5, src, limits, rep));
    KF_TRY(kf_h5_guard(&root, h5, h5->root_address, "", rep));
    quiet();
    fapl = H5Pcreate(H5P_FILE_ACCESS);
    status = open_file(h5, fapl, rep);
    H5Pclose(fapl);
    KF_TRY(status);
    KF_TRY(kf_h5_check(h5, rep));
    *out = kf_h5_take(&h5);
    return 0;
}

void kf_h5_destroy(struct kf_h5 *h5)
{
    if (!h5)
        return;
    if (h5->opened > 0)
        H5Dclose(h5->opened);
    if (h5->file > 0)
        H5Fclose(h5->file);
    if (h5->driver > 0)
        H5FDunregister(h5->driver);
    kf_free(h5->heap.data);
    kf_arena_destroy(h5->arena);
    kf_free(h5);
}

static struct kf_h5_node *find_child(const struct kf_h5_node *node, const char *name, size_t n)
{
    size_t low = 0, high = node->n_children;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const char *there = node->children[mid]->name;
        int order = strncmp(name, there, n);

        if (order == 0 && there[n] == '\0')
            return node->children[mid];
        if (order > 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

struct kf_h5_node *kf_h5_find(const struct kf_h5 *h5, const char *path)
{
    struct kf_h5_node *node = h5->root;

    while (node && *path) {
        size_t n = strcspn(path, "/");

        if (n > 0)
            node = find_child(node, path, n);
        path += n + (path[n] == '/');
    }
    return node;
}

bool kf_h5_has(struct kf_h5 *h5, const char *path)
{
    return kf_h5_find(h5, path);
}

bool kf_h5_is_group(struct kf_h5 *h5, const char *path)
{
    const struct kf_h5_node *node = kf_h5_find(h5, path);

    return node && !node->dataset;
}

int kf_h5_children(struct kf_h5 *h5, const char *path, struct kf_arena *arena,
                   const char ***names_out, size_t *n_out, struct kf_report *rep)
{
    const struct kf_h5_node *node = kf_h5_find(h5, path);
    const char **names;

    if (!node || node->dataset)
        return kf_report_add(rep, KF_WEIGHTS_MISSING, path, "the file has no such group");
    names = kf_arena_alloc(arena, (node->n_children + 1) * sizeof(*names));
    if (!names)
        return kf_report_add(rep, KF_NO_MEMORY, path, "no memory for names");
    for (size_t i = 0; i < node->n_children; i++) {
        names[i] = kf_arena_strdup(arena, node->children[i]->name);
        if (!names[i])
            return kf_report_add(rep, KF_NO_MEMORY, path, "no memory for names");
    }
    *names_out = names;
    *n_out = node->n_children;
    return 0;
}
