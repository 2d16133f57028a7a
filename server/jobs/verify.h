/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_VERIFY_H
#define KF_SERVER_VERIFY_H

#include <jansson.h>

/**
 * The script of verify=script (verify.py) with the report of a conversion in it: malloc'ed, and
 * NULL when memory ran out.
 */
char *verify_script(const json_t *report);

#endif
