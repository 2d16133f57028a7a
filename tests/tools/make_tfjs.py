#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the layers models of TensorFlow.js of tests/golden and tests/fuzz/corpora/tfjs; needs nothing but Python.

    tests/tools/make_tfjs.py
"""
import copy
import json
import pathlib
import struct

TESTS = pathlib.Path(__file__).resolve().parents[1]
GOLDEN, CORPUS = TESTS / "golden", TESTS / "fuzz" / "corpora" / "tfjs"


def layer(class_name, **config):
    return {"class_name": class_name, "config": config}


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


# As tensorflowjs_converter writes it of Keras 2.
KERAS = {
    "format": "layers-model", "generatedBy": "keras v2.4.0", "convertedBy": "TensorFlow.js Converter v4.22.0",
    "modelTopology": {
        "keras_version": "2.4.0", "backend": "tensorflow",
        "model_config": {"class_name": "Sequential", "config": {"name": "m", "layers": [
            layer("InputLayer", batch_input_shape=[None, 4, 2], dtype="float32", sparse=False, ragged=False, name="in"),
            layer("LSTM", name="lstm", trainable=True, dtype="float32", units=1, activation="tanh", recurrent_activation="sigmoid", use_bias=True),
            layer("Dense", name="dense", trainable=True, dtype="float32", units=2, activation="linear", use_bias=True)]}},
        "training_config": {"loss": "mse", "metrics": None, "weighted_metrics": None, "loss_weights": None,
                            "optimizer_config": {"class_name": "SGD", "config": {"name": "SGD", "learning_rate": 0.5, "decay": 0.0, "momentum": 0.0, "nesterov": False}}}},
    "weightsManifest": [
        {"paths": ["shard_1.bin", "shard_2.bin"], "weights": [
            {"name": "lstm/lstm_cell/kernel", "shape": [2, 4], "dtype": "float32"},
            {"name": "lstm/lstm_cell/recurrent_kernel", "shape": [1, 4], "dtype": "float32", "quantization": {"dtype": "float16", "original_dtype": "float32"}},
            {"name": "lstm/lstm_cell/bias", "shape": [4], "dtype": "float32"}]},
        {"paths": ["shard_3.bin"], "weights": [
            {"name": "dense/kernel", "shape": [1, 2], "dtype": "float32", "quantization": {"min": -0.5, "scale": 0.25, "dtype": "uint8", "original_dtype": "float32"}},
            {"name": "dense/bias", "shape": [2], "dtype": "float32", "quantization": {"min": 1, "scale": 0.5, "dtype": "uint16", "original_dtype": "float32"}}]}]}
BYTES = floats(*range(8)) + struct.pack("<4e", 0.5, -0.25, 1, 65504) + floats(-1, -2, -3, -4)
SHARDS = {"shard_1.bin": BYTES[:14], "shard_2.bin": BYTES[14:], "shard_3.bin": struct.pack("<2B2H", 0, 6, 0, 65535)}

# As TensorFlow.js saves what it made.
OWN = {
    "format": "layers-model", "generatedBy": "TensorFlow.js tfjs-layers v4.22.0", "convertedBy": None,
    "modelTopology": {
        "class_name": "Sequential", "keras_version": "tfjs-layers 4.22.0", "backend": "tensor_flow.js",
        "config": {"name": "sequential_1", "layers": [
            layer("Dense", units=2, activation="hard_sigmoid", use_bias=True, bias_regularizer=None, activity_regularizer=None,
                  kernel_initializer=layer("LeCunNormal", seed=None), name="dense_Dense1", trainable=True, batch_input_shape=[None, 4, 3], dtype="float32"),
            layer("Reshape", target_shape=[None, 4], name="reshape_Reshape1", trainable=True),
            layer("GRU", name="gru_GRU1", trainable=True, units=1, activation="tanh", recurrent_activation="hard_sigmoid", use_bias=False, implementation=None,
                  dropout=0, recurrent_dropout=0, return_sequences=False, return_state=False, go_backwards=False, stateful=False, unroll=False)]}},
    "trainingConfig": {"loss": "mean_squared_error", "metrics": ["accuracy"], "optimizer_config": {"class_name": "SGD", "config": {"learning_rate": 0.01}}},
    "weightsManifest": [{"paths": ["shard_1.bin"], "weights": [
        {"name": "dense_Dense1/kernel", "shape": [3, 2], "dtype": "float32"},
        {"name": "dense_Dense1/bias", "shape": [2], "dtype": "float32"},
        {"name": "gru_GRU1/kernel", "shape": [4, 3], "dtype": "float32"},
        {"name": "gru_GRU1/recurrent_kernel", "shape": [1, 3], "dtype": "float32"},
        {"name": "iter", "shape": [], "dtype": "int32", "group": "optimizer"}]}]}
OWN_SHARDS = {"shard_1.bin": floats(*(0.125 * i - 1 for i in range(23))) + struct.pack("<i", 5)}


def changed(document, *path, **values):
    """A copy in which the object at `path` got `values`."""
    document = copy.deepcopy(document)
    at = document
    for key in path:
        at = at[key]
    at.update(values)
    return document


def inserted(document, place, one):
    """A copy with another layer at `place`."""
    document = copy.deepcopy(document)
    document["modelTopology"]["config"]["layers"].insert(place, one)
    return document


def keras(*path, **values):
    return changed(KERAS, *path, **values), SHARDS


WEIGHT, OTHER = ("weightsManifest", 0, "weights", 0), ("weightsManifest", 1, "weights", 0)
LAYERS = ("modelTopology", "config", "layers")
CASES = {
    "keras": (KERAS, SHARDS),
    "own": (OWN, OWN_SHARDS),
    "own_masking_refused": (inserted(OWN, 1, layer("Masking", mask_value=0, name="masking", trainable=True)), OWN_SHARDS),
    "own_axis_refused": (changed(OWN, *LAYERS, 1, **layer("BatchNormalization", axis=1, center=False, scale=False, name="norm", trainable=True)), OWN_SHARDS),
    "behind_refused": (KERAS, {**SHARDS, "shard_3.bin": SHARDS["shard_3.bin"] + b"\0"}),
    "short_refused": (KERAS, {**SHARDS, "shard_2.bin": SHARDS["shard_2.bin"][:-1]}),
    "missing_refused": (KERAS, {"shard_2.bin": SHARDS["shard_2.bin"]}),
    "stranger_refused": (KERAS, {**SHARDS, "shard_4.bin": b"1234"}),
    "path_refused": keras("weightsManifest", 0, paths=["../shard_1.bin", "shard_2.bin"]),
    "path_twice_refused": keras("weightsManifest", 0, paths=["shard_1.bin", "shard_1.bin"]),
    "shape_refused": keras(*WEIGHT, shape=[2, -4]),
    "overflow_refused": keras(*WEIGHT, shape=[1 << 62, 1 << 62]),
    "dtype_refused": keras(*WEIGHT, dtype="string"),
    "quantized_int_refused": keras(*OTHER, dtype="int32"),
    "scale_refused": keras(*OTHER, quantization={"dtype": "uint8", "min": 0}),
    "name_twice_refused": keras(*OTHER, name="lstm/lstm_cell/bias"),
    "name_unknown_refused": keras(*OTHER, name="other/kernel"),
    "taken_twice_refused": keras(*OTHER, name="lstm/kernel"),
    "keras3_refused": keras("modelTopology", keras_version="3.5.0"),
    "no_topology_refused": keras(modelTopology=None),
    "manifest_refused": keras(weightsManifest={"paths": []}),
}


def main():
    CORPUS.mkdir(parents=True, exist_ok=True)
    for name, (document, shards) in CASES.items():
        folder = GOLDEN / f"tfjs_{name}"
        folder.mkdir(exist_ok=True)
        text = json.dumps(document)
        (folder / "in.json").write_text(text + "\n")
        for shard, data in shards.items():
            (folder / shard).write_bytes(data)
        # The fuzzer's input: the document, a NUL, and one shard.
        (CORPUS / name).write_bytes(text.replace("shard_1.bin", "w.bin").encode() + b"\0" + b"".join(shards.values()))


if __name__ == "__main__":
    main()
