/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "../../model/floats.h"
#include "keras3_limits.h"
#include <math.h>
#include <string.h>

/*
 * A Normalization computes with what its variables held when it was built or told to look again.
 * Reading a legacy .h5 Keras 3 tells only the layers of the model itself, and before 3.6 none: the
 * others would go on with mean 0 and variance 1.
 *
 * Source: keras/src/legacy/saving/legacy_h5_format.py _set_weights (3.5.0, 3.6.0, 3.15.1)
 */
#define LOOKS_AGAIN_SINCE 306

static json_t *list_of(const float *values, const uint64_t *dims, unsigned rank)
{
    json_t *list;
    size_t step = 1;

    if (rank == 0)
        return json_real((double)*values);
    list = json_array();
    for (unsigned i = 1; i < rank; i++)
        step *= (size_t)dims[i];
    for (uint64_t i = 0; i < dims[0]; i++)
        if (json_array_append_new(list, list_of(values + i * step, dims + 1, rank - 1)) < 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static bool are_finite(const float *values, uint64_t n)
{
    uint64_t i = 0;

    while (i < n && isfinite(values[i]))
        i++;
    return i == n;
}

static int write_out(struct kf_adapt *adapt, struct kf_layer *layer, const char *key)
{
    const struct kf_payload *payload = kf_layer_tensor(layer, key)->payload;
    json_auto_t *list = NULL;
    float *values;

    KF_TRY(kf_floats(&values, adapt->model->arena, payload, key, adapt->rep));
    if (!are_finite(values, kf_payload_elements(payload)))
        return kf_report_add(adapt->rep, KF_VALUE_NO_EQUAL, layer->path,
                             "%s holds what is no number, and Keras 3 takes it from a legacy .h5 "
                             "only as one: take to=keras",
                             key);
    list = list_of(values, payload->dims, payload->rank);
    if (!list)
        return kf_adapt_no_memory(adapt, layer->path);
    KF_TRY(kf_report_change(adapt->rep, KF_VALUE_REWRITTEN, layer->path, key, NULL, NULL,
                            "out of its variable into the config: of a legacy .h5 Keras 3 uses the "
                            "variable of no layer here"));
    return kf_json_set(layer->config, key, json_incref(list), adapt->rep);
}

int kf_keras3_normalization(struct kf_adapt *adapt, struct kf_layer *layer)
{
    const struct kf_tensor *mean = kf_layer_tensor(layer, "mean"),
                           *variance = kf_layer_tensor(layer, "variance");
    bool inside = !kf_streq(layer->path, layer->name);

    if (!mean || !mean->payload || !variance || !variance->payload ||
        (!inside && adapt->since >= LOOKS_AGAIN_SINCE))
        return 0;
    kf_report_rule(adapt->rep, "limit:h5_normalization");
    if (!kf_streq(adapt->options->to, "h5"))
        return kf_report_add(adapt->rep, KF_VALUE_NO_EQUAL, layer->path,
                             "Keras 3 does not use a Normalization's mean and variance from legacy "
                             "weights here: take to=weights.h5 or to=keras");
    KF_TRY(write_out(adapt, layer, "mean"));
    KF_TRY(write_out(adapt, layer, "variance"));
    layer->n_tensors = 0;
    return 0;
}
