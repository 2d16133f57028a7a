/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_WORKER_ORDER_WAIT_H
#define KF_WORKER_ORDER_WAIT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * The order of a worker that was started before its job: one message on standard input, a socket.
 * Its bytes are the words of the command line, each with its NUL. With it come the descriptors of
 * the inputs, of what takes its standard output and error, and of the job's folder.
 */
#define ORDER_WORDS_SIZE 256
#define ORDER_WORDS_MAX  8
#define ORDER_FDS_MAX    64 /* of the 253 that the kernel passes at once */

/**
 * Wait for one message on standard input.
 *
 * Returns how many bytes it has, 0 at the end, -1 when it is none that can be taken. Its
 * descriptors, `n_out` of them, lie side by side from JOB_INPUT_FD on.
 */
ssize_t order_receive(char words[ORDER_WORDS_SIZE], size_t *n_out);

/** Whether the order comes within that time, or it is known that none will. */
bool order_comes_in(int ms);

/**
 * Wait for the order, and stand as a worker does that was started with it.
 *
 * `argv` gets its words and a NULL. Returns how many, 0 when there will be none, -1 when it cannot
 * be followed.
 */
int order_wait(char *argv[ORDER_WORDS_MAX + 1]);

#endif
