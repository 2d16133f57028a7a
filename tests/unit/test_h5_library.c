/* SPDX-License-Identifier: Apache-2.0 */
#include "core_test.h"

#include "core/io/h5/h5.h"
#define H5_USE_110_API
#include <hdf5.h>
#include <stdlib.h>

/* What is written, as HDF5's own library sees it; its bytes are of no matter here. */
static int pull_zeros(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                      struct kf_report *rep)
{
    (void)payload;
    (void)at;
    (void)rep;
    memset(to, 0, n);
    return 0;
}

static const struct kf_payload payload = {
    .dtype = KF_DTYPE_FLOAT32, .rank = 1, .dims = {3}, .pull = pull_zeros, .file_at = KF_NOWHERE};

static const char *scratch(void)
{
    static char path[64];

    snprintf(path, sizeof(path), "/tmp/kf_test_%d_library.h5", (int)getpid());
    return path;
}

/* Lengths of texts around those at which a collection is full. */
static const size_t sizes[] = {1, 4040, 4048, 4049, 4056, 4064, 4080, 4096, 3000, 1000, 65, 100000};
#define N_SIZES (sizeof(sizes) / sizeof(sizes[0]))

static const char *text_of(size_t n)
{
    static char text[100001];

    memset(text, 'a' + (int)(n % 26), n);
    text[n] = '\0';
    return text;
}

static void write_texts(const char *path)
{
    struct kf_report rep;
    struct kf_h5_out *out;
    char name[64];

    kf_report_init(&rep);
    assert_int_equal(kf_h5_create(&out, path, &rep), 0);
    for (size_t i = 0; i < N_SIZES; i++) {
        snprintf(name, sizeof(name), "%zu", sizes[i]);
        assert_int_equal(kf_h5_out_attr_text(out, "/", name, text_of(sizes[i]), &rep), 0);
    }
    assert_int_equal(kf_h5_out_close(out, &rep), 0);
    kf_h5_out_destroy(out);
    kf_report_finish(&rep);
}

static void texts_of_all_lengths_are_read(void **state)
{
    const char *path = scratch();
    hid_t file, type = H5Tcopy(H5T_C_S1);
    char name[64], *text;

    (void)state;
    write_texts(path);
    assert_true(H5Tset_size(type, H5T_VARIABLE) >= 0 && H5Tset_cset(type, H5T_CSET_UTF8) >= 0);
    file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    for (size_t i = 0; i < N_SIZES; i++) {
        hid_t attr;

        snprintf(name, sizeof(name), "%zu", sizes[i]);
        attr = H5Aopen(file, name, H5P_DEFAULT);
        assert_true(H5Aread(attr, type, &text) >= 0);
        assert_string_equal(text, text_of(sizes[i]));
        H5free_memory(text);
        H5Aclose(attr);
    }
    H5Tclose(type);
    H5Fclose(file);
    unlink(path);
}

#define MEMBERS 20000 /* a B-tree of three levels */

static void write_members(const char *path)
{
    struct kf_report rep;
    struct kf_h5_out *out;
    char name[64];

    kf_report_init(&rep);
    assert_int_equal(kf_h5_create(&out, path, &rep), 0);
    for (int i = 0; i < MEMBERS; i++) {
        snprintf(name, sizeof(name), "/many/layer_%d", i * 7919 % MEMBERS);
        assert_int_equal(kf_h5_out_group(out, name, &rep), 0);
        assert_int_equal(kf_h5_out_attr_text(out, name, "name", name, &rep), 0);
    }
    assert_int_equal(kf_h5_out_payload(out, "/\xc3\xa9/x", &payload, KF_CHECKSUM_NONE, NULL, &rep),
                     0);
    assert_int_equal(kf_h5_out_close(out, &rep), 0);
    kf_h5_out_destroy(out);
    kf_report_finish(&rep);
}

static void members_of_a_large_group_are_found(void **state)
{
    const char *path = scratch();
    hid_t file, group;
    H5G_info_t info;
    char name[64];

    (void)state;
    write_members(path);
    file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    group = H5Gopen2(file, "many", H5P_DEFAULT);
    assert_true(H5Gget_info(group, &info) >= 0);
    assert_int_equal(info.nlinks, MEMBERS);
    assert_int_equal(info.storage_type, H5G_STORAGE_TYPE_SYMBOL_TABLE);
    for (int i = 0; i < MEMBERS; i++) {
        snprintf(name, sizeof(name), "layer_%d", i);
        assert_true(H5Aexists_by_name(group, name, "name", H5P_DEFAULT) > 0);
    }
    assert_int_equal(H5Lexists(group, "layer_20000", H5P_DEFAULT), 0);
    assert_int_equal(H5Lexists(group, "a", H5P_DEFAULT), 0);
    assert_int_equal(H5Lexists(group, "z", H5P_DEFAULT), 0);
    assert_true(H5Lexists(file, "\xc3\xa9/x", H5P_DEFAULT) > 0);
    H5Gclose(group);
    H5Fclose(file);
    unlink(path);
}

/* A file of ours is as good as any to go on with. */
static void more_can_be_added(void **state)
{
    const char *path = scratch();
    hid_t file, group, space, id;
    char name[64];

    (void)state;
    write_members(path);
    file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    group = H5Gopen2(file, "many", H5P_DEFAULT);
    space = H5Screate(H5S_SCALAR);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "added_%d", i);
        id = H5Dcreate2(group, name, H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        assert_true(id >= 0);
        H5Dclose(id);
        id = H5Acreate2(group, name, H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT);
        assert_true(id >= 0);
        H5Aclose(id);
    }
    assert_true(H5Ldelete(group, "layer_77", H5P_DEFAULT) >= 0);
    H5Sclose(space);
    H5Gclose(group);
    assert_true(H5Fclose(file) >= 0);
    file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(H5Lexists(file, "many/added_99", H5P_DEFAULT) > 0);
    assert_true(H5Lexists(file, "many/layer_78", H5P_DEFAULT) > 0);
    assert_int_equal(H5Lexists(file, "many/layer_77", H5P_DEFAULT), 0);
    assert_true(H5Aexists_by_name(file, "many", "added_99", H5P_DEFAULT) > 0);
    H5Fclose(file);
    unlink(path);
}

/* A file as h5py makes it: groups, datasets, attributes, a name that was taken out again. */
static void make_by_library(const char *path)
{
    const hsize_t dims[2] = {3, 5};
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t group = H5Gcreate2(file, "group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    hid_t space = H5Screate_simple(2, dims, dims);
    hid_t id =
        H5Dcreate2(group, "kernel:0", H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    const float values[15] = {1};

    assert_true(H5Dwrite(id, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Dclose(id);
    id = H5Acreate2(group, "some", H5T_STD_I32LE, space, H5P_DEFAULT, H5P_DEFAULT);
    H5Aclose(id);
    id = H5Gcreate2(group, "a_name_that_goes", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(id);
    assert_true(H5Ldelete(group, "a_name_that_goes", H5P_DEFAULT) >= 0);
    H5Sclose(space);
    H5Gclose(group);
    assert_true(H5Fclose(file) >= 0);
}

/* By addresses, as the library is asked to read what is not plain. */
static herr_t open_each(hid_t group, const char *name, const H5L_info_t *info, void *context)
{
    hid_t id = H5Oopen_by_addr(group, info->u.address);
    herr_t status = id >= 0 ? 0 : -1;
    hsize_t at = 0;

    (void)name;
    if (id >= 0 && H5Iget_type(id) == H5I_GROUP)
        status = H5Literate(id, H5_INDEX_NAME, H5_ITER_NATIVE, &at, open_each, context);
    if (id >= 0)
        H5Oclose(id);
    return status;
}

static bool library_reads(const char *path)
{
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    hsize_t at = 0;
    bool good =
        file >= 0 && H5Literate(file, H5_INDEX_NAME, H5_ITER_NATIVE, &at, open_each, NULL) >= 0;

    if (file >= 0)
        H5Fclose(file);
    return good;
}

static bool is_read(const char *path)
{
    struct kf_source src = {.fd = open(path, O_RDONLY | O_CLOEXEC), .name = ""};
    struct kf_h5 *h5 = NULL;
    struct kf_payload tensor;
    struct kf_report rep;
    bool good;

    kf_report_init(&rep);
    src.size = (uint64_t)lseek(src.fd, 0, SEEK_END);
    good = kf_h5_open(&h5, &src, &limits, &rep) == 0 &&
           kf_h5_payload(h5, "/group/kernel:0", NULL, &tensor, &rep) == 0;
    kf_h5_destroy(h5);
    kf_report_finish(&rep);
    close(src.fd);
    return good;
}

/*
 * Whatever byte is damaged: what is read without the library, the library would read as well. Since
 * 1.12 it also refuses bytes that say nothing of a tensor.
 */
static void damage_is_judged_as_the_library_does(void **state)
{
    static const unsigned char others[] = {0x00, 0x01, 0x08, 0x7f, 0xff};
    const char *path = scratch();
    size_t refused = 0;
    unsigned char was;
    off_t size;
    int fd;

    (void)state;
    if (H5_VERSION_GE(1, 12, 0))
        skip();
    make_by_library(path);
    fd = open(path, O_RDWR | O_CLOEXEC);
    size = lseek(fd, 0, SEEK_END);
    for (off_t at = 0; at < size; at++) {
        assert_int_equal(pread(fd, &was, 1, at), 1);
        for (size_t i = 0; i < sizeof(others); i++) {
            bool read;

            assert_int_equal(pwrite(fd, &others[i], 1, at), 1);
            read = is_read(path);
            refused += !read;
            if (read && !library_reads(path))
                fail_msg("byte %d as %d is read", (int)at, others[i]);
        }
        assert_int_equal(pwrite(fd, &was, 1, at), 1);
    }
    assert_true(refused > 100);
    close(fd);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_of_all_lengths_are_read),
        cmocka_unit_test(members_of_a_large_group_are_found),
        cmocka_unit_test(more_can_be_added),
        cmocka_unit_test(damage_is_judged_as_the_library_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
