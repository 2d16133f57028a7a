/* SPDX-License-Identifier: Apache-2.0 */
#include "core_test.h"

#include "core/io/zip/zip.h"
#include <sys/stat.h>
#include <zip.h>

static char path[64], member_path[64];

/* metadata.json, config.json and a file as weights. */
static int write_zip(struct kf_report *rep)
{
    KF_AUTO(kf_zip_out) zip = NULL;
    struct kf_sink sink;

    KF_TRY(kf_zip_create(&zip, path, rep));
    KF_TRY(kf_zip_out_text(zip, "metadata.json", "{\"a\": 1}", 8, rep));
    KF_TRY(kf_zip_out_text(zip, "empty", "", 0, rep));
    KF_TRY(kf_zip_out_text(zip, "assets/k\xc3\xb6ln", "x", 1, rep));
    KF_TRY(kf_zip_out_begin(zip, "weights", &sink, rep));
    assert_int_equal(sink.base % 4096, 0);
    kf_crc_note(sink.crc, 4, 3, kf_crc32(0, "456", 3));
    KF_TRY(kf_sink_write(&sink, 0, "0123456789", 10, "", rep));
    KF_TRY(kf_zip_out_end(zip, rep));
    return kf_zip_out_close(zip, rep);
}

static struct kf_source open_zip(void)
{
    struct kf_source src = {.fd = open(path, O_RDONLY | O_CLOEXEC), .name = ""};

    assert_true(src.fd >= 0);
    src.size = (uint64_t)lseek(src.fd, 0, SEEK_END);
    return src;
}

static int set_up(void **state)
{
    int fd;

    (void)state;
    snprintf(path, sizeof(path), "/tmp/kf_test_%d.zip", (int)getpid());
    snprintf(member_path, sizeof(member_path), "/tmp/kf_test_%d.bin", (int)getpid());
    fd = open(member_path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "0123456789", 10), 10);
    return close(fd);
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return unlink(member_path);
}

static void what_is_written_is_read(void **state)
{
    struct kf_buf text = {.max = 100};
    struct kf_report rep;
    struct kf_source src, member;
    struct kf_zip *zip;
    char bytes[10];

    (void)state;
    kf_report_init(&rep);
    assert_int_equal(write_zip(&rep), 0);
    src = open_zip();
    assert_int_equal(kf_zip_open(&zip, &src, &limits, &rep), 0);
    assert_int_equal(kf_zip_count(zip), 4);
    assert_string_equal(kf_zip_name(zip, 0), "metadata.json");
    assert_string_equal(kf_zip_name(zip, 1), "empty");
    assert_string_equal(kf_zip_name(zip, 2), "assets/k\xc3\xb6ln");
    assert_true(kf_zip_has(zip, "weights"));
    assert_false(kf_zip_has(zip, "weight"));
    assert_int_equal(kf_zip_read(zip, "metadata.json", &text, &rep), 0);
    assert_string_equal(text.data, "{\"a\": 1}");
    assert_int_equal(kf_zip_read(zip, "empty", &text, &rep), 0);
    assert_int_equal(text.n, 8);
    assert_int_equal(kf_zip_stored(zip, "weights", &member, &rep), 0);
    assert_int_equal(member.size, 10);
    assert_int_equal(kf_source_read(&member, 0, bytes, 10, &rep), 0);
    assert_memory_equal(bytes, "0123456789", 10);
    assert_int_equal(kf_source_read(&member, 1, bytes, 10, &rep), -KF_CORRUPT);
    assert_int_equal(kf_zip_verify(zip, &rep), 0);
    kf_crc_note(member.crc, 8, 2, kf_crc32(0, "8x", 2));
    assert_int_equal(kf_zip_verify(zip, &rep), -KF_CORRUPT);
    assert_int_equal(kf_zip_read(zip, "nothing", &text, &rep), -KF_BAD_CONFIG);
    text.max = 9;
    assert_int_equal(kf_zip_read(zip, "weights", &text, &rep), -KF_TOO_LARGE);
    kf_zip_destroy(zip);
    kf_buf_finish(&text);
    kf_report_finish(&rep);
    close(src.fd);
}

static void the_same_calls_give_the_same_bytes(void **state)
{
    static char first[8192], second[8192];
    struct kf_report rep;
    struct kf_source src;

    (void)state;
    kf_report_init(&rep);
    assert_int_equal(write_zip(&rep), 0);
    src = open_zip();
    assert_int_equal(pread(src.fd, first, sizeof(first), 0), (ssize_t)src.size);
    close(src.fd);
    setenv("TZ", "Pacific/Auckland", 1);
    sleep(2); /* a zip's times have two seconds */
    assert_int_equal(write_zip(&rep), 0);
    unsetenv("TZ");
    src = open_zip();
    assert_int_equal(pread(src.fd, second, sizeof(second), 0), (ssize_t)src.size);
    close(src.fd);
    assert_memory_equal(first, second, sizeof(first));
    kf_report_finish(&rep);
}

static void what_is_not_closed_does_not_appear(void **state)
{
    struct kf_report rep;
    struct kf_zip_out *zip;
    struct stat st;

    (void)state;
    kf_report_init(&rep);
    unlink(path);
    assert_int_equal(kf_zip_create(&zip, path, &rep), 0);
    assert_int_equal(kf_zip_out_text(zip, "a", "b", 1, &rep), 0);
    kf_zip_out_destroy(zip);
    assert_true(stat(path, &st) < 0);
    assert_int_equal(kf_zip_create(&zip, "/tmp/no/such/folder/x.zip", &rep), -KF_WRITE_FAILED);
    kf_report_finish(&rep);
}

/* More than 4 GiB, without a byte on the disk; its CRC is told, not read. */
static void sizes_and_places_beyond_4_gib_are_kept(void **state)
{
    const uint64_t size = UINT64_C(5) << 30;
    struct kf_buf text = {.max = 100};
    struct kf_source src, member;
    struct kf_zip_out *out;
    struct kf_report rep;
    struct kf_sink sink;
    struct kf_zip *zip;

    (void)state;
    kf_report_init(&rep);
    assert_int_equal(kf_zip_create(&out, path, &rep), 0);
    assert_int_equal(kf_zip_out_begin(out, "weights", &sink, &rep), 0);
    assert_int_equal(ftruncate(sink.fd, (off_t)(sink.base + size)), 0);
    kf_crc_note(sink.crc, 0, size, 1);
    assert_int_equal(kf_zip_out_end(out, &rep), 0);
    assert_int_equal(kf_zip_out_text(out, "behind", "text", 4, &rep), 0);
    assert_int_equal(kf_zip_out_close(out, &rep), 0);
    kf_zip_out_destroy(out);
    src = open_zip();
    assert_int_equal(kf_zip_open(&zip, &src, &limits, &rep), 0);
    assert_int_equal(kf_zip_stored(zip, "weights", &member, &rep), 0);
    assert_int_equal(member.size, size);
    assert_int_equal(member.base, sink.base);
    assert_int_equal(kf_zip_read(zip, "behind", &text, &rep), 0);
    assert_string_equal(text.data, "text");
    kf_zip_destroy(zip);
    kf_buf_finish(&text);
    kf_report_finish(&rep);
    close(src.fd);
}

static void a_name_that_no_zip_holds_is_refused(void **state)
{
    static char name[70000];
    struct kf_zip_out *out;
    struct kf_report rep;

    (void)state;
    memset(name, 'n', sizeof(name) - 1);
    kf_report_init(&rep);
    assert_int_equal(kf_zip_create(&out, path, &rep), 0);
    assert_int_equal(kf_zip_out_text(out, name, "", 0, &rep), -KF_TOO_LARGE);
    kf_zip_out_destroy(out);
    kf_report_finish(&rep);
}

/* A zip of one deflated member, as other programs than Keras pack it. */
static void write_deflated(void)
{
    zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    zip_int64_t index;

    assert_non_null(zip);
    index = zip_file_add(zip, "weights", zip_source_file(zip, member_path, 0, -1), 0);
    assert_true(index >= 0);
    assert_int_equal(zip_set_file_compression(zip, (zip_uint64_t)index, ZIP_CM_DEFLATE, 9), 0);
    assert_int_equal(zip_close(zip), 0);
}

static int use_member(void *context)
{
    KF_AUTO(kf_zip) zip = NULL;
    struct kf_spool spool = KF_SPOOL_NONE;
    struct kf_options options = KF_OPTIONS_INIT;
    struct kf_source member;
    struct kf_report rep;
    char bytes[10];
    int status;

    kf_report_init(&rep);
    options.scratch = "/tmp";
    status = kf_zip_open(&zip, context, &limits, &rep);
    if (status == 0)
        status = kf_zip_member(zip, "weights", &spool, &options, &member, &rep);
    if (status == 0) {
        assert_int_equal(member.size, 10);
        assert_int_equal(kf_source_read(&member, 0, bytes, 10, &rep), 0);
        assert_memory_equal(bytes, "0123456789", 10);
        status = kf_zip_verify(zip, &rep);
    }
    kf_spool_finish(&spool);
    kf_report_finish(&rep);
    return status;
}

static void a_member_is_a_source_however_it_is_packed(void **state)
{
    struct kf_spool spool = KF_SPOOL_NONE;
    struct kf_options options = KF_OPTIONS_INIT;
    struct kf_source src, member;
    struct kf_report rep;
    struct kf_zip *zip;

    (void)state;
    kf_report_init(&rep);
    assert_int_equal(write_zip(&rep), 0);
    src = open_zip();
    assert_int_equal(use_member(&src), 0);
    close(src.fd);
    write_deflated();
    src = open_zip();
    torture(use_member, &src);
    assert_int_equal(kf_zip_open(&zip, &src, &limits, &rep), 0);
    options.scratch = "/no/such/folder";
    assert_int_equal(kf_zip_stored(zip, "weights", &member, &rep), -KF_BAD_CONFIG);
    assert_int_equal(kf_zip_member(zip, "nothing", &spool, &options, &member, &rep),
                     -KF_BAD_CONFIG);
    assert_int_equal(kf_zip_member(zip, "weights", &spool, &options, &member, &rep),
                     -KF_WRITE_FAILED);
    assert_int_equal(spool.fd, -1);
    kf_zip_destroy(zip);
    kf_report_finish(&rep);
    close(src.fd);
}

static int use_zip(void *context)
{
    KF_AUTO(kf_zip) zip = NULL;
    struct kf_buf text = {.max = 100};
    struct kf_report rep;
    int status;

    kf_report_init(&rep);
    status = kf_zip_open(&zip, context, &limits, &rep);
    if (status == 0)
        status = kf_zip_read(zip, "metadata.json", &text, &rep);
    kf_buf_finish(&text);
    kf_report_finish(&rep);
    return status;
}

static int use_zip_out(void *context)
{
    struct kf_report rep;
    int status;

    (void)context;
    kf_report_init(&rep);
    status = write_zip(&rep);
    kf_report_finish(&rep);
    return status;
}

static void lack_of_memory_is_told(void **state)
{
    struct kf_source src;

    (void)state;
    torture(use_zip_out, NULL);
    src = open_zip();
    torture(use_zip, &src);
    close(src.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(the_same_calls_give_the_same_bytes),
        cmocka_unit_test(what_is_not_closed_does_not_appear),
        cmocka_unit_test(sizes_and_places_beyond_4_gib_are_kept),
        cmocka_unit_test(a_name_that_no_zip_holds_is_refused),
        cmocka_unit_test(a_member_is_a_source_however_it_is_packed),
        cmocka_unit_test(lack_of_memory_is_told),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
