/* SPDX-License-Identifier: Apache-2.0 */
#include "core_test.h"

#include "core/io/checksum.h"
#include "core/io/h5/h5.h"
#include <stdlib.h>

/* Bytes that count; `state` is unused. */
static int pull_counting(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                         struct kf_report *rep)
{
    (void)payload;
    (void)rep;
    for (size_t i = 0; i < n; i++)
        ((unsigned char *)to)[i] = (unsigned char)(at + i);
    return 0;
}

static struct kf_payload counting(enum kf_dtype dtype, unsigned rank, uint64_t a, uint64_t b)
{
    return (struct kf_payload){
        .dtype = dtype, .rank = rank, .dims = {a, b}, .pull = pull_counting, .file_at = KF_NOWHERE};
}

static const char *scratch(const char *name)
{
    static char paths[4][64];
    static unsigned i;
    char *path = paths[i++ % 4];

    snprintf(path, sizeof(paths[0]), "/tmp/kf_test_%d_%s", (int)getpid(), name);
    return path;
}

/* A file with a dataset of each type, in groups, with texts. */
static void write_file(const char *path)
{
    struct kf_report rep;
    struct kf_payload p[KF_DTYPE_COUNT];
    struct kf_h5_out *h5;
    char name[64];

    kf_report_init(&rep);
    assert_int_equal(kf_h5_create(&h5, path, &rep), 0);
    for (int i = KF_DTYPE_FLOAT16; i < KF_DTYPE_COUNT; i++) {
        p[i] = counting((enum kf_dtype)i, 2, 3, 5);
        snprintf(name, sizeof(name), "/a/b/%s", kf_dtype_name(p[i].dtype));
        assert_int_equal(kf_h5_out_payload(h5, name, &p[i], KF_CHECKSUM_NONE, NULL, &rep), 0);
    }
    struct kf_payload scalar = counting(KF_DTYPE_FLOAT32, 0, 0, 0);
    struct kf_payload empty = counting(KF_DTYPE_FLOAT32, 2, 0, 7);
    struct kf_payload large = counting(KF_DTYPE_UINT8, 1, 3000001, 0);

    assert_int_equal(kf_h5_out_payload(h5, "/s", &scalar, KF_CHECKSUM_NONE, NULL, &rep), 0);
    assert_int_equal(kf_h5_out_payload(h5, "/e", &empty, KF_CHECKSUM_NONE, NULL, &rep), 0);
    assert_int_equal(kf_h5_out_payload(h5, "/l", &large, KF_CHECKSUM_NONE, NULL, &rep), 0);
    assert_int_equal(kf_h5_out_group(h5, "/a/b/c", &rep), 0);
    assert_int_equal(kf_h5_out_group(h5, "/a/b/c", &rep), 0);
    assert_int_equal(kf_h5_out_group(h5, "/", &rep), 0);
    assert_int_equal(kf_h5_out_attr_text(h5, "/", "root", "w\xc3\xb6rld", &rep), 0);
    assert_int_equal(kf_h5_out_attr_text(h5, "/a/b/c", "name", "", &rep), 0);
    assert_int_equal(kf_h5_out_attr_text(h5, "/s", "on", "a dataset", &rep), 0);
    assert_int_equal(kf_h5_out_close(h5, &rep), 0);
    kf_h5_out_destroy(h5);
    assert_int_equal(rep.n_entries, 0);
    kf_report_finish(&rep);
}

static struct kf_source open_path(const char *path)
{
    struct kf_source src = {.fd = open(path, O_RDONLY | O_CLOEXEC), .name = ""};

    assert_true(src.fd >= 0);
    src.size = (uint64_t)lseek(src.fd, 0, SEEK_END);
    return src;
}

static void assert_dataset(struct kf_h5 *h5, const char *path, enum kf_dtype dtype, unsigned rank,
                           uint64_t bytes)
{
    struct kf_report rep;
    struct kf_payload p;
    unsigned char piece[4096];

    kf_report_init(&rep);
    assert_int_equal(kf_h5_payload(h5, path, NULL, &p, &rep), 0);
    assert_int_equal(p.dtype, dtype);
    assert_int_equal(p.rank, rank);
    assert_int_equal(kf_payload_bytes(&p), bytes);
    for (uint64_t at = 0; at < bytes; at += sizeof(piece)) {
        size_t n = bytes - at < sizeof(piece) ? (size_t)(bytes - at) : sizeof(piece);

        assert_int_equal(p.pull(&p, at, piece, n, &rep), 0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(piece[i], (unsigned char)(at + i));
    }
    kf_report_finish(&rep);
}

static void what_is_written_is_read(void **state)
{
    const char *path = scratch("all.h5");
    struct kf_source src;
    struct kf_report rep;
    struct kf_arena *arena = kf_arena_create();
    struct kf_h5 *h5;
    char name[64];

    (void)state;
    write_file(path);
    src = open_path(path);
    kf_report_init(&rep);
    assert_int_equal(kf_h5_open(&h5, &src, &limits, &rep), 0);
    for (int i = KF_DTYPE_FLOAT16; i < KF_DTYPE_COUNT; i++) {
        snprintf(name, sizeof(name), "/a/b/%s", kf_dtype_name((enum kf_dtype)i));
        assert_dataset(h5, name, (enum kf_dtype)i, 2, 15 * kf_dtype_size((enum kf_dtype)i));
    }
    assert_dataset(h5, "/s", KF_DTYPE_FLOAT32, 0, 4);
    assert_dataset(h5, "/e", KF_DTYPE_FLOAT32, 2, 0);
    assert_dataset(h5, "/l", KF_DTYPE_UINT8, 1, 3000001);
    assert_true(kf_h5_is_group(h5, "/a/b/c"));
    assert_string_equal(kf_h5_attr_short(h5, "/", "root", arena), "w\xc3\xb6rld");
    assert_string_equal(kf_h5_attr_short(h5, "/a/b/c", "name", arena), "");
    assert_string_equal(kf_h5_attr_short(h5, "/s", "on", arena), "a dataset");
    assert_string_equal(kf_h5_attr_short(h5, "/a/b/bfloat16", "dtype", arena), "bfloat16");
    kf_h5_destroy(h5);
    kf_arena_destroy(arena);
    kf_report_finish(&rep);
    close(src.fd);
    unlink(path);
}

static void the_same_calls_give_the_same_bytes(void **state)
{
    const char *first = scratch("1.h5"), *second = scratch("2.h5");
    struct kf_source a, b;
    char *p, *q;

    (void)state;
    write_file(first);
    sleep(1); /* HDF5's times have seconds */
    write_file(second);
    a = open_path(first);
    b = open_path(second);
    assert_int_equal(a.size, b.size);
    p = kf_alloc(a.size);
    q = kf_alloc(b.size);
    assert_int_equal(pread(a.fd, p, a.size, 0), (ssize_t)a.size);
    assert_int_equal(pread(b.fd, q, b.size, 0), (ssize_t)b.size);
    assert_memory_equal(p, q, a.size);
    /* Superblock 0, as python's default. */
    assert_memory_equal(p, "\x89HDF\r\n\x1a\n\0", 9);
    kf_free(p);
    kf_free(q);
    close(a.fd);
    close(b.fd);
    unlink(first);
    unlink(second);
}

#define N_MOVED 7

/* Every way to move bytes, from a real file: in the kernel, in pieces, through HDF5. */
static void payloads_are_moved_and_hashed(void **state)
{
    static const char *const paths[N_MOVED] = {"/little/float32", "/big/float64", "/chunked/gzip",
                                               "/chunked/plain",  "/scalar",      "/empty",
                                               "/unwritten"};
    static const enum kf_checksum_kind kinds[] = {KF_CHECKSUM_NONE, KF_CHECKSUM_XXH3,
                                                  KF_CHECKSUM_SHA256};
    struct kf_source src = open_fixture("h5/types.h5"), written;
    const char *path = scratch("moved.h5");
    struct kf_report rep;
    struct kf_h5 *in, *back;
    struct kf_h5_out *out;

    (void)state;
    kf_report_init(&rep);
    assert_int_equal(kf_h5_open(&in, &src, &limits, &rep), 0);
    for (size_t k = 0; k < 3; k++) {
        struct kf_tensor_report rows[N_MOVED] = {0};
        struct kf_payload moved[N_MOVED];

        assert_int_equal(kf_h5_create(&out, path, &rep), 0);
        for (size_t i = 0; i < N_MOVED; i++) {
            assert_int_equal(kf_h5_payload(in, paths[i], NULL, &moved[i], &rep), 0);
            assert_int_equal(kf_h5_out_payload(out, paths[i], &moved[i], kinds[k], &rows[i], &rep),
                             0);
        }
        assert_int_equal(kf_h5_out_close(out, &rep), 0);
        for (size_t i = 0; i < N_MOVED; i++) {
            assert_string_equal(rows[i].before.value, rows[i].after.value);
            assert_int_equal(strlen(rows[i].after.value), k == 0 ? 0 : k == 1 ? 32 : 64);
        }
        kf_h5_out_destroy(out);
        written = open_path(path);
        assert_int_equal(kf_h5_open(&back, &written, &limits, &rep), 0);
        for (size_t i = 0; i < N_MOVED; i++) {
            struct kf_payload p, q;
            static char a[8192], b[8192];
            size_t n;

            assert_int_equal(kf_h5_payload(in, paths[i], NULL, &p, &rep), 0);
            assert_int_equal(kf_h5_payload(back, paths[i], NULL, &q, &rep), 0);
            n = (size_t)kf_payload_bytes(&p);
            assert_int_equal(kf_payload_bytes(&q), n);
            if (n > 0) {
                assert_int_equal(p.pull(&p, 0, a, n, &rep), 0);
                assert_int_equal(q.pull(&q, 0, b, n, &rep), 0);
            }
            assert_memory_equal(a, b, n);
        }
        kf_h5_destroy(back);
        close(written.fd);
    }
    kf_h5_destroy(in);
    kf_report_finish(&rep);
    close(src.fd);
    unlink(path);
}

/* A payload that is rewritten on the way has two checksums. */
static void both_ends_of_a_rewritten_payload_are_hashed(void **state)
{
    struct kf_payload root = counting(KF_DTYPE_UINT8, 1, 3, 0), outer = root;
    const char *path = scratch("two.h5");
    struct kf_tensor_report row = {0};
    struct kf_report rep;
    struct kf_h5_out *out;

    (void)state;
    kf_report_init(&rep);
    outer.inner = &root;
    outer.dims[0] = 4;
    assert_int_equal(kf_h5_create(&out, path, &rep), 0);
    assert_int_equal(kf_h5_out_payload(out, "/x", &outer, KF_CHECKSUM_SHA256, &row, &rep), 0);
    assert_int_equal(kf_h5_out_close(out, &rep), 0);
    /* sha256sum of 00 01 02 and of 00 01 02 03 */
    assert_string_equal(row.before.value,
                        "ae4b3280e56e2faf83f414a6e3dabe9d5fbe18976544c05fed121accb85b53fc");
    assert_string_equal(row.after.value,
                        "054edec1d0211f624fed0cbca9d4f9400b0e491c43742af2c5b0abebf0c990d8");
    assert_string_equal(row.after.algorithm, "sha256");
    kf_h5_out_destroy(out);
    kf_report_finish(&rep);
    unlink(path);
}

static void checksums_are_the_known_ones(void **state)
{
    struct kf_hasher hasher;
    struct kf_checksum sum = {0};

    (void)state;
    kf_hasher_init(&hasher, KF_CHECKSUM_XXH3);
    kf_hasher_update(&hasher, "ab", 2);
    kf_hasher_update(&hasher, "c", 1);
    kf_hasher_finish(&hasher, &sum);
    assert_string_equal(sum.algorithm, "xxh3-128");
    assert_string_equal(sum.value, "06b05ab6733a618578af5f94892f3950"); /* xxh128sum */
    sum = (struct kf_checksum){0};
    kf_hasher_init(&hasher, KF_CHECKSUM_NONE);
    kf_hasher_update(&hasher, "abc", 3);
    kf_hasher_finish(&hasher, &sum);
    assert_null(sum.algorithm);
}

/* One list in one attribute, none, and one that needs several. */
static void lists_of_names_come_back(void **state)
{
    static const char *const few[] = {"a", "", "bcd"};
    const char *path = scratch("names.h5");
    struct kf_arena *arena = kf_arena_create();
    const char **many = kf_arena_alloc(arena, 5000 * sizeof(*many)), **got;
    struct kf_source src;
    struct kf_report rep;
    struct kf_h5_out *out;
    struct kf_h5 *h5;
    size_t n;

    (void)state;
    for (int i = 0; i < 5000; i++)
        many[i] = kf_arena_printf(arena, "layer_%d_with_a_long_name", i);
    kf_report_init(&rep);
    assert_int_equal(kf_h5_create(&out, path, &rep), 0);
    assert_int_equal(kf_h5_out_attr_names(out, "/", "few", few, 3, &rep), 0);
    assert_int_equal(kf_h5_out_attr_names(out, "/", "none", NULL, 0, &rep), 0);
    assert_int_equal(kf_h5_out_attr_names(out, "/", "many", many, 5000, &rep), 0);
    assert_int_equal(kf_h5_out_close(out, &rep), 0);
    kf_h5_out_destroy(out);
    src = open_path(path);
    assert_int_equal(kf_h5_open(&h5, &src, &limits, &rep), 0);
    assert_int_equal(kf_h5_attr_names(h5, "/", "few", arena, &got, &n, &rep), 0);
    assert_int_equal(n, 3);
    assert_string_equal(got[2], "bcd");
    assert_int_equal(kf_h5_attr_names(h5, "/", "none", arena, &got, &n, &rep), 0);
    assert_int_equal(n, 0);
    assert_false(kf_h5_has_attr(h5, "/", "many"));
    assert_true(kf_h5_has_attr(h5, "/", "many2"));
    assert_int_equal(kf_h5_attr_names(h5, "/", "many", arena, &got, &n, &rep), 0);
    assert_int_equal(n, 5000);
    for (int i = 0; i < 5000; i++)
        assert_string_equal(got[i], many[i]);
    kf_h5_destroy(h5);
    kf_report_finish(&rep);
    kf_arena_destroy(arena);
    close(src.fd);
    unlink(path);
}

static uint64_t place_of(const char *path, const char *dataset)
{
    struct kf_source src = open_path(path);
    struct kf_payload p;
    struct kf_report rep;
    struct kf_h5 *h5;

    kf_report_init(&rep);
    assert_int_equal(kf_h5_open(&h5, &src, &limits, &rep), 0);
    assert_int_equal(kf_h5_payload(h5, dataset, NULL, &p, &rep), 0);
    kf_h5_destroy(h5);
    kf_report_finish(&rep);
    close(src.fd);
    return p.file_at;
}

/* Whoever takes one layer after another out of a zip never goes back: see h5_out.h. */
static void a_group_stands_between_the_bytes_before_it_and_its_own(void **state)
{
    struct kf_payload p = counting(KF_DTYPE_UINT8, 1, 3, 0);
    const char *path = scratch("order.h5");
    struct kf_source src;
    struct kf_report rep;
    struct kf_h5_out *out;
    char bytes[16384];
    uint64_t last = 0;

    (void)state;
    kf_report_init(&rep);
    assert_int_equal(kf_h5_create(&out, path, &rep), 0);
    assert_int_equal(kf_h5_out_payload(out, "/b/x", &p, KF_CHECKSUM_NONE, NULL, &rep), 0);
    assert_int_equal(kf_h5_out_payload(out, "/a/x", &p, KF_CHECKSUM_NONE, NULL, &rep), 0);
    assert_int_equal(kf_h5_out_close(out, &rep), 0);
    kf_h5_out_destroy(out);
    src = open_path(path);
    assert_in_range(src.size, 1, sizeof(bytes));
    assert_int_equal(kf_source_read(&src, 0, bytes, (size_t)src.size, &rep), 0);
    for (uint64_t i = 0; i + 4 < src.size; i++)
        if (memcmp(bytes + i, "TREE", 4) == 0)
            last = i;
    assert_in_range(last, place_of(path, "/b/x"), place_of(path, "/a/x"));
    assert_int_equal(place_of(path, "/a/x") + 3, src.size);
    kf_report_finish(&rep);
    close(src.fd);
    unlink(path);
}

static void failures_to_write_are_told(void **state)
{
    const char *path = scratch("fail.h5");
    struct kf_payload p = counting(KF_DTYPE_UINT8, 1, 3, 0);
    struct kf_report rep;
    struct kf_h5_out *out;

    (void)state;
    kf_report_init(&rep);
    assert_int_equal(kf_h5_create(&out, "/tmp/no/such/folder/x.h5", &rep), -KF_WRITE_FAILED);
    assert_int_equal(kf_h5_create(&out, path, &rep), 0);
    assert_int_equal(kf_h5_out_payload(out, "/x", &p, KF_CHECKSUM_NONE, NULL, &rep), 0);
    assert_int_equal(kf_h5_out_payload(out, "/x", &p, KF_CHECKSUM_NONE, NULL, &rep),
                     -KF_WRITE_FAILED);
    assert_int_equal(kf_h5_out_attr_text(out, "/y", "a", "b", &rep), -KF_WRITE_FAILED);
    assert_int_equal(kf_h5_out_group(out, "/x/y", &rep), -KF_WRITE_FAILED);
    assert_int_equal(kf_h5_out_group(out, "/.", &rep), -KF_WRITE_FAILED);
    assert_int_equal(kf_h5_out_attr_text(out, "/x", "a", "b", &rep), 0);
    assert_int_equal(kf_h5_out_attr_text(out, "/x", "a", "b", &rep), -KF_WRITE_FAILED);
    kf_h5_out_destroy(out);
    kf_report_finish(&rep);
    unlink(path);
}

static int use_out(void *context)
{
    struct kf_payload p = counting(KF_DTYPE_UINT8, 1, 3, 0);
    KF_AUTO(kf_h5_out) out = NULL;
    struct kf_report rep;
    int status;

    kf_report_init(&rep);
    status = kf_h5_create(&out, context, &rep);
    if (status == 0)
        status = kf_h5_out_payload(out, "/a/b/x", &p, KF_CHECKSUM_XXH3, NULL, &rep);
    if (status == 0)
        status = kf_h5_out_attr_text(out, "/a", "name", "a", &rep);
    if (status == 0)
        status = kf_h5_out_attr_names(out, "/a", "names", (const char *const[]){"b"}, 1, &rep);
    if (status == 0)
        status = kf_h5_out_close(out, &rep);
    kf_report_finish(&rep);
    return status;
}

static void lack_of_memory_is_told(void **state)
{
    char path[64];

    (void)state;
    strcpy(path, scratch("memory.h5"));
    torture(use_out, path);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(the_same_calls_give_the_same_bytes),
        cmocka_unit_test(payloads_are_moved_and_hashed),
        cmocka_unit_test(a_group_stands_between_the_bytes_before_it_and_its_own),
        cmocka_unit_test(both_ends_of_a_rewritten_payload_are_hashed),
        cmocka_unit_test(checksums_are_the_known_ones),
        cmocka_unit_test(lists_of_names_come_back),
        cmocka_unit_test(failures_to_write_are_told),
        cmocka_unit_test(lack_of_memory_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
