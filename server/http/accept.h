/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_SERVER_ACCEPT_H
#define KF_SERVER_ACCEPT_H

#include <stddef.h>

/* Choose by the Accept header (RFC 9110, 12.5.1). */

/**
 * The index of the media type of `offers` that the header likes best, -1 when it takes none.
 *
 * Of equals the first offer wins. NULL or an empty header takes anything.
 */
int accept_choose(const char *header, const char *const *offers, size_t n_offers);

/** The weight that the header gives one media type or coding, 0 for what it does not take. */
double accept_weight(const char *header, const char *type);

#endif
