"""Builds models that the other zoos do not have alone, for the rows of ONNX that nothing else proves: runs in Keras 3.15.

    zoo_onnx.py OUT [PART]    <id>.keras, <id>.npz and MANIFEST.tsv; with PART only those of the ids that have it in them
"""
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
import keras
import numpy as np

import judge
import samples

L, O = keras.layers, keras.ops


def operation(function, shape=(4, 6)):
    def build():
        x = L.Input(shape, name="x")
        return keras.Model(x, function(x))
    return build


def operations(*functions, shapes=((4, 6),), dtype="float32"):
    """Operations of the same inputs, each an output of the model."""
    def build():
        inputs = [L.Input(shape, dtype=dtype, name=f"x{i}") for i, shape in enumerate(shapes)]
        return keras.Model(inputs, [function(*inputs) for function in functions])
    return build


def layer(make, shape, dtype="float32"):
    def build():
        x = L.Input(shape, dtype=dtype, name="x")
        return keras.Model(x, make()(x))
    return build


def act(name, dtype=None):
    return lambda x: L.Activation(name, dtype=dtype)(x)


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


def regions():
    """Operations between convolutions: of what they give, of what a block of one pixel says, and of constants for each channel."""
    x = L.Input((8, 9, 3), name="x")
    y = L.Conv2D(4, 3, padding="same")(x)
    z = y * O.relu6(y + 3.0) / 6.0 + y
    z = z * L.Conv2D(4, 1, activation="sigmoid")(L.Reshape((1, 1, 4))(L.GlobalAveragePooling2D()(z)))
    z = O.maximum(O.square(z) - CHANNELS, O.mean(z, axis=(1, 2), keepdims=True)) * CHANNELS[2]
    z = O.clip(O.leaky_relu(z, 0.1), -2.0, 1.5) + 2 ** O.tanh(O.cast(z, "float64"))
    z = L.Conv2D(3, 2)(O.softmax(O.isfinite(z) * O.silu(O.cast(z, "float32")), axis=-1))
    return keras.Model(x, O.mean(z, axis=(1, 2)) + O.gelu(O.mean(z, axis=(1, 2))))


def regions_unlike():
    """The same where shapes meet that have no common form: fewer axes, and pixels of a constant."""
    x = L.Input((4, 5, 3), name="x")
    y, row = L.Conv2D(3, 2)(x), L.Dense(3)(L.GlobalAveragePooling2D()(x))
    z = L.Conv2D(3, 1)(y + PIXELS) * O.reshape(row, (-1, 1, 1, 3))
    return keras.Model(x, [O.mean(z, axis=-1), O.mean(z, axis=(1, 3), keepdims=True) - z, O.softmax(y, axis=1), z + x[:, 1:, 1:], O.true_divide(z, 2)])


def scaled():
    """Layers that keras.applications has for its own."""
    from keras.src.applications import convnext, inception_resnet_v2
    x = L.Input((4, 5, 3), name="x")
    y = convnext.LayerScale(0.5, 6)(L.Conv2D(6, 2)(x))
    z = convnext.LayerScale(0.3, 3)(x)
    return keras.Model(x, [inception_resnet_v2.CustomScaleLayer(0.2)([y, L.ReLU()(y)]), inception_resnet_v2.CustomScaleLayer(0.3)([x, z])])


def heads(shape, **options):
    """Attention along several axes or beside some, with its scores."""
    def build():
        x, y = L.Input(shape, name="x"), L.Input(shape, name="y")
        return keras.Model([x, y], L.MultiHeadAttention(2, 3, **options)(x, y, return_attention_scores=True))
    return build


def masked(steps):
    """Words of which those where there is a 0 have no say, in a chain of recurrent layers."""
    def build():
        x = L.Input((len(steps),), dtype="int32", name="x")
        y = L.Embedding(10, 4, mask_zero=True)(O.multiply(x, np.array(steps, "int32")))
        y = L.Bidirectional(L.GRU(3, return_sequences=True))(y)
        y = L.LSTM(4, return_sequences=True)(y)
        return keras.Model(x, [y, L.SimpleRNN(3, go_backwards=True)(y)])
    return build


def fixed_batch(function):
    """A model for batches of one size."""
    def build():
        x = L.Input(batch_shape=(4, 4, 6), name="x")
        return keras.Model(x, function(x))
    return build


CHANNELS = np.array([-0.5, 0.1, 0.4, 0.8], "float32")
PIXELS = np.linspace(-1, 1, 12, dtype="float32").reshape(3, 4, 1)
BINS = np.array([-0.5, 0.0, 0.5], "float32")
BINS6 = np.linspace(-1, 1, 6, dtype="float32")
THREE = 3 * np.eye(3, dtype="float32")
SQUARE = np.linspace(-1, 1, 36, dtype="float32").reshape(6, 6)
KERNEL = np.linspace(-1, 1, 24, dtype="float32").reshape(2, 2, 3, 2)
CUBE = np.linspace(-1, 1, 60, dtype="float32").reshape(6, 5, 2)
# isin and inner of Keras 3.15 run no other way on TensorFlow.
EAGER = ("operation_counted", "operation_products")

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
        "order": operations(O.sort, O.argsort, lambda x: O.sort(x, axis=1), lambda x: O.sort(x, axis=None), lambda x: O.median(x, axis=(1, 2)),
                            lambda x: O.median(x, axis=1, keepdims=True), lambda x: O.digitize(x, BINS),
                            lambda x: O.searchsorted(BINS, O.reshape(x, (-1,)), side="right")),
        "counted": operations(lambda x: O.isin(O.round(x * 2), [0.0, 1.0]), lambda x: O.isin(O.round(x * 2), [0.0], invert=True),
                              lambda x: O.count_nonzero(O.relu(x), axis=1), lambda x: O.multi_hot(O.cast(O.sigmoid(x) * 5, "int32"), 5)),
        "steps": operations(lambda x: O.cumprod(x, axis=1), lambda x: O.cumprod(x, axis=-1),
                            lambda x: O.diff(x, n=2), lambda x: O.trapezoid(x, dx=0.5, axis=1), lambda x: O.ptp(x, axis=2)),
        "places": operations(lambda x, y: O.take_along_axis(x, O.cast(O.sigmoid(y) * 4, "int32"), axis=1), shapes=((4, 6), (4, 6))),
        "products": operations(lambda x, y: O.dot(x, SQUARE), lambda x, y: O.inner(x, SQUARE), lambda x, y: O.tensordot(x, CUBE, axes=1),
                               lambda x, y: O.tensordot(x, y, axes=[[0, 1], [0, 1]]), O.outer, lambda x, y: O.vdot(x, y) + x, shapes=((4, 6), (4, 6))),
        "cross": operations(O.cross, shapes=((4, 3), (4, 3))),
        "matrices": operations(O.tril, lambda x: O.triu(x, k=1), lambda x: O.diagonal(x, offset=-1, axis1=1, axis2=2),
                               lambda x: O.trace(x, axis1=1, axis2=2), shapes=((5, 5),)),
        "determinants": operations(O.det, lambda x: O.slogdet(x + THREE)[0], lambda x: O.slogdet(x + THREE)[1],
                                   lambda x: O.logdet(O.matmul(x, O.swapaxes(x, 1, 2)) + THREE), shapes=((3, 3),)),
        "normal": operations(lambda x: O.layer_normalization(x, axis=-1, epsilon=1e-3), lambda x: O.rms_normalization(x, axis=-1, epsilon=1e-3),
                             lambda x: O.batch_normalization(x, BINS6 * 0.1, BINS6 ** 2 + 1, axis=-1, offset=BINS6, scale=BINS6 - 2),
                             lambda x: O.moments(x, axes=[1])[0], lambda x: O.moments(x, axes=[1, 2], keepdims=True)[1],
                             lambda x: O.norm(O.reshape(x, (-1,))) + x, lambda x: O.normalize(x, axis=1),
                             lambda x: O.average(x, axis=1), lambda x: O.average(x, axis=2, weights=O.sigmoid(x)), lambda x: O.glu(x)),
        "joined": operations(lambda x, y: O.vstack([x, y]), lambda x, y: O.hstack([x, y]), lambda x, y: O.dstack([x, y]), O.append,
                             lambda x, y: O.append(x, y, axis=2), lambda x, y: O.ravel(x), lambda x, y: O.flipud(x), lambda x, y: O.fliplr(x),
                             lambda x, y: O.rot90(x, axes=(1, 2)), lambda x, y: O.rot90(x[:, :, :4], k=2, axes=(1, 2)),
                             lambda x, y: O.rot90(x, k=3, axes=(1, 2)), lambda x, y: O.slice(x, (0, 1, 2), (2, 2, 3)),
                             lambda x, y: O.select([x < -0.2, y > 0.2], [x * 2.0, y * 3.0], default=0.5), shapes=((4, 6), (4, 6))),
        "cut": operations(lambda x: O.array_split(x, 4, axis=2)[0], lambda x: O.array_split(x, 4, axis=2)[3], lambda x: O.hsplit(x, 2)[1],
                          lambda x: O.dsplit(x, [1, 4])[1]),
        "cut_batch": fixed_batch(lambda x: O.vsplit(x, 2)[1]),
        "real": operations(O.real, O.conjugate, O.imag, O.isreal, O.fabs, O.isfinite,
                           lambda x: O.isposinf(x / O.relu(x)), lambda x: O.isneginf(x / O.relu(x)), O.signbit, O.cbrt, O.exp2, O.deg2rad,
                           O.rad2deg, O.erfc, O.sinc),
        "images": operations(lambda x: O.image.resize(x, (4, 5)), lambda x: O.image.pad_images(x, 1, 2, target_height=10, target_width=12),
                             lambda x: O.image.crop_images(x, 1, 2, target_height=3, target_width=4), O.image.rgb_to_grayscale,
                             lambda x: O.conv(x, KERNEL, strides=2, padding="same"), lambda x: O.depthwise_conv(x, KERNEL, padding="valid"),
                             lambda x: O.space_to_depth(x, 2), lambda x: O.depth_to_space(O.concatenate([x, x, x, x], axis=-1), 2),
                             shapes=((6, 8, 3),)),
        "whole": operations(O.trunc, lambda x: O.saturate_cast(x * 300, "uint8"), lambda x: O.saturate_cast(x * 300, "int8"),
                            lambda x: O.sparsemax(x, axis=1)),
        "bent": operations(O.squareplus, O.hard_shrink, lambda x: O.soft_shrink(x, 0.3), lambda x: O.threshold(x, 0.2, 0.5)),
        "two": operations(lambda x, y: O.divide_no_nan(x, O.relu(y)), lambda x, y: O.heaviside(O.relu(x) - O.relu(y), y), O.fmax, O.fmin,
                          O.hypot, O.logaddexp, O.logaddexp2, lambda x, y: O.isclose(x, y, rtol=0.3, atol=0.1), O.arctan2,
                          lambda x, y: O.arctan2(O.relu(x), O.relu(y)), lambda x, y: O.arctan2(x, O.relu(y)), shapes=((4, 6), (4, 6))),
    },
    "gate": {
        name: chain((5, 3), lambda name=name: L.LSTM(4, activation=name, return_sequences=True),
                    lambda name=name: L.GRU(3, activation=name))
        for name in ("softsign", "softplus", "linear", "elu", "leaky_relu")
    },
    "activation": {
        "hard_swish": layer(lambda: L.Dense(4, activation="hard_swish"), (6,)),
    },
    "layer": {
        "scaled": scaled,
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
        "free_dilated": chain((None, None, 2), lambda: L.Conv2D(4, 3, padding="same", dilation_rate=2),
                              lambda: L.DepthwiseConv2D(2, padding="same", dilation_rate=3), lambda: L.Conv2D(3, 3, padding="same", dilation_rate=(1, 2))),
        "free_dilated1d": chain((None, 3), lambda: L.Conv1D(4, 3, padding="same", dilation_rate=2), lambda: L.GlobalMaxPooling1D()),
    },
    "bits": {  # of opset 18 and later
        "logic": operations(O.bitwise_and, O.bitwise_or, O.bitwise_xor, lambda x, y: O.bitwise_not(x), lambda x, y: O.bitwise_invert(y),
                            shapes=((4, 6), (4, 6)), dtype="int32"),
    },
    "words": {
        "mask": layer(lambda: L.StringLookup(vocabulary=["sun", "moon"], mask_token="dust"), (3,), "string"),
        "mask_counted": layer(lambda: L.StringLookup(vocabulary=["sun", "moon"], mask_token="dust", output_mode="count"), (3,), "string"),
        "there_and_back": chain((3,), lambda: L.StringLookup(vocabulary=["sun", "moon", "dust"]), lambda: L.Reshape((3, 1)),
                                lambda: L.StringLookup(vocabulary=["red", "green"], mask_token="none", oov_token="other", invert=True),
                                lambda: L.Flatten(), dtype="string"),
    },
    "heads": {
        "beside": heads((2, 3, 6), attention_axes=(2,)),
        "along_two": heads((2, 3, 6), attention_axes=(1, 2)),
        "along_all": heads((2, 3, 6), output_shape=(2, 5), value_dim=4),
        "along_first_and_last": heads((2, 3, 2, 6), attention_axes=(1, 3), use_gate=True),
    },
    "mask": {
        "holes": masked([1, 0, 1, 1, 0, 1]),
        "in_front": masked([0, 0, 1, 1, 1, 1]),
    },
    "form": {
        "regions": regions,
        "regions_unlike": regions_unlike,
    },
    "dtype": {
        "whole": operations(*(act(name) for name in ("relu", "relu6", "tanh", "exponential", "leaky_relu")), lambda x: L.LeakyReLU(0.3)(x),
                            lambda x: L.ReLU(negative_slope=0.2)(x), lambda x: L.ReLU(3.7)(x), lambda x: L.ReLU(threshold=1.5)(x), O.relu,
                            lambda x: O.leaky_relu(x, 0.4), dtype="int32"),
        "whole_narrow": operations(act("relu"), act("relu6"), lambda x: L.ReLU(4.0)(x), lambda x: O.relu(x) - x, dtype="int8"),
        "double": operations(*(act(name, "float64") for name in ("elu", "celu", "selu", "leaky_relu", "hard_sigmoid", "hard_silu", "softplus",
                                                                  "log_sigmoid", "softsign", "mish", "relu", "silu")),
                             lambda x: L.ELU(0.7, dtype="float64")(x), lambda x: L.LeakyReLU(dtype="float64")(x), lambda x: L.PReLU(dtype="float64")(x),
                             O.sinh, O.cosh, O.tan, lambda x: O.elu(x, 0.4), dtype="float64"),
        "double_larger": chain((4, 6, 2), lambda: L.UpSampling2D(2, interpolation="bilinear", dtype="float64"),
                               lambda: L.Resizing(5, 7, interpolation="bilinear", dtype="float64"), dtype="float64"),
        "double_nearest": chain((4, 6, 2), lambda: L.UpSampling2D(2, dtype="float64"), dtype="float64"),
        "half_celu": operations(act("celu", "float16"), dtype="float16"),
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
    names = [i.name for i in model.inputs]
    outputs = (judge.called if id in EAGER else judge.predict)(model, inputs, names)
    model.save(out / f"{id}.keras")
    samples.write(out / f"{id}.npz", inputs, outputs, names)


def main(out, part=""):
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    with open(out / "MANIFEST.tsv", "w") as manifest:
        manifest.write("id\tgroup\ttolerance\n")
        for group, makes in GROUPS.items():
            for number, (id, make) in enumerate(makes.items()):
                if part not in f"{group}_{id}":
                    continue
                save(out, f"{group}_{id}", make, number + 1)
                manifest.write(f"{group}_{id}\t{group}\t{0.01 if id.startswith('half') else 1e-05}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
