/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/alloc.h"
#include <fcntl.h>
#include <kf/convert.h>
#include <string.h>
#include <unistd.h>

/*
 * Whole conversions with allocation 1, 2, 3, ... failing: each must end as a refusal for want of
 * memory, or succeed when the failing allocation is never reached; nothing may leak or stay behind.
 */
static const char *const models[] = {
    "lstm",          "bidirectional_lstm_sum", "shared_at_depths",        "mha_self",
    "mask_add_lstm", "hard_bidirectional",     "nested_twice_difference", "activation_hard_sigmoid",
};

/* A scratch place that is removed when the program ends well. */
static char out_path[64];

static int convert(int fd, size_t fail_after, struct kf_report *rep)
{
    struct kf_options options = KF_OPTIONS_INIT;
    struct kf_input in = {.fd = fd, .name = "in.h5"};
    int r;

    options.to = "keras";
    kf_report_init(rep);
    kf_alloc_fail_after(fail_after);
    r = kf_convert(&in, out_path, &options, rep);
    kf_alloc_fail_after(0);
    return r;
}

static int open_model(const char *name)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/zoo/%s.h5", KF_FIXTURES, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static void every_allocation_may_fail(void **state)
{
    int fd = open_model(*state);
    size_t n = 1;
    int r;

    assert_true(fd >= 0);
    for (r = -1; r < 0; n++) {
        struct kf_report rep;

        r = convert(fd, n, &rep);
        if (r < 0) {
            assert_int_equal(rep.worst, KF_GRADE_FATAL);
            assert_int_equal(access(out_path, F_OK), -1);
        }
        kf_report_finish(&rep);
        assert_true(n < 100000);
    }
    assert_true(n > 20);
    assert_int_equal(unlink(out_path), 0);
    close(fd);
}

int main(void)
{
    struct CMUnitTest tests[sizeof(models) / sizeof(models[0])];
    size_t n = sizeof(models) / sizeof(models[0]);

    json_set_alloc_funcs(kf_json_alloc, kf_free);
    snprintf(out_path, sizeof(out_path), "/tmp/kferry-torture-%d.keras", (int)getpid());
    for (size_t i = 0; i < n; i++)
        tests[i] = (struct CMUnitTest){
            .name = models[i], .test_func = every_allocation_may_fail,
            .initial_state = (void *)(uintptr_t)models[i]};
    return _cmocka_run_group_tests("torture", tests, n, NULL, NULL);
}
