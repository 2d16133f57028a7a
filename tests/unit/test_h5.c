/* SPDX-License-Identifier: Apache-2.0 */
#include "core_test.h"

#include "core/io/h5/h5.h"

/* tests/fixtures/h5/types.h5, see make.py beside it. */
struct open_h5 {
    struct kf_source src;
    struct kf_report rep;
    struct kf_arena *arena;
    struct kf_h5 *h5;
};

static void open_types(struct open_h5 *o)
{
    o->src = open_fixture("h5/types.h5");
    o->arena = kf_arena_create();
    kf_report_init(&o->rep);
    assert_int_equal(kf_h5_open(&o->h5, &o->src, &limits, &o->rep), 0);
}

static void close_types(struct open_h5 *o)
{
    kf_h5_destroy(o->h5);
    kf_arena_destroy(o->arena);
    kf_report_finish(&o->rep);
    close(o->src.fd);
}

static void objects_are_found(void **state)
{
    struct open_h5 o;
    const char **names;
    size_t n;

    (void)state;
    open_types(&o);
    assert_true(kf_h5_has(o.h5, "/"));
    assert_true(kf_h5_is_group(o.h5, "/"));
    assert_true(kf_h5_is_group(o.h5, "/little"));
    assert_true(kf_h5_has(o.h5, "/little/float32"));
    assert_false(kf_h5_is_group(o.h5, "/little/float32"));
    assert_false(kf_h5_has(o.h5, "/little/float"));
    assert_false(kf_h5_has(o.h5, "/little/float323"));
    assert_false(kf_h5_has(o.h5, "/scalar/x"));
    assert_true(kf_h5_has(o.h5, "/k\xc3\xb6ln/a"));
    assert_int_equal(kf_h5_children(o.h5, "/chunked", o.arena, &names, &n, &o.rep), 0);
    assert_int_equal(n, 2);
    assert_string_equal(names[0], "gzip");
    assert_string_equal(names[1], "plain");
    assert_int_equal(kf_h5_children(o.h5, "/nothing", o.arena, &names, &n, &o.rep),
                     -KF_WEIGHTS_MISSING);
    close_types(&o);
}

static char *text_of(struct open_h5 *o, const char *name)
{
    struct kf_buf buf = {.max = 100};
    char *copy = NULL;

    if (kf_h5_attr_text(o->h5, "/", name, &buf, &o->rep) == 0)
        copy = kf_arena_strdup(o->arena, buf.data);
    kf_buf_finish(&buf);
    return copy;
}

static void texts_of_all_kinds_are_read(void **state)
{
    struct open_h5 o;
    struct kf_buf small = {.max = 4};

    (void)state;
    open_types(&o);
    assert_string_equal(text_of(&o, "vlen_utf8"), "w\xc3\xb6rld");
    assert_string_equal(text_of(&o, "vlen_ascii"), "hello");
    assert_string_equal(text_of(&o, "fixed"), "hello");
    assert_string_equal(text_of(&o, "fixed_one"), "hello");
    assert_string_equal(text_of(&o, "spaces"), "hello");
    assert_string_equal(text_of(&o, "empty_text"), "");
    assert_null(text_of(&o, "number"));
    assert_reported(&o.rep, KF_BAD_CONFIG);
    assert_null(text_of(&o, "missing"));
    assert_reported(&o.rep, KF_BAD_CONFIG);
    assert_int_equal(kf_h5_attr_text(o.h5, "/", "fixed", &small, &o.rep), -KF_TOO_LARGE);
    assert_true(kf_h5_has_attr(o.h5, "/", "number"));
    assert_false(kf_h5_has_attr(o.h5, "/", "missing"));
    assert_false(kf_h5_has_attr(o.h5, "/missing", "fixed"));
    assert_string_equal(kf_h5_attr_short(o.h5, "/", "fixed", o.arena), "hello");
    assert_null(kf_h5_attr_short(o.h5, "/", "number", o.arena));
    close_types(&o);
}

static void assert_names(struct open_h5 *o, const char *name, const char *joined)
{
    const char **names;
    char got[100] = "";
    size_t n;

    assert_int_equal(kf_h5_attr_names(o->h5, "/", name, o->arena, &names, &n, &o->rep), 0);
    for (size_t i = 0; i < n; i++) {
        strcat(got, names[i]);
        strcat(got, ",");
    }
    assert_string_equal(got, joined);
}

static void lists_of_names_are_read(void **state)
{
    struct open_h5 o;
    const char **names;
    size_t n;

    (void)state;
    open_types(&o);
    assert_names(&o, "names_fixed", "a,bcd,,");
    assert_names(&o, "names_vlen", "a,bcd,\xc3\xbc,");
    assert_names(&o, "names_none", "");
    assert_names(&o, "names_null", "");
    assert_names(&o, "names_scalar", "only,");
    assert_names(&o, "names_parts", "a,b,c,");
    assert_int_equal(kf_h5_attr_names(o.h5, "/", "number", o.arena, &names, &n, &o.rep),
                     -KF_BAD_CONFIG);
    assert_int_equal(kf_h5_attr_names(o.h5, "/", "missing", o.arena, &names, &n, &o.rep),
                     -KF_BAD_CONFIG);
    close_types(&o);
}

/* Element `i` of raw little-endian bytes; the bits of a float16 stand for themselves. */
static double number(enum kf_dtype dtype, const char *bytes, size_t i)
{
    union {
        float f;
        double d;
        int8_t i8;
        int16_t i16;
        int32_t i32;
        int64_t i64;
    } v = {0};

    memcpy(&v, bytes + i * kf_dtype_size(dtype), kf_dtype_size(dtype));
    switch (dtype) {
    case KF_DTYPE_FLOAT32:
        return v.f;
    case KF_DTYPE_FLOAT64:
        return v.d;
    case KF_DTYPE_INT8:
    case KF_DTYPE_UINT8:
    case KF_DTYPE_BOOL:
        return v.i8;
    case KF_DTYPE_INT16:
    case KF_DTYPE_UINT16:
    case KF_DTYPE_BFLOAT16:
        return v.i16;
    case KF_DTYPE_INT32:
    case KF_DTYPE_UINT32:
        return v.i32;
    case KF_DTYPE_FLOAT16: /* exponent and mantissa of a small whole number */
        return v.i16 ? (double)((v.i16 & 0x3ff) | 0x400) / (1 << (25 - (v.i16 >> 10))) : 0;
    default:
        return (double)v.i64;
    }
}

/* Pull in pieces of `step` elements and compare with positions. */
static void assert_counts(struct open_h5 *o, const char *path, enum kf_dtype dtype, uint64_t n,
                          uint64_t step)
{
    struct kf_payload payload;
    size_t size = kf_dtype_size(dtype);
    char piece[8192];

    assert_int_equal(kf_h5_payload(o->h5, path, o->arena, &payload, &o->rep), 0);
    assert_int_equal(payload.dtype, dtype);
    assert_int_equal(kf_payload_elements(&payload), n);
    for (uint64_t at = 0; at < n; at += step) {
        uint64_t count = n - at < step ? n - at : step;

        assert_int_equal(payload.pull(&payload, at * size, piece, count * size, &o->rep), 0);
        for (size_t i = 0; i < count; i++)
            assert_true(number(dtype, piece, i) ==
                        (dtype == KF_DTYPE_BOOL ? (double)((at + i) % 2) : (double)(at + i)));
    }
}

static void every_type_and_order_is_read(void **state)
{
    struct open_h5 o;
    char path[64];

    (void)state;
    open_types(&o);
    for (int i = KF_DTYPE_FLOAT16; i < KF_DTYPE_COUNT; i++) {
        enum kf_dtype dtype = (enum kf_dtype)i;
        bool plain = dtype != KF_DTYPE_BOOL && dtype != KF_DTYPE_BFLOAT16;
        struct kf_payload payload;

        snprintf(path, sizeof(path), "/little/%s", kf_dtype_name(dtype));
        assert_counts(&o, path, dtype, plain ? 15 : 6, 4);
        assert_int_equal(kf_h5_payload(o.h5, path, o.arena, &payload, &o.rep), 0);
        assert_true(payload.file_at != KF_NOWHERE);
        if (!plain)
            continue;
        snprintf(path, sizeof(path), "/big/%s", kf_dtype_name(dtype));
        assert_counts(&o, path, dtype, 15, 4);
        assert_int_equal(kf_h5_payload(o.h5, path, o.arena, &payload, &o.rep), 0);
        assert_true((payload.file_at == KF_NOWHERE) == (kf_dtype_size(dtype) > 1));
    }
    close_types(&o);
}

static void chunks_are_read_in_any_pieces(void **state)
{
    struct open_h5 o;

    (void)state;
    open_types(&o);
    for (uint64_t step = 1; step < 1100; step += step < 20 ? 1 : 97) {
        assert_counts(&o, "/chunked/gzip", KF_DTYPE_FLOAT32, 7 * 13 * 11, step);
        assert_counts(&o, "/chunked/plain", KF_DTYPE_FLOAT32, 7 * 13 * 11, step);
    }
    close_types(&o);
}

static void odd_datasets_are_told(void **state)
{
    static const char *const odd[] = {"/text", "/complex", "/null"};
    struct open_h5 o;
    struct kf_payload p;
    float four[4];

    (void)state;
    open_types(&o);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(kf_h5_payload(o.h5, odd[i], o.arena, &p, &o.rep), -KF_CORRUPT);
    assert_int_equal(kf_h5_payload(o.h5, "/little", o.arena, &p, &o.rep), -KF_WEIGHTS_MISSING);
    assert_int_equal(kf_h5_payload(o.h5, "/x", o.arena, &p, &o.rep), -KF_WEIGHTS_MISSING);
    assert_int_equal(kf_h5_payload(o.h5, "/scalar", o.arena, &p, &o.rep), 0);
    assert_int_equal(p.rank, 0);
    assert_int_equal(p.pull(&p, 0, four, 4, &o.rep), 0);
    assert_true(four[0] == 7);
    assert_int_equal(kf_h5_payload(o.h5, "/empty", o.arena, &p, &o.rep), 0);
    assert_int_equal(kf_payload_bytes(&p), 0);
    assert_int_equal(kf_h5_payload(o.h5, "/unwritten", o.arena, &p, &o.rep), 0);
    assert_int_equal(p.file_at, KF_NOWHERE);
    assert_int_equal(p.pull(&p, 16, four, 16, &o.rep), 0);
    assert_true(four[3] == 2.5);
    close_types(&o);
}

/* A member of a zip is a range of the file. */
static void a_range_of_a_file_is_read(void **state)
{
    struct kf_source whole = open_fixture("h5/types.h5"), range;
    struct kf_report rep;
    struct kf_payload p;
    struct kf_h5 *h5;
    char *bytes = kf_alloc(whole.size + 300);
    float direct, pulled;

    (void)state;
    kf_report_init(&rep);
    assert_int_equal(pread(whole.fd, bytes + 123, whole.size, 0), (ssize_t)whole.size);
    range = make_source(bytes, whole.size + 300);
    range.base = 123;
    range.size = whole.size;
    assert_int_equal(kf_h5_open(&h5, &range, &limits, &rep), 0);
    assert_int_equal(kf_h5_payload(h5, "/chunked/plain", NULL, &p, &rep), 0);
    assert_int_equal(p.pull(&p, 400, &pulled, 4, &rep), 0);
    assert_true(pulled == 100);
    assert_int_equal(kf_h5_payload(h5, "/little/float32", NULL, &p, &rep), 0);
    assert_int_equal(pread(range.fd, &direct, 4, (off_t)p.file_at + 20), 4);
    assert_true(direct == 5);
    kf_h5_destroy(h5);
    kf_report_finish(&rep);
    kf_free(bytes);
    close(whole.fd);
    close(range.fd);
}

static void limits_hold(void **state)
{
    struct kf_source src = open_fixture("h5/types.h5");
    struct kf_limits small = KF_LIMITS_INIT;
    struct kf_report rep;
    struct kf_h5 *h5;

    (void)state;
    kf_report_init(&rep);
    small.objects = 10;
    assert_int_equal(kf_h5_open(&h5, &src, &small, &rep), -KF_TOO_LARGE);
    small.objects = 1000;
    small.tensor_bytes = 3000;
    assert_int_equal(kf_h5_open(&h5, &src, &small, &rep), -KF_TOO_LARGE);
    kf_report_finish(&rep);
    close(src.fd);
}

static int use_h5(void *context)
{
    const struct kf_source *src = context;
    KF_AUTO(kf_arena) arena = kf_arena_create();
    KF_AUTO(kf_h5) h5 = NULL;
    struct kf_buf text = {.max = 100};
    struct kf_payload payload;
    struct kf_report rep;
    const char **names;
    char piece[64];
    size_t n;
    int status;

    kf_report_init(&rep);
    status = arena ? kf_h5_open(&h5, src, &limits, &rep) : -KF_NO_MEMORY;
    if (status == 0)
        status = kf_h5_attr_text(h5, "/", "vlen_utf8", &text, &rep);
    if (status == 0)
        status = kf_h5_attr_names(h5, "/", "names_parts", arena, &names, &n, &rep);
    if (status == 0)
        status = kf_h5_children(h5, "/little", arena, &names, &n, &rep);
    if (status == 0)
        status = kf_h5_payload(h5, "/chunked/gzip", arena, &payload, &rep);
    if (status == 0)
        status = payload.pull(&payload, 40, piece, 64, &rep);
    kf_buf_finish(&text);
    kf_report_finish(&rep);
    return status;
}

static void lack_of_memory_is_told(void **state)
{
    struct kf_source src = open_fixture("h5/types.h5");

    (void)state;
    torture(use_h5, &src);
    close(src.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_are_found),
        cmocka_unit_test(texts_of_all_kinds_are_read),
        cmocka_unit_test(lists_of_names_are_read),
        cmocka_unit_test(every_type_and_order_is_read),
        cmocka_unit_test(chunks_are_read_in_any_pieces),
        cmocka_unit_test(odd_datasets_are_told),
        cmocka_unit_test(a_range_of_a_file_is_read),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(lack_of_memory_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
