"""Builds models that the other zoos do not have alone, for the rows of ONNX that nothing else proves: runs in Keras 3.15.

    zoo_onnx.py OUT    <id>.keras, <id>.npz and MANIFEST.tsv
"""
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
import keras
import numpy as np

import samples

L, O = keras.layers, keras.ops


def operation(function, shape=(4, 6)):
    def build():
        x = L.Input(shape, name="x")
        return keras.Model(x, function(x))
    return build


def layer(make, shape, dtype="float32"):
    def build():
        x = L.Input(shape, dtype=dtype, name="x")
        return keras.Model(x, make()(x))
    return build


def chain(shape, *makes, dtype="float32"):
    def build():
        x = y = L.Input(shape, dtype=dtype, name="x")
        for make in makes:
            y = make()(y)
        return keras.Model(x, y)
    return build


def residual():
    """Convolutions whose outputs are added and joined, and a shape that is not known."""
    x = L.Input((None, None, 3), name="x")
    y = L.Conv2D(4, 3, strides=2, padding="same", activation="relu")(x)
    z = L.BatchNormalization()(L.Conv2D(4, 3, padding="same")(y))
    z = L.PReLU(shared_axes=[1, 2])(L.Add()([y, z]))
    z = L.Concatenate()([z, L.MaxPooling2D(3, strides=1, padding="same")(y)])
    z = L.Conv2DTranspose(2, 3, strides=2, padding="same")(z)
    return keras.Model(x, L.GlobalAveragePooling2D()(L.Softmax()(z)))


GROUPS = {
    "operation": {
        "divide": operation(lambda x: O.divide(x, O.sigmoid(x))),
        "amax": operation(lambda x: O.amax(x, axis=1)),
        "amin": operation(lambda x: O.amin(x, axis=(1, 2))),
        "convert_to_tensor": operation(lambda x: O.convert_to_tensor(x) * 2),
        "hard_sigmoid": operation(lambda x: O.hard_sigmoid(x * 3)),
        "hard_silu": operation(lambda x: O.hard_silu(x * 3)),
        "hard_tanh": operation(lambda x: O.hard_tanh(x)),
        "tanh_shrink": operation(lambda x: O.tanh_shrink(x)),
        "sparse_plus": operation(lambda x: O.sparse_plus(x)),
        "sparse_sigmoid": operation(lambda x: O.sparse_sigmoid(x)),
        "celu": operation(lambda x: O.celu(x, 0.7)),
        "log2": operation(lambda x: O.log2(O.abs(x) + 1)),
        "log10": operation(lambda x: O.log10(O.abs(x) + 1)),
        "full_like": operation(lambda x: O.full_like(x, 2.5) + x),
        "moveaxis": operation(lambda x: O.moveaxis(x, 1, 2)),
        "mod": operation(lambda x: O.mod(x, 0.7)),
        "clip_tensors": operation(lambda x: O.clip(x, -0.3, 0.4)),
    },
    "gate": {
        name: chain((5, 3), lambda name=name: L.LSTM(4, activation=name, return_sequences=True),
                    lambda name=name: L.GRU(3, activation=name))
        for name in ("softsign", "softplus", "linear", "elu", "leaky_relu")
    },
    "activation": {
        "hard_swish": layer(lambda: L.Dense(4, activation="hard_swish"), (6,)),
    },
    "free": {
        "residual": residual,
        "free_steps": chain((None,), lambda: L.Embedding(10, 4, mask_zero=True), lambda: L.Bidirectional(L.GRU(3, return_sequences=True)),
                            lambda: L.LSTM(4), dtype="int32"),
        "free_conv1d": chain((None, 3), lambda: L.Conv1D(4, 3, padding="same", strides=2), lambda: L.Conv1D(3, 2, padding="causal", dilation_rate=2),
                             lambda: L.GlobalMaxPooling1D()),
        "free_time_distributed": chain((None, 5), lambda: L.TimeDistributed(L.Dense(3)), lambda: L.SimpleRNN(2)),
        "free_attention": chain((None, 8), lambda: Self(L.MultiHeadAttention(2, 3)), lambda: L.LayerNormalization(),
                                lambda: L.GlobalAveragePooling1D()),
        "free_up_sampling": chain((None, None, 2), lambda: L.UpSampling2D(2, interpolation="bilinear"), lambda: L.AveragePooling2D(2)),
    },
}


def Self(attention):
    """A MultiHeadAttention of a sequence with itself, each step looking back."""
    return lambda x: attention(x, x, use_causal_mask=True)


def save(out, id, make, seed):
    keras.utils.set_random_seed(seed)
    model = make()
    rng = np.random.default_rng(seed)
    model.set_weights([(rng.uniform(0.5, 1.5, w.shape) if "variance" in v.path else rng.uniform(-0.7, 0.7, w.shape)).astype(w.dtype)
                       for v, w in zip(model.weights, model.get_weights())])
    inputs = samples.make_inputs([(i.shape, i.dtype) for i in model.inputs], free=8)
    outputs = samples.flat(model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0))
    model.save(out / f"{id}.keras")
    samples.write(out / f"{id}.npz", inputs, outputs, [i.name for i in model.inputs])


def main(out):
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    with open(out / "MANIFEST.tsv", "w") as manifest:
        manifest.write("id\tgroup\ttolerance\n")
        for group, makes in GROUPS.items():
            for number, (id, make) in enumerate(makes.items()):
                save(out, f"{group}_{id}", make, number + 1)
                manifest.write(f"{group}_{id}\t{group}\t1e-05\n")


if __name__ == "__main__":
    main(sys.argv[1])
