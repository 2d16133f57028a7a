/* SPDX-License-Identifier: Apache-2.0 */
#include "mask_effects.h"
#include "../../base/str.h"

static const struct {
    const char *classes;
    enum kf_mask_effect effect;
    const char *name;
} mask_rows[] = {
#define KF_MASK(classes, what) {classes, what, "mask:" classes},
#include "masks.def"
#undef KF_MASK
};

enum kf_mask_effect kf_mask_effect(const struct kf_layer *layer, struct kf_report *rep)
{
    for (size_t i = 0; i < sizeof(mask_rows) / sizeof(mask_rows[0]); i++)
        if (kf_in_words(mask_rows[i].classes, layer->class_name)) {
            if (rep)
                kf_report_rule(rep, mask_rows[i].name);
            return mask_rows[i].effect;
        }
    return LOSE;
}
