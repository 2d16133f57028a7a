"""Builds models with operations of TensorFlow in the graph, as TensorFlow 2.0-2.3 keeps them: TensorFlowOpLayer.

    op_layers.py OUT          <release>_<id>.h5 and .npz, and MANIFEST.tsv, to which each release adds its own

Runs in TensorFlow 2.1 to 2.3 (Python 3.7 or 3.8); packed in ../fixtures/op_layers.
"""
import csv
import os
import pathlib
import sys

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import numpy as np
import tensorflow as tf

import samples

K = tf.keras
L, raw = K.layers, tf.raw_ops
RELEASE = "tf" + "".join(tf.__version__.split(".")[:2])


def real(x):
    """Truth values and integers as floats."""
    return tf.cast(x, "float32")


def positive(x):
    return tf.abs(x) + 1.0


def small(x):
    return tf.tanh(x) * 0.9


# One operation each, of rows of six numbers.
ROWS = {
    "relu": tf.nn.relu, "relu6": tf.nn.relu6, "elu": tf.nn.elu, "selu": tf.nn.selu, "softplus": tf.nn.softplus, "softsign": tf.nn.softsign,
    "sigmoid": tf.sigmoid, "softmax": tf.nn.softmax, "log_softmax": tf.nn.log_softmax, "leaky_relu": lambda x: tf.nn.leaky_relu(x, 0.3),
    "swish": tf.nn.swish, "gelu": lambda x: 0.5 * x * (1.0 + tf.math.erf(x / 1.4142135)),
    "abs": tf.abs, "negative": lambda x: -x, "sign": tf.sign, "square": tf.square, "sqrt": lambda x: tf.sqrt(tf.abs(x)),
    "rsqrt": lambda x: tf.math.rsqrt(positive(x)), "exp": tf.exp, "expm1": tf.math.expm1, "log": lambda x: tf.math.log(positive(x)),
    "log1p": lambda x: tf.math.log1p(tf.abs(x)), "sin": tf.sin, "cos": tf.cos, "tan": tf.tan, "asin": lambda x: tf.asin(small(x)),
    "acos": lambda x: tf.acos(small(x)), "atan": tf.atan, "sinh": tf.sinh, "cosh": tf.cosh, "tanh": tf.tanh, "asinh": tf.asinh,
    "acosh": lambda x: tf.acosh(positive(x)), "atanh": lambda x: tf.atanh(small(x)), "floor": tf.floor, "ceil": tf.math.ceil, "round": tf.round,
    "rint": tf.math.rint, "reciprocal": lambda x: tf.math.reciprocal(positive(x)),
    "add": lambda x: x + 1.5, "add_first": lambda x: 2.0 + x, "add_old": lambda x: raw.Add(x=x, y=x), "add_n": lambda x: tf.add_n([x, x, x]),
    "subtract": lambda x: x - 0.5, "subtract_first": lambda x: 1.0 - x, "multiply": lambda x: x * 2.0, "divide": lambda x: x / 3.0,
    "divide_first": lambda x: 1.0 / positive(x), "divide_no_nan": lambda x: tf.math.divide_no_nan(x, tf.nn.relu(x)), "power": lambda x: x**2,
    "floor_divide": lambda x: x // 0.3, "modulo": lambda x: x % 0.3, "maximum": lambda x: tf.maximum(x, 0.1), "minimum": lambda x: tf.minimum(x, 0.1),
    "atan2": lambda x: tf.atan2(x, positive(x)), "squared_difference": lambda x: tf.math.squared_difference(x, 0.5),
    "clip": lambda x: tf.clip_by_value(x, -0.5, 0.5), "clip_whole": lambda x: raw.ClipByValue(t=x, clip_value_min=-0.5, clip_value_max=0.5),
    "bias_add": lambda x: tf.nn.bias_add(x, tf.constant([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])), "standardize": lambda x: (x - 127.5) / 127.5,
    "greater": lambda x: real(x > 0.0), "greater_equal": lambda x: real(x >= 0.0), "less": lambda x: real(x < 0.0), "less_equal": lambda x: real(x <= 0.0),
    "equal": lambda x: real(tf.equal(tf.round(x), 1.0)), "not_equal": lambda x: real(tf.not_equal(tf.round(x), 1.0)),
    "logical_and": lambda x: real(tf.logical_and(x > 0.0, x < 1.0)), "logical_or": lambda x: real(tf.logical_or(x > 1.0, x < 0.0)),
    "logical_not": lambda x: real(tf.logical_not(x > 0.0)), "where": lambda x: tf.where(x > 0.0, x, x * 0.1),
    "is_finite": lambda x: real(tf.math.is_finite(1.0 / tf.nn.relu(x))), "is_inf": lambda x: real(tf.math.is_inf(1.0 / tf.nn.relu(x))),
    "is_nan": lambda x: real(tf.math.is_nan(tf.math.log(x))), "cast": lambda x: real(tf.cast(x * 3.0, "int32")),
    "sum": lambda x: tf.reduce_sum(x, axis=1, keepdims=True), "mean": lambda x: tf.reduce_mean(x, axis=-1, keepdims=True),
    "max": lambda x: tf.reduce_max(x, axis=-1, keepdims=True), "min": lambda x: tf.reduce_min(x, axis=-1, keepdims=True),
    "prod": lambda x: tf.reduce_prod(x, axis=-1, keepdims=True), "any": lambda x: real(tf.reduce_any(x > 1.0, axis=-1, keepdims=True)),
    "all": lambda x: real(tf.reduce_all(x > -1.0, axis=-1, keepdims=True)), "std": lambda x: tf.math.reduce_std(x, axis=-1, keepdims=True),
    "euclidean_norm": lambda x: tf.math.reduce_euclidean_norm(x, axis=-1, keepdims=True), "l2_normalize": lambda x: tf.nn.l2_normalize(x, axis=-1),
    "argmax": lambda x: tf.one_hot(tf.argmax(x, axis=1), 6), "argmin": lambda x: tf.one_hot(tf.argmin(x, axis=1), 6, on_value=1.0, off_value=0.0),
    "cumsum": lambda x: tf.cumsum(x, axis=1), "cumprod": lambda x: tf.math.cumprod(x, axis=1), "top_k": lambda x: tf.math.top_k(x, 3)[0],
    "reshape": lambda x: tf.reshape(x, (-1, 2, 3)), "reshape_batch": lambda x: tf.reshape(x, [tf.shape(x)[0], 3, 2]),
    "concat": lambda x: tf.concat([x, x * 2.0], axis=-1), "stack": lambda x: tf.stack([x, x + 1.0], axis=1), "unstack": lambda x: tf.stack(tf.unstack(x, axis=1)[1:4], axis=1),
    "split": lambda x: tf.split(x, 2, axis=1)[1], "split_sizes": lambda x: tf.split(x, [2, 4], axis=1)[1], "expand_dims": lambda x: tf.expand_dims(x, 1),
    "tile": lambda x: tf.tile(x, [1, 2]), "gather": lambda x: tf.gather(x, [0, 2, 5], axis=1), "zeros_like": lambda x: x + raw.ZerosLike(x=x),
    "ones_like": lambda x: x + raw.OnesLike(x=x), "identity": tf.identity, "stop_gradient": tf.stop_gradient,
    "slice_range": lambda x: x[:, 1:4], "slice_last": lambda x: x[:, -2:], "slice_step": lambda x: x[:, ::2], "slice_new_axis": lambda x: x[:, tf.newaxis, :],
    "slice": lambda x: tf.slice(x, [0, 1], [-1, 3]), "matmul": lambda x: tf.matmul(x, tf.constant(np.arange(18.0).reshape(6, 3).astype("float32"))),
}
# And of images.
IMAGES = {
    "transpose": lambda x: tf.transpose(x, [0, 2, 1, 3]), "squeeze": lambda x: tf.squeeze(x[:, :1], axis=1), "mean_axes": lambda x: tf.reduce_mean(x, axis=[1, 2]),
    "pad": lambda x: tf.pad(x, [[0, 0], [1, 1], [2, 0], [0, 0]]), "pad_ones": lambda x: tf.pad(x, [[0, 0], [1, 1], [2, 0], [0, 0]], constant_values=1.0),
    "pad_reflect": lambda x: tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="REFLECT"), "reverse": lambda x: tf.reverse(x, axis=[1]),
    "pad_symmetric": lambda x: tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="SYMMETRIC"), "space_to_depth": lambda x: tf.nn.space_to_depth(x, 2),
    "depth_to_space": lambda x: tf.nn.depth_to_space(tf.concat([x, x], -1), 2), "resize": lambda x: tf.image.resize(x, (4, 9)),
    "resize_nearest": lambda x: tf.image.resize(x, (12, 3), method="nearest"), "slice_ellipsis": lambda x: x[..., 1], "slice_places": lambda x: x[:, 0, :, 1],
    "avg_pool": lambda x: tf.nn.avg_pool2d(x, 2, 2, "VALID"), "max_pool": lambda x: tf.nn.max_pool2d(x, 3, 1, "SAME"),
    "hard_swish": lambda x: x * tf.nn.relu6(x + 3.0) * 0.16666667, "matmul_batch": lambda x: tf.matmul(x, x, transpose_b=True),
    "matmul_old": lambda x: raw.BatchMatMul(x=x, y=x, adj_y=True),
}


def nested(x):
    inside = K.Input((6,))
    return K.Model(inside, tf.nn.relu6(L.Dense(4)(inside) * 2.0), name="inner")(x)


# What Keras 3 has no operation for.
REFUSED = {"refused_digamma": tf.math.digamma}
WHOLE = {"branches": lambda x: x * L.Dense(6)(x) + x, "dots": lambda x: tf.reduce_sum(x * L.Dense(6)(x), axis=-1, keepdims=True), "nested": nested}


def build(shape, function):
    entry = K.Input(shape, name="in_0")
    first = L.Dense(6, name="first") if len(shape) == 1 else L.Conv2D(2, 3, padding="same", name="first")
    return K.Model(entry, L.Dense(2, name="last")(L.Flatten()(function(first(entry)))))


def make(out, id, shape, function):
    K.backend.clear_session()
    tf.random.set_seed(1)
    model, stem = build(shape, function), out / ("%s_%s" % (RELEASE, id))
    inputs = samples.make_inputs([([None] + list(shape), "float32")])
    model.save("%s.h5" % stem)
    samples.write("%s.npz" % stem, inputs, samples.flat(model.predict(inputs[0])), ["in_0"])
    return {"id": stem.name, "group": RELEASE, "expect": "refused" if id in REFUSED else "right", "tolerance": "1e-5", "tensorflow": tf.__version__}


def cases():
    for shape, table in (((6,), {**ROWS, **WHOLE, **REFUSED}), ((6, 6, 2), IMAGES)):
        for id, function in table.items():
            yield id, shape, function


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    lines = []
    for id, shape, function in cases():
        try:
            lines.append(make(out, id, shape, function))
        except ValueError as error:  # 2.1 gives several nodes of a function one name, which HDF5 does not take
            if "name already exists" not in str(error):
                raise
            (out / ("%s_%s.h5" % (RELEASE, id))).unlink()
    manifest = out / "MANIFEST.tsv"
    kept = list(csv.DictReader(manifest.open(), delimiter="\t")) if manifest.exists() else []
    kept = [line for line in kept if line["group"] != RELEASE]
    with manifest.open("w") as file:
        table = csv.DictWriter(file, list(lines[0]), delimiter="\t", lineterminator="\n")
        table.writeheader()
        table.writerows(kept + lines)


if __name__ == "__main__":
    main()
