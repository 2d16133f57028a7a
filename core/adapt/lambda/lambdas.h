/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ADAPT_LAMBDAS_H
#define KF_ADAPT_LAMBDAS_H

#include "../adapt.h"

/**
 * Put operation layers of Keras 2 (TFOpLambda) in the place of each Lambda of a graph, and of the
 * models in it, whose whole bytecode is understood (python.h); a Sequential that has one becomes
 * a functional model. What is not understood stays, for others to refuse or keep.
 *
 * Nothing is done where the user keeps custom code, or where layers compute in other floats than
 * float32, which a Lambda casts its input from.
 */
int kf_adapt_lambdas(struct kf_adapt *adapt, struct kf_graph *graph);

/* lambda_layer.c */

/** Operations in the place of the Lambda `index` of a functional graph, if it is understood. */
int kf_lambda_replace(struct kf_adapt *adapt, struct kf_graph *graph, size_t index);

/** Whether the code of the Lambda `index` of a chain is understood as it is called there. */
int kf_lambda_understood(struct kf_adapt *adapt, struct kf_graph *graph, size_t index, bool *out);

/* lambda_fit.c */

/** Whether nothing but float32 goes through a graph. */
bool kf_lambda_floats(const struct kf_graph *graph);

struct kf_trace;

/** Bring the nodes of a trace to what TensorFlow takes, in a graph of `floats` alone or not; false
 * where that is not known. */
bool kf_lambda_fit(struct kf_trace *trace, bool floats);

#endif
