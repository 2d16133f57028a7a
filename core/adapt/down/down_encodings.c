/* SPDX-License-Identifier: Apache-2.0 */
#include "down_encodings.h"
#include "../../base/str.h"
#include "../../io/text/json.h"

#define KF_NO_FLOATS(classes, source) static const char no_floats[] = classes;
#include "down_encodings.def"

static const struct encoding {
    const char *class_name, *mode, *way;
} encodings[] = {
#define KF_ENCODES(class_name, mode, way) {class_name, mode, way},
#include "down_encodings.def"
};

static const struct encoding *encoding_of(const struct kf_layer *layer)
{
    for (size_t i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++)
        if (kf_streq(encodings[i].class_name, layer->class_name))
            return &encodings[i];
    return NULL;
}

static const char *mode_of(const struct kf_layer *layer, const struct encoding *encoding)
{
    return kf_json_str(layer->config, "output_mode", encoding->mode);
}

bool kf_down_encodes_more(const struct kf_layer *layer, const struct kf_shape *in)
{
    const struct encoding *encoding = encoding_of(layer);
    const char *mode = encoding ? mode_of(layer, encoding) : "int";
    bool wider = kf_streq(mode, "one_hot") && kf_shape_axis(in, -1) != 1;

    return !kf_streq(mode, "int") && in->rank + wider > 2;
}

void kf_down_check_encoding(struct kf_down_ops *ops, const struct kf_layer *layer,
                            const struct kf_shape *in, enum kf_dtype dtype)
{
    const struct encoding *encoding = encoding_of(layer);

    if (kf_down_is_floating(dtype) && kf_in_words(no_floats, layer->class_name))
        kf_report_add(ops->adapt->rep, KF_NO_EQUAL, layer->path,
                      "%s is given floats, and in Keras 2 it takes integers and texts alone: put a "
                      "cast to int64 in front of it",
                      layer->class_name);
    if (kf_down_encodes_more(layer, in))
        kf_report_add(ops->adapt->rep, KF_VALUE_NO_EQUAL, layer->path,
                      "%s of Keras 2 gives two axes at most, and output_mode=%s makes more of %zu: "
                      "%s keras.ops.%s",
                      layer->class_name, mode_of(layer, encoding), in->rank, encoding->way,
                      kf_streq(mode_of(layer, encoding), "one_hot") ? "one_hot" : "multi_hot");
}
