/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/alloc.h"
#include "core/io/checksum.h"
#include "core/io/move.h"
#include "core/model/rewrite.h"
#include <kf/progress.h>

/* Rows of the result are so long that a tile has 2 KB of a row of the source: that is wide. */
#define ROWS    8300
#define COLUMNS 521
#define BYTES   ((uint64_t)ROWS * COLUMNS * sizeof(float))
#define AT      ((uint64_t)100) /* where payloads stand in their files */

/* A file of floats, as a dataset and as what is in memory. */
struct room {
    struct kf_arena *arena;
    struct kf_crc read, written;
    struct kf_source source;
    struct kf_mover mover;
    struct kf_payload root;
    float *values, *got;
    struct kf_report rep;
};

static int open_file(void)
{
    int fd = memfd_create("move", MFD_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

static int pull_file(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                     struct kf_report *rep)
{
    return kf_source_read(payload->file, payload->file_at + at, to, n, rep);
}

static void enter(struct room *room)
{
    *room =
        (struct room){.arena = kf_arena_create(), .values = malloc(BYTES), .got = malloc(BYTES)};
    kf_report_init(&room->rep);
    for (uint32_t i = 0; i < ROWS * COLUMNS; i++)
        room->values[i] = (float)(i * 2654435761u % 1048573u);
    room->source = (struct kf_source){.fd = open_file(), .size = AT + BYTES, .crc = &room->read};
    assert_int_equal(pwrite(room->source.fd, room->values, BYTES, AT), BYTES);
    room->mover.to = (struct kf_sink){.fd = open_file(), .base = 7, .crc = &room->written};
    room->root = (struct kf_payload){.dtype = KF_DTYPE_FLOAT32,
                                     .rank = 2,
                                     .dims = {ROWS, COLUMNS},
                                     .pull = pull_file,
                                     .file_at = AT,
                                     .file = &room->source};
}

static void leave(struct room *room)
{
    kf_mover_finish(&room->mover);
    kf_sink_finish(&room->mover.to);
    close(room->source.fd);
    kf_crc_finish(&room->read);
    kf_crc_finish(&room->written);
    kf_report_finish(&room->rep);
    kf_arena_destroy(room->arena);
    free(room->values);
    free(room->got);
}

static void assert_noted(const struct kf_crc *crc, uint64_t at, const float *values)
{
    assert_int_equal(crc->n, 1);
    assert_int_equal(crc->ranges[0].at, at);
    assert_int_equal(crc->ranges[0].n, BYTES);
    assert_int_equal(crc->ranges[0].crc, kf_crc32(0, values, BYTES));
}

static void assert_checksum(const struct kf_checksum *checksum, const float *values)
{
    struct kf_checksum want;
    struct kf_hasher hasher;

    kf_hasher_init(&hasher, KF_CHECKSUM_XXH3);
    kf_hasher_update(&hasher, values, BYTES);
    kf_hasher_finish(&hasher, &want);
    assert_string_equal(checksum->value, want.value);
}

/* Move it; then `room->got` is what was written, and what was told of it is true. */
static void move(struct room *room, const struct kf_payload *payload, bool histograms)
{
    struct kf_tensor_report row = {0};

    assert_non_null(payload);
    room->rep.histograms_left = histograms;
    assert_int_equal(kf_move(&room->mover, payload, AT, KF_CHECKSUM_XXH3, &row, "x", &room->rep),
                     0);
    assert_int_equal(pread(room->mover.to.fd, room->got, BYTES, (off_t)(7 + AT)), BYTES);
    assert_noted(&room->read, AT, room->values);
    assert_noted(&room->written, AT, room->got);
    assert_checksum(&row.before, room->values);
    assert_checksum(&row.after, room->got);
    if (histograms)
        assert_int_equal(row.histograms->before.n, row.histograms->after.n);
    kf_free(row.histograms);
}

static void what_stays_is_copied(void **unused)
{
    struct room room;

    (void)unused;
    enter(&room);
    move(&room, &room.root, false);
    assert_memory_equal(room.got, room.values, BYTES);
    leave(&room);
}

static void what_is_changed_in_its_place_is_read_once(void **unused)
{
    struct room room;
    bool fits;

    (void)unused;
    for (int histograms = 0; histograms < 2; histograms++) {
        enter(&room);
        move(&room, kf_rewrite_scale(room.arena, &room.root, 1, 1, 2, &fits), histograms);
        for (uint32_t i = 0; i < ROWS * COLUMNS; i++)
            assert_true(room.got[i] == 2 * room.values[i]);
        leave(&room);
    }
}

/* How often it was told that the work goes on before any of the result was there. */
static unsigned told_early;

static void tell(const struct kf_progress *progress)
{
    told_early += progress->bytes_done == 0;
}

static void check_turned(bool scaled, bool histograms)
{
    const struct kf_payload *turned, *from;
    struct kf_progress progress = {.tell = tell};
    struct room room;
    bool fits;

    enter(&room);
    from = scaled ? kf_rewrite_scale(room.arena, &room.root, 1, 1, 2, &fits) : &room.root;
    turned = kf_rewrite_transpose(room.arena, from, (unsigned[]){1, 0}, 2, &fits);
    assert_non_null(turned);
    assert_true(kf_rewrite_is_wide(turned));
    told_early = 0;
    room.rep.progress = &progress;
    move(&room, turned, histograms);
    assert_true(told_early > 50);
    for (uint32_t i = 0; i < ROWS * COLUMNS; i++)
        assert_true(room.got[i % COLUMNS * ROWS + i / COLUMNS] ==
                    room.values[i] * (scaled ? 2 : 1));
    leave(&room);
}

static void what_is_wide_is_turned_where_it_goes(void **unused)
{
    (void)unused;
    check_turned(false, false);
    check_turned(false, true);
    check_turned(true, false);
}

static void what_has_long_ranges_is_not_wide(void **unused)
{
    struct room room;
    bool fits;

    (void)unused;
    enter(&room);
    assert_false(kf_rewrite_is_wide(&room.root));
    room.root.dims[0] = 600; /* in one tile */
    assert_false(kf_rewrite_is_wide(
        kf_rewrite_transpose(room.arena, &room.root, (unsigned[]){1, 0}, 2, &fits)));
    room.root.dims[0] = 3000; /* in a few */
    room.root.dims[1] = 3000;
    assert_false(kf_rewrite_is_wide(
        kf_rewrite_transpose(room.arena, &room.root, (unsigned[]){1, 0}, 2, &fits)));
    leave(&room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stays_is_copied),
        cmocka_unit_test(what_is_changed_in_its_place_is_read_once),
        cmocka_unit_test(what_is_wide_is_turned_where_it_goes),
        cmocka_unit_test(what_has_long_ranges_is_not_wide),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
