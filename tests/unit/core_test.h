/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_CORE_TEST_H
#define KF_CORE_TEST_H

/* What the tests of the core share. cmocka.h needs these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/base/alloc.h"
#include "core/io/source.h"
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct kf_limits limits = KF_LIMITS_INIT;

/** Open a fixture; the caller closes source.fd. */
static inline struct kf_source open_fixture(const char *name)
{
    char path[512];
    struct kf_source src = {.name = "fixture"};

    snprintf(path, sizeof(path), "%s/%s", KF_FIXTURES, name);
    src.fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(src.fd >= 0);
    src.size = (uint64_t)lseek(src.fd, 0, SEEK_END);
    return src;
}

/** A file that holds `data`. */
static inline struct kf_source make_source(const void *data, size_t n)
{
    struct kf_source src = {.fd = memfd_create("test", MFD_CLOEXEC), .size = n, .name = "memory"};

    assert_true(src.fd >= 0);
    assert_int_equal(write(src.fd, data, n), (ssize_t)n);
    return src;
}

/** The only entry of a report, or its last, is `code`. */
static inline void assert_reported(const struct kf_report *rep, enum kf_code code)
{
    assert_true(rep->n_entries > 0);
    assert_string_equal(kf_code_slug(rep->entries[rep->n_entries - 1].code), kf_code_slug(code));
}

/**
 * Call `run` with allocation 1, 2, 3, ... failing until it succeeds: every failure must be
 * -KF_NO_MEMORY, and leak nothing, which ASan sees.
 */
static inline void torture(int (*run)(void *context), void *context)
{
    int status = -1;
    size_t n;

    for (n = 1; status < 0; n++) {
        assert_true(n < 100000);
        kf_alloc_fail_after(n);
        status = run(context);
        kf_alloc_fail_after(0);
        if (status < 0)
            assert_int_equal(status, -KF_NO_MEMORY);
    }
    assert_true(n > 2); /* something was allocated at all */
}

#endif
