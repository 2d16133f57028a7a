/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"
#include <kf/convert.h>

/* Any bytes as a file of safetensors, written again as what needs a config and what needs none. */
static void convert(const uint8_t *data, size_t n, const char *to)
{
    const struct kf_input in = {.fd = fuzz_file(data, n), .name = "m.safetensors"};
    struct kf_options options = KF_OPTIONS_INIT;
    struct kf_report rep;
    int r;

    options.to = to;
    options.limits = fuzz_limits;
    kf_report_init(&rep);
    r = kf_plan_only(&in, &options, &rep);
    FUZZ_CHECK((r < 0) == (kf_report_status(&rep) < 0));
    FUZZ_CHECK(rep.first_failure != KF_INTERNAL);
    kf_report_finish(&rep);
    close(in.fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    convert(data, n, "keras");
    convert(data, n, "npz");
    return 0;
}
