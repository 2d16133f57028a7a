/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"
#include "tests/unit/bundle_bytes.h"
#include <kf/convert.h>
#include <stdio.h>
#include <string.h>

/*
 * Any bytes in a checkpoint whose checksums are right, so that what stands behind them is reached.
 * Input: two bytes for the length of the object graph, little-endian, that graph, and the entries
 * of the index behind its own. The last byte says which Keras the architecture is of, by its
 * second bit, that those entries are a block of their own, compressed with snappy, and by its
 * third, that there is no architecture.
 */
static const char *const architectures[] = {
    "{\"class_name\": \"Sequential\", \"keras_version\": \"2.15.0\", \"config\": {\"name\": \"m\", "
    "\"layers\": [{\"class_name\": \"Dense\", \"config\": {\"name\": \"dense\", \"units\": 2, "
    "\"activation\": \"linear\", \"use_bias\": true, \"batch_input_shape\": [null, 3]}}]}}",
    "{\"module\": \"keras\", \"class_name\": \"Sequential\", \"registered_name\": null, "
    "\"config\": "
    "{\"name\": \"m\", \"layers\": [{\"module\": \"keras.layers\", \"class_name\": \"InputLayer\", "
    "\"registered_name\": null, \"config\": {\"batch_shape\": [null, 3], \"dtype\": \"float32\", "
    "\"name\": \"in\"}}, {\"module\": \"keras.layers\", \"class_name\": \"Dense\", "
    "\"registered_name\": null, \"config\": {\"name\": \"dense\", \"units\": 2, \"use_bias\": "
    "true}}]}}",
};

/* The graph as the only string at the front of the data, 64 bytes of numbers behind it. */
static void put_graph(struct kf_buf *data, struct kf_buf *block, const uint8_t *graph, size_t n)
{
    struct kf_buf all = {.max = SIZE_MAX - 1}, value = {.max = 64};
    struct entry_fields fields = {.dtype = 7};
    size_t at;

    put_fixed(&all, n, 4);
    put_varint(data, n);
    at = data->n;
    put_fixed(data, masked(all.data, 4), 4);
    put(data, graph, n);
    put(&all, data->data + at, data->n - at);
    fields.size = (unsigned)data->n;
    fields.crc = masked(all.data, all.n);
    put_fields(&value, &fields);
    put_entry(block, 0, "_CHECKPOINTABLE_OBJECT_GRAPH", 28, &value);
    put_fixed(data, 0, 8);
    kf_buf_finish(&all);
    kf_buf_finish(&value);
}

/* `architecture` may be NULL: the variables go along by their names. */
static void convert(const struct kf_buf *index, const struct kf_buf *data, const char *architecture)
{
    const char *text = architecture ? architecture : "";
    const struct kf_input file = {.fd = fuzz_file((const uint8_t *)data->data, data->n),
                                  .name = "w.data-00000-of-00001"};
    const struct kf_input graph = {.fd = fuzz_file((const uint8_t *)text, strlen(text)),
                                   .name = "a.json"};
    const struct kf_input in = {.fd = fuzz_file((const uint8_t *)index->data, index->n),
                                .name = "w.index",
                                .kind = "checkpoint",
                                .architecture = architecture ? &graph : NULL,
                                .shards = &file,
                                .n_shards = 1};
    struct kf_options options = KF_OPTIONS_INIT;
    struct kf_report rep;
    int r;

    options.to = architecture ? "keras" : "safetensors";
    options.limits = fuzz_limits;
    kf_report_init(&rep);
    r = kf_plan_only(&in, &options, &rep);
    FUZZ_CHECK((r < 0) == (kf_report_status(&rep) < 0));
    FUZZ_CHECK(rep.first_failure != KF_INTERNAL);
    kf_report_finish(&rep);
    close(file.fd);
    close(graph.fd);
    close(in.fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct kf_buf block = {.max = SIZE_MAX - 1}, bytes = block, index = block, packed = block;
    struct kf_buf *blocks[] = {&block, &packed};
    size_t graph = n < 2 ? 0 : data[0] | (size_t)data[1] << 8;
    bool snappy;

    if (n < 3 || n > 65536 || graph > n - 3)
        return 0;
    snappy = data[n - 1] & 2;
    put_header(&block, 1, 0);
    put_graph(&bytes, &block, data + 2, graph);
    put(snappy ? &packed : &block, data + 2 + graph, n - 3 - graph);
    end_block(&block);
    put_table(&index, blocks, (int[]){0, 1}, snappy ? 2 : 1);
    convert(&index, &bytes, data[n - 1] & 4 ? NULL : architectures[data[n - 1] & 1]);
    kf_buf_finish(&block);
    kf_buf_finish(&bytes);
    kf_buf_finish(&index);
    kf_buf_finish(&packed);
    return 0;
}
