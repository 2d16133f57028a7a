/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include <kf/bundle.h>
#include <string.h>

int kf_bundle_stem(const char *base)
{
    static const char *const ends[] = {".h5",  ".hdf5",  ".keras", ".json",    ".yaml",
                                       ".yml", ".index", ".ckpt",  ".weights", "_weights"};
    int n = (int)strlen(base);

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        int end = (int)strlen(ends[i]);

        if (n > end && memcmp(base + n - end, ends[i], (size_t)end) == 0)
            n -= end;
    }
    return n;
}

bool kf_bundle_is_shard(const char *base)
{
    return kf_ends(base, "weights.bin") || (kf_starts(base, "group") && strstr(base, "-shard"));
}
