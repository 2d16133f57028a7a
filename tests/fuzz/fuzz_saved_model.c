/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"
#include "tests/unit/bundle_bytes.h"
#include <kf/convert.h>
#include <stdio.h>

/* Any bytes as the saved_model.pb of a folder with an empty table of variables: to a .keras, and
 * mended. Behind them one byte may stand: whether custom layers are kept. */
static void convert(const struct kf_input *in, const char *to, uint8_t choice)
{
    struct kf_options options = KF_OPTIONS_INIT;
    struct kf_report rep;
    char path[64];
    int r;

    options.to = to;
    options.limits = fuzz_limits;
    options.custom = choice & 1 ? KF_CUSTOM_KEEP : KF_CUSTOM_REFUSE;
    snprintf(path, sizeof(path), "/tmp/kferry-fuzz-%d.out", (int)getpid());
    kf_report_init(&rep);
    r = kf_convert(in, path, &options, &rep);
    FUZZ_CHECK((r < 0) == (kf_report_status(&rep) < 0));
    FUZZ_CHECK((access(path, F_OK) == 0) == (r >= 0));
    FUZZ_CHECK(rep.first_failure != KF_INTERNAL);
    kf_report_finish(&rep);
    unlink(path);
}

/* A table with nothing but the header of one data file; the caller closes it. */
static int empty_index(void)
{
    struct kf_buf block = {.max = 64}, file = {.max = 1024};
    struct kf_buf *blocks[] = {&block};
    int fd;

    put_header(&block, 1, 0);
    end_block(&block);
    put_table(&file, blocks, (int[]){0}, 1);
    fd = fuzz_file((const uint8_t *)file.data, file.n);
    kf_buf_finish(&block);
    kf_buf_finish(&file);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct kf_input rest[] = {
        {.fd = fuzz_file(data, n), .name = "keras_metadata.pb"},
        {.fd = empty_index(), .name = "variables/variables.index"},
    };
    struct kf_input in = {.fd = fuzz_file(data, n),
                          .name = "saved_model.pb",
                          .kind = "saved-model-folder",
                          .shards = rest + 1,
                          .n_shards = 1};
    uint8_t choice = n ? data[n - 1] : 0;

    convert(&in, "keras", choice);
    convert(&in, "savedmodel-repaired", choice);
    in.shards = rest; /* the same bytes as metadata: the other message */
    in.n_shards = 2;
    convert(&in, "keras", choice);
    for (size_t i = 0; i < 2; i++)
        close(rest[i].fd);
    close(in.fd);
    return 0;
}
