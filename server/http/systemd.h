/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_SYSTEMD_H
#define KF_SERVER_SYSTEMD_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What systemd, and whatever speaks as it does, hands over and wants to know.
 * Source: sd_listen_fds(3), sd_notify(3); both are stable and small enough not to bring libsystemd
 * and its compressors into the service.
 */

/** Whether an address to listen on is "systemd" or "systemd:NAME"; the name, or "", in `name`. */
bool systemd_is_address(const char *address, const char **name);

/**
 * The listening socket that was handed over under `name` (FileDescriptorName= of the unit), "" for
 * the first one. It belongs to the caller. -1, and one sentence in `error`, when there is none.
 */
int systemd_socket(const char *name, char *error, size_t error_max);

/** Tell a state as "READY=1"; nothing where nobody asked for it. */
void systemd_tell(const char *state);

#endif
