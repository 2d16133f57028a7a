/* SPDX-License-Identifier: Apache-2.0 */
#include "../../base/str.h"
#include "../../io/text/json.h"
#include "down_ops.h"
#include <math.h>

/* Operations on the spectra of signals. */

#define LENGTH_MAX 65536 /* numbers of a window that are written out in a config */
#define TURN       6.283185307179586
#define DECIBELS   10.0
#define SUMS_MAX   (1 << 26) /* of what overlaps of a window */

/* TensorFlow takes a list of lengths. */
int kf_down_form_rfft(struct kf_down_op *op)
{
    json_t *length = json_object_get(op->kwargs, "fft_length");

    if (length)
        KF_TRY(kf_down_set(op, "fft_length", json_pack("[O]", length)));
    return kf_down_form_recipe(op);
}

/* Real and imaginary parts, which Keras 3 takes as two tensors, as one. */
int kf_down_form_complex(struct kf_down_op *op)
{
    json_t *length = json_object_get(op->kwargs, "fft_length");
    struct kf_ref ref;

    if (json_array_size(op->first) != 2 || !kf_ref_get(json_array_get(op->first, 0), &ref) ||
        !kf_ref_get(json_array_get(op->first, 1), &ref))
        return kf_down_refuse(op, "it is not called with two tensors");
    if (length)
        KF_TRY(kf_down_set(op, "fft_length", json_pack("[O]", length)));
    KF_TRY(kf_down_set(op, "imag", json_deep_copy(json_array_get(op->first, 1))));
    KF_TRY(kf_down_set_first(op, json_deep_copy(json_array_get(op->first, 0))));
    return kf_down_form_recipe(op);
}

/* Each number as its real and its imaginary part. */
int kf_down_form_pairs(struct kf_down_op *op)
{
    return op->dtype == KF_DTYPE_COMPLEX64
               ? 0
               : kf_down_refuse(op, "TensorFlow sees pairs in complex numbers alone");
}

/*
 * Number `at` of a window as long as a sequence; one of an odd length is not periodic.
 *
 * Source: tensorflow/python/ops/signal/window_ops.py, _raised_cosine_window (2.15)
 */
static double window_at(const struct kf_down_op *op, json_int_t at, json_int_t length)
{
    const json_t *window = json_object_get(op->kwargs, "window");
    double a = kf_streq(json_string_value(window), "hamming") ? 0.54 : 0.5;
    double period = (double)(length % 2 ? length - 1 : length);

    if (at < 0 || at >= length)
        return 0;
    if (json_is_array(window))
        return json_number_value(json_array_get(window, (size_t)at));
    return window && length > 1 ? a - (1 - a) * cos(TURN * (double)at / period) : 1;
}

static bool is_window(const json_t *window, json_int_t length)
{
    return json_is_array(window)
               ? (json_int_t)json_array_size(window) == length
               : !window || kf_in_words("hann hamming", json_string_value(window));
}

/* The window, in the middle of as many numbers as are transformed. */
static int set_window(struct kf_down_op *op)
{
    json_int_t all = kf_json_int(op->kwargs, "fft_length", 0);
    json_int_t length = kf_json_int(op->kwargs, "sequence_length", all);
    json_t *list = json_array();

    for (json_int_t i = 0; i < all; i++)
        KF_TRY(kf_json_append(list, json_real(window_at(op, i - (all - length) / 2, length)),
                              op->ops->adapt->rep));
    return kf_down_set(op, "window", list);
}

/* Half a window's length on both sides of the last axis, where windows stand around their places.
 */
static int set_paddings(struct kf_down_op *op, size_t rank)
{
    json_int_t half =
        kf_json_bool(op->kwargs, "center", true) ? kf_json_int(op->kwargs, "fft_length", 0) / 2 : 0;
    json_t *pads = json_array();

    for (size_t i = 0; i < rank; i++)
        KF_TRY(kf_json_append(pads,
                              json_pack("[I, I]", i + 1 < rank ? 0 : half, i + 1 < rank ? 0 : half),
                              op->ops->adapt->rep));
    return kf_down_set(op, "paddings", pads);
}

/* What frames of a signal need. Source: keras/src/backend/tensorflow/math.py, stft (3.15.1) */
static int set_frames(struct kf_down_op *op, const json_t *own)
{
    json_int_t all = kf_json_int(op->kwargs, "fft_length", 0);
    json_int_t length = kf_json_int(op->kwargs, "sequence_length", all);
    size_t rank = kf_down_rank(own);

    if (!rank)
        return kf_down_refuse(op, KF_DOWN_NOT_TOLD);
    if (length < 1 || length > all || all > LENGTH_MAX ||
        !is_window(json_object_get(op->kwargs, "window"), length))
        return kf_down_refuse(op, "its window is none that is known");
    KF_TRY(set_window(op));
    return set_paddings(op, rank);
}

int kf_down_form_stft(struct kf_down_op *op)
{
    KF_TRY(set_frames(op, kf_down_argument(op, 0, "x")));
    return op->why ? 0 : kf_down_form_recipe(op);
}

/*
 * A window that undoes that of a STFT where frames overlap, in place of it.
 *
 * Source: tensorflow/python/ops/signal/spectral_ops.py, inverse_stft_window_fn (2.15)
 */
static int undo_window(struct kf_down_op *op)
{
    json_int_t all = kf_json_int(op->kwargs, "fft_length", 0);
    json_int_t step = kf_json_int(op->kwargs, "sequence_stride", 0);
    json_t *window = json_object_get(op->kwargs, "window"), *list = json_array();

    for (json_int_t i = 0; i < all; i++) {
        double sum = 0;

        for (json_int_t j = i % step; j < all; j += step)
            sum += pow(json_number_value(json_array_get(window, (size_t)j)), 2);
        if (!(sum > 0))
            kf_down_refuse(op, "its window is 0 somewhere in each frame");
        KF_TRY(kf_json_append(list,
                              json_real(json_number_value(json_array_get(window, (size_t)i)) / sum),
                              op->ops->adapt->rep));
    }
    return kf_down_set(op, "window", list);
}

/* Source: keras/src/backend/tensorflow/math.py, istft (3.15.1) */
int kf_down_form_istft(struct kf_down_op *op)
{
    json_int_t all = kf_json_int(op->kwargs, "fft_length", 0);
    json_int_t told = kf_json_int(op->kwargs, "length", -1);
    json_int_t length = kf_json_int(op->kwargs, "sequence_length", all);
    json_int_t step = kf_json_int(op->kwargs, "sequence_stride", 0);
    bool center = kf_json_bool(op->kwargs, "center", true);
    json_int_t half = center ? all / 2 : 0;
    json_t *window = json_object_get(op->kwargs, "window");

    if (length < 1 || length > all || all > LENGTH_MAX || step < 1 || step > LENGTH_MAX ||
        all / step > SUMS_MAX / all || told > INT32_MAX || !is_window(window, length))
        return kf_down_refuse(op, "its window is none that is known");
    if (window) {
        KF_TRY(set_window(op));
        KF_TRY(undo_window(op));
    } else {
        KF_TRY(kf_down_set(op, "window", json_real(1)));
    }
    KF_TRY(kf_down_set(op, "begin", json_pack("[i, I]", 0, half)));
    KF_TRY(kf_down_set(op, "end", json_pack("[i, I]", 0, told < 0 ? -half : half + told)));
    KF_TRY(kf_down_set(op, "end_mask", json_integer(told < 0 && !half ? 2 : 0)));
    return op->why ? 0 : kf_down_form_complex(op);
}

static float mel(float hertz)
{
    return 1127.0F * logf(1.0F + hertz / 700.0F);
}

/* Number `at` of `n` that are as far from each other. */
static float between(float from, float to, json_int_t at, json_int_t n)
{
    return from + (to - from) / (float)(n - 1) * (float)at;
}

/* Where the bins of a spectrum are on the mel scale, as a column. */
static int set_bins(struct kf_down_op *op)
{
    json_int_t n = kf_json_int(op->kwargs, "fft_length", 0) / 2 + 1;
    float top = (float)json_number_value(json_object_get(op->kwargs, "sampling_rate")) / 2;
    json_t *bins = json_array();

    for (json_int_t i = 0; i < n; i++)
        KF_TRY(kf_json_append(bins, json_pack("[f]", (double)mel(between(0, top, i, n))),
                              op->ops->adapt->rep));
    return kf_down_set(op, "bins", bins);
}

/* The edges of the bands, and how far each side of a triangle goes, in float32 as Keras has them.
 */
static int set_bands(struct kf_down_op *op)
{
    json_int_t n = kf_json_int(op->kwargs, "num_mel_bins", 0) + 2;
    float low = mel((float)json_number_value(json_object_get(op->kwargs, "min_freq")));
    float high = mel((float)json_number_value(json_object_get(op->kwargs, "max_freq")));
    json_t *lower = json_array(), *upper = json_array(), *rise = json_array(), *fall = json_array();
    struct kf_report *rep = op->ops->adapt->rep;

    for (json_int_t i = 0; i + 2 < n; i++) {
        float from = between(low, high, i, n), top = between(low, high, i + 1, n);
        float to = between(low, high, i + 2, n);

        KF_TRY(kf_json_append(lower, json_real((double)from), rep));
        KF_TRY(kf_json_append(upper, json_real((double)to), rep));
        KF_TRY(kf_json_append(rise, json_real((double)(top - from)), rep));
        KF_TRY(kf_json_append(fall, json_real((double)(top - to)), rep));
    }
    KF_TRY(kf_down_set(op, "lower", lower));
    KF_TRY(kf_down_set(op, "upper", upper));
    KF_TRY(kf_down_set(op, "rise", rise));
    return kf_down_set(op, "fall", fall);
}

/* Source: keras/src/layers/preprocessing/mel_spectrogram.py (3.15.1) */
int kf_down_form_mel(struct kf_down_op *op)
{
    double reference = fabs(json_number_value(json_object_get(op->kwargs, "ref_power")));
    double least = json_number_value(json_object_get(op->kwargs, "min_power"));

    KF_TRY(set_frames(op, kf_down_argument(op, 0, "inputs")));
    if (op->why)
        return 0;
    if (kf_json_int(op->kwargs, "num_mel_bins", 0) < 1 ||
        kf_json_int(op->kwargs, "num_mel_bins", 0) > LENGTH_MAX)
        return kf_down_refuse(op, "its mel scale is none that is known");
    KF_TRY(set_bins(op));
    KF_TRY(set_bands(op));
    if (!kf_json_bool(op->kwargs, "power_to_db", true))
        return kf_down_form_recipe(op);
    KF_TRY(kf_down_set(op, "reference", json_real(DECIBELS * log10(fmax(reference, least)))));
    return kf_down_recipe(op, "MelSpectrogram dB");
}
