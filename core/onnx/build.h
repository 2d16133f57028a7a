/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ONNX_BUILD_H
#define KF_ONNX_BUILD_H

#include "graph.h"

/**
 * Make the ONNX graph of a model in the language of Keras 3. `onnx` is zeroed but for `rep`,
 * `options`, `opset` and `runtime`; finish it in any case.
 *
 * Every layer that has no row in layers.def, and whatever else has no equal, is refused by name.
 * Nothing is pulled. What the model calls its inputs and outputs are their names in ONNX: that of
 * the InputLayer, and that of the layer (or the key of a dictionary) an output comes from.
 */
int kf_onnx_build(struct kf_onnx *onnx, struct kf_model *model);

#endif
