/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_TENSORFLOW_WINDOW_H
#define KF_TENSORFLOW_WINDOW_H

#include "translate.h"

/* Windows that go over the axes in the middle. */

#define KF_TF_SPATIAL_MAX 3

/* What a window does along each axis in the middle. What has one axis gets another in front. */
struct kf_tf_window {
    unsigned n; /* axes in the middle: 2 or 3 */
    bool thin;  /* one of them was put in */
    int64_t size[KF_TF_SPATIAL_MAX], stride[KF_TF_SPATIAL_MAX], dilation[KF_TF_SPATIAL_MAX];
    int64_t before[KF_TF_SPATIAL_MAX], after[KF_TF_SPATIAL_MAX];
    int64_t in[KF_TF_SPATIAL_MAX]; /* sizes of the input, below 0 where not known */
    bool automatic;
};

/** What the node of a call says; false when it has not one to three axes in the middle. */
bool kf_tf_window_read(const struct kf_tf_call *call, struct kf_tf_window *window);
/** How many elements a window spans along an axis. */
int64_t kf_tf_window_reach(const struct kf_tf_window *window, unsigned i);
/** True when the zeros around are those that TensorFlow puts there for "SAME". */
bool kf_tf_window_is_same(const struct kf_tf_window *window);
/** True when there are zeros around. */
bool kf_tf_window_is_padded(const struct kf_tf_window *window);
/** The padding of the op; what it has no word for is put around the input. */
const char *kf_tf_window_padding(struct kf_tf_call *call, const struct kf_tf_window *window,
                                 const char **x);
/** Axis `at` of the input or the kernel that is put in for an op of images, and taken out again. */
const char *kf_tf_window_thicken(struct kf_tf *tf, enum kf_dtype dtype,
                                 const struct kf_tf_window *window, const char *x, int64_t at);
const char *kf_tf_window_thin_out(struct kf_tf *tf, enum kf_dtype dtype,
                                  const struct kf_tf_window *window, const char *x);
/** 1 for the batch, what is said of the axes in the middle, 1 for the channels. */
void kf_tf_window_around(const struct kf_tf_window *window, const int64_t *middle, int64_t *out);

#endif
