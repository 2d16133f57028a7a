/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of the service that need no socket: paths, Accept, ids, and the layout of archives.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* They are no library: the service's files are taken in as they are. */
#undef _GNU_SOURCE
#include "http/accept.c"
#include "jobs/archive.c"
#undef _GNU_SOURCE
#include "jobs/id.c"
#undef _GNU_SOURCE
#include "jobs/tar.c"
#undef _GNU_SOURCE
#include "jobs/target.c"

static void path_is_cut_before_it_is_decoded(void **state)
{
    struct target target;
    const char *captured[2] = {NULL, NULL};

    (void)state;
    assert_int_equal(target_parse(&target, "/v1/convert/keras/a%2Fb%20c.h5?x=/y"), 0);
    assert_true(target_match(&target, "v1/convert/{to}/{filename}", captured));
    assert_string_equal(captured[0], "keras");
    assert_string_equal(captured[1], "a/b c.h5");
    assert_false(target_match(&target, "v1/convert/{to}", captured));
    target_finish(&target);
    assert_int_equal(target_parse(&target, "http://host:1/v1/inspect/"), 0);
    assert_true(target_match(&target, "v1/inspect/{filename}", captured));
    assert_string_equal(captured[0], "");
    target_finish(&target);
}

static void broken_path_is_refused(void **state)
{
    static const char *const paths[] = {"/%", "/%4", "/%zz", "/a%00b", "/1/2/3/4/5/6/7/8/9"};

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct target target;

        assert_int_equal(target_parse(&target, paths[i]), -1);
        target_finish(&target);
    }
}

static void accept_takes_the_closest_range(void **state)
{
    static const char *const offers[] = {"application/octet-stream", "application/x-tar"};

    (void)state;
    assert_int_equal(accept_choose(NULL, offers, 2), 0);
    assert_int_equal(accept_choose("", offers, 2), 0);
    assert_int_equal(accept_choose("*/*", offers, 2), 0);
    assert_int_equal(accept_choose("APPLICATION/X-TAR", offers, 2), 1);
    assert_int_equal(accept_choose("application/*;q=0.2,application/x-tar;q=0.9", offers, 2), 1);
    assert_int_equal(accept_choose("*/*;q=1, application/octet-stream ; q=0.1", offers, 2), 1);
    assert_int_equal(accept_choose("application/x-tar;q=0, text/html", offers, 2), -1);
    assert_int_equal(accept_choose("application/x-tar;q=inf, application/octet-stream", offers, 2),
                     0);
    assert_int_equal(
        accept_choose("application/octet-stream;q=nan, application/x-tar;q=-1", offers, 2), -1);
}

static void request_id_is_bounded(void **state)
{
    char id[ID_SIZE], longest[REQUEST_ID_SIZE + 1];

    (void)state;
    id_create(id);
    assert_int_equal(strlen(id), 36);
    assert_int_equal(id[14], '7');
    assert_true(id_is_request_id(id));
    memset(longest, 'a', sizeof longest);
    longest[REQUEST_ID_SIZE] = '\0';
    assert_false(id_is_request_id(longest));
    assert_true(id_is_request_id(longest + 1));
    assert_false(id_is_request_id("a b"));
    assert_false(id_is_request_id(""));
}

static void big_member_gets_a_pax_header(void **state)
{
    const uint64_t size = UINT64_C(9) << 30;
    const struct archive_member members[] = {{"m/big", NULL, size, -1}, {"m/r", "{}", 2, -1}};
    KF_AUTO(archive) archive = archive_tar(members, 2, 0);
    char block[BLOCK];

    (void)state;
    assert_non_null(archive);
    /* pax header and records, header, file, header, text, two blocks of zeros */
    assert_int_equal(archive_size(archive), size + (3 + 2 + 2) * BLOCK);
    assert_int_equal(archive_read(archive, 0, block, BLOCK), BLOCK);
    assert_int_equal(block[156], 'x');
    assert_int_equal(archive_read(archive, BLOCK, block, BLOCK), BLOCK);
    assert_string_equal(block, "14 path=m/big\n19 size=9663676416\n");
    assert_int_equal(archive_read(archive, size + 4 * BLOCK, block, BLOCK), BLOCK);
    assert_string_equal(block, "{}");
    assert_int_equal(archive_read(archive, archive_size(archive), block, BLOCK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(path_is_cut_before_it_is_decoded),
        cmocka_unit_test(broken_path_is_refused),
        cmocka_unit_test(accept_takes_the_closest_range),
        cmocka_unit_test(request_id_is_bounded),
        cmocka_unit_test(big_member_gets_a_pax_header),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
