/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_SERVE_H
#define KF_SERVER_SERVE_H

struct config;

/**
 * Run the service until SIGTERM or SIGINT.
 *
 * Returns the exit status: 0 after an orderly stop, 78 when the configuration does not allow a
 * start, 73 when the scratch folder cannot be used, 70 for anything else.
 */
int serve_main(const struct config *config);

#endif
