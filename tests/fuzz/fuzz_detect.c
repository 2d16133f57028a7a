/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"
#include <kf/convert.h>

/* Any file: what is it, and what does it hold? */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct kf_options options = KF_OPTIONS_INIT;
    struct kf_input in = {.fd = fuzz_file(data, n), .name = "fuzz"};
    struct kf_report rep;
    json_t *facts = NULL;
    int r;

    options.limits = fuzz_limits;
    kf_report_init(&rep);
    r = kf_inspect(&in, &options, &rep, &facts);
    FUZZ_CHECK((r < 0) == (kf_report_status(&rep) < 0));
    FUZZ_CHECK(facts && rep.first_failure != KF_INTERNAL);
    json_decref(facts);
    kf_report_finish(&rep);
    close(in.fd);
    return 0;
}
