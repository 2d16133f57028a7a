/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "../cli/exit_codes.h"
#include "fork_server.h"
#include "order_wait.h"
#include "sandbox.h"
#include "tasks.h"
#include "tell.h"
#include "warm.h"
#include <fcntl.h>
#include <jansson.h>
#include <kf/rules.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long no order comes before the time is taken to make ready for one. */
#define REST_MS 10

/*
 * kferry-worker: one conversion in a process of its own.
 *
 *   kferry-worker convert|plan|inspect|list|diff [SANDBOX [PARENT [MEMORY [FILE_SIZE [CPU]]]]]
 *   kferry-worker fork
 *   kferry-worker probe [SANDBOX]
 *   kferry-worker rules
 *
 * The folder it is started in is its job (job.h), descriptors 3 and up its inputs. Sizes are bytes,
 * CPU is seconds, 0 is no limit; SANDBOX is prefer, require or off; with PARENT it dies too.
 * `fork` makes workers that are told all of that later (fork_server.h).
 */
struct order {
    const char *task;
    enum sandbox_mode mode;
    int parent;
    struct job_limits limits;
};

static bool read_mode(enum sandbox_mode *out, const char *text)
{
    static const char *const modes[] = {
        [SANDBOX_PREFER] = "prefer", [SANDBOX_REQUIRE] = "require", [SANDBOX_OFF] = "off"};

    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (strcmp(modes[i], text) == 0) {
            *out = (enum sandbox_mode)i;
            return true;
        }
    return false;
}

static bool read_order(struct order *out, int argc, char **argv)
{
    uint64_t numbers[4] = {0};

    *out = (struct order){.mode = SANDBOX_PREFER};
    if (argc < 2 || argc > 7 || (argc > 2 && !read_mode(&out->mode, argv[2])))
        return false;
    for (int i = 3; i < argc; i++) {
        char *end;

        numbers[i - 3] = strtoull(argv[i], &end, 10);
        if (*end != '\0' || end == argv[i])
            return false;
    }
    out->task = argv[1];
    out->parent = (int)numbers[0];
    out->limits = (struct job_limits){
        .memory = numbers[1], .file_size = numbers[2], .cpu = (unsigned)numbers[3]};
    return true;
}

/* Try the sandbox with no folder in it at all, and say what it keeps. */
static int probe(enum sandbox_mode mode)
{
    struct sandbox sandbox;
    int status = sandbox_enter(&sandbox, mode, -1) < 0 ? EXIT_SANDBOX : EXIT_FINE;
    int opened = sandbox.landlock && !sandbox.relaxed ? open("/", O_RDONLY | O_CLOEXEC) : -1;

    if (opened >= 0) { /* the kernel said yes and did not mean it */
        sandbox.landlock = 0;
        status = mode == SANDBOX_REQUIRE ? EXIT_SANDBOX : status;
    }
    printf("{\"mode\": \"%s\", \"level\": \"%s\", \"landlock\": %d, \"seccomp\": %s, "
           "\"missing\": \"%s\"}\n",
           mode == SANDBOX_OFF       ? "off"
           : mode == SANDBOX_REQUIRE ? "require"
                                     : "prefer",
           sandbox_level(&sandbox), sandbox.landlock, sandbox.seccomp ? "true" : "false",
           mode == SANDBOX_OFF ? "landlock, seccomp" : sandbox_missing(&sandbox));
    return fflush(stdout) == 0 ? status : EXIT_INTERNAL;
}

/* The rows of the core's tables, one a line: what a report's `rules` may name. */
static int list_rules(void)
{
    const char *name;

    for (size_t i = 0; (name = kf_rule_name(i)); i++)
        puts(name);
    return fflush(stdout) == 0 ? EXIT_FINE : EXIT_INTERNAL;
}

/* Everything that needs rights; after it the input may be looked at. */
static int settle(const struct order *order)
{
    struct sandbox sandbox;
    int folder, status;

    if (sandbox_limit(&order->limits) < 0) {
        fprintf(stderr, "kferry-worker: the limits of the job cannot be set\n");
        return EXIT_INTERNAL;
    }
    if (sandbox_follow(order->parent) < 0)
        return EXIT_INTERNAL;
    folder = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    status = folder < 0 ? EXIT_CANNOT_WRITE : sandbox_enter(&sandbox, order->mode, folder);
    if (folder >= 0)
        close(folder);
    if (status < 0) {
        fprintf(stderr, "kferry-worker: no %s, which KFERRY_SANDBOX=require needs\n",
                sandbox_missing(&sandbox));
        return EXIT_SANDBOX;
    }
    if (status == 0 && order->mode == SANDBOX_PREFER && sandbox_missing(&sandbox)[0] != '\0')
        fprintf(stderr, "kferry-worker: working without %s\n", sandbox_missing(&sandbox));
    return status;
}

/* What libraries would tidy up the kernel takes back at once; a sanitizer looks at it. */
static int leave(int status)
{
#ifndef KF_SANITIZED
    if (fflush(NULL) == 0) {
        tell_end(status);
        _exit(status);
    }
#endif
    return status;
}

int main(int argc, char **argv)
{
    char *told[ORDER_WORDS_MAX + 1];
    struct order order;
    const struct task *task;
    int status;

    clearenv();
    json_object_seed(0); /* opens /dev/urandom, which it cannot later */
    if (argc == 2 && strcmp(argv[1], "fork") == 0) {
        sandbox_prepare();
        warm_up();
        if (!fork_server())
            return EXIT_FINE;
        if (!order_comes_in(REST_MS))
            warm_up(); /* fork() left it to the first who touches a page */
        argc = order_wait(told);
        argv = told;
    }
    if (argc == 0) /* the service has ended */
        return EXIT_FINE;
    if (!read_order(&order, argc, argv)) {
        fprintf(stderr, "usage: kferry-worker convert|plan|inspect|list|diff [SANDBOX [PARENT "
                        "[MEMORY [FILE_SIZE [CPU]]]]]\n"
                        "       kferry-worker fork | probe [SANDBOX] | rules\n");
        return EXIT_USAGE;
    }
    if (strcmp(order.task, "probe") == 0)
        return probe(order.mode);
    if (strcmp(order.task, "rules") == 0)
        return list_rules();
    task = task_find(order.task);
    if (!task)
        return EXIT_USAGE;
    status = settle(&order);
    if (status == 0)
        status = task_run(task);
    return leave(status);
}
