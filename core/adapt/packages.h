/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ADAPT_PACKAGES_H
#define KF_ADAPT_PACKAGES_H

#include "../model/model.h"

/* Room for what is said of a package. */
#define KF_PACKAGE_TEXT 200

/**
 * Say where a class that Keras does not have comes from: ": it is of QKeras (pip install qkeras)",
 * "" where that is not known. `text` is what is returned.
 */
const char *kf_package_hint(const struct kf_layer *layer, char text[KF_PACKAGE_TEXT]);

#endif
