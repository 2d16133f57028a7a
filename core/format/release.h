/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_FORMAT_RELEASE_H
#define KF_FORMAT_RELEASE_H

#include <kf/options.h>
#include <stdbool.h>

/* Room for "99.99.99". */
#define KF_RELEASE_TEXT 16

/** "2.2.4-tf" as KF_KERAS(2, 2, 4); 0 for NULL and for what is no release. */
int kf_release_parse(const char *text);

/** True for the Keras that is part of TensorFlow, "2.2.4-tf". */
bool kf_release_is_bundled(const char *text);

/** KF_KERAS(3, 15, 1) as "3.15.1". */
void kf_release_text(int keras, char text[KF_RELEASE_TEXT]);

#endif
