/* SPDX-License-Identifier: Apache-2.0 */
#include "../report_of.h"
#include "fuzz.h"
#include <kf/convert.h>
#include <stdio.h>

/* Behind the HDF5 file one byte may stand that says which options are tried. */
static struct kf_options choose(const uint8_t *data, size_t n)
{
    static const int releases[] = {0, KF_KERAS(3, 0, 0), KF_KERAS(3, 4, 1), KF_KERAS(3, 10, 0)};
    struct kf_options options = KF_OPTIONS_INIT;
    uint8_t choice = n ? data[n - 1] : 0;

    options.to = "keras";
    options.limits = fuzz_limits;
    options.custom = choice & 1 ? KF_CUSTOM_KEEP : KF_CUSTOM_REFUSE;
    options.backend = choice & 2 ? KF_BACKEND_THEANO : KF_BACKEND_FILE;
    options.keras = releases[choice >> 2 & 3];
    options.input_shape = choice & 16 ? "None,3" : NULL;
    return options;
}

/* A file to its conversion: all or nothing, and a report in any case. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct kf_options options = choose(data, n);
    struct kf_input in = {.fd = fuzz_file(data, n), .name = "fuzz.h5"};
    struct kf_report rep;
    char path[64];
    json_t *report;
    int r;

    snprintf(path, sizeof(path), "/tmp/kferry-fuzz-%d.keras", (int)getpid());
    kf_report_init(&rep);
    r = kf_convert(&in, path, &options, &rep);
    FUZZ_CHECK((r < 0) == (kf_report_status(&rep) < 0));
    FUZZ_CHECK((access(path, F_OK) == 0) == (r >= 0));
    FUZZ_CHECK(rep.first_failure != KF_INTERNAL);
    report = report_of(&rep);
    FUZZ_CHECK(report);
    json_decref(report);
    kf_report_finish(&rep);
    unlink(path);
    close(in.fd);
    return 0;
}
