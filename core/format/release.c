/* SPDX-License-Identifier: Apache-2.0 */
#include "release.h"
#include <stdio.h>
#include <string.h>

int kf_release_parse(const char *text)
{
    int major = 0, minor = 0, patch = 0;

    return text && sscanf(text, "%2d.%2d.%2d", &major, &minor, &patch) >= 2
               ? KF_KERAS(major, minor, patch)
               : 0;
}

bool kf_release_is_bundled(const char *text)
{
    return text && strstr(text, "-tf");
}

void kf_release_text(int keras, char text[KF_RELEASE_TEXT])
{
    snprintf(text, KF_RELEASE_TEXT, "%d.%d.%d", keras / 10000 % 100, keras / 100 % 100,
             keras % 100);
}
