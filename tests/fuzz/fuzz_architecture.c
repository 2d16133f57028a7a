/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

/* Any text as an architecture, in YAML or JSON. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char *const names[] = {"m.yaml", "m.json"};

    for (size_t i = 0; i < 2; i++) {
        const struct kf_input in = {.fd = fuzz_file(data, n), .name = names[i]};

        fuzz_plan(&in, "json");
        close(in.fd);
    }
    return 0;
}
