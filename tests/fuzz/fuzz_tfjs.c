/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"
#include <kf/convert.h>
#include <string.h>

/* A document of TensorFlow.js, and behind a NUL the shard that stands beside it as "w.bin": read,
 * and all of its weights pulled. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const uint8_t *end = memchr(data, 0, n);
    size_t n_text = end ? (size_t)(end - data) : n, n_shard = end ? n - n_text - 1 : 0;
    const struct kf_input shard = {.fd = fuzz_file(data + n - n_shard, n_shard), .name = "w.bin"};
    const struct kf_input in = {.fd = fuzz_file(data, n_text),
                                .name = "model.json",
                                .kind = "tfjs",
                                .shards = &shard,
                                .n_shards = end != NULL};
    static char path[] = "/tmp/fuzz-tfjs.XXXXXX";
    static int made = -1;
    struct kf_options options = KF_OPTIONS_INIT;
    struct kf_report rep;
    int r;

    if (made < 0)
        made = mkstemp(path);
    FUZZ_CHECK(made >= 0);
    options.to = "npz";
    options.limits = fuzz_limits;
    kf_report_init(&rep);
    r = kf_convert(&in, path, &options, &rep);
    FUZZ_CHECK((r < 0) == (kf_report_status(&rep) < 0));
    FUZZ_CHECK(rep.first_failure != KF_INTERNAL);
    kf_report_finish(&rep);
    unlink(path);
    close(shard.fd);
    close(in.fd);
    return 0;
}
