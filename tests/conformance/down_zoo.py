"""Builds small models of Keras 3 with one operation or one activation each, for the way down. Runs in Keras 3.

    down_zoo.py OUT [TEXT]   those with TEXT in their id: <id>.keras and <id>.npz (see samples.py), and models.tsv: id, group
"""
import os
import pathlib
import sys

# On processors only oneDNN convolves channels_first, and TensorFlow takes it by itself on some of them alone.
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", TF_ENABLE_ONEDNN_OPTS="1")
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import keras as K
import numpy as np
from keras import ops

import down_encodings
import samples

L = K.layers
NAN, INF = float("nan"), float("inf")
# What floats are made of: the places where functions change, and no numbers.
PLAIN = [-3.5, -2, -1.5, -1, -0.7, -0.5, -0.3, -0.0, 0, 0.2, 0.5, 0.8, 1, 1.5, 2, 4.25]
ODD = [NAN, INF, -INF, 0, -0.0, 1.5, -2, NAN]

ONE = {
    "elu": lambda x: ops.elu(x, alpha=0.7), "celu": lambda x: ops.celu(x, alpha=0.7), "celu_plain": ops.celu, "glu": ops.glu,
    "hard_shrink": ops.hard_shrink, "hard_shrink_wide": lambda x: ops.hard_shrink(x, threshold=1.0), "soft_shrink": ops.soft_shrink,
    "threshold": lambda x: ops.threshold(x, 0.4, -7.0), "sparse_plus": ops.sparse_plus, "sparse_sigmoid": ops.sparse_sigmoid,
    "cbrt": ops.cbrt, "trunc": ops.trunc, "sinc": ops.sinc, "angle": ops.angle, "imag": ops.imag,
    "isreal": ops.isreal, "isneginf": ops.isneginf, "isposinf": ops.isposinf, "signbit": ops.signbit,
    "nan_to_num": ops.nan_to_num, "nan_to_num_told": lambda x: ops.nan_to_num(x, nan=3.0, posinf=5.0, neginf=-5.0),
    "nansum": lambda x: ops.nansum(x, axis=-1), "nanprod": lambda x: ops.nanprod(x, axis=-1, keepdims=True),
    "nancumsum": lambda x: ops.nancumsum(x, axis=-1), "nancumprod": lambda x: ops.nancumprod(x, axis=-1),
    "nanmax": lambda x: ops.nanmax(x, axis=-1), "nanmin": lambda x: ops.nanmin(x, axis=-1), "nanmean": lambda x: ops.nanmean(x, axis=-1),
    "nanvar": lambda x: ops.nanvar(x, axis=-1), "nanstd": lambda x: ops.nanstd(x, axis=-1, keepdims=True),
    "average": lambda x: ops.average(x, axis=-1), "empty_like": lambda x: x + 0 * ops.empty_like(x), "argsort": ops.argsort,
    "size": lambda x: x * ops.cast(ops.size(x), "float32"),
    "count_nonzero": lambda x: ops.count_nonzero(x, axis=-1), "ptp": lambda x: ops.ptp(x, axis=-1), "diff": ops.diff,
    "trapezoid": lambda x: ops.trapezoid(x, dx=0.5), "digitize": lambda x: ops.digitize(x, np.array([-1.0, 0.0, 1.5])),
    "isin": lambda x: ops.isin(x, np.array([0.5, -2.0], "float32")), "isin_not": lambda x: ops.isin(x, np.array([0.5, -2.0], "float32"), invert=True),
    "nanargmax": lambda x: ops.nanargmax(x, axis=-1), "nanargmin": lambda x: ops.nanargmin(x, axis=-1), "fabs": ops.fabs,
    "average_weights": lambda x: ops.average(x, axis=-1, weights=np.array([1.0, 2.0, 3.0, 4.0], "float32")),
    "norm": lambda x: ops.norm(x, axis=-1), "norm_1": lambda x: ops.norm(x, ord=1, axis=-1, keepdims=True),
    "norm_fro": lambda x: ops.norm(ops.reshape(x, (-1, 2, 2)), ord="fro", axis=(1, 2)), "rms": ops.rms_normalization,
    "full_like": lambda x: ops.full_like(x, 2.5) * x, "saturate_cast": lambda x: ops.saturate_cast(x * 100, "int8"),
    "view": lambda x: ops.view(x, dtype="int32"), "slice": lambda x: ops.slice(x, [0, 1], [4, 2]),
    "extract_sequences": lambda x: ops.extract_sequences(x, 2, 1), "flip_all": lambda x: ops.flip(ops.reshape(x, (-1, 2, 2))),
    "take_along_axis": lambda x: ops.take_along_axis(x, ops.argsort(x), axis=-1), "hsplit": lambda x: ops.hsplit(x, 2),
    "vsplit": lambda x: ops.vsplit(x, 2), "hstack": lambda x: ops.hstack([x, x + 1]), "vstack": lambda x: ops.vstack([x, x + 1]),
    "moments": lambda x: ops.moments(x, axes=-1), "sparsemax": ops.sparsemax,
    "layer_norm": ops.layer_normalization, "layer_norm_rms": lambda x: ops.layer_normalization(x, rms_scaling=True, epsilon=1e-3),
    "batch_norm": lambda x: ops.batch_normalization(x, np.arange(4, dtype="float32"), np.array([1, 2, 3, 4], "float32"), -1, epsilon=1e-2),
    "median": lambda x: ops.median(x, axis=-1), "quantile": lambda x: ops.quantile(x, 0.3, axis=-1, keepdims=True),
    "nan_quantile": lambda x: ops.quantile(x, 1.0, axis=1), "array_split": lambda x: ops.array_split(x, 3, axis=1),
    "append": lambda x: ops.append(x, x * 2, axis=1), "append_flat": lambda x: ops.append(x, x * 2), "rfft": ops.rfft,
    "rfft_told": lambda x: ops.rfft(x, fft_length=6), "expand_dims": lambda x: ops.expand_dims(x, (-1, 1)),
    "select": lambda x: ops.select([x > 1, x > 0], [x * 2, x * 3], default=-1.0),
    "scatter_update": lambda x: ops.scatter_update(x, np.array([[0, 1], [2, 3]], "int32"), np.array([5.0, 6.0], "float32")),
    "scatter": lambda x: ops.scatter(np.array([[1], [3], [0], [5]], "int32"), x, (6, 4)),
}
TWO = {"hypot": ops.hypot, "heaviside": ops.heaviside, "logaddexp": ops.logaddexp, "logaddexp2": ops.logaddexp2, "fmod": ops.fmod,
       "nextafter": ops.nextafter, "isclose": ops.isclose, "isclose_told": lambda x, y: ops.isclose(x, y, rtol=0.5, atol=0.25),
       "outer": ops.outer, "fmax": ops.fmax, "fmin": ops.fmin, "vdot": ops.vdot, "inner": ops.inner, "dot": lambda x, y: ops.dot(x, ops.transpose(y)),
       "layer_norm_scaled": lambda x, y: ops.layer_normalization(x, gamma=y, beta=y, epsilon=1e-3),
       "bce_logits": lambda x, y: ops.binary_crossentropy(ops.sigmoid(x), y, from_logits=True),
       "cce_logits": lambda x, y: ops.categorical_crossentropy(ops.softmax(x), y, from_logits=True),
       "add_halves": lambda x, y: ops.cast(x, "float16") + ops.cast(y, "bfloat16"), "multiply_half": lambda x, y: ops.cast(x, "float16") * y,
       "add_signs": lambda x, y: ops.cast(x, "int8") + ops.cast(ops.abs(y), "uint16"), "subtract_sizes": lambda x, y: ops.cast(x, "int64") - ops.cast(y, "int8"),
       "rms_scaled": lambda x, y: ops.rms_normalization(x, scale=y, epsilon=1e-3)}
WHOLE = {"bitwise_and": ops.bitwise_and, "bitwise_or": ops.bitwise_or, "bitwise_xor": ops.bitwise_xor, "left_shift": ops.left_shift,
         "bitwise_left_shift": ops.bitwise_left_shift, "right_shift": ops.right_shift, "bitwise_right_shift": ops.bitwise_right_shift}
IMAGE = {"sobel_edges": ops.image.sobel_edges, "extract_patches": lambda x: ops.image.extract_patches(x, (2, 2), strides=1, padding="same"),
         "rgb_to_hsv": ops.image.rgb_to_hsv, "hsv_to_rgb": ops.image.hsv_to_rgb, "rgb_to_grayscale": ops.image.rgb_to_grayscale}
# What axes a tensor has matters.
BATCHED = {
    "rot90": ((3, 4), lambda x: ops.rot90(x, axes=(1, 2))), "rot90_thrice": ((3, 4), lambda x: ops.rot90(x, 3, axes=(1, 2))),
    "rot90_twice": ((3, 3), lambda x: ops.rot90(x, 2, axes=(-1, 1))), "pinv": ((3, 2), ops.pinv),
    "attention": ((3, 2, 4), lambda x: ops.dot_product_attention(x, x * 2, x + 1)),
    "attention_causal": ((3, 4, 2), lambda x: ops.dot_product_attention(x, x[:, :, :2], x[:, :, 1:3], is_causal=True, scale=0.3)),
    "attention_masked": ((3, 3, 2), lambda x: ops.dot_product_attention(x, x, x, mask=ops.transpose(x[:, :, :1], (0, 2, 3, 1))[:, :, :1] > 0)),
    "crop_wide": ((4, 9, 2), lambda x: ops.image.resize(x, (3, 5), crop_to_aspect_ratio=True)),
    "pad_wide": ((4, 9, 2), lambda x: ops.image.resize(x, (6, 5), interpolation="bicubic", pad_to_aspect_ratio=True, fill_value=0.5)),
    "resize_first": ((2, 5, 7), lambda x: ops.image.resize(x, (3, 4), antialias=True, data_format="channels_first")),
    "adaptive_uneven": ((7, 5, 2), lambda x: ops.adaptive_average_pool(x, (4, 3), data_format="channels_last")),
    "adaptive_first": ((2, 7, 5), lambda x: ops.adaptive_max_pool(x, (4, 3), data_format="channels_first")),
    "swapaxes": ((2, 3, 4), lambda x: ops.swapaxes(x, 1, 2)), "moveaxis": ((2, 3, 4), lambda x: ops.moveaxis(x, (1, -1), (2, 1))),
    "tril": ((3, 4), ops.tril), "tril_below": ((3, 4), lambda x: ops.tril(x, -1)), "tril_above": ((3, 4), lambda x: ops.tril(x, 1)),
    "triu": ((3, 4), ops.triu), "triu_below": ((3, 4), lambda x: ops.triu(x, -1)), "triu_above": ((3, 4), lambda x: ops.triu(x, 2)),
    "diagonal": ((3, 4), lambda x: ops.diagonal(x, axis1=1, axis2=2)),
    "diagonal_other": ((3, 4, 2), lambda x: ops.diagonal(x, offset=1, axis1=1, axis2=2)), "trace": ((3, 3), lambda x: ops.trace(x, axis1=1, axis2=2)),
    "dsplit": ((3, 4), lambda x: ops.dsplit(x, [1, 3])), "dstack": ((3, 4), lambda x: ops.dstack([x, x])),
    "cross": ((5, 3), lambda x: ops.cross(x, x[:, ::-1] + 1)), "svd": ((3, 4), lambda x: ops.svd(x, compute_uv=False)),
    "matvec": ((3, 4), lambda x: ops.matmul(x, np.arange(4, dtype="float32"))),
    "einsum_attention": ((5, 2, 3), lambda x: ops.einsum("bqhd,bkhd->bhqk", x, x * 0.5)),
    "einsum_values": ((5, 2, 3), lambda x: ops.einsum("bhqk,bkhd->bqhd", ops.einsum("bqhd,bkhd->bhqk", x, x * 0.5), x)),
    "einsum_order": ((5, 2, 3), lambda x: ops.einsum("abcd->dba", x)), "einsum_rows": ((4, 3), lambda x: ops.einsum("bij,bj->bi", x, x[:, 0])),
    "einsum_product": ((4, 3), lambda x: ops.einsum("bij,bk->bkji", x, x[:, 0])), "einsum_dots": ((4, 3), lambda x: ops.einsum("...ij,...ik->...jk", x, x)),
    "einsum_tensordot": ((4, 3), lambda x: ops.einsum("bij,cij->bc", x, x)),
}
MATRIX = {"logdet": ops.logdet, "slogdet": ops.slogdet, "eigh": ops.eigh, "qr": ops.qr, "solve": lambda x: ops.solve(x, x[:, :, ::-1]),
          "solve_triangular": lambda x: ops.solve_triangular(x, x, lower=True), "det": ops.det, "inv": ops.inv, "cholesky": ops.cholesky}
WITH_ODD = ("nan", "is", "trunc", "signbit", "logaddexp", "hard_shrink", "soft_shrink")
ACTIVATIONS = ("celu", "glu", "hard_shrink", "hard_silu", "hard_tanh", "log_sigmoid", "soft_shrink", "sparse_plus", "sparse_sigmoid", "sparsemax",
               "squareplus", "tanh_shrink")


def floats(name, rng):
    values = rng.permutation(PLAIN).reshape(4, 4)
    if name.startswith(WITH_ODD):
        values[1] = ODD[:4] if "cum" not in name else [NAN, 1.5, -2, NAN]  # what infinities add up to says little
        values[2] = ODD[4:]
    return values.astype("float32")


TURN = np.array([1, 0.5, -0.5, -0.25, 1, 0.5, 0, 0.02], "float32")
CORNERS = np.array([[0, 0], [5, 0], [0, 4], [5, 4]], "float32")


def odd_operation_models():
    """Operations on integers and truth values, which Keras 3 makes floats; on tensors of several shapes, and with constants."""
    rng = np.random.default_rng(13)
    ramp = lambda *shape: np.linspace(-1, 1, int(np.prod(shape)), dtype="float32").reshape(shape)
    whole, image, plane, line = [((4,), "int32")], [(6, 8, 3)], [(3, 6, 8)], [(9, 3)]
    table = {
        "add_float": (whole, lambda x: 1.5 - x), "divide_whole": (whole, lambda x: x / 4), "mean_whole": (whole, lambda x: ops.mean(x, axis=-1)),
        "sqrt_whole": (whole, ops.sqrt), "greater_float": (whole, lambda x: x > 3.5), "where_float": (whole, lambda x: ops.where(x > 3, x, 0.5)),
        "array_float": (whole, lambda x: x * np.array([0.5, 1.0, 1.5, 2.0], "float32")), "power_float": (whole, lambda x: 0.5 ** x),
        "array_whole": ([(4,)], lambda x: x * np.array([1, 2, 3, 4]) + np.array([True, False, True, True])),
        "sum_truths": ([(4,)], lambda x: ops.sum(x > 0, axis=-1)), "sum_truths_times": ([(4,)], lambda x: (x > 0) * 3 + ops.sum(x > 1)),
        "mean_truths": ([(4,)], lambda x: ops.mean(x > 0, axis=-1)), "pixels": ([((4, 4, 3), "uint8")], lambda x: x / 255.0 - 0.5),
        "var_long": ([((4,), "int64")], lambda x: ops.var(x, axis=-1) + ops.log1p(x[:, 0])),
        "top_k": ([(4,)], lambda x: list(ops.top_k(x, 2)) + [ops.sum(ops.top_k(x, 2)[1], axis=-1)]),
        "argmax_kept": ([(3, 4)], lambda x: ops.argmax(x, axis=1, keepdims=True)), "argmin_all": ([(3, 4)], ops.argmin),
        "cumsum_all": ([(3,)], ops.cumsum), "max_initial": ([(3, 4)], lambda x: ops.max(x, axis=2, initial=0.25)),
        "min_initial": ([(3, 4)], lambda x: ops.min(x, axis=2, initial=-0.25)), "round_two": ([(4,)], lambda x: ops.round(x * 9.7, 2)),
        "normalize_one": ([(3, 4)], lambda x: ops.normalize(x, axis=-1, order=1)), "percentile": ([(3, 4)], lambda x: ops.percentile(x, 30.0, axis=2)),
        "segment_min": ([(4,)], lambda x: ops.segment_min(x[0], np.array([0, 0, 1, 1]), num_segments=2)),
        "segment_prod": ([(4,)], lambda x: ops.segment_prod(x[0], np.array([0, 0, 1, 1]), num_segments=2)),
        "gcd": ([((4,), "int32")] * 2, ops.gcd), "lcm": ([((4,), "int32")] * 2, ops.lcm),
        "depthwise": (image, lambda x: ops.depthwise_conv(x, ramp(2, 3, 3, 2), strides=2, padding="same")),
        "depthwise_line": (line, lambda x: ops.depthwise_conv(x, ramp(3, 3, 1), dilation_rate=2)),
        "depthwise_first": (plane, lambda x: ops.depthwise_conv(x, ramp(2, 2, 3, 1), data_format="channels_first")),
        "separable": (image, lambda x: ops.separable_conv(x, ramp(2, 2, 3, 2), ramp(1, 1, 6, 4))),
        "separable_line": (line, lambda x: ops.separable_conv(x, ramp(3, 3, 1), ramp(1, 3, 2), strides=2)),
        "unfold": (plane, lambda x: ops.unfold(x, (2, 3), padding=1, stride=2)), "blur": (image, lambda x: ops.image.gaussian_blur(x, (3, 5), (1.0, 0.5))),
        "blur_first": (plane, lambda x: ops.image.gaussian_blur(x, data_format="channels_first")),
        "pad_images": (image, lambda x: ops.image.pad_images(x, 1, 2, target_height=10, target_width=12)),
        "crop_images": (plane, lambda x: ops.image.crop_images(x, top_cropping=1, left_cropping=2, bottom_cropping=2, target_width=4, data_format="channels_first")),
        "slice_update": ([(4, 3), (2, 3)], lambda x, y: ops.slice_update(x, (0, 1, 0), y)),
        "slice_update_end": ([(4, 3), (4, 1)], lambda x, y: ops.slice_update(x, (0, 0, 2), y)),
        "slice_update_part": ([(4, 3)], lambda x: ops.slice_update(x, (1, 0, 1), ramp(2, 3, 2))),
        "meshgrid": ([(3,), (2,)], lambda x, y: list(ops.meshgrid(x[0], y[0]))),
        "meshgrid_rows": ([(3,), (2,)], lambda x, y: list(ops.meshgrid(x[0], y[0], x[1], indexing="ij"))),
        "kron": ([(2, 3)], lambda x: ops.kron(x[0], ramp(2, 2))), "kron_both": ([(2, 3), (3, 2)], lambda x, y: ops.kron(x[0], y[0])),
        "correlate": ([(6,)], lambda x: ops.correlate(x[0], ramp(3))), "correlate_full": ([(6,), (4,)], lambda x, y: ops.correlate(x[0], y[0], mode="full")),
        "correlate_same": ([(6,)], lambda x: ops.correlate(x[0], ramp(4), mode="same")),
        "polar": ([(4,)] * 2, lambda x, y: [ops.real(ops.polar(ops.abs(x), y)), ops.imag(ops.polar(x, y)) * 2, ops.abs(ops.polar(x, y)) + 1]),
        "allclose": ([(4,)] * 2, lambda x, y: [x * ops.cast(ops.allclose(x, y), "float32"), x * ops.cast(ops.allclose(x, x * 1.000001), "float32"),
                                              x * ops.cast(ops.allclose(x, ramp(4), rtol=9.0, atol=9.0), "float32")]),
        "ldexp": ([(4,), ((4,), "int32")], lambda x, y: [ops.ldexp(x, y - 4), ops.ldexp(x, np.array([1, -2, 3, 0], "int32"))]),
        "cholesky_inverse": ([(3, 3)], lambda x: ops.cholesky_inverse(x + 3 * np.eye(3, dtype="float32"))),
        "matrix_rank": ([(3, 3)], lambda x: [ops.matrix_rank(x * np.array([1, 0, 1], "float32")), ops.matrix_rank(x, tol=1.0)]),
        "eig": ([(3, 3)], lambda x: [ops.abs(y) for y in ops.eig(x + ops.transpose(x, (0, 2, 1)))]),
        "ssim": ([(14, 13, 3)] * 2, lambda x, y: [ops.image.ssim(x, x * 0.9 + y * 0.1), ops.image.ssim(x, y, max_val=2.0, filter_size=5, filter_sigma=1.0)]),
        "ctc_loss": ([((2,), "int32"), (6, 11)], lambda x, y: [ops.ctc_loss(x, y, x[:, 0] * 0 + 2, x[:, 0] * 0 + 6),
                                                              ops.ctc_loss(ops.cast(x, "int64"), y, x[:, 0] * 0 + 1, x[:, 0] * 0 + 5, mask_index=10)]),
        "view_as_real": ([(4,)] * 2, lambda x, y: ops.view_as_real(ops.polar(ops.abs(x), y)) * 2),
        "linspace": ([(3,)] * 2, lambda x, y: [ops.linspace(x, y, num=4, axis=1), ops.linspace(x, 2.0, num=5)[1]]),
        "logspace": ([(3,)] * 2, lambda x, y: [ops.logspace(x, y, num=4, axis=-1), ops.logspace(x, 2.0, num=5, base=2)[1]]),
        "geomspace": ([(3,)] * 2, lambda x, y: ops.geomspace(ops.abs(x) + 1, ops.abs(y) + 2, num=4)[2]),
        "unravel_index": ([((), "int32"), ((3,), "int32")], lambda x, y: list(ops.unravel_index(x * 7, (5, 4, 6))) + list(ops.unravel_index(y * 5, (5, 4, 6)))),
        "cce_softmax": ([(5,)] * 2, lambda x, y: [ops.categorical_crossentropy(ops.softmax(x), ops.softmax(y * 40)),
                                                 ops.categorical_crossentropy(ops.softmax(x), ops.softmax(y * 9), from_logits=True)]),
        "bce_sigmoid": ([(5,)] * 2, lambda x, y: ops.binary_crossentropy(ops.sigmoid(x), ops.sigmoid(y * 40))),
        "sparse_cce_softmax": ([((), "int32"), (10,)], lambda x, y: ops.sparse_categorical_crossentropy(x, ops.softmax(y * 40))),
        "cce_dense_softmax": ([(5,)] * 2, lambda x, y: ops.categorical_crossentropy(ops.softmax(x), L.Dense(5, "softmax")(y), from_logits=True)),
        "istft": ([(7, 9), (7, 9)], lambda x, y: [
            ops.istft((x, y), 16, 8, 16), ops.istft((x, y), 12, 3, 16, length=20, window="hamming"), ops.istft((x, y), 16, 4, 16, window=None, center=False)]),
        "diag": ([(3,)], lambda x: [ops.diag(x[:, 0], k=1), ops.diag(x), x + ops.sum(ops.diagflat(x, k=-1))]),
        "affine": ([(5, 6, 2), (8,)], lambda x, y: [ops.image.affine_transform(x, y * 0.3 + TURN, mode, fill, 0.5) for mode in ("nearest", "bilinear")
                                                    for fill in ("constant", "nearest", "reflect", "wrap")]),
        "affine_told": ([(4, 7, 3)], lambda x: ops.image.affine_transform(x, np.array([0.8, 0.5, -0.5, -0.5, 1.1, 1.5, -0.25, 0], "float32"))),
        "affine_first": ([(2, 5, 6)], lambda x: ops.image.affine_transform(x, TURN, "nearest", data_format="channels_first")),
        "perspective": ([(5, 6, 2), (4, 2)], lambda x, y: [
            ops.image.perspective_transform(x, y * 0.5 + CORNERS, y * 0.0 + CORNERS, mode, 0.5) for mode in ("nearest", "bilinear")]),
        "perspective_told": ([(5, 6, 2)], lambda x: ops.image.perspective_transform(x, CORNERS, CORNERS * 0.7 + 0.3)),
        "attention_told": ([(3, 2, 4)], lambda x: ops.dot_product_attention(x, x, x, mask=np.tri(3, dtype=bool)[None, None])),
    }
    for name, (specs, function) in table.items():
        specs = [spec if isinstance(spec[0], tuple) else (spec, "float32") for spec in specs]
        x = [L.Input(shape, dtype=dtype, name=f"x{i}") for i, (shape, dtype) in enumerate(specs)]
        data = [rng.normal(size=(4, *shape)).astype(dtype) if dtype == "float32" else rng.integers(0, 9, (4, *shape)).astype(dtype)
                for shape, dtype in specs]
        yield f"op_{name}", "operation", K.Model(x, function(*x)), data


def truth(model, inputs, eager):
    """Some operations Keras 3 runs on TensorFlow only without a graph."""
    model.run_eagerly = eager
    out = model.predict_on_batch(inputs if len(inputs) > 1 else inputs[0])
    return samples.flat(out)


def operation_models():
    rng = np.random.default_rng(5)
    for name, function in {**ONE, **TWO}.items():
        x = [L.Input((4,), name=f"x{i}") for i in range(1 + (name in TWO))]
        yield f"op_{name}", "operation", K.Model(x, function(*x)), [floats(name, rng) for _ in x]
    for name, function in WHOLE.items():
        x = [L.Input((4,), dtype="int32", name=f"x{i}") for i in range(2)]
        yield f"op_{name}", "operation", K.Model(x, function(*x)), [rng.integers(0, 9, (4, 4)).astype("int32") for _ in x]
    for name, function in IMAGE.items():
        x = L.Input((4, 4, 3))
        yield f"op_{name}", "operation", K.Model(x, function(x)), [rng.uniform(0, 1, (4, 4, 4, 3)).astype("float32")]
    for name, (shape, function) in BATCHED.items():
        x = L.Input(shape)
        yield f"op_{name}", "operation", K.Model(x, function(x)), [rng.normal(size=(4, *shape)).astype("float32")]
    x = L.Input((3,), dtype="int32")
    yield "op_multi_hot", "operation", K.Model(x, ops.multi_hot(x, 5)), [rng.integers(0, 5, (4, 3)).astype("int32")]
    for name, function in MATRIX.items():
        x, half = L.Input((3, 3)), rng.normal(size=(4, 3, 3))
        yield f"op_{name}", "operation", K.Model(x, function(x)), [(half @ half.transpose(0, 2, 1) + np.eye(3)).astype("float32")]


def activation_models():
    rng = np.random.default_rng(6)
    x = [floats("", rng)]
    for name in ACTIVATIONS:
        yield f"activation_{name}", "activation", K.Sequential([L.Input((4,)), L.Activation(name)]), x
        if name == "glu":  # Keras 3 does not know that it halves the width of a Dense
            continue
        yield f"dense_{name}", "activation", K.Sequential([L.Input((4,)), L.Dense(6, activation=name), L.Dense(3)]), x
    inside = K.Sequential([L.Input((4,)), L.Dense(4, activation="celu")], name="inside")
    first = L.Input((4,))
    yield "nested", "activation", K.Model(first, [L.Dense(2, activation="hard_shrink")(inside(first)), inside(first)]), x
    image = L.Input((4, 4, 3))
    yield ("convolution", "activation", K.Model(image, L.Conv2D(4, 2, activation="squareplus")(image)),
           [rng.normal(size=(4, 4, 4, 3)).astype("float32")])
    many = L.Input((128, 3))  # float16 does not hold the sums
    yield ("averaged_halves", "layer", K.Model(many, L.GlobalAveragePooling1D(dtype="mixed_float16")(many)),
           [rng.integers(800, 1000, (4, 128, 3)).astype("float32")])
    words = L.Input((4,))
    masked = L.Dense(3, activation="celu")(L.Masking()(L.Reshape((2, 2))(words)))
    yield "masked", "activation", K.Model(words, L.LSTM(3)(masked)), x
    ids, table = [np.array([[1, 2, 3, 0], [4, 1, 0, 0], [2, 2, 2, 2], [5, 0, 0, 0]], "int32")], L.Embedding(6, 4, mask_zero=True)
    yield ("masked_chain", "activation", K.Sequential([L.Input((4,), dtype="int32"), table, L.Dense(5, activation="celu"), L.LSTM(3),
                                                       L.Dense(2, activation="hard_tanh")]), ids)


def layer_models():
    """Layers that become functions: in a chain, called twice, with a mask that goes through."""
    rng = np.random.default_rng(7)
    x = [rng.normal(size=(4, 6)).astype("float32")]
    norm = lambda **told: L.RMSNormalization(**told)
    yield "layer_chain", "layer", K.Sequential([L.Input((6,)), L.Dense(5), norm(epsilon=1e-2), L.Dense(3)]), x
    first, shared = L.Input((6,)), norm()
    yield "layer_shared", "layer", K.Model(first, [shared(first), L.Dense(2)(shared(first * 2))]), x
    words = [np.array([[1, 2, 3, 0], [4, 1, 0, 0], [2, 2, 2, 2], [5, 0, 0, 0]], "int32")]
    ids = L.Input((4,), dtype="int32")
    yield "layer_masked", "layer", K.Model(ids, L.LSTM(3)(norm()(L.Embedding(6, 4, mask_zero=True)(ids)))), words
    yield "layer_masked_chain", "layer", K.Sequential([L.Input((4,), dtype="int32"), L.Embedding(6, 4, mask_zero=True), norm(), L.GRU(3)]), words
    yield ("layer_masked_rms", "layer", K.Model(ids, L.GlobalAveragePooling1D()(
        L.LayerNormalization(rms_scaling=True)(L.Embedding(6, 4, mask_zero=True)(ids)))), words)


def scaled_models():
    """The scale of a branch, as ConvNeXt and InceptionResNetV2 have it."""
    rng = np.random.default_rng(14)
    x = L.Input((4, 4, 3))
    scale = K.src.applications.convnext.LayerScale(1e-3, 3)
    added = K.src.applications.inception_resnet_v2.CustomScaleLayer(0.17)
    data = [rng.normal(size=(4, 4, 4, 3)).astype("float32")]
    yield "scale", "layer", shaken([x], L.Add()([x, scale(L.Conv2D(3, 3, padding="same")(x))]), rng), data
    yield "scale_added", "layer", shaken([x], L.Dense(2)(added([x, L.Conv2D(3, 3, padding="same")(x)])), rng), data


def more_operation_models():
    rng = np.random.default_rng(8)
    table = {
        "median_axes": ([(3, 4)], lambda x: ops.median(x, axis=(1, 2))), "quantile_axes": ([(2, 3, 4)], lambda x: ops.quantile(x, 0.3, axis=(2, 3))),
        "diff_rows": ([(3, 4)], lambda x: ops.diff(x, axis=1)), "searchsorted": ([(4,)], lambda x: ops.searchsorted(
            np.array([-0.5, 0.0, 0.5], "float32"), ops.reshape(x, (-1,)), side="right")),
        "cdist": ([(3, 4), (2, 4)], ops.cdist), "psnr": ([(3, 4), (3, 4)], lambda x, y: x + ops.psnr(x, y, max_val=2.0)),
        "fft": ([(8,), (8,)], lambda x, y: list(ops.fft((x, y)))), "fft2": ([(4, 8), (4, 8)], lambda x, y: list(ops.fft2((x, y)))),
        "ifft2": ([(4, 8), (4, 8)], lambda x, y: list(ops.ifft2((x, y)))), "irfft": ([(5,), (5,)], lambda x, y: ops.irfft((x, y), 8)),
        "irfft_plain": ([(5,), (5,)], lambda x, y: ops.irfft((x, y))), "stft": ([(64,)], lambda x: list(ops.stft(x, 16, 8, 32))),
        "stft_odd": ([(2, 64)], lambda x: list(ops.stft(x, 15, 4, 16, window="hamming", center=False))),
        "stft_bare": ([(64,)], lambda x: list(ops.stft(x, 16, 8, 16, window=None))),
    }
    for name, (shapes, function) in table.items():
        x = [L.Input(shape, name=f"x{i}") for i, shape in enumerate(shapes)]
        yield f"op_{name}", "operation", K.Model(x, function(*x)), [rng.normal(size=(4, *shape)).astype("float32") for shape in shapes]
    whole, logits = L.Input((3,), dtype="int32", name="x0"), L.Input((3, 5), name="x1")
    numbers, scores = rng.integers(0, 5, (4, 3)).astype("int32"), rng.normal(size=(4, 3, 5)).astype("float32")
    yield "op_bincount", "operation", K.Model(whole, ops.bincount(whole, minlength=7)), [numbers]
    yield ("op_sparse_cce", "operation", K.Model([whole, logits], ops.sparse_categorical_crossentropy(whole, logits, from_logits=True)),
           [numbers, scores])


def shaken(inputs, outputs, rng):
    """A model whose variables are all random numbers but waves, which follow from the config."""
    model = K.Model(inputs, outputs)
    for variable in model.weights:
        if "real_kernel" not in variable.path and "imag_kernel" not in variable.path:
            variable.assign(rng.normal(size=variable.shape) * 0.5)
    return model


def heads_models():
    """Attention whose heads share keys, have a gate or see no more than a window."""
    rng = np.random.default_rng(9)
    x, y, seen = L.Input((4, 6), name="x0"), L.Input((3, 6), name="x1"), L.Input((4, 4), dtype="bool", name="x2")
    two = [rng.normal(size=(4, 4, 6)).astype("float32"), rng.normal(size=(4, 3, 6)).astype("float32")]
    masked = [two[0], rng.integers(0, 2, (4, 4, 4)).astype(bool) | np.eye(4, dtype=bool)]
    words, ids = [np.array([[1, 2, 3, 0], [4, 1, 0, 0], [2, 2, 2, 2], [5, 0, 0, 0]], "int32")], L.Input((4,), dtype="int32", name="ids")
    gqa, mha = L.GroupQueryAttention, L.MultiHeadAttention
    known = L.Embedding(6, 6, mask_zero=True)(ids)
    twice = mha(2, 3, value_dim=5, output_shape=7, use_gate=True, dropout=0.1)
    yield "heads_key", "layer", shaken([x, y], gqa(3, 4, 2)(x, y, key=y * 0.5), rng), two
    yield "heads_window", "layer", shaken([x], gqa(3, 2, 1, sliding_window=2)(x, x, use_causal_mask=True), rng), two[:1]
    yield "heads_mask", "layer", shaken([x, seen], gqa(3, 4, 4, use_gate=True)(x, x, attention_mask=seen), rng), masked
    yield "heads_words", "layer", shaken([ids], L.GlobalAveragePooling1D()(gqa(3, 4, 2)(known, known)), rng), words
    yield "heads_gate_twice", "layer", shaken([x, y], [twice(x, y), twice(y, x)], rng), two
    yield "heads_gate_words", "layer", shaken([ids], mha(2, 3, use_gate=True, sliding_window=3)(known, known), rng), words
    yield "heads_window_mask", "layer", shaken([x, seen], mha(2, 3, sliding_window=2)(x, x, attention_mask=seen), rng), masked
    yield "heads_window_words", "layer", shaken([ids], mha(2, 3, sliding_window=2)(known, known, use_causal_mask=True), rng), words


def spectrum_models():
    rng = np.random.default_rng(10)
    sound, both, first = L.Input((200,)), L.Input((200, 2)), L.Input((2, 200))
    waves = rng.normal(size=(4, 200, 2)).astype("float32")
    for mode in ("imag", "angle", "stft", "psd", "magnitude"):
        layer = L.STFTSpectrogram(mode, 32, 16, 64, padding="same", expand_dims=mode in ("stft", "psd"))
        yield f"spectrum_{mode}", "layer", shaken([both], layer(both), rng), [waves]
    for mode, apart in (("log", False), ("magnitude", True)):
        layer = L.STFTSpectrogram(mode, 32, 16, expand_dims=apart, data_format="channels_first")
        yield f"spectrum_first_{mode}", "layer", shaken([first], layer(first), rng), [waves.transpose(0, 2, 1)]
    yield "spectrum_chain", "layer", K.Sequential([L.Input((200, 1)), L.STFTSpectrogram("psd", 32), L.Dense(3)]), [waves[:, :, :1]]
    mel = dict(fft_length=64, sequence_stride=32, num_mel_bins=5, sampling_rate=4000, min_freq=50, max_freq=1500)
    yield "mel_linear", "layer", K.Model(sound, L.MelSpectrogram(sequence_length=48, window="hamming", power_to_db=False, **mel)(sound)), [waves[:, :, 0]]
    yield "mel_chain", "layer", K.Sequential([L.Input((200,)), L.MelSpectrogram(top_db=20, mag_exp=1.0, ref_power=0.5, **mel), L.Dense(3)]), [waves[:, :, 0]]


def unwrapped_models():
    rng = np.random.default_rng(11)
    x, ids = L.Input((6,)), L.Input((4,), dtype="int32")
    chain = K.Sequential([L.Input((6,)), L.SpectralNormalization(L.Dense(5, activation="celu")), L.Dense(2)])
    layer = L.SpectralNormalization(L.Dense(6), power_iterations=2)
    yield "unwrapped_chain", "layer", chain, [rng.normal(size=(4, 6)).astype("float32")]
    yield "unwrapped_twice", "layer", shaken([x], layer(layer(x)), rng), [rng.normal(size=(4, 6)).astype("float32")]
    yield ("unwrapped_masked", "layer", shaken([ids], L.LSTM(3)(L.SpectralNormalization(L.Dense(5))(L.Embedding(6, 4, mask_zero=True)(ids))), rng),
           [np.array([[1, 2, 3, 0], [4, 1, 0, 0], [2, 2, 2, 2], [5, 0, 0, 0]], "int32")])


def masked_models():
    """A mask that a call of a model gives, and no layer hands on."""
    rng = np.random.default_rng(12)
    steps, seen, within = L.Input((4, 3)), L.Input((4,), dtype="bool"), L.Input((4, 3))
    inside, chain = K.Model(within, L.LSTM(2)(within)), K.Sequential([L.Input((4, 3)), L.Dense(3), L.GRU(2)])
    inputs = [rng.normal(size=(4, 4, 3)).astype("float32"), np.tri(4, dtype=bool)]
    yield "mask_given", "layer", shaken([steps, seen], inside(steps, mask=seen), rng), inputs
    yield "mask_given_chain", "layer", shaken([steps, seen], chain(steps, mask=seen), rng), inputs


MODELS = (operation_models, activation_models, layer_models, more_operation_models, heads_models, spectrum_models, unwrapped_models, masked_models,
          scaled_models, odd_operation_models, down_encodings.models)


def main(out, only=""):
    directory = pathlib.Path(out)
    directory.mkdir(parents=True, exist_ok=True)
    K.utils.set_random_seed(3)
    rows = ["id\tgroup"]
    for id, group, model, inputs in (one for models in MODELS for one in models() if only in one[0]):
        model.save(directory / f"{id}.keras")
        samples.write(directory / f"{id}.npz", inputs, truth(model, inputs, id.startswith(("op_isin", "op_kron"))), [tensor.name for tensor in model.inputs])
        rows.append(f"{id}\t{group}")
    (directory / "models.tsv").write_text("\n".join(rows) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:3])
