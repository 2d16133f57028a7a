/* SPDX-License-Identifier: Apache-2.0 */
#include <kf/rules.h>

/* The names of all rows, made here as where they are used. */
static const char *const names[] = {
#define KF_VAR(class_name, variable, subpath, kind, when, rank, last)                              \
    "var:" class_name "." variable,
#define KF_LIKE(class_name, other) "like:" class_name,
#include "../format/vars.def"
#define KF_VAR(class_name, variable, subpath, kind, when, rank, last)                              \
    "keras1-var:" class_name "." variable,
#include "../format/keras1/keras1_vars.def"
#define KF1_RULE(classes, key, what, value)       "keras1-rule:" classes "." key,
#define KF1_WORD(key, word, value)                "keras1-word:" key "." word,
#define KF1_INITIALIZER(word, object)             "keras1-initializer:" word,
#define KF1_HELPER(word, class_name, keys)        "keras1-helper:" word,
#define KF1_SPECIAL(classes, function)            "keras1-special:" #function,
#define KF1_CLASS(from, to)                       "keras1-class:" from,
#define KF1_GONE(class_name, why)                 "keras1-gone:" class_name,
#define KF1_MERGE(mode, class_name, key, new_key) "keras1-merge:" mode,
#define KF1_SPLIT(class_name, function, branches) "keras1-split:" class_name,
#include "../adapt/keras1/keras1_keras2.def"
    "keras1-merge:cos",
    "keras1-merge:lambda",
    "keras1-theano:padding",
    "keras1-theano:refused",
#define KF1_TENSOR(classes, variable, pieces)        "keras1-tensor:" classes "." variable "." pieces,
#define KF1_LAYOUT(classes, variables, format, axes) "keras1-layout:" classes "." format,
#include "../adapt/keras1/keras1_tensors.def"
#define KF_ALIAS(alias, class_name) "alias:" alias,
#include "../format/aliases.def"
#undef KF_ALIAS
#define KF_PART(class_name, key, attribute, many, fallback) "part:" class_name "." key,
#include "../format/parts.def"
#undef KF_PART
#define KF_CONTAINER(name, group, doubled, first, last, who) "container:" name,
#define KF_COPY(class_name)                                  "copy:" class_name,
#define KF_STATE(group, what)                                "state:" group,
#include "../format/saving_lib/saving_lib.def"
#define KF_ASSET(class_name, file, again, key) "asset:" class_name,
#include "../format/saving_lib/assets.def"
#undef KF_ASSET
#define KF_LORA(classes, variable, a, b, source) "lora:" variable,
#include "../format/legacy/legacy_lora.def"
#undef KF_LORA
#define KF_RULE(classes, key, what, value, since, source) "rule:" classes "." key,
#define KF_RECLASS(from, to, add, source)                 "class:" from,
#define KF_GONE(class_name, why)                          "gone:" class_name,
#define KF_TRAINS(class_name, what)                       "trains:" class_name,
#define KF_LOCAL(class_name, axes)                        "local:" class_name,
#define KF_CURVE(class_name)                              "curve:" class_name,
#include "../adapt/keras2_keras3.def"
#define KF_RULE(classes, key, what, value, since, source) "down:" classes "." key,
#define KF_RECLASS(from, to, add, source)                 "down:class:" from,
#include "../adapt/down/keras3_keras2.def"
#define KF_CALL(classes, names, takes) "call:" classes,
#include "../adapt/keras3/keras3_calls.def"
#undef KF_CALL
#define KF_HALVES(classes) "halves:" classes,
#include "../adapt/down/down_halves.def"
#undef KF_HALVES
#define KF_DOWN(class_name, function, takes, gives, form, tensors, keys) "down:op:" class_name,
#include "../adapt/down/down_ops.def"
#undef KF_DOWN
#define KF_RECIPE(class_name, defaults, steps) "down:recipe:" class_name,
#include "../adapt/down/down_recipes.def"
#undef KF_RECIPE
#define KF_DOWN_ACTIVATION(text, operation) "down:activation:" text,
#include "../adapt/down/down_activations.def"
#undef KF_DOWN_ACTIVATION
#define KF_DOWN_LAYER(class_name, when, operation, config, scale) "down:layer:" class_name,
#define KF_DOWN_WIDE(class_name, ...)                             "down:layer:" class_name,
#include "../adapt/down/down_layers.def"
#undef KF_DOWN_LAYER
#undef KF_DOWN_WIDE
#define KF_REVERSIBLE(class_name, forward, reverse, gone) "down:layer:" class_name,
#include "../adapt/down/down_reversible.def"
#define KF_DOWN_UNWRAP(class_name, source) "down:unwrap:" class_name,
#define KF_DOWN_CHAIN(class_name, source)  "down:chain:" class_name,
#include "../adapt/down/down_unwraps.def"
#define KF_DOWN_SPECTROGRAM(class_name, mode, steps) "down:spectrogram:" mode,
#include "../adapt/down/down_spectrograms.def"
#undef KF_DOWN_SPECTROGRAM
#define KF_DOWN_HEADS(class_name, heads, shared, depth, value_depth, kept) "down:heads:" class_name,
#include "../adapt/down/down_heads.def"
#undef KF_DOWN_HEADS
#define KF_QUANTIZED(class_name, variable, by_row, unless, down)                                   \
    "down:quantized:" class_name "." variable,
#include "../adapt/down/down_quantized.def"
#undef KF_QUANTIZED
#define KF_OBJECT(module, from, to, source) "down:object:" from,
#include "../adapt/down/down_values.def"
#undef KF_OBJECT
#define KF_RULE(classes, key, what, value, since, source) "keras2:" classes "." key,
#define KF_RECLASS(from, to, add, source)                 "keras2:class:" from,
#define KF_GONE(class_name, why)                          "keras2:gone:" class_name,
#define KF_ONLY(class_name, but, why)                     "keras2:gone:" class_name,
#include "../adapt/keras2.def"
#define KF_SHAPE(name, classes, apply) "keras2:shape:" name,
#include "../adapt/keras2/keras2_shapes.def"
#undef KF_SHAPE
#define KF_ACTIVATION(name, since)                  "keras2:activation:" name,
#define KF_VALUES(class_name, key, allowed, before) "keras2:values:" class_name "." key,
#include "../adapt/keras2/keras2_values.def"
#define KF_ACTIVATION(name, since)                 "activation:" name,
#define KF_ACTIVATION3(name, since)                "activation:" name,
#define KF_POSITION(suffix, module, custom)        "position:" suffix,
#define KF_OBJECT(module, from, to, since, source) "object:" from,
#define KF_VALUES(classes, key, allowed, since)    "values:" classes "." key "." #since,
#include "../adapt/values.def"
#define KF_KEY(classes, key, since, what, value, source)    "key:" classes "." key,
#define KF_KEY_UNTIL(classes, key, until, source)           "key-until:" classes "." key,
#define KF_KEY_RENAMED(class_name, old, now, since, source) "key-renamed:" class_name "." old,
#define KF_KEY_MOVED(class_name, key, position, first, since, source)                              \
    "key-moved:" class_name "." key,
#define KF_LISTED(class_name, key, position, since, source)          "listed:" class_name "." key,
#define KF_ARGUMENT(class_name, key, position, since, value, source) "argument:" class_name "." key,
#define KF_BECOMES(class_name, from, until, to, keep, add, source)   "becomes:" class_name "." #from,
#define KF_FOREIGN(class_name, why)                                  "foreign:" class_name,
#include "../adapt/keras3/keras3_keys.def"
#define KF_GATES(classes, key, variables, gates, mask) "gates:" classes "." key,
#include "../adapt/gates.def"
#undef KF_GATES
#define KF_TENSOR(class_name, variable, how, gates, done) "tensor:" class_name "." variable,
#define KF_FLIP(classes, variables)                       "flip:" classes,
#include "../adapt/tensors.def"
#define KF_NAMED(class_name, variable, again) "named:" class_name,
#include "../format/saving_lib/saving_lib_named.def"
#undef KF_NAMED
#define KF_LAMBDA(names, keras, function, before, parameters) "lambda:" names,
#include "../adapt/lambda/lambda_calls.def"
#define KF_OP(function, target, since, takes, gives, form, args) "op:" function,
#include "../adapt/ops/ops.def"
#undef KF_OP
#define KF_SOURCE_NOTE(classes, key, value, since, before, note) "note:" classes "." key,
#include "../adapt/source_notes.def"
#undef KF_SOURCE_NOTE
#define KF_NODE(op, function, inputs, attributes, more) "node:" op,
#include "../adapt/ops/op_layers.def"
#define KF_MASK(classes, what) "mask:" classes,
#include "../adapt/masks/masks.def"
#undef KF_MASK
#define KF_SHAPED(class_name, variables, may_have, rank) "shaped:" class_name,
#include "../format/legacy/legacy_classes.def"
#undef KF_SHAPED
#define KF_LIMIT(name, classes, since, test, code, why, source) "limit:" name,
#define KF_MEND(name, classes, since, apply, source)            "limit:" name,
#include "../adapt/keras3/keras3_limits.def"
    "limit:operation_names",
    "limit:attention_mask",
    "limit:sequential",
#define KF_DOUBT(classes, with, why) "doubt:" classes,
#include "../adapt/doubts.def"
#undef KF_DOUBT
#define KF_OPTIMIZER(class_name, family, since, layout)                                            \
    "optimizer:" class_name "." #family "." #since,
#define KF_BY_NAME(text, class_name, rate) "by-name:" text,
#include "../model/optimizers.def"
#define KF_OPTIMIZER_KEY(key, what, value, source) "optimizer-key:" key,
#define KF_EPSILON(class_name, unless)             "epsilon:" class_name,
#define KF_LAZY(class_name, when)                  "lazy:" class_name,
#define KF_LOSS(function, class_name, since)       "loss:" function,
#define KF_LOSS_ALIAS(alias, name)                 "loss-alias:" alias,
#define KF_METRIC(function, class_name)            "metric:" function,
#define KF_METRIC_WORD(name)                       "metric-word:" name,
#define KF_TRAINED_SINCE(module, class_name, key, since, neutral)                                  \
    "trained-since:" class_name "." key,
#define KF_TRAINED_DOWN(module, class_name, key, neutral)                                          \
    "trained-down:" module "." class_name "." key,
#define KF_DOWN_KEY(key, neutral, source)                 "down-key:" key,
#define KF_DOWN_LOSES(class_name, key, before, same, why) "down-loses:" class_name,
#define KF_REDUCTION(down, text, to, source)              "reduction:" #down "." text,
#include "../adapt/training/training.def"
#define KF_EDGE(classes, variable, path) "edge:" classes "." variable,
#include "../format/tensorflow/checkpoint_edges.def"
#undef KF_EDGE
#define KF_SLOT_NAME(class_name, slot, found) "slot-name:" class_name "." slot,
#include "../format/tensorflow/checkpoint_slots.def"
#undef KF_SLOT_NAME
#define KF_TFJS_LAYER(class_name, rank)           "tfjs:" #class_name,
#define KF_TFJS_IDLE(class_name)                  "tfjs-idle:" #class_name,
#define KF_TFJS_GONE(class_name, why)             "tfjs-gone:" #class_name,
#define KF_TFJS_VALUE(classes, key, allowed, why) "tfjs-value:" classes "." key,
#define KF_TFJS_ACTIVATION(keras, name)           "tfjs-activation:" keras,
#define KF_TFJS_OBJECT(keras, name)               "tfjs-object:" keras,
#include "../tfjs/layers.def"
#define KF_TFJS_INSTEAD(classes, form, word)    "tfjs-instead:" #form ":" classes,
#define KF_TFJS_OPERATION(function, form, word) "tfjs-operation:" #form ":" function,
#include "../adapt/tfjs/tfjs.def"
#define KF_ONNX_LAYER(class_name, form, op) "onnx:" #class_name,
#define KF_ONNX_INT8(class_name, form)      "onnx-int8:" #class_name,
#include "../onnx/layers.def"
#define KF_ONNX_OPERATION(class_name, form, op, names) "onnx-operation:" #class_name,
#include "../onnx/operations.def"
#undef KF_ONNX_OPERATION
#define KF_ONNX_ACTIVATION(name, form, op, a, b, whole) "onnx-activation:" name,
#include "../onnx/activations.def"
#undef KF_ONNX_ACTIVATION
#define KF_ONNX_GATE(name, function, numbers, alpha, beta) "onnx-gate:" name,
#include "../onnx/gates.def"
#undef KF_ONNX_GATE
#define KF_TF_OPERATOR(from, form, op) "tensorflow:" #from,
#include "../tensorflow/operators.def"
#undef KF_TF_OPERATOR
    "width:bias",
    "lookup:size",
#define KF_SHAPE(name, classes, apply) "shape:" name,
#define KF_SHAPE_OF(name, classes)     "shape:" #name,
#include "../adapt/shapes/shapes.def"
#undef KF_SHAPE
#undef KF_SHAPE_OF
};

const char *kf_rule_name(size_t index)
{
    return index < sizeof(names) / sizeof(names[0]) ? names[index] : 0;
}
