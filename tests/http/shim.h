/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_TESTS_SHIM_H
#define KF_TESTS_SHIM_H

/* What the libraries have in common that are preloaded into the service. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* The function that a library's own of the same name hides. */
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* `n` bytes shared with the test, in the file that the environment names; NULL without it. */
static inline void *shim_shared(const char *variable, size_t n)
{
    const char *path = getenv(variable);
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *shared = fd < 0 ? MAP_FAILED : mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (fd >= 0)
        close(fd);
    return shared == MAP_FAILED ? NULL : shared;
}

#endif
