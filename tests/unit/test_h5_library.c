/* SPDX-License-Identifier: Apache-2.0 */
#include "core_test.h"

#include "core/io/h5/h5.h"
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_of_all_lengths_are_read),
        cmocka_unit_test(members_of_a_large_group_are_found),
        cmocka_unit_test(more_can_be_added),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
