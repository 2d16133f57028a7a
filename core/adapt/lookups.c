/* SPDX-License-Identifier: Apache-2.0 */
#include "../base/alloc.h"
#include "../base/str.h"
#include "../io/text/json.h"
#include "../model/numbers.h"
#include "adapt.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

/* What adapt() keeps of the data: about a hundred columns, or two for each bin where they are more.
 */
#define SUMMARY_MAX 1000000
#define BINS_MAX    1000000

/* The summary of a Discretization: `n` values in their order, each with its weight. */
struct summary {
    float *values, *weights; /* one block */
    size_t n;
    json_int_t bins; /* that were asked for */
};

/* Row `row` of the variable as float32. */
static int read_row(struct kf_adapt *adapt, const struct kf_payload *payload, size_t row, float *to)
{
    size_t n = (size_t)payload->dims[1];

    return payload->pull(payload, row * n * sizeof(float), to, n * sizeof(float), adapt->rep);
}

static int read_summary(struct kf_adapt *adapt, const struct kf_layer *layer,
                        const struct kf_payload *payload, struct summary *out)
{
    if (payload->rank != 2 || payload->dims[0] != 2 || payload->dtype != KF_DTYPE_FLOAT32)
        return kf_report_add(adapt->rep, KF_WEIGHT_SHAPE, layer->path,
                             "the summary of a Discretization is two rows of float32");
    out->bins = kf_json_int(layer->config, "num_bins", 0);
    if (payload->dims[1] > SUMMARY_MAX || out->bins < 1 || out->bins > BINS_MAX)
        return kf_report_add(adapt->rep, KF_TOO_LARGE, layer->path,
                             "%" JSON_INTEGER_FORMAT " bins of a summary of %" PRIu64 " columns",
                             out->bins, payload->dims[1]);
    out->n = (size_t)payload->dims[1];
    if (!out->n)
        return kf_report_add(adapt->rep, KF_WEIGHTS_MISSING, layer->path,
                             "the layer has no bins: it was never adapted");
    out->values = kf_alloc(2 * out->n * sizeof(float));
    if (!out->values)
        return kf_adapt_no_memory(adapt, layer->path);
    out->weights = out->values + out->n;
    KF_TRY(read_row(adapt, payload, 0, out->values));
    return read_row(adapt, payload, 1, out->weights);
}

/* The weights become their running sum's share of the whole, in single precision as NumPy's. */
static void accumulate(struct summary *summary)
{
    for (size_t i = 1; i < summary->n; i++)
        summary->weights[i] = summary->weights[i - 1] + summary->weights[i];
    for (size_t i = 0; i + 1 < summary->n; i++)
        summary->weights[i] /= summary->weights[summary->n - 1];
    summary->weights[summary->n - 1] /= summary->weights[summary->n - 1];
}

/* numpy.interp(); `*at` is the column that the last position was found in. */
static float interpolate(const struct summary *summary, double position, size_t *at)
{
    const float *x = summary->weights, *y = summary->values;
    size_t last = summary->n - 1;
    double slope;

    if (position > (double)x[last])
        return y[last];
    if (position < (double)x[0])
        return y[0];
    while (*at < last && position >= (double)x[*at + 1])
        ++*at;
    if (*at == last || !((double)x[*at] < position))
        return y[*at];
    slope = ((double)y[*at + 1] - (double)y[*at]) / ((double)x[*at + 1] - (double)x[*at]);
    return (float)(slope * (position - (double)x[*at]) + (double)y[*at]);
}

/* All but the last of the bins' upper ends. */
static int list_bins(struct kf_adapt *adapt, struct summary *summary, json_t *list)
{
    double epsilon = 1.0 / (double)summary->bins;
    bool few = (double)summary->n * epsilon < 1;
    size_t n = few ? summary->n : (size_t)ceil(1.0 / epsilon), at = 0;

    if (!few)
        accumulate(summary);
    for (size_t i = 0; i + 1 < n; i++) {
        float bin =
            few ? summary->values[i] : interpolate(summary, epsilon + (double)i * epsilon, &at);

        KF_TRY(kf_json_append(list, json_real((double)bin), adapt->rep));
    }
    return 0;
}

static int set_bins(struct kf_adapt *adapt, struct kf_layer *layer, json_t *list)
{
    KF_TRY(kf_report_change(adapt->rep, KF_VALUE_REWRITTEN, layer->path, "bin_boundaries", NULL,
                            list, "what adapt() learnt, as Keras 2 computes it from the summary"));
    KF_TRY(kf_json_set(layer->config, "bin_boundaries", json_incref(list), adapt->rep));
    layer->n_tensors = 0;
    return kf_json_set(layer->config, "num_bins", json_null(), adapt->rep);
}

int kf_adapt_bins(struct kf_adapt *adapt, struct kf_layer *layer)
{
    const struct kf_payload *payload = layer->n_tensors ? layer->tensors[0].payload : NULL;
    struct summary summary = {0};
    json_t *list;
    int r;

    if (json_is_array(json_object_get(layer->config, "bin_boundaries")) || !payload)
        return 0;
    list = json_array();
    r = list ? read_summary(adapt, layer, payload, &summary)
             : kf_adapt_no_memory(adapt, layer->path);
    if (r >= 0)
        r = list_bins(adapt, &summary, list);
    if (r >= 0)
        r = set_bins(adapt, layer, list);
    kf_free(summary.values);
    json_decref(list);
    return r;
}

int kf_adapt_lookup(struct kf_adapt *adapt, struct kf_layer *layer)
{
    uint64_t n = layer->n_assets ? layer->assets[0].n_lines : 0;

    if (!n || !kf_in_words("StringLookup IntegerLookup TextVectorization", layer->class_name))
        return 0;
    kf_report_rule(adapt->rep, "lookup:size");
    return kf_json_set(layer->config, "vocabulary_size", json_integer((json_int_t)n), adapt->rep);
}
