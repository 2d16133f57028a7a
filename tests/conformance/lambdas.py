"""Builds small models with a Lambda each, in any Keras: what is understood, and what must be refused.

    lambdas.py OUT      OUT/<environment>_<id>.h5 (.keras of Keras 3) and .npz; OUT/MANIFEST.tsv gets this Keras's lines

Run it in each environment with the same OUT: the bytecode is that of the environment's Python.
"""
import csv
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
import keras
import samples

try:
    import tensorflow as tf
except ImportError:
    tf = None
from keras import backend as K

ops = getattr(keras, "ops", None)
L = keras.layers
VERSION = tuple(int(part) for part in keras.__version__.split(".")[:2])
ENVIRONMENT = {1: "k1", 2: "k211" if VERSION == (2, 11) else "k2", 3: "k3"}[VERSION[0]]
FACTOR = 3.0


def distance(pair):
    """As siamese networks have it."""
    x, y = pair
    total = K.sum(K.square(x - y), axis=1, keepdims=True)
    return K.sqrt(K.maximum(total, K.epsilon()))


def halves(x):
    first = x[:, :2]
    second = x[:, 2:]
    first += second * 0.5
    return first


def closed_over():
    factor = 2.5
    return lambda x: x * factor


def looped(x):
    for _ in range(2):
        x = x * 2.0
    return x


# id: (shapes of the inputs, function, other arguments of Lambda)
OLD = {
    "scaled": ((4,), lambda x: x / 127.5 - 1.0, {}),
    "turned": ((4,), lambda x: 1 - 2 * x, {}),
    "folded": ((4,), lambda x: x * (1.0 / K.epsilon()) * 1e-7, {}),
    "power": ((4,), lambda x: x ** 2 + abs(-x), {}),
    "modulo": ((4,), lambda x: x % 0.25, {}),
    "same": ((4,), lambda x: x, {}),
    "index": ((5, 4), lambda x: x[:, 0], {}),
    "slice": ((5, 4), lambda x: x[:, 1:3, ::2], {}),
    "slice_end": ((5, 4), lambda x: x[:, -1, :], {}),
    "halves": ((4,), halves, {}),
    "arguments": ([(4,), (4,)], lambda inputs, scale: inputs[0] + inputs[1] * scale, {"arguments": {"scale": 0.17}}),
    "defaults": ((4,), lambda x, scale=2.0, offset=-1.0: x * scale + offset, {"arguments": {"offset": 0.5}}),
    "distance": ([(4,), (4,)], distance, {}),
    "difference": ([(4,), (4,)], lambda t: K.abs(t[0] - t[1]), {}),
    "mean": ((5, 4), lambda x: K.mean(x, axis=1), {}),
    "sum": ((5, 4), lambda x: K.sum(x, axis=-1, keepdims=True), {}),
    "max": ((5, 4), lambda x: K.max(x, axis=1), {}),
    "min": ((5, 4), lambda x: K.min(x, axis=[1, 2], keepdims=True), {}),
    "prod": ((5, 4), lambda x: K.prod(x, axis=1), {}),
    "std": ((5, 4), lambda x: K.std(x, axis=1), {}),
    "var": ((5, 4), lambda x: K.var(x, axis=1), {}),
    "l2_normalize": ((4,), lambda x: K.l2_normalize(x, axis=1), {}),
    "expand": ((4,), lambda x: K.expand_dims(x), {}),
    "expand_at": ((4,), lambda x: K.expand_dims(x, 1), {}),
    "squeeze": ((1, 4), lambda x: K.squeeze(x, 1), {}),
    "reshape": ((4,), lambda x: K.reshape(x, (-1, 2, 2)), {}),
    "permute": ((5, 4), lambda x: K.permute_dimensions(x, (0, 2, 1)), {}),
    "concatenate": ([(4,), (3,)], lambda t: K.concatenate([t[0], t[1]], axis=1), {}),
    "reverse": ((5, 4), lambda x: K.reverse(x, 1), {}),
    "repeat_elements": ((5, 4), lambda x: K.repeat_elements(x, 2, axis=1), {}),
    "tile": ((4,), lambda x: K.tile(x, (1, 3)), {}),
    "clip": ((4,), lambda x: K.clip(x, -0.5, 0.5), {}),
    "maximum": ([(4,), (4,)], lambda t: K.maximum(t[0], t[1]) + K.minimum(t[0], t[1]) * K.pow(t[0], 2), {}),
    "elementwise": ((4,), lambda x: K.exp(K.sin(x)) + K.sign(x) * K.cos(x) + K.log(K.square(x) + 1.0) + K.round(x), {}),
    "activations": ((4,), lambda x: K.relu(x) + K.sigmoid(x) + K.tanh(x) + K.softmax(x) + K.softplus(x) + K.elu(x), {}),
    "sequence": (None, lambda x: K.mean(x / 255.0, axis=1), {}),
}
# Keras 1 has no K.stack; the functions of TensorFlow are called by names of today.
NEW = {
    "stack": ([(4,), (4,)], lambda t: K.stack([t[0], t[1]], axis=1), {}),
    "cast": ((4,), lambda x: K.cast(x, "float32") * K.ones_like(x) + K.zeros_like(x) + tf.identity(x) + K.stop_gradient(x), {}),
    "floor_divide": ((4,), lambda x: x // 0.25, {}),
    "matmul": ([(5, 4), (4, 3)], lambda t: tf.matmul(t[0], t[1]) + t[0] @ t[1], {}),
    "tf_operators": ([(4,), (4,)], lambda t: tf.subtract(tf.add(t[0], t[1]), tf.multiply(t[0], 2.0)) + tf.divide(t[0], 4.0) + tf.negative(t[1]), {}),
    "tf_roots": ((4,), lambda x: tf.sqrt(tf.square(x)) + tf.math.rsqrt(tf.square(x) + 1.0) + tf.math.squared_difference(x, 1.0), {}),
    "tf_reduce": ((5, 4), lambda x: tf.reduce_mean(x, [1, 2]), {}),
    "tf_norm": ((5, 4), lambda x: tf.norm(x, axis=-1), {}),
    "tf_expand": ((4,), lambda x: tf.expand_dims(x, axis=-1), {}),
    "tf_transpose": ((5, 4), lambda x: tf.transpose(x, [0, 2, 1]), {}),
    "tf_concat": ([(4,), (3,)], lambda t: tf.concat(t, axis=-1), {}),
    "tf_clip": ((4,), lambda x: tf.clip_by_value(x, -0.5, 0.25), {}),
    "tf_pad": ((5, 4), lambda x: tf.pad(x, [[0, 0], [1, 2], [0, 0]]), {}),
    "tf_resize": ((4, 4, 3), lambda x: tf.image.resize(x, (8, 6)), {}),
    "tf_depth": ((4, 4, 4), lambda x: tf.nn.space_to_depth(tf.nn.depth_to_space(x, 2), 2), {}),
    "tf_activations": ((4,), lambda x: tf.nn.relu6(x) + tf.nn.leaky_relu(x, alpha=0.1) + tf.nn.silu(x), {}),
    "newaxis": ((4,), lambda x: x[:, tf.newaxis, :], {}),
    "ellipsis": ((5, 4), lambda x: x[..., 1], {}),
    "keras_name": ((4,), lambda x: keras.backend.abs(x) + tf.keras.backend.square(x), {}),
}
KERAS3 = {
    "scaled": ((4,), lambda x: x / 127.5 - 1.0, {}),
    "distance": ([(4,), (4,)], lambda t: ops.sqrt(ops.sum(ops.square(t[0] - t[1]), axis=1, keepdims=True)), {}),
    "expand": ((4,), lambda x: ops.expand_dims(x, axis=-1), {}),
    "concatenate": ([(3, 2), (4, 2)], lambda t: keras.ops.concatenate([t[0], t[1]], axis=1), {}),
    "arguments": ((4,), lambda x, scale: x * scale, {"arguments": {"scale": 0.25}}),
    "sequence": (None, lambda x: ops.mean(x, axis=1), {}),
}
REFUSED = {
    "closure": ((4,), closed_over(), {}),
    "global": ((4,), lambda x: x * FACTOR, {}),
    "loop": ((4,), looped, {}),
    "choice": ((4,), lambda x: x if FACTOR > 4 else -x, {}),
    "method": ((4,), lambda x: x * len(x.shape), {}),
    "inner": ((4,), lambda x: (lambda y: y * 2.0)(x), {}),
    "unknown": ((4,), lambda x: K.mean(x, **{"axis": 1}), {}),
}


def build(shapes, function, options):
    if shapes is None:
        dense = dict(output_dim=6) if VERSION[0] == 1 else dict(units=6)
        first = L.LSTM(input_shape=(5, 4), return_sequences=True, inner_activation="sigmoid", **dense) if VERSION[0] == 1 else \
            L.LSTM(6, return_sequences=True, recurrent_activation="sigmoid")
        begin = [] if VERSION[0] == 1 else [keras.Input((5, 4))]
        return keras.models.Sequential(begin + [first, L.Lambda(function, **options), L.Dense(3)])
    many = isinstance(shapes, list)
    inputs = [L.Input(shape, name="in_%d" % i) for i, shape in enumerate(shapes if many else [shapes])]
    output = L.Lambda(function, name="computed", **options)(inputs if many else inputs[0])
    return keras.models.Model(inputs, output)


def specs(model):
    return [([None if d is None else int(d) for d in getattr(t, "_keras_shape", None) or t.shape], "float32") for t in model.inputs]


def make(out, id, case, expect):
    shapes, function, options = case
    np.random.seed(1)
    model = build(shapes, function, options)
    stem = out / ("%s_%s" % (ENVIRONMENT, id))
    model.save("%s%s" % (stem, ".keras" if VERSION[0] == 3 else ".h5"))
    if expect == "right":
        inputs = samples.make_inputs(specs(model))
        outputs = samples.flat(model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0))
        assert not samples.weak(outputs), stem
        samples.write("%s.npz" % stem, inputs, outputs, ["in_%d" % i for i in range(len(inputs))])
    return {"id": stem.name, "group": ENVIRONMENT, "expect": expect, "tolerance": "1e-5", "keras_version": keras.__version__}


def cases():
    chosen = {3: KERAS3, 1: OLD}.get(VERSION[0]) or {**OLD, **NEW}
    for id, case in chosen.items():
        if (VERSION[0], id) != (1, "same"):  # Keras 1 takes what a Lambda passes on for an input of its model
            yield id, case, "right"
    if VERSION[0] == 2:
        for id, case in REFUSED.items():
            yield id, case, "refused"


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    lines = [make(out, id, case, expect) for id, case, expect in cases()]
    manifest = out / "MANIFEST.tsv"
    kept = list(csv.DictReader(manifest.open(), delimiter="\t")) if manifest.exists() else []
    kept = [line for line in kept if line["group"] != ENVIRONMENT]
    with manifest.open("w") as file:
        table = csv.DictWriter(file, list(lines[0]), delimiter="\t", lineterminator="\n")
        table.writeheader()
        table.writerows(sorted(kept + lines, key=lambda line: line["id"]))


if __name__ == "__main__":
    main()
