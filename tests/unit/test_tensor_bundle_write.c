/* SPDX-License-Identifier: Apache-2.0 */
#include "core_test.h"

#include "core/io/spool.h"
#include "core/io/tensorflow/tensor_bundle.h"
#include "core/io/tensorflow/tensor_bundle_write.h"

/* What is written is what the reader, which TensorFlow's own files taught, finds. */

static int pull_memory(const struct kf_payload *payload, uint64_t at, void *to, size_t n,
                       struct kf_report *rep)
{
    (void)rep;
    memcpy(to, (const char *)payload->state + at, n);
    return 0;
}

static struct kf_payload payload_of(enum kf_dtype dtype, unsigned rank, const uint64_t *dims,
                                    const void *bytes)
{
    struct kf_payload payload = {
        .dtype = dtype, .rank = rank, .pull = pull_memory, .file_at = KF_NOWHERE, .state = bytes};

    if (rank)
        memcpy(payload.dims, dims, rank * sizeof(*dims));
    return payload;
}

#define N 300

struct written {
    struct kf_payload payloads[N];
    struct kf_bundle_tensor tensors[N];
    char keys[N][64];
    float values[N][6];
    size_t n;
};

static void fill(struct written *w, size_t n)
{
    static const uint64_t dims[2] = {2, 3};

    w->n = n;
    for (size_t i = 0; i < n; i++) {
        snprintf(w->keys[i], sizeof(w->keys[i]), "layer_of_some_length_%03zu/kernel", i);
        for (size_t k = 0; k < 6; k++)
            w->values[i][k] = (float)(i * 10 + k);
        w->payloads[i] = payload_of(KF_DTYPE_FLOAT32, 2, dims, w->values[i]);
        w->tensors[i] = (struct kf_bundle_tensor){.key = w->keys[i], .payload = &w->payloads[i]};
    }
}

/* Shard and index, as sources. */
static int write_both(struct written *w, struct kf_source *shard, struct kf_source *index,
                      struct kf_spool *spool, struct kf_report *rep)
{
    struct kf_options options = KF_OPTIONS_INIT;
    struct kf_buf buf = {.max = 1 << 20};
    struct kf_sink out = KF_SINK_NONE;
    int r;

    options.scratch = "/tmp";
    r = kf_spool_create(spool, UINT64_MAX, &options, rep);
    out.fd = spool->fd;
    r = r < 0 ? r : kf_bundle_write(&out, w->tensors, w->n, KF_CHECKSUM_XXH3, rep);
    r = r < 0 ? r : kf_bundle_size(&spool->size, w->tensors, w->n, rep);
    r = r < 0 ? r : kf_bundle_index(&buf, w->tensors, w->n, rep);
    if (r >= 0) {
        *shard = kf_spool_source(spool, "v.data-00000-of-00001");
        *index = make_source(buf.data, buf.n);
        index->name = "v.index";
    }
    kf_buf_finish(&buf);
    return r;
}

static void many_tensors_come_back(void **state)
{
    static struct written w;
    KF_AUTO(kf_arena) arena = kf_arena_create();
    struct kf_source shard, index;
    struct kf_spool spool = KF_SPOOL_NONE;
    struct kf_tensor_bundle *bundle;
    struct kf_input file;
    struct kf_report rep;
    uint64_t size;

    (void)state;
    kf_report_init(&rep);
    fill(&w, N);
    assert_int_equal(kf_bundle_size(&size, w.tensors, N, &rep), 0);
    assert_int_equal(size, N * 24);
    assert_int_equal(write_both(&w, &shard, &index, &spool, &rep), 0);
    assert_int_equal(shard.size, size);
    assert_true(index.size > 2 * 4096); /* several blocks */
    file = (struct kf_input){.fd = shard.fd, .name = "v.data-00000-of-00001"};
    assert_int_equal(kf_tensor_bundle_open(&bundle, arena, &index, &file, 1, &limits, &rep), 0);
    assert_int_equal(kf_tensor_bundle_count(bundle), N);
    assert_int_equal(kf_tensor_bundle_check(bundle, &rep), 0);
    for (size_t i = 0; i < N; i++) {
        const struct kf_bundle_entry *entry = kf_tensor_bundle_find(bundle, w.keys[i]);
        const struct kf_payload *payload;
        float found[6];

        assert_non_null(entry);
        assert_int_equal(entry->dims[0], 2);
        assert_int_equal(entry->dims[1], 3);
        assert_int_equal(kf_tensor_bundle_payload(bundle, entry, &payload, &rep), 0);
        assert_int_equal(payload->pull(payload, 0, found, sizeof(found), &rep), 0);
        assert_memory_equal(found, w.values[i], sizeof(found));
    }
    assert_string_not_equal(w.tensors[0].sum.value, w.tensors[1].sum.value);
    close(index.fd);
    kf_spool_finish(&spool);
    kf_report_finish(&rep);
}

static void scalars_and_other_dtypes_keep_their_kind(void **state)
{
    static const int64_t whole = -7;
    static const char truth[2] = {1, 0};
    static const uint64_t two = 2;
    KF_AUTO(kf_arena) arena = kf_arena_create();
    struct written w = {.n = 2};
    struct kf_source shard, index;
    struct kf_spool spool = KF_SPOOL_NONE;
    struct kf_tensor_bundle *bundle;
    struct kf_input file;
    struct kf_report rep;

    (void)state;
    kf_report_init(&rep);
    w.payloads[0] = payload_of(KF_DTYPE_INT64, 0, NULL, &whole);
    w.payloads[1] = payload_of(KF_DTYPE_BOOL, 1, &two, truth);
    w.tensors[0] = (struct kf_bundle_tensor){.key = "a", .payload = &w.payloads[0]};
    w.tensors[1] = (struct kf_bundle_tensor){.key = "b", .payload = &w.payloads[1]};
    assert_int_equal(write_both(&w, &shard, &index, &spool, &rep), 0);
    file = (struct kf_input){.fd = shard.fd, .name = "v.data-00000-of-00001"};
    assert_int_equal(kf_tensor_bundle_open(&bundle, arena, &index, &file, 1, &limits, &rep), 0);
    assert_int_equal(kf_tensor_bundle_find(bundle, "a")->dtype, KF_DTYPE_INT64);
    assert_int_equal(kf_tensor_bundle_find(bundle, "a")->rank, 0);
    assert_int_equal(kf_tensor_bundle_find(bundle, "b")->dtype, KF_DTYPE_BOOL);
    assert_int_equal(kf_tensorflow_dtype(KF_DTYPE_BFLOAT16), 14);
    close(index.fd);
    kf_spool_finish(&spool);
    kf_report_finish(&rep);
}

/* Building an index takes memory; without it nothing leaks and it says so. */
static int make_index(void *context)
{
    struct written *w = context;
    struct kf_buf buf = {.max = 1 << 20};
    struct kf_report rep;
    int r;

    kf_report_init(&rep);
    r = kf_bundle_index(&buf, w->tensors, w->n, &rep);
    kf_buf_finish(&buf);
    kf_report_finish(&rep);
    return r;
}

static void every_allocation_may_fail(void **state)
{
    static struct written w;

    (void)state;
    fill(&w, 100);
    torture(make_index, &w);
}

static void a_ceiling_holds(void **state)
{
    static struct written w;
    struct kf_buf buf = {.max = 5000};
    struct kf_report rep;

    (void)state;
    kf_report_init(&rep);
    fill(&w, N);
    assert_true(kf_bundle_index(&buf, w.tensors, w.n, &rep) < 0);
    kf_buf_finish(&buf);
    kf_report_finish(&rep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_tensors_come_back),
        cmocka_unit_test(scalars_and_other_dtypes_keep_their_kind),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(a_ceiling_holds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
