/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_MODEL_PACKAGES_H
#define KF_MODEL_PACKAGES_H

#include "model.h"

/* Room for what is said of a package. */
#define KF_PACKAGE_TEXT 200

/**
 * Say where a class that Keras does not have comes from: ": it is of QKeras (pip install qkeras)",
 * "" where that is not known. `text` is what is returned.
 */
const char *kf_package_hint(const struct kf_layer *layer, char text[KF_PACKAGE_TEXT]);

/**
 * The same for a layer whose name, without a number, is what Keras makes of a class: "q_conv2d".
 * Names of one word are taken for the user's.
 */
const char *kf_package_hint_named(const char *name, size_t n, char text[KF_PACKAGE_TEXT]);

#endif
