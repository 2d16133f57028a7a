/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "shapes.h"

/* Whether a shape with batch, time and channels leaves open how large the images are. */
static bool is_open(const json_t *shape, bool first)
{
    size_t n = json_array_size(shape);

    for (size_t i = first ? 3 : 2; i < (first ? n : n - 1); i++)
        if (json_is_null(json_array_get(shape, i)))
            return true;
    return false;
}

/* Source: keras/src/layers/rnn/conv_lstm.py build (3.15.1) */
int kf_shape_of_open_images(struct kf_adapt *adapt, const struct kf_at *at)
{
    const struct kf_layer *input = kf_adapt_input_of(at);
    const json_t *shape = input ? json_object_get(input->config, "batch_input_shape") : NULL;
    const char *format = kf_json_str(at->layer->config, "data_format", "channels_last");

    if (adapt->runner != KF_RUNS_KERAS || json_array_size(shape) < 4 ||
        !is_open(shape, kf_streq(format, "channels_first")))
        return 0;
    kf_report_rule(adapt->rep, "shape:open_images");
    return kf_report_add(adapt->rep, KF_GRAPH_NO_EQUAL, at->layer->path,
                         "%s of Keras 3 must know how large its images are, which the input %s "
                         "leaves open: build the model for one size, load these weights into it, "
                         "and convert that",
                         at->layer->class_name, input->name);
}
