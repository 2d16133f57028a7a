# SPDX-License-Identifier: Apache-2.0
"""A legacy .h5 of one Dense layer as large as one wants, as tf.keras 2.15 writes it."""

import io
import json

import h5py
import numpy as np


def model(size):
    """Bytes of a model with about `size` bytes of weights."""
    units = 1000
    inputs = max(1, size // 4 // units)
    config = {
        "class_name": "Sequential",
        "config": {
            "name": "large",
            "layers": [
                {
                    "class_name": "InputLayer",
                    "config": {
                        "batch_input_shape": [None, inputs], "dtype": "float32", "sparse": False,
                        "ragged": False, "name": "in_0",
                    },
                },
                {
                    "class_name": "Dense",
                    "config": {
                        "name": "dense", "trainable": True, "dtype": "float32", "units": units,
                        "activation": "linear", "use_bias": False,
                        "kernel_initializer": {"class_name": "Zeros", "config": {}},
                        "bias_initializer": {"class_name": "Zeros", "config": {}},
                        "kernel_regularizer": None, "bias_regularizer": None,
                        "activity_regularizer": None, "kernel_constraint": None, "bias_constraint": None,
                    },
                },
            ],
        },
    }
    out = io.BytesIO()
    with h5py.File(out, "w") as f:
        f.attrs["model_config"] = json.dumps(config)
        f.attrs["keras_version"], f.attrs["backend"] = "2.15.0", "tensorflow"
        weights = f.create_group("model_weights")
        weights.attrs["layer_names"] = [b"dense"]
        weights.attrs["keras_version"], weights.attrs["backend"] = b"2.15.0", b"tensorflow"
        group = weights.create_group("dense")
        group.attrs["weight_names"] = [b"dense/kernel:0"]
        kernel = np.random.default_rng(1).standard_normal((inputs, units), dtype=np.float32)
        group.create_dataset("dense/kernel:0", data=kernel)
    return out.getvalue()
