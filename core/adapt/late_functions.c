/* SPDX-License-Identifier: Apache-2.0 */
#include "../format/release.h"
#include "adapt.h"
#include <string.h>

static const struct row {
    const char *text;
    int since;
    bool tensorflow;
} rows[] = {
#define KF_LATE_FUNCTION(text, since, tensorflow) {text, since, tensorflow},
#include "late_functions.def"
};

/* Since 2.4 there is no other Keras 2 than that of TensorFlow. */
#define BUNDLED KF_KERAS(2, 4, 0)

/* The row of a function that the Keras which wrote the file cannot have meant by the name. */
static const struct row *find(const struct kf_adapt *adapt, const char *text)
{
    int keras = adapt->model->keras;
    bool bundled = keras >= BUNDLED || kf_release_is_bundled(adapt->rep->source.keras_version);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].text, text) == 0)
            return keras && KF_SINCE(keras) < rows[i].since && !(rows[i].tensorflow && bundled)
                       ? &rows[i]
                       : NULL;
    return NULL;
}

bool kf_adapt_late_function(struct kf_adapt *adapt, const struct kf_layer *layer, const char *key,
                            const char *text)
{
    const struct row *row = find(adapt, text);

    if (!row)
        return false;
    if (adapt->options->guess)
        kf_report_add(adapt->rep, KF_FINDING, layer->path,
                      "%s: %s is taken for the function that came with Keras %d.%d, though the "
                      "file is older",
                      key, text, row->since / 100, row->since % 100);
    else if (adapt->options->custom == KF_CUSTOM_KEEP)
        kf_report_add(adapt->rep, KF_CUSTOM_KEPT, layer->path, "the function %s", text);
    else
        kf_report_add(adapt->rep, KF_CUSTOM_CLASS, layer->path,
                      "%s is a function %s of the user's: Keras had none before %d.%d; guess=yes "
                      "takes it for that one",
                      key, text, row->since / 100, row->since % 100);
    return !adapt->options->guess;
}
