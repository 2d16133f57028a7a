/* SPDX-License-Identifier: Apache-2.0 */
#include "core_test.h"

#include "core/format/tensorflow/saved_model_mend.h"
#include "core/io/tar_write.h"
#include "core/io/tensorflow/farmhash.h"

/* A graph with its tags; an object with a child, two slots and a user object; functions. */
static const unsigned char with_slots[] = {
    0x08, 0x01, 0x12, 0x19, 0x0a, 0x03, 0x22, 0x01, 0x73, 0x3a, 0x12, 0x0a, 0x0c, 0x0a, 0x02,
    0x08, 0x01, 0x1a, 0x01, 0x78, 0x1a, 0x00, 0x22, 0x01, 0x75, 0x12, 0x02, 0x0a, 0x00};
static const unsigned char without[] = {0x08, 0x01, 0x12, 0x14, 0x0a, 0x03, 0x22, 0x01,
                                        0x73, 0x3a, 0x0d, 0x0a, 0x07, 0x0a, 0x02, 0x08,
                                        0x01, 0x22, 0x01, 0x75, 0x12, 0x02, 0x0a, 0x00};

static void slots_go_and_nothing_else(void **state)
{
    struct kf_buf out = {.max = 1000}, again = {.max = 1000};
    size_t gone;

    (void)state;
    assert_int_equal(kf_saved_model_mend(with_slots, sizeof(with_slots), &out, &gone), 0);
    assert_int_equal(gone, 2);
    assert_int_equal(out.n, sizeof(without));
    assert_memory_equal(out.data, without, sizeof(without));
    assert_int_equal(kf_saved_model_mend(out.data, out.n, &again, &gone), 0);
    assert_int_equal(gone, 0);
    assert_int_equal(again.n, out.n);
    assert_memory_equal(again.data, out.data, out.n);
    kf_buf_finish(&out);
    kf_buf_finish(&again);
}

/* Cut anywhere it is no message, or one of fewer fields; nothing is read behind it. */
static void what_is_cut_is_refused(void **state)
{
    size_t refused = 0, gone;

    (void)state;
    for (size_t n = 0; n < sizeof(with_slots); n++) {
        struct kf_buf out = {.max = 1000};

        refused += kf_saved_model_mend(with_slots, n, &out, &gone) < 0;
        kf_buf_finish(&out);
    }
    assert_true(refused >= sizeof(with_slots) - 3);
}

static int torture_mend(void *context)
{
    struct kf_buf out = {.max = 1000};
    size_t gone;
    int r = kf_saved_model_mend(with_slots, sizeof(with_slots), &out, &gone);

    (void)context;
    kf_buf_finish(&out);
    return r;
}

static void memory_may_run_out(void **state)
{
    (void)state;
    torture(torture_mend, NULL);
}

/* What FarmHash itself gives. */
static void fingerprints_are_those_of_farmhash(void **state)
{
    unsigned char bytes[128];

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)i;
    assert_true(kf_farmhash(bytes, 65) == UINT64_C(0xc6a3282c3e793dbe));
    assert_true(kf_farmhash(bytes, 100) == UINT64_C(0x3cff0f886d8d6195));
    assert_true(kf_farmhash(bytes, 128) == UINT64_C(0x1c484c95f0ea5dd3));
}

static void a_tar_has_blocks_and_long_names(void **state)
{
    char path[64], longer[151], header[512];
    struct kf_spool tar;
    struct kf_report rep;

    (void)state;
    memset(longer, 'n', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    snprintf(path, sizeof(path), "/tmp/kf_test_%d.tar", (int)getpid());
    kf_report_init(&rep);
    assert_int_equal(kf_spool_create_named(&tar, path, 1 << 20, &rep), 0);
    assert_int_equal(kf_tar_put(&tar, "a", "bytes", 5, &rep), 0);
    assert_int_equal(tar.size, 1024);
    assert_int_equal(kf_tar_put(&tar, longer, "", 0, &rep), 0);
    assert_int_equal(tar.size, 1024 + 1024 + 512);
    assert_int_equal(kf_tar_end(&tar, &rep), 0);
    assert_int_equal(pread(tar.fd, header, sizeof(header), 0), 512);
    assert_string_equal(header, "a");
    assert_string_equal(header + 124, "00000000005");
    assert_memory_equal(header + 257,
                        "ustar\0"
                        "00",
                        8);
    assert_int_equal(pread(tar.fd, header, sizeof(header), 1536), 512);
    assert_memory_equal(header, "160 path=nnn", 12);
    kf_spool_finish(&tar);
    unlink(path);
    kf_report_finish(&rep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_go_and_nothing_else),
        cmocka_unit_test(what_is_cut_is_refused),
        cmocka_unit_test(memory_may_run_out),
        cmocka_unit_test(fingerprints_are_those_of_farmhash),
        cmocka_unit_test(a_tar_has_blocks_and_long_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
