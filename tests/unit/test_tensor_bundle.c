/* SPDX-License-Identifier: Apache-2.0 */
#include "core_test.h"

#include "bundle_bytes.h"

#include "core/io/tensorflow/snappy.h"
#include "core/io/tensorflow/tensor_bundle.h"

static const float values[] = {1, 2, 3, 4, 5, 6};

/* What a bundle is made of, and opened from. */
struct bytes {
    struct kf_buf block, file, data;
    struct kf_source index, shard;
    struct kf_input files[1];
    struct kf_arena *arena;
    struct kf_report rep;
};

static void begin(struct bytes *b, int shards, int endianness)
{
    *b = (struct bytes){.block = {.max = 65536}, .file = {.max = 1 << 20}, .data = {.max = 65536}};
    kf_report_init(&b->rep);
    b->arena = kf_arena_create();
    put_header(&b->block, shards, endianness);
}

static void add(struct bytes *b, const char *key, size_t n, const struct entry_fields *e)
{
    struct kf_buf value = {.max = 4096};

    put_fields(&value, e);
    put_entry(&b->block, 0, key, n, &value);
    kf_buf_finish(&value);
}

/* A float32 tensor of `rank` axes, whose bytes go to the end of the data. */
static void add_tensor(struct bytes *b, const char *key, size_t n, const unsigned char *dims,
                       size_t rank, const void *bytes, size_t size)
{
    const struct entry_fields e = {.dtype = 1,
                                   .rank = rank,
                                   .dims = dims,
                                   .offset = (unsigned)b->data.n,
                                   .size = (unsigned)size,
                                   .crc = masked(bytes, size)};

    add(b, key, n, &e);
    put(&b->data, bytes, size);
}

static int open_bundle(struct bytes *b, struct kf_tensor_bundle **out)
{
    struct kf_buf *blocks[] = {&b->block};

    if (!b->file.n) {
        end_block(&b->block);
        put_table(&b->file, blocks, (int[]){0}, 1);
    }
    b->index = make_source(b->file.data, b->file.n);
    b->index.name = "w.index";
    b->shard = make_source(b->data.n ? b->data.data : "", b->data.n);
    b->files[0] = (struct kf_input){.fd = b->shard.fd, .name = "w.data-00000-of-00001"};
    return kf_tensor_bundle_open(out, b->arena, &b->index, b->files, 1, &limits, &b->rep);
}

static void end(struct bytes *b)
{
    close(b->index.fd);
    close(b->shard.fd);
    kf_buf_finish(&b->block);
    kf_buf_finish(&b->file);
    kf_buf_finish(&b->data);
    kf_report_finish(&b->rep);
    kf_arena_destroy(b->arena);
}

static void assert_values(struct bytes *b, struct kf_tensor_bundle *bundle, const char *key,
                          const float *expected, size_t n)
{
    const struct kf_payload *payload;
    float found[16];

    assert_int_equal(
        kf_tensor_bundle_payload(bundle, kf_tensor_bundle_find(bundle, key), &payload, &b->rep), 0);
    assert_int_equal(kf_payload_bytes(payload), n * sizeof(float));
    assert_int_equal(payload->pull(payload, 0, found, n * sizeof(float), &b->rep), 0);
    assert_memory_equal(found, expected, n * sizeof(float));
    assert_int_equal(payload->pull(payload, sizeof(float), found, sizeof(float), &b->rep), 0);
    assert_true(found[0] == expected[1]);
}

static void tensors_are_read_by_name(void **state)
{
    struct kf_tensor_bundle *bundle;
    struct bytes b;

    (void)state;
    begin(&b, 1, 0);
    add_tensor(&b, "a", 1, (unsigned char[]){2, 3}, 2, values, sizeof(values));
    add_tensor(&b, "ab", 2, NULL, 0, values, 4);
    assert_int_equal(open_bundle(&b, &bundle), 0);
    assert_int_equal(kf_tensor_bundle_count(bundle), 2);
    assert_int_equal(kf_tensor_bundle_check(bundle, &b.rep), 0);
    assert_string_equal(kf_tensor_bundle_at(bundle, 1)->key, "ab");
    assert_int_equal(kf_tensor_bundle_at(bundle, 1)->rank, 0);
    assert_null(kf_tensor_bundle_find(bundle, "b"));
    assert_values(&b, bundle, "a", values, 6);
    end(&b);
}

static void keys_share_their_beginnings(void **state)
{
    struct kf_buf value = {.max = 64};
    struct kf_tensor_bundle *bundle;
    struct bytes b;

    (void)state;
    begin(&b, 1, 0);
    add_tensor(&b, "layer/bias", 10, (unsigned char[]){6}, 1, values, sizeof(values));
    put_fields(&value, &(struct entry_fields){.dtype = 1, .size = 4, .crc = masked(values, 4)});
    put_entry(&b.block, 6, "layer/kernel", 12, &value);
    kf_buf_finish(&value);
    assert_int_equal(open_bundle(&b, &bundle), 0);
    assert_non_null(kf_tensor_bundle_find(bundle, "layer/kernel"));
    end(&b);
}

/* The second block is one literal of snappy. */
static void blocks_may_be_compressed(void **state)
{
    struct kf_buf second = {.max = 4096}, packed = {.max = 4096};
    struct kf_buf *blocks[] = {NULL, &packed}, value = {.max = 64};
    struct kf_tensor_bundle *bundle;
    struct bytes b;

    (void)state;
    begin(&b, 1, 0);
    blocks[0] = &b.block;
    end_block(&b.block);
    put_fields(&value, &(struct entry_fields){.dtype = 1, .size = 4, .crc = masked(values, 4)});
    put_entry(&second, 0, "z", 1, &value);
    end_block(&second);
    put(&b.data, values, 4);
    put_varint(&packed, second.n);
    put(&packed, (unsigned char[]){(unsigned char)((second.n - 1) << 2)}, 1);
    put(&packed, second.data, second.n);
    put_table(&b.file, blocks, (int[]){0, 1}, 2);
    assert_int_equal(open_bundle(&b, &bundle), 0);
    assert_int_equal(kf_tensor_bundle_count(bundle), 1);
    kf_buf_finish(&second);
    kf_buf_finish(&packed);
    kf_buf_finish(&value);
    end(&b);
}

static void other_byte_orders_are_turned(void **state)
{
    static const unsigned char one[] = {0x3f, 0x80, 0, 0, 0x40, 0, 0, 0};
    struct kf_tensor_bundle *bundle;
    struct bytes b;

    (void)state;
    begin(&b, 1, 1);
    add_tensor(&b, "a", 1, (unsigned char[]){2}, 1, one, sizeof(one));
    assert_int_equal(open_bundle(&b, &bundle), 0);
    assert_values(&b, bundle, "a", values, 2);
    end(&b);
}

/* A tensor of (2, 3): its last column, and the rest. */
static void slices_are_put_together(void **state)
{
    static const unsigned char rest[] = {0, 'a',  0,    1,    1,
                                         2, 0x80, 0x7f, 0x80, 0x82}; /* all rows, columns 0 and 1 */
    static const unsigned char last[] = {0, 'a', 0, 1, 1, 2, 0x80, 0x7f, 0x82, 0x81};
    static const unsigned char extents[] = {0x3a, 8, 0x0a, 0, 0x0a, 4, 0x08, 0, 0x10, 2,
                                            0x3a, 8, 0x0a, 0, 0x0a, 4, 0x08, 2, 0x10, 1};
    static const float two[] = {1, 2, 4, 5}, one[] = {3, 6};
    struct kf_buf value = {.max = 256};
    struct kf_tensor_bundle *bundle;
    struct bytes b;

    (void)state;
    begin(&b, 1, 0);
    add_tensor(&b, (const char *)rest, sizeof(rest), (unsigned char[]){2, 2}, 2, two, sizeof(two));
    add_tensor(&b, (const char *)last, sizeof(last), (unsigned char[]){2, 1}, 2, one, sizeof(one));
    put_fields(&value, &(struct entry_fields){
                           .dtype = 1, .rank = 2, .dims = (const unsigned char[]){2, 3}});
    put(&value, extents, sizeof(extents));
    put_entry(&b.block, 0, "a", 1, &value);
    assert_int_equal(open_bundle(&b, &bundle), 0);
    assert_values(&b, bundle, "a", values, 6);
    kf_buf_finish(&value);
    end(&b);
}

static void a_slice_that_is_missing_is_refused(void **state)
{
    static const unsigned char extents[] = {0x3a, 6, 0x0a, 4, 0x08, 0, 0x10, 2};
    struct kf_buf value = {.max = 256};
    struct kf_tensor_bundle *bundle;
    const struct kf_payload *payload;
    struct bytes b;

    (void)state;
    begin(&b, 1, 0);
    put_fields(&value,
               &(struct entry_fields){.dtype = 1, .rank = 1, .dims = (const unsigned char[]){2}});
    put(&value, extents, sizeof(extents));
    put_entry(&b.block, 0, "a", 1, &value);
    assert_int_equal(open_bundle(&b, &bundle), 0);
    assert_int_equal(
        kf_tensor_bundle_payload(bundle, kf_tensor_bundle_at(bundle, 0), &payload, &b.rep),
        -KF_CORRUPT);
    kf_buf_finish(&value);
    end(&b);
}

static void strings_are_read_with_their_checksums(void **state)
{
    struct kf_buf text = {.max = 100}, all = {.max = 100};
    struct entry_fields e = {.dtype = KF_TF_STRING, .size = 10};
    struct kf_tensor_bundle *bundle;
    struct bytes b;

    (void)state;
    begin(&b, 1, 0);
    put_fixed(&all, 5, 4); /* the length, as the checksum takes it */
    put(&b.data, "\5", 1);
    put_fixed(&b.data, masked(all.data, 4), 4);
    put(&b.data, "graph", 5);
    put(&all, b.data.data + 1, 9);
    e.crc = masked(all.data, all.n);
    add(&b, "s", 1, &e);
    assert_int_equal(open_bundle(&b, &bundle), 0);
    assert_int_equal(
        kf_tensor_bundle_string(bundle, kf_tensor_bundle_find(bundle, "s"), &text, &b.rep), 0);
    assert_string_equal(text.data, "graph");
    assert_int_equal(pwrite(b.shard.fd, "G", 1, 5), 1);
    assert_int_equal(
        kf_tensor_bundle_string(bundle, kf_tensor_bundle_find(bundle, "s"), &text, &b.rep),
        -KF_CORRUPT);
    kf_buf_finish(&text);
    kf_buf_finish(&all);
    end(&b);
}

/* Two strings, "ab" and "c", and a list that says it has three. */
static void lists_of_strings_are_read(void **state)
{
    struct entry_fields e = {.dtype = 7, .rank = 1, .dims = (unsigned char[]){2}, .size = 9};
    struct kf_buf all = {.max = 64};
    struct kf_tensor_bundle *bundle;
    json_t *list = NULL;
    struct bytes b;

    (void)state;
    begin(&b, 1, 0);
    put_fixed(&all, 2, 4);
    put_fixed(&all, 1, 4);
    put(&b.data, "\2\1", 2);
    put_fixed(&b.data, masked(all.data, 8), 4);
    put(&b.data, "abc", 3);
    put(&all, b.data.data + 2, 7);
    e.crc = masked(all.data, all.n);
    add(&b, "s", 1, &e);
    e.dims = (unsigned char[]){3};
    add(&b, "t", 1, &e);
    assert_int_equal(open_bundle(&b, &bundle), 0);
    assert_int_equal(
        kf_tensor_bundle_strings(bundle, kf_tensor_bundle_find(bundle, "s"), &list, &b.rep), 0);
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(json_string_value(json_array_get(list, 0)), "ab");
    assert_string_equal(json_string_value(json_array_get(list, 1)), "c");
    json_decref(list);
    assert_int_equal(
        kf_tensor_bundle_strings(bundle, kf_tensor_bundle_find(bundle, "t"), &list, &b.rep),
        -KF_CORRUPT);
    kf_buf_finish(&all);
    end(&b);
}

static void a_wrong_checksum_is_refused(void **state)
{
    struct kf_tensor_bundle *bundle;
    const struct kf_payload *payload;
    struct bytes b;
    float one;

    (void)state;
    begin(&b, 1, 0);
    add_tensor(&b, "a", 1, (unsigned char[]){6}, 1, values, sizeof(values));
    assert_int_equal(open_bundle(&b, &bundle), 0);
    assert_int_equal(
        kf_tensor_bundle_payload(bundle, kf_tensor_bundle_at(bundle, 0), &payload, &b.rep), 0);
    assert_int_equal(pwrite(b.shard.fd, "\1", 1, 20), 1);
    assert_int_equal(payload->pull(payload, 0, &one, sizeof(one), &b.rep), -KF_CORRUPT);
    end(&b);
}

static void data_that_is_missing_or_short_is_named(void **state)
{
    struct kf_tensor_bundle *bundle;
    struct bytes b;

    (void)state;
    begin(&b, 2, 0);
    add_tensor(&b, "a", 1, (unsigned char[]){6}, 1, values, sizeof(values));
    assert_int_equal(open_bundle(&b, &bundle), 0);
    assert_int_equal(kf_tensor_bundle_check(bundle, &b.rep), -KF_VARIABLES_MISSING);
    end(&b);
    begin(&b, 1, 0);
    add_tensor(&b, "a", 1, (unsigned char[]){6}, 1, values, sizeof(values));
    b.data.n--;
    assert_int_equal(open_bundle(&b, &bundle), 0);
    assert_int_equal(kf_tensor_bundle_check(bundle, &b.rep), -KF_CORRUPT);
    end(&b);
}

static void bad_indices_are_refused(void **state)
{
    struct kf_tensor_bundle *bundle;
    struct bytes b;

    (void)state;
    begin(&b, 1, 0);
    add_tensor(&b, "b", 1, NULL, 0, values, 4);
    add_tensor(&b, "a", 1, NULL, 0, values, 4);
    assert_int_equal(open_bundle(&b, &bundle), -KF_CORRUPT); /* not sorted */
    end(&b);
    begin(&b, 0, 0);
    assert_int_equal(open_bundle(&b, &bundle), -KF_CORRUPT); /* no shards */
    end(&b);
    begin(&b, 1, 0);
    put(&b.file, "not a table", 11);
    assert_int_equal(open_bundle(&b, &bundle), -KF_CORRUPT);
    end(&b);
}

/* What Saver wrote before TensorFlow 0.12 ends like an index, and holds the values themselves. */
static void the_first_format_is_told(void **state)
{
    static const unsigned char meta[] = {0x0a, 0x02, 0x0a, 0x00};
    struct kf_buf value = {.max = 16};
    struct kf_tensor_bundle *bundle;
    struct bytes b;

    (void)state;
    begin(&b, 1, 0);
    b.block.n = 0;
    put(&value, meta, sizeof(meta));
    put_entry(&b.block, 0, "", 0, &value);
    kf_buf_finish(&value);
    assert_int_equal(open_bundle(&b, &bundle), -KF_UNSUPPORTED_PAIR);
    assert_non_null(strstr(b.rep.entries[0].what, "first format"));
    end(&b);
}

/* Every byte of an index changed in turn: it is read or refused, and nothing else happens. */
static void damage_anywhere_is_no_crash(void **state)
{
    struct kf_tensor_bundle *bundle;
    struct bytes b;
    size_t refused = 0;

    (void)state;
    begin(&b, 1, 0);
    add_tensor(&b, "a", 1, (unsigned char[]){2, 3}, 2, values, sizeof(values));
    assert_int_equal(open_bundle(&b, &bundle), 0);
    for (size_t i = 0; i < b.file.n; i++) {
        const char was = b.file.data[i], other = (char)(was ^ 0x41);

        assert_int_equal(pwrite(b.index.fd, &other, 1, (off_t)i), 1);
        refused +=
            kf_tensor_bundle_open(&bundle, b.arena, &b.index, b.files, 1, &limits, &b.rep) < 0;
        assert_int_equal(pwrite(b.index.fd, &was, 1, (off_t)i), 1);
    }
    assert_true(refused > b.file.n / 2);
    end(&b);
}

static int torture_open(void *context)
{
    struct bytes *b = context;
    struct kf_tensor_bundle *bundle;
    const struct kf_payload *payload;
    struct kf_report rep;
    struct kf_arena *arena;
    int r = -KF_NO_MEMORY;

    kf_report_init(&rep);
    arena = kf_arena_create();
    if (arena)
        r = kf_tensor_bundle_open(&bundle, arena, &b->index, b->files, 1, &limits, &rep);
    if (r >= 0)
        r = kf_tensor_bundle_payload(bundle, kf_tensor_bundle_at(bundle, 0), &payload, &rep);
    kf_arena_destroy(arena);
    kf_report_finish(&rep);
    return r;
}

static void memory_may_run_out(void **state)
{
    struct kf_tensor_bundle *bundle;
    struct bytes b;

    (void)state;
    begin(&b, 1, 0);
    add_tensor(&b, "a", 1, (unsigned char[]){2, 3}, 2, values, sizeof(values));
    assert_int_equal(open_bundle(&b, &bundle), 0);
    torture(torture_open, &b);
    end(&b);
}

static void snappy_is_unpacked(void **state)
{
    static const unsigned char fine[] = {
        11,  4 << 2,     'a', 'b', 'c', 'd',
        'e', 2 << 2 | 1, 5,   0,   '!'}; /* five, six from five before, one more */
    static const unsigned char far[] = {8, 0, 'a', 3 << 2 | 1, 9};
    static const unsigned char longer[] = {1, 1 << 2, 'a', 'b'};
    struct kf_buf out = {.max = 100};

    (void)state;
    assert_int_equal(kf_snappy_unpack(fine, 9, &out), 0);
    assert_string_equal(out.data, "abcdeabcdea");
    assert_int_equal(kf_snappy_unpack(fine, sizeof(fine), &out), -KF_CORRUPT);
    assert_int_equal(kf_snappy_unpack(far, sizeof(far), &out), -KF_CORRUPT);
    assert_int_equal(kf_snappy_unpack(longer, sizeof(longer), &out), -KF_CORRUPT);
    kf_buf_finish(&out);
}

/* Source: RFC 3720, B.4 */
static void checksums_are_those_of_the_standard(void **state)
{
    unsigned char bytes[32];
    struct kf_crc32c crc;

    (void)state;
    kf_crc32c_init(&crc);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)i;
    assert_int_equal(kf_crc32c(&crc, 0, bytes, sizeof(bytes)), 0x46dd794e);
    assert_int_equal(kf_crc32c(&crc, kf_crc32c(&crc, 0, bytes, 13), bytes + 13, 19), 0x46dd794e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_are_read_by_name),
        cmocka_unit_test(keys_share_their_beginnings),
        cmocka_unit_test(blocks_may_be_compressed),
        cmocka_unit_test(other_byte_orders_are_turned),
        cmocka_unit_test(slices_are_put_together),
        cmocka_unit_test(a_slice_that_is_missing_is_refused),
        cmocka_unit_test(strings_are_read_with_their_checksums),
        cmocka_unit_test(lists_of_strings_are_read),
        cmocka_unit_test(a_wrong_checksum_is_refused),
        cmocka_unit_test(data_that_is_missing_or_short_is_named),
        cmocka_unit_test(bad_indices_are_refused),
        cmocka_unit_test(the_first_format_is_told),
        cmocka_unit_test(damage_anywhere_is_no_crash),
        cmocka_unit_test(memory_may_run_out),
        cmocka_unit_test(snappy_is_unpacked),
        cmocka_unit_test(checksums_are_those_of_the_standard),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
