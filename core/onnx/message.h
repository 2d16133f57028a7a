/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_ONNX_MESSAGE_H
#define KF_ONNX_MESSAGE_H

#include "../base/buf.h"
#include "../io/move.h"
#include "graph.h"
#include <kf/format.h>

/*
 * The messages of an ONNX model. It is one message, ModelProto, with the graph in it and the
 * weights in that, and it is framed by hand, so that a weight goes from the source to the file in
 * pieces: what stands before a message in the file is its length, and that is computed from the
 * shapes.
 *
 *   ModelProto    ir_version, producer_name, opset_import; 7 graph
 *   GraphProto    1 node..., 2 name, 5 initializer..., 11 input..., 12 output...
 *   TensorProto   dims, data_type, name; 9 raw_data, little-endian and row-major, or external_data
 *
 * All give false when memory or the buffer's ceiling does not allow it.
 */

/* What stands around the weights: a node of a few hundred bytes for each of a million. */
#define KF_ONNX_AROUND_MAX (UINT64_C(1) << 29)

/** ModelProto without its graph. */
bool kf_onnx_put_model(struct kf_buf *buf, const struct kf_onnx *onnx);
/** All of GraphProto but the weights. */
bool kf_onnx_put_around(struct kf_buf *buf, const struct kf_onnx *onnx, const char *name);
/** An initializer up to the bytes of its weight, which are to follow. */
bool kf_onnx_put_weight_head(struct kf_buf *buf, const struct kf_onnx_tensor *tensor);
/** An initializer whose weight stands at `at` of a file beside the model. */
bool kf_onnx_put_weight_place(struct kf_buf *buf, const struct kf_onnx_tensor *tensor,
                              const char *file, uint64_t at);

/* write.c: what both writers share. */

/** Begin a graph for ONNX of the opset that is asked for. */
void kf_onnx_begin(struct kf_onnx *onnx, const struct kf_options *options, struct kf_report *rep);
/** The plan of a writer: the graph, and a row of the report's table for each weight of Keras. */
int kf_onnx_plan(struct kf_onnx *onnx, struct kf_model *model, const struct kf_format_info *info,
                 const struct kf_options *options, struct kf_report *rep);
/** Take a weight to `at` of the file, and fill the rows of what went into it. */
int kf_onnx_move_weight(const struct kf_onnx *onnx, const struct kf_onnx_tensor *tensor,
                        struct kf_mover *mover, uint64_t at);
/** Those rows alone, for a weight whose checksum is `after`. */
int kf_onnx_settle_rows(const struct kf_onnx *onnx, const struct kf_onnx_tensor *tensor,
                        const struct kf_checksum *after);

#endif
