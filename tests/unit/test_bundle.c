/* SPDX-License-Identifier: Apache-2.0 */
#include "core_test.h"

#include "core/bundle/gzip.h"
#include "core/bundle/paths.h"
#include "core/bundle/tar.h"
#include "core/io/spool.h"
#include <kf/bundle.h>
#include <stdlib.h>
#include <zlib.h>

#define BLOCK 512

/* A tar under construction. */
struct packer {
    char data[64 * BLOCK];
    size_t n;
};

static void add(struct packer *tar, const char *name, char type, const void *data, size_t n)
{
    char *h = tar->data + tar->n;
    unsigned sum = 0;

    assert_true(tar->n + BLOCK + n + BLOCK < sizeof(tar->data));
    snprintf(h, 100, "%s", name);
    snprintf(h + 124, 12, "%011zo", n);
    memset(h + 148, ' ', 8);
    h[156] = type;
    memcpy(h + 257, "ustar\00000", 8);
    for (size_t i = 0; i < BLOCK; i++)
        sum += (unsigned char)h[i];
    snprintf(h + 148, 7, "%06o", sum);
    memcpy(h + BLOCK, data, n);
    tar->n += BLOCK + (n + BLOCK - 1) / BLOCK * BLOCK;
}

/* The paths and sizes of a walk, "a:3 b:0 ". */
static int note(const struct kf_tar_file *file, void *context)
{
    char *seen = context;
    size_t n = strlen(seen);

    snprintf(seen + n, 512 - n, "%s:%u ", file->path, (unsigned)file->size);
    return 0;
}

static int walk(const struct packer *tar, size_t n, char *seen, struct kf_report *rep)
{
    KF_AUTO(kf_arena) arena = kf_arena_create();
    struct kf_source src = make_source(tar->data, n);
    int status;

    seen[0] = '\0';
    kf_report_init(rep);
    status = kf_tar_each(&src, arena, note, seen, rep);
    close(src.fd);
    return status;
}

static void tar_gives_its_files_by_their_true_names(void **state)
{
    struct packer tar = {.n = 0};
    char seen[512], long_name[200];
    struct kf_report rep;

    (void)state;
    memset(long_name, 'n', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    add(&tar, "./a", '0', "123", 3);
    add(&tar, "folder/", '5', "", 0);
    add(&tar, "pax", 'x', "12 path=p/q\n", 12);
    add(&tar, "cut", '0', "1", 1);
    add(&tar, "././@LongLink", 'L', long_name, sizeof(long_name));
    add(&tar, "cut", '0', "", 0);
    add(&tar, "g", 'g', "9 a=b\n", 6);
    add(&tar, "b", '\0', "1234", 4);
    add(&tar, "link", '2', "", 0);
    assert_int_equal(walk(&tar, tar.n, seen, &rep), 0);
    assert_true(kf_report_status(&rep) == 0 && rep.n_entries == 1);
    assert_reported(&rep, KF_FINDING);
    assert_memory_equal(seen, "a:3 p/q:1 nnn", 13);
    assert_string_equal(seen + 10 + strlen(long_name), ":0 b:4 ");
    kf_report_finish(&rep);
}

static void cut_tar_is_corrupt_and_never_read_behind(void **state)
{
    struct packer tar = {.n = 0};
    char seen[512];
    struct kf_report rep;

    (void)state;
    add(&tar, "a", '0', "123", 3);
    add(&tar, "b", '0', "456", 3);
    for (size_t n = 0; n < tar.n; n++) {
        int status = walk(&tar, n, seen, &rep);
        /* A file whose padding is cut off is whole; one that ends between two files is a tar. */
        bool whole = n == 0 || (n >= BLOCK + 3 && n <= 2 * BLOCK);

        assert_int_equal(status == 0, whole || n >= 3 * BLOCK + 3);
        if (status < 0)
            assert_reported(&rep, KF_CORRUPT);
        kf_report_finish(&rep);
    }
}

static int gunzip(const void *data, size_t n, uint64_t ceiling, uint64_t *size,
                  struct kf_report *rep)
{
    struct kf_options options = KF_OPTIONS_INIT;
    struct kf_source src = make_source(data, n);
    struct kf_spool spool = KF_SPOOL_NONE;
    int status;

    kf_report_init(rep);
    options.scratch = "/tmp";
    assert_int_equal(kf_spool_create(&spool, ceiling, &options, rep), 0);
    status = kf_gunzip(&src, &spool, rep);
    *size = spool.size;
    kf_spool_finish(&spool);
    close(src.fd);
    return status;
}

static size_t gzip(unsigned char *out, size_t max, const void *data, size_t n)
{
    z_stream z = {
        .next_in = (Bytef *)data, .avail_in = (uInt)n, .next_out = out, .avail_out = (uInt)max};

    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return max - z.avail_out;
}

static void gzip_of_several_members_is_joined(void **state)
{
    unsigned char packed[4096];
    size_t n = gzip(packed, sizeof(packed), "abc", 3), whole;
    struct kf_report rep;
    uint64_t size;

    (void)state;
    whole = n + gzip(packed + n, sizeof(packed) - n, "defg", 4);
    memset(packed + whole, 0, 64);
    assert_int_equal(gunzip(packed, whole + 64, 1000, &size, &rep), 0);
    assert_int_equal(size, 7);
    kf_report_finish(&rep);
    for (size_t cut = 3; cut < whole; cut++)
        if (cut != n) {
            assert_int_equal(gunzip(packed, cut, 1000, &size, &rep), -KF_CORRUPT);
            kf_report_finish(&rep);
        }
    packed[n - 5] ^= 1; /* of the CRC or the size */
    assert_int_equal(gunzip(packed, n, 1000, &size, &rep), -KF_CORRUPT);
    kf_report_finish(&rep);
}

static void gzip_stops_at_the_ceiling(void **state)
{
    static char zeros[1 << 20];
    unsigned char packed[4096];
    size_t n = gzip(packed, sizeof(packed), zeros, sizeof(zeros));
    struct kf_report rep;
    uint64_t size;

    (void)state;
    assert_int_equal(gunzip(packed, n, 100000, &size, &rep), -KF_TOO_LARGE);
    assert_true(size <= 100000);
    kf_report_finish(&rep);
}

static void paths_are_cut_where_a_model_is_named(void **state)
{
    static const char *const stems[][2] = {
        {"m.h5", "m"},          {"m.weights.h5", "m"}, {"m_weights.h5", "m"},   {"m.json", "m"},
        {"m.v2.keras", "m.v2"}, {".h5", ".h5"},        {"m.weights.json", "m"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(stems) / sizeof(stems[0]); i++) {
        assert_int_equal(kf_bundle_stem(stems[i][0]), strlen(stems[i][1]));
    }
    assert_true(kf_bundle_climbs("../a") && kf_bundle_climbs("a/..") && kf_bundle_climbs("/a"));
    assert_true(kf_bundle_climbs("C:a") && !kf_bundle_climbs("a/..b/c") && !kf_bundle_climbs("a"));
    assert_true(kf_bundle_beside("a/b", "a/c") && kf_bundle_beside("b", "c"));
    assert_false(kf_bundle_beside("a/b", "b/c") || kf_bundle_beside("a/b", "b"));
    assert_true(kf_bundle_below("a/b/c", "a/x", 1) && !kf_bundle_below("ab/c", "a/x", 1));
}

/* A tar of a SavedModel, an Orbax folder, weights with architecture and a list of shards. */
static int open_bundle(void *context)
{
    const struct kf_source *src = context;
    const struct kf_input in = {.fd = src->fd, .name = "test.tar"};
    struct kf_options options = KF_OPTIONS_INIT;
    struct kf_bundle *bundle = NULL;
    struct kf_report rep;
    int status;

    options.scratch = "/tmp";
    kf_report_init(&rep);
    status = kf_bundle_open(&bundle, &in, &options, &rep);
    kf_alloc_fail_after(0);
    if (status == 0) {
        json_t *facts = kf_bundle_facts(bundle, &rep);

        assert_int_equal(kf_bundle_count(bundle), 4);
        assert_string_equal(kf_bundle_model(bundle, 0)->path, "a");
        assert_string_equal(kf_bundle_model(bundle, 0)->in.kind, "saved-model-folder");
        assert_string_equal(kf_bundle_model(bundle, 1)->path, "b/m.json");
        assert_string_equal(kf_bundle_model(bundle, 2)->path, "o");
        assert_string_equal(kf_bundle_model(bundle, 2)->in.kind, "orbax");
        assert_int_equal(kf_bundle_model(bundle, 2)->in.n_shards, 1);
        assert_string_equal(kf_bundle_model(bundle, 3)->path, "s/m.weights.json");
        assert_int_equal(kf_bundle_model(bundle, 3)->in.n_shards, 1);
        assert_string_equal(kf_bundle_model(bundle, 3)->in.shards[0].name, "m_0.weights.h5");
        assert_int_equal(json_array_size(json_object_get(facts, "others")), 1);
        assert_null(kf_bundle_one(bundle, &rep));
        assert_reported(&rep, KF_SEVERAL_MODELS);
        json_decref(facts);
    }
    kf_bundle_destroy(bundle);
    kf_report_finish(&rep);
    return status;
}

static void bundle_is_sorted_into_models_also_without_memory(void **state)
{
    static const char list[] = "{\"metadata\": {}, \"weight_map\": {\"/a/vars\": "
                               "[\"m_0.weights.h5\", \"m_1.weights.h5\"]}}";
    static const char architecture[] = "{\"class_name\": \"Sequential\", \"config\": {}}";
    struct packer *tar = calloc(1, sizeof(*tar));
    struct kf_source src;

    (void)state;
    assert_non_null(tar);
    add(tar, "o/12/_CHECKPOINT_METADATA", '0', "{}", 2);
    add(tar, "s/m.weights.json", '0', list, sizeof(list) - 1);
    add(tar, "s/m_0.weights.h5", '0', "x", 1);
    add(tar, "o/12/d/1", '0', "x", 1);
    add(tar, "b/m.json", '0', architecture, sizeof(architecture) - 1);
    add(tar, "b/notes.txt", '0', "hello", 5);
    add(tar, "a/saved_model.pb", '0', "\x08\x01\x12\x04\x0a\x02\x08\x01", 8);
    add(tar, "a/variables/variables.index", '0', "x", 1);
    src = make_source(tar->data, tar->n);
    torture(open_bundle, &src);
    close(src.fd);
    free(tar);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tar_gives_its_files_by_their_true_names),
        cmocka_unit_test(cut_tar_is_corrupt_and_never_read_behind),
        cmocka_unit_test(gzip_of_several_members_is_joined),
        cmocka_unit_test(gzip_stops_at_the_ceiling),
        cmocka_unit_test(paths_are_cut_where_a_model_is_named),
        cmocka_unit_test(bundle_is_sorted_into_models_also_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
