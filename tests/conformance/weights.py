"""Builds the same small models in any Keras and saves them as weights and architecture.

    weights.py OUT [FILTER]     OUT/<environment>_<id>.json, .npz, .weights.h5; of Keras 2.15 also .legacy.h5, of Keras 3.15
                                also .weights.json with its shards; OUT/MANIFEST.tsv gets this Keras's lines
    weights.py --arrays OUT     OUT/<environment>_<id>.arrays.npz of what stands there: model.get_weights() by numpy.savez

Every class of layer that has variables, and every way in which layers hold layers. Run it in each environment with the same OUT.
"""
import csv
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np

try:
    import tf_keras as keras
except ImportError:
    import keras

import samples

L = keras.layers
VERSION = tuple(int(part) for part in keras.__version__.split(".")[:2])
ENVIRONMENTS = {(2, 13): "k213", (2, 15): "k2", (2, 21): "ktf", (3, 0): "k30", (3, 15): "k3"}
ENVIRONMENT = ENVIRONMENTS[VERSION]


def chain(shape, *layers, dtype="float32"):
    """A functional model of layers one behind the other."""
    end = start = keras.Input(shape, dtype=dtype, name="in_0")
    for layer in layers:
        end = layer(end)
    return keras.Model(start, end)


def sequential(shape, *layers):
    return keras.Sequential([keras.Input(shape), *layers])


def inner(name):
    """A model to be used as a layer."""
    start = keras.Input((4,), name=f"{name}_in")
    middle = L.Dense(4, activation="relu", name=f"{name}_a")(start)
    return keras.Model(start, L.BatchNormalization(name=f"{name}_norm")(L.Dense(4, name=f"{name}_b")(middle)), name=name)


def frozen(layer):
    layer.trainable = False
    return layer


def shared():
    start, layer = keras.Input((4,), name="in_0"), L.Dense(4, name="both")
    return keras.Model(start, L.Add()([layer(L.Dense(4)(start)), layer(start)]))


def nested_twice():
    start, model = keras.Input((4,), name="in_0"), inner("part")
    return keras.Model(start, L.Dense(2)(model(model(start))))


def partly_frozen():
    model = inner("part")
    model.layers[1].trainable = False
    return chain((4,), L.Dense(4), model)


def branches():
    start = keras.Input((4,), name="in_0")
    left, right = L.Dense(4, name="z_left")(start), L.Dense(4, name="a_right")(L.Dense(4, name="m_first")(start))
    return keras.Model(start, [L.Add()([left, right]), L.Dense(3, name="head")(right)])


def attention(**config):
    start = keras.Input((5, 4), name="in_0")
    return keras.Model(start, L.MultiHeadAttention(2, 3, name="mha", **config)(start, start))


def scores(layer):
    start = keras.Input((5, 4), name="in_0")
    return keras.Model(start, layer([start, L.Dense(4)(start)]))


def masked():
    return chain((6,), L.Embedding(9, 4, mask_zero=True), L.LSTM(3), dtype="int32")


def masked_add():
    start = keras.Input((6,), dtype="int32", name="in_0")
    both = L.Add()([L.Embedding(9, 4, mask_zero=True)(start), L.Embedding(9, 4, mask_zero=True)(start)])
    return keras.Model(start, L.LSTM(3)(both))


CASES = {
    "dense": lambda: chain((3,), L.Dense(4, activation="tanh"), L.Dense(2, use_bias=False)),
    "sequential": lambda: sequential((3,), L.Dense(4), L.Dropout(0.5), L.Dense(5), L.Flatten(), L.Dense(2)),
    "twelve_dense": lambda: sequential((3,), *[L.Dense(3 + i % 2) for i in range(12)]),
    "einsum_dense": lambda: chain((5, 4), L.EinsumDense("abc,cd->abd", (None, 6), bias_axes="d")),
    "embedding": lambda: chain((6,), L.Embedding(9, 4), dtype="int32"),
    "conv1d": lambda: chain((8, 3), L.Conv1D(4, 3), L.Conv1DTranspose(2, 3)),
    "conv2d": lambda: chain((8, 8, 3), L.Conv2D(4, 3), L.Conv2DTranspose(2, 3, use_bias=False)),
    "conv3d": lambda: chain((4, 4, 4, 2), L.Conv3D(3, 2), L.Conv3DTranspose(2, 2)),
    "depthwise": lambda: chain((8, 8, 3), L.DepthwiseConv2D(3, depth_multiplier=2), L.Reshape((6, 36)), L.DepthwiseConv1D(2)),
    "separable": lambda: chain((8, 8, 3), L.SeparableConv2D(4, 3), L.Reshape((6, 24)), L.SeparableConv1D(3, 2)),
    "prelu": lambda: chain((4, 3), L.PReLU(), L.PReLU(shared_axes=[1])),
    "batch_norm": lambda: chain((4,), L.BatchNormalization(), L.BatchNormalization(scale=False), L.BatchNormalization(center=False)),
    "batch_norm_frozen": lambda: chain((4,), frozen(L.BatchNormalization()), L.Dense(3), frozen(L.Dense(2))),
    "layer_norm": lambda: chain((5, 4), L.LayerNormalization(), L.GroupNormalization(2), L.LayerNormalization(axis=1, center=False)),
    "normalization": lambda: chain((4,), L.Normalization(), L.Dense(2)),
    "simple_rnn": lambda: chain((5, 3), L.SimpleRNN(4, return_sequences=True), L.SimpleRNN(2, use_bias=False)),
    "lstm": lambda: chain((5, 3), L.LSTM(4, return_sequences=True), L.LSTM(3)),
    "gru": lambda: chain((5, 3), L.GRU(4, return_sequences=True), L.GRU(3, reset_after=False)),
    "hard_gates": lambda: chain((5, 3), L.LSTM(4, recurrent_activation="hard_sigmoid")),
    "cells": lambda: chain((5, 3), L.RNN([L.LSTMCell(4), L.GRUCell(3), L.LSTMCell(2)], return_sequences=True), L.RNN(L.SimpleRNNCell(2))),
    "conv_lstm": lambda: chain((3, 6, 6, 2), L.ConvLSTM2D(2, 3, recurrent_activation="sigmoid")),
    "conv_lstm_others": lambda: chain((3, 6, 2), L.ConvLSTM1D(2, 3, recurrent_activation="sigmoid"), L.Reshape((1, 2, 2, 2, 1)),
                                      L.ConvLSTM3D(2, 1, recurrent_activation="sigmoid")),
    "bidirectional": lambda: chain((5, 3), L.Bidirectional(L.LSTM(4, return_sequences=True)), L.Bidirectional(L.GRU(2), merge_mode="sum")),
    "bidirectional_named": lambda: chain((5, 3), L.Bidirectional(L.LSTM(3, name="fw"), backward_layer=L.LSTM(3, go_backwards=True, name="bw"))),
    "time_distributed": lambda: chain((5, 4), L.TimeDistributed(L.Dense(3)), L.TimeDistributed(L.BatchNormalization())),
    "time_distributed_model": lambda: chain((5, 4), L.TimeDistributed(inner("part"))),
    "time_distributed_rnn": lambda: chain((2, 5, 4), L.TimeDistributed(L.LSTM(3))),
    "attention": lambda: scores(L.Attention(use_scale=True)),
    "attention_concat": lambda: scores(L.Attention(use_scale=True, score_mode="concat")),
    "additive_attention": lambda: scores(L.AdditiveAttention()),
    "multi_head": attention,
    "multi_head_no_bias": lambda: attention(use_bias=False, value_dim=2, output_shape=3),
    "nested": lambda: chain((4,), L.Dense(4), inner("one"), inner("two"), L.Dense(2)),
    "nested_deep": lambda: chain((4,), chain((4,), inner("deep"), L.Dense(4)), L.Dense(2)),
    "nested_sequential": lambda: sequential((4,), sequential((4,), L.Dense(4), L.LayerNormalization()), L.Dense(2)),
    "nested_frozen": lambda: chain((4,), frozen(inner("part")), L.Dense(2)),
    "nested_partly_frozen": partly_frozen,
    "nested_twice": nested_twice,
    "shared": shared,
    "branches": branches,
    "masked": masked,
    "masked_add": masked_add,
    "named_1d": lambda: chain((6,), L.Embedding(9, 4, name="words"), L.Conv1D(4, 2, name="near"), L.SeparableConv1D(4, 2, name="far"),
                              L.LayerNormalization(name="even"), dtype="int32"),
    "named_2d": lambda: chain((8, 8, 3), L.Conv2D(4, 3, name="first"), L.DepthwiseConv2D(2, name="second"), L.SeparableConv2D(3, 2, name="third"),
                              L.BatchNormalization(name="even"), L.PReLU(name="bent"), L.Flatten(name="flat"), L.Dense(2, name="head")),
    "named_3d": lambda: chain((4, 4, 4, 2), L.Conv3D(3, 2, name="first")),
    "activation": lambda: chain((4,), L.Dense(3), L.Activation("hard_sigmoid"), L.Dense(2), L.Activation("relu")),
}


def fill(model, rng):
    """Weights that tell one variable from another; what is a variance or a count stays one."""
    filled = []
    for variable in model.weights:
        name = getattr(variable, "path", variable.name)
        values = rng.uniform(-0.6, 0.6, tuple(variable.shape))
        if "variance" in name or "count" in name:
            values = np.abs(values) + 1
        filled.append(values.astype(getattr(variable.dtype, "name", variable.dtype)))
    model.set_weights(filled)


def specs(model):
    return [([None if d is None else int(d) for d in t.shape], getattr(t.dtype, "name", None) or str(t.dtype)) for t in model.inputs]


def shard_size(model):
    """In GB, so that there are at least two shards where there are two weights."""
    sizes = [4 * int(np.prod(variable.shape)) for variable in model.weights]
    return max(max(sizes), sum(sizes) / 2) * 1.01 / 1024 ** 3


def save(model, stem):
    pathlib.Path(f"{stem}.json").write_text(model.to_json())
    model.save_weights(f"{stem}.weights.h5")
    if ENVIRONMENT == "k2":
        model.save_weights(f"{stem}.legacy.h5")
    if ENVIRONMENT == "k3":
        model.save_weights(f"{stem}.weights.json", max_shard_size=shard_size(model))


def reference(model, weights, path):
    """Of a model that loaded the weights: a Normalization looks at them only then."""
    model.load_weights(weights)
    inputs = samples.make_inputs(specs(model), limit=9)
    outputs = samples.flat(model.predict(inputs[0] if len(inputs) == 1 else inputs, verbose=0))
    assert not samples.weak(outputs), path
    samples.write(path, inputs, outputs, [t.name for t in model.inputs])


def make(out, id):
    keras.backend.clear_session()
    keras.utils.set_random_seed(1)
    model = CASES[id]()
    fill(model, np.random.default_rng(sorted(CASES).index(id)))
    stem = out / f"{ENVIRONMENT}_{id}"
    save(model, stem)
    reference(CASES[id](), f"{stem}.weights.h5", f"{stem}.npz")
    return {"id": stem.name, "group": ENVIRONMENT, "tolerance": "1e-5", "keras_version": keras.__version__}


def save_arrays(out):
    """Every third compressed, every fifth column-major, every seventh big-endian: numpy reads them all the same."""
    for i, path in enumerate(sorted(out.glob(f"{ENVIRONMENT}_*.json"))):
        stem = str(path)[:-len(".json")]
        if stem.endswith(".weights"):
            continue
        model = keras.models.model_from_json(path.read_text())
        model.load_weights(f"{stem}.weights.h5")
        arrays = model.get_weights()
        arrays = [np.asfortranarray(a) for a in arrays] if i % 5 == 0 else arrays
        arrays = [a.astype(a.dtype.newbyteorder(">")) for a in arrays] if i % 7 == 0 else arrays
        (np.savez_compressed if i % 3 == 0 else np.savez)(f"{stem}.arrays.npz", *arrays)


def main():
    if sys.argv[1] == "--arrays":
        return save_arrays(pathlib.Path(sys.argv[2]))
    out, wanted = pathlib.Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""
    out.mkdir(parents=True, exist_ok=True)
    lines = [make(out, id) for id in CASES if wanted in id]
    manifest = out / "MANIFEST.tsv"
    kept = list(csv.DictReader(manifest.open(), delimiter="\t")) if manifest.exists() else []
    kept = [line for line in kept if line["id"] not in {made["id"] for made in lines}]
    with manifest.open("w") as file:
        table = csv.DictWriter(file, list(lines[0]), delimiter="\t", lineterminator="\n")
        table.writeheader()
        table.writerows(sorted(kept + lines, key=lambda line: line["id"]))


if __name__ == "__main__":
    main()
