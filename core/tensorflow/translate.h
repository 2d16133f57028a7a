/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KF_TENSORFLOW_TRANSLATE_H
#define KF_TENSORFLOW_TRANSLATE_H

#include "../onnx/graph.h"
#include "ops.h"

/*
 * A graph of operators, in the terms of ONNX, becomes one of TensorFlow: each operator by its row
 * in operators.def. So a layer is understood once, whatever it is written for.
 *
 * Convolutions stand in that graph with their channels behind the batch. TensorFlow computes them
 * with the channels at the end, as Keras does: what comes to stand behind the batch there is kept
 * here as it was, and moved only where somebody wants it so.
 */

/* What a tensor of the operators is in TensorFlow, in one or more forms; NULL where not made. */
struct kf_tf_place {
    const char *plain;           /* axes as the operators have them */
    const char *last;            /* ... but axis 1 at the end */
    const char *given;           /* of a weight: as Keras has it */
    struct kf_onnx_tensor *cast; /* the weight that this is, in another dtype */
    size_t variable;             /* of a weight: its number among the variables, from 1 on */
};

struct kf_tf_call;

struct kf_tf_row {
    const char *from;
    void (*form)(struct kf_tf_call *call);
    const char *op, *rule;
};

/* Constants up to so many bytes stand in the graph, the others are variables. */
#define KF_TF_CONSTANT_MAX ((size_t)1 << 16)
/* Copies of an edge that are put beside it, at most. */
#define KF_TF_EDGE_MAX 64

/* An operator that is translated. */
struct kf_tf_call {
    struct kf_tf *tf;
    const struct kf_onnx_node *node;
    const struct kf_tf_row *row;
    const char *op; /* the row's */
};

/** Translate all of a graph that its outputs need. What has no equal is refused by name. */
int kf_tf_translate(struct kf_tf *tf, const struct kf_onnx *onnx);

/** A tensor in a form; made where it is not there. */
const char *kf_tf_plain(struct kf_tf *tf, struct kf_onnx_tensor *tensor);
const char *kf_tf_last(struct kf_tf *tf, struct kf_onnx_tensor *tensor);
/** Of a weight as Keras has it, or of what such a weight was cast to; NULL for anything else. */
const char *kf_tf_given(struct kf_tf *tf, struct kf_onnx_tensor *tensor);
/** True when a tensor is there with its axis 1 at the end, and not otherwise. */
bool kf_tf_is_last(const struct kf_onnx_tensor *tensor);
/** Where an axis of the operators is in the form with axis 1 at the end. */
int64_t kf_tf_axis_last(int64_t axis, unsigned rank);

/** Input `index`; NULL where the operator gets none. */
struct kf_onnx_tensor *kf_tf_input(const struct kf_tf_call *call, size_t index);
/** ... in its plain form. */
const char *kf_tf_in_plain(struct kf_tf_call *call, size_t index);
/** The whole numbers of a constant input; NULL (and *n 0) when it is no such. */
const int64_t *kf_tf_numbers(const struct kf_tf_call *call, size_t index, size_t *n);

/** Set an output of the operator, in the form that it is in. */
void kf_tf_give(struct kf_tf_call *call, size_t index, const char *tensor);
void kf_tf_give_last(struct kf_tf_call *call, size_t index, const char *tensor);
void kf_tf_give_as(struct kf_tf_call *call, size_t index, const char *tensor, bool last);

/** ... the only one: the weight `from` in the output's dtype, whatever form is asked for. */
void kf_tf_give_cast(struct kf_tf_call *call, struct kf_onnx_tensor *from);

/** Report that an operator has no equal with what it is told. */
void kf_tf_refuse(struct kf_tf_call *call, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The functions of the rows. */
#define KF_TF_OPERATOR(from, form, op) void kf_tf_form_##form(struct kf_tf_call *call);
#include "operators.def"
#undef KF_TF_OPERATOR

#endif
