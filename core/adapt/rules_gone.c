/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/str.h"
#include "adapt.h"
#include <string.h>

/* Classes that the target has no equal for. */
struct gone {
    const char *class_name, *why, *but, *name; /* `but`: kinds of targets that have it */
};

static const struct gone keras3_gone[] = {
#define KF_GONE(class_name, why) {class_name, why, "", "gone:" class_name},
#include "keras2_keras3.def"
};

static const struct gone keras2_gone[] = {
#define KF_GONE(class_name, why)      {class_name, why, "", "keras2:gone:" class_name},
#define KF_ONLY(class_name, but, why) {class_name, why, but, "keras2:gone:" class_name},
#include "keras2.def"
};

/* The rows of a step. */
static const struct table {
    const struct gone *rows;
    size_t n;
} tables[] = {
    [KF_RULES_KERAS3] = {keras3_gone, sizeof(keras3_gone) / sizeof(keras3_gone[0])},
    [KF_RULES_KERAS3_KERAS2] = {NULL, 0},
    [KF_RULES_KERAS2] = {keras2_gone, sizeof(keras2_gone) / sizeof(keras2_gone[0])},
};

const char *kf_rules_gone(const struct kf_adapt *adapt, const char *class_name,
                          const char **name_out)
{
    const struct table *table = &tables[adapt->rules];

    for (size_t i = 0; i < table->n; i++)
        if (strcmp(table->rows[i].class_name, class_name) == 0 &&
            !(*table->rows[i].but && kf_in_words(table->rows[i].but, adapt->options->to))) {
            *name_out = table->rows[i].name;
            return table->rows[i].why;
        }
    return NULL;
}
