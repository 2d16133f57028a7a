/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_WORKER_ORDER_WAIT_H
#define KF_WORKER_ORDER_WAIT_H

#include <stdbool.h>

/*
 * The order of a worker that was started before its job: one message on standard input, a socket.
 * Its bytes are the words of the command line, each with its NUL. With it come the descriptors of
 * the inputs, of what takes its standard output and error, and of the job's folder.
 */
#define ORDER_WORDS_SIZE 256
#define ORDER_WORDS_MAX  8
#define ORDER_FDS_MAX    64 /* of the 253 that the kernel passes at once */

/** Whether the order has come, or it is known that none will. */
bool order_is_there(void);

/**
 * Wait for the order, and stand as a worker does that was started with it.
 *
 * `argv` gets its words and a NULL. Returns how many, 0 when there will be none, -1 when it cannot
 * be followed.
 */
int order_wait(char *argv[ORDER_WORDS_MAX + 1]);

#endif
