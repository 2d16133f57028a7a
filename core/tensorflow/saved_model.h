/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_TENSORFLOW_SAVED_MODEL_H
#define KF_TENSORFLOW_SAVED_MODEL_H

#include "../onnx/graph.h"
#include "graph.h"

/*
 * A SavedModel that serves: one graph without functions, a saver that restores its variables, and
 * the signature serving_default, whose inputs and outputs have the names that the model's have.
 * Python reads it as one of TensorFlow 1, C++ as any other.
 *
 * Source: tensorflow/core/protobuf/saved_model.proto, meta_graph.proto, saver.proto;
 * tensorflow/cc/saved_model/loader.cc, tensorflow/python/saved_model/load_v1_in_v2.py (2.15)
 */

/** Make the placeholders of the model's inputs; before anything is translated. */
int kf_tf_add_inputs(struct kf_tf *tf, const struct kf_onnx *onnx);

/** Append saved_model.pb to `out`: the graph with what restores its variables, the signature. */
int kf_tf_saved_model(struct kf_buf *out, struct kf_tf *tf, const struct kf_onnx *onnx);

#endif
