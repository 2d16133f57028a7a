/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_TESTS_FUZZ_PLAN_H
#define KF_TESTS_FUZZ_PLAN_H

#include "fuzz.h"
#include <kf/convert.h>

/* Plan a conversion, whose report must agree with what is returned. */
static inline void fuzz_plan(const struct kf_input *in, const char *to)
{
    struct kf_options options = KF_OPTIONS_INIT;
    struct kf_report rep;
    int r;

    options.to = to;
    options.limits = fuzz_limits;
    kf_report_init(&rep);
    r = kf_plan_only(in, &options, &rep);
    FUZZ_CHECK((r < 0) == (kf_report_status(&rep) < 0));
    FUZZ_CHECK(rep.first_failure != KF_INTERNAL);
    kf_report_finish(&rep);
}

#endif
