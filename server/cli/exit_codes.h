/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_EXIT_CODES_H
#define KF_SERVER_EXIT_CODES_H

/* Exit statuses of the worker and of the command line, after sysexits.h. */
enum exit_code {
    EXIT_FINE = 0,
    EXIT_DIFFERENT = 1,      /* diff: two models are not the same */
    EXIT_USAGE = 64,         /* the command line is wrong */
    EXIT_REFUSED = 65,       /* the model cannot be converted */
    EXIT_NO_INPUT = 66,      /* the input cannot be opened */
    EXIT_UNAVAILABLE = 69,   /* the worker is not there */
    EXIT_INTERNAL = 70,      /* kferry failed */
    EXIT_NO_MEMORY = 71,     /* the worker ran into its memory limit; the command line says 65 */
    EXIT_CANNOT_WRITE = 73,  /* no room, or no right */
    EXIT_AGAIN = 75,         /* interrupted; the same may succeed later */
    EXIT_NO_PERMISSION = 77, /* the service does not know the client, or not for that */
    EXIT_CONFIG = 78         /* a setting is wrong, or a required sandbox cannot be had */
};
#define EXIT_SANDBOX EXIT_CONFIG

#endif
