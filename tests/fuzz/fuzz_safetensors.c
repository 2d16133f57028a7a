/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

/* Any bytes as a file of safetensors, written again as what needs a config and
 * what needs none. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const struct kf_input in = {.fd = fuzz_file(data, n), .name = "m.safetensors"};

    fuzz_plan(&in, "keras");
    fuzz_plan(&in, "npz");
    close(in.fd);
    return 0;
}
