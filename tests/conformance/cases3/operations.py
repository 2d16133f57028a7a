"""Operation nodes: every operation that can stand in a graph of numbers."""
import numpy as np

from . import Group, K, L

O, N, M, I, A = K.ops, K.ops.nn, K.ops, K.ops.image, K.ops.linalg
X = (4, 6)              # one input
XY = [(4, 6), (4, 6)]   # two
IMAGE = (6, 8, 3)
WHOLE = ((4, 6), "int32")
WHOLES = [((4, 6), "int32"), ((4, 6), "int32")]
SQUARE = (4, 4)
BOOLS = [((4, 6), "bool"), ((4, 6), "bool")]



class Packed:
    """Operations of the same inputs go together, EIGHT into one model, each an output of it: a model of its own for each is slow."""
    EIGHT = 8

    def __init__(self, name):
        self.group, self.kept = Group(name, weak=True), {}

    def graph(self, id, spec, make, tolerance=1e-5, weak=True):
        self.kept.setdefault((str(spec), tolerance), (spec, []))[1].append((id.removeprefix("op_"), make))

    def flush(self):
        n = 0
        for (_, tolerance), (spec, makes) in self.kept.items():
            for i in range(0, len(makes), self.EIGHT):
                part = makes[i:i + self.EIGHT]
                n += 1
                self.group.graph(f"operations_{n:02}", spec, lambda x, part=part: [make(x) for _, make in part], tolerance=tolerance,
                                 note=" ".join(id for id, _ in part))


OPERATIONS = g = Packed("operation")

# One tensor in, one out.
for name in ("abs absolute arccos arccosh arcsin arcsinh arctan arctanh cbrt ceil conj conjugate copy cos cosh deg2rad exp exp2 expm1 "
             "floor imag isfinite isinf isnan isneginf isposinf isreal log log10 log1p log2 logical_not nan_to_num ndim negative "
             "ones_like rad2deg ravel real reciprocal round sign signbit sin sinc sinh size sqrt square tan tanh trunc zeros_like "
             "erf erfc erfinv rsqrt relu relu6 selu sigmoid silu softplus softsign log_sigmoid hard_sigmoid hard_silu hard_tanh "
             "sparse_plus sparse_sigmoid tanh_shrink hard_shrink soft_shrink elu celu gelu leaky_relu squareplus sparsemax softmax "
             "log_softmax glu stop_gradient angle i0 nansum nanmean nanmax nanmin nanprod nanstd nanvar nancumsum "
             "nancumprod nanmedian fliplr flipud").split():
    g.graph(f"op_{name}", X, lambda x, name=name: getattr(O, name)(O.sigmoid(x) * 0.8 + 0.1))
for name in ("bitwise_invert", "bitwise_not"):
    g.graph(f"op_{name}", WHOLE, lambda x, name=name: getattr(O, name)(x))

# Two tensors in.
for name in ("add arctan2 divide divide_no_nan equal floor_divide fmod greater greater_equal heaviside hypot isclose less less_equal "
             "logaddexp logaddexp2 maximum minimum mod multiply nextafter not_equal power subtract true_divide fmax fmin "
             "outer append").split():
    g.graph(f"op_{name}", XY, lambda x, name=name: getattr(O, name)(O.sigmoid(x[0]) + 0.1, O.sigmoid(x[1]) + 0.1))
for name in "bitwise_and bitwise_or bitwise_xor left_shift right_shift bitwise_left_shift bitwise_right_shift gcd lcm".split():
    g.graph(f"op_{name}", WHOLES, lambda x, name=name: getattr(O, name)(x[0], x[1]))
for name in "logical_and logical_or logical_xor".split():
    g.graph(f"op_{name}", BOOLS, lambda x, name=name: getattr(O, name)(x[0], x[1]))
g.graph("op_scalars", X, lambda x: (2.0 - x) / 3.0 + 1.5 * x ** 2 - (x > 0.25))
g.graph("op_array", X, lambda x: x * np.linspace(-1, 1, 6, dtype="float32") + O.convert_to_tensor(np.ones((4, 1), "float32")))
g.graph("op_not_finite", X, lambda x: O.where(x > 0, O.minimum(x, float("inf")), O.maximum(x, -float("inf"))))

# Reductions.
for name in "all any amax amin max min mean prod std sum var median logsumexp count_nonzero ptp".split():
    g.graph(f"op_{name}", X, lambda x, name=name: getattr(O, name)(x, axis=(1, 2)) if name not in ("ptp",) else O.ptp(x, axis=1))
for name in "max mean sum var".split():
    g.graph(f"op_{name}_keepdims", X, lambda x, name=name: getattr(O, name)(x, axis=-1, keepdims=True))
for name in "argmax argmin".split():
    g.graph(f"op_{name}", X, lambda x, name=name: getattr(O, name)(x, axis=-1))
    g.graph(f"op_{name}_keepdims", X, lambda x, name=name: getattr(O, name)(x, axis=1, keepdims=True))
g.graph("op_average", XY, lambda x: O.average(x[0], axis=2, weights=O.sigmoid(x[1])))
g.graph("op_quantile", X, lambda x: O.quantile(x, [0.25, 0.75], axis=2))
g.graph("op_percentile", X, lambda x: O.percentile(x, 30.0, axis=2))
g.graph("op_moments", X, lambda x: list(O.moments(x, axes=[1, 2])))
g.graph("op_norm", X, lambda x: O.norm(x, axis=-1))
g.graph("op_normalize", X, lambda x: O.normalize(x, axis=-1, order=2))

# Order and place.
for name in "argsort sort".split():
    g.graph(f"op_{name}", X, lambda x, name=name: getattr(O, name)(x, axis=-1))
g.graph("op_top_k", X, lambda x: list(O.top_k(x, 2)))
g.graph("op_top_k_unsorted", X, lambda x: O.sum(O.top_k(x, 2, sorted=False)[0], axis=-1))
g.graph("op_in_top_k", [((4,), "int32"), (4, 6)], lambda x: O.in_top_k(O.reshape(O.minimum(x[0], 5), (-1,)), O.reshape(x[1], (-1, 6)), 2))
g.graph("op_cumsum", X, lambda x: O.cumsum(x, axis=1))
g.graph("op_cumprod", X, lambda x: O.cumprod(x, axis=2))
g.graph("op_diff", X, lambda x: O.diff(x, axis=1))
g.graph("op_digitize", X, lambda x: O.digitize(x, np.array([-0.5, 0.0, 0.5], "float32")))
g.graph("op_searchsorted", X, lambda x: O.searchsorted(np.array([-0.5, 0.0, 0.5], "float32"), O.reshape(x, (-1,))))
g.graph("op_flip", X, lambda x: O.flip(x, axis=2))
g.graph("op_roll", X, lambda x: O.roll(x, 2, axis=1))
g.graph("op_rot90", X, lambda x: O.rot90(x, axes=(1, 2)))
g.graph("op_moveaxis", X, lambda x: O.moveaxis(x, 1, 2))
g.graph("op_swapaxes", X, lambda x: O.swapaxes(x, 1, 2))
g.graph("op_transpose", X, lambda x: O.transpose(x, (0, 2, 1)))
g.graph("op_reshape", X, lambda x: O.reshape(x, (-1, 8, 3)))
g.graph("op_squeeze", (4, 1, 6), lambda x: O.squeeze(x, axis=2))
g.graph("op_expand_dims", X, lambda x: O.expand_dims(x, axis=(1, -1)))
g.graph("op_broadcast_to", (1, 6), lambda x: O.broadcast_to(x, (4, 3, 6)))
g.graph("op_repeat", X, lambda x: O.repeat(x, 2, axis=1))
g.graph("op_tile", X, lambda x: O.tile(x, (1, 2, 1)))
g.graph("op_pad", X, lambda x: O.pad(x, ((0, 0), (1, 2), (0, 0)), constant_values=0.5))
g.graph("op_pad_reflect", X, lambda x: O.pad(x, ((0, 0), (1, 2), (0, 0)), mode="reflect"))
g.graph("op_clip", X, lambda x: O.clip(x, -0.3, 0.4))
g.graph("op_full_like", X, lambda x: O.full_like(x, 2.5))
g.graph("op_diag", (5,), lambda x: O.diagonal(O.expand_dims(x, 1) * O.expand_dims(x, 2), axis1=1, axis2=2))
g.graph("op_trace", SQUARE, lambda x: O.trace(x, axis1=1, axis2=2))
g.graph("op_tril", SQUARE, lambda x: O.tril(x, k=-1))
g.graph("op_triu", SQUARE, lambda x: O.triu(x))
g.graph("op_view", X, lambda x: O.view(x, dtype="int32"))

# Joining, cutting, indexing.
g.graph("op_concatenate", XY, lambda x: O.concatenate(x, axis=1))
g.graph("op_stack", XY, lambda x: O.stack(x, axis=1))
g.graph("op_hstack", XY, lambda x: O.hstack(x))
g.graph("op_vstack", XY, lambda x: O.vstack(x))
g.graph("op_dstack", XY, lambda x: O.dstack(x))
g.graph("op_split", X, lambda x: list(O.split(x, 3, axis=2)))
g.graph("op_split_at", X, lambda x: list(O.split(x, [1, 4], axis=2)))
g.graph("op_array_split", X, lambda x: list(O.array_split(x, 4, axis=2)))
g.graph("op_hsplit", X, lambda x: list(O.hsplit(x, 2)))
g.graph("op_dsplit", X, lambda x: list(O.dsplit(x, 2)))
g.graph("op_unstack", X, lambda x: list(O.unstack(x, axis=1)))
g.graph("op_meshgrid", X, lambda x: O.sum(O.meshgrid(x[0, 0], x[1, 0])[0]) + x)
g.graph("op_get_item", X, lambda x: x[:, 1])
g.graph("op_get_item_slices", X, lambda x: x[:, 1:3, ::2])
g.graph("op_get_item_ellipsis", X, lambda x: x[..., -1])
g.graph("op_get_item_new_axis", X, lambda x: x[:, None, 1:])
g.graph("op_take", X, lambda x: O.take(x, np.array([0, 3, 1]), axis=2))
g.graph("op_take_scalar", X, lambda x: O.take(x, 2, axis=1))
g.graph("op_take_along_axis", [(4, 6), ((4, 6), "int32")], lambda x: O.take_along_axis(x[0], O.minimum(x[1], 5), axis=2))
g.graph("op_where", XY, lambda x: O.where(x[0] > 0, x[0], x[1]))
g.graph("op_where_scalar", X, lambda x: O.where(x > 0, x, 0.25))
g.graph("op_select", X, lambda x: O.select([x < -0.2, x > 0.2], [x * 2.0, x * 3.0], default=0.0))
g.graph("op_slice", X, lambda x: O.slice(x, (0, 1, 2), (2, 2, 3)))
g.graph("op_slice_update", X, lambda x: O.slice_update(x, (0, 1, 2), np.ones((2, 2, 3), "float32")))
g.graph("op_scatter_update", X, lambda x: O.scatter_update(x, [[0, 1, 2], [1, 0, 0]], [5.0, 6.0]))
g.graph("op_cast", X, lambda x: O.cast(x * 3.0, "int32"))
g.graph("op_saturate_cast", X, lambda x: O.saturate_cast(x * 300.0, "uint8"))
g.graph("op_one_hot", ((4,), "int32"), lambda x: O.one_hot(x, 10))
g.graph("op_multi_hot", ((4,), "int32"), lambda x: O.multi_hot(x, 10))
g.graph("op_bincount", ((4,), "int32"), lambda x: O.bincount(x, minlength=10))
g.graph("op_is_in", WHOLE, lambda x: O.isin(x, np.array([1, 4, 7])))
g.graph("op_segment_sum", X, lambda x: O.segment_sum(x[0, 0], np.array([0, 0, 1, 1, 2, 2]), num_segments=3))
g.graph("op_segment_max", X, lambda x: O.segment_max(x[0, 0], np.array([0, 0, 1, 1, 2, 2]), num_segments=3))
g.graph("op_extract_sequences", (16,), lambda x: O.extract_sequences(x, 4, 2))

# Products.
g.graph("op_matmul", [(4, 6), (6, 3)], lambda x: O.matmul(x[0], x[1]))
g.graph("op_dot", X, lambda x: O.dot(x, np.linspace(-1, 1, 18, dtype="float32").reshape(6, 3)))
g.graph("op_tensordot", X, lambda x: O.tensordot(x, np.linspace(-1, 1, 18, dtype="float32").reshape(6, 3), axes=1))
g.graph("op_einsum", [(4, 6), (3, 6)], lambda x: O.einsum("bij,bkj->bik", x[0], x[1]))
g.graph("op_cross", [(4, 3), (4, 3)], lambda x: O.cross(x[0], x[1]))
g.graph("op_inner", X, lambda x: O.inner(x, np.linspace(-1, 1, 12, dtype="float32").reshape(2, 6)))
g.graph("op_kron", X, lambda x: O.kron(O.reshape(x, (-1, 6)), np.ones((2, 2), "float32")))
g.graph("op_vdot", XY, lambda x: O.vdot(x[0], x[1]) + x[0])
g.graph("op_correlate", X, lambda x: O.correlate(x[0, 0], np.array([1.0, 0.5, 0.25], "float32"), mode="same"))
g.graph("op_polar", XY, lambda x: O.real(O.polar(O.abs(x[0]), x[1])))
g.graph("op_cdist", XY, lambda x: O.cdist(x[0], x[1])) if hasattr(O, "cdist") else None
g.graph("op_trapezoid", X, lambda x: O.trapezoid(x, axis=2))

# Linear algebra.
g.graph("op_det", SQUARE, lambda x: O.det(x), weak=False)
g.graph("op_inv", SQUARE, lambda x: O.inv(x + 3.0 * O.eye(4)), tolerance=1e-4)
g.graph("op_cholesky", SQUARE, lambda x: O.cholesky(O.matmul(x, O.swapaxes(x, 1, 2)) + 3.0 * O.eye(4)), tolerance=1e-4)
g.graph("op_qr", SQUARE, lambda x: O.abs(O.qr(x + 3.0 * O.eye(4))[1]), tolerance=1e-4)
g.graph("op_svd", SQUARE, lambda x: O.svd(x, compute_uv=False), tolerance=1e-4)
g.graph("op_solve", [(4, 4), (4, 2)], lambda x: O.solve(x[0] + 3.0 * O.eye(4), x[1]), tolerance=1e-4)
g.graph("op_solve_triangular", [(4, 4), (4, 2)], lambda x: O.solve_triangular(O.tril(x[0]) + 3.0 * O.eye(4), x[1], lower=True), tolerance=1e-4)
g.graph("op_pinv", SQUARE, lambda x: A.pinv(x + 3.0 * O.eye(4)), tolerance=1e-4)
g.graph("op_slogdet", SQUARE, lambda x: list(O.slogdet(x + 3.0 * O.eye(4))), tolerance=1e-4)
g.graph("op_logdet", SQUARE, lambda x: O.logdet(O.matmul(x, O.swapaxes(x, 1, 2)) + 3.0 * O.eye(4)), tolerance=1e-4)

# Signals.
g.graph("op_fft", XY, lambda x: O.fft((x[0], x[1]))[0], tolerance=1e-4)
g.graph("op_fft2", XY, lambda x: O.fft2((x[0], x[1]))[1], tolerance=1e-4)
g.graph("op_ifft2", XY, lambda x: O.ifft2((x[0], x[1]))[0], tolerance=1e-4)
g.graph("op_rfft", (16,), lambda x: list(O.rfft(x, 16)), tolerance=1e-4)
g.graph("op_irfft", [(9,), (9,)], lambda x: O.irfft((x[0], x[1]), 16), tolerance=1e-4)
g.graph("op_stft", (64,), lambda x: list(O.stft(x, 16, 8, 16)), tolerance=1e-4)

# Networks.
g.graph("op_softmax_axis", X, lambda x: O.softmax(x, axis=1))
g.graph("op_gelu_exact", X, lambda x: O.gelu(x, approximate=False))
g.graph("op_leaky_relu_slope", X, lambda x: O.leaky_relu(x, negative_slope=0.1))
g.graph("op_elu_alpha", X, lambda x: O.elu(x, alpha=0.5))
g.graph("op_threshold", X, lambda x: O.threshold(x, 0.2, 0.5))
g.graph("op_average_pool", IMAGE, lambda x: O.average_pool(x, 2, strides=2, padding="same"))
g.graph("op_max_pool", IMAGE, lambda x: O.max_pool(x, (2, 2)))
g.graph("op_adaptive_average_pool", IMAGE, lambda x: O.adaptive_average_pool(x, (2, 2)))
g.graph("op_conv", IMAGE, lambda x: O.conv(x, np.linspace(-1, 1, 24, dtype="float32").reshape(2, 2, 3, 2), strides=1, padding="valid"))
g.graph("op_depthwise_conv", IMAGE, lambda x: O.depthwise_conv(x, np.linspace(-1, 1, 12, dtype="float32").reshape(2, 2, 3, 1)))
g.graph("op_separable_conv", IMAGE, lambda x: O.separable_conv(x, np.linspace(-1, 1, 12, dtype="float32").reshape(2, 2, 3, 1),
                                                                np.linspace(-1, 1, 6, dtype="float32").reshape(1, 1, 3, 2)))
g.graph("op_conv_transpose", IMAGE, lambda x: O.conv_transpose(x, np.linspace(-1, 1, 24, dtype="float32").reshape(2, 2, 2, 3), strides=2))
g.graph("op_batch_normalization", X, lambda x: O.batch_normalization(x, np.zeros(6, "float32"), np.ones(6, "float32"), axis=-1))
g.graph("op_layer_normalization", X, lambda x: O.layer_normalization(x, axis=-1, epsilon=1e-3))
g.graph("op_rms_normalization", X, lambda x: O.rms_normalization(x, axis=-1, epsilon=1e-3))
g.graph("op_dot_product_attention", [(4, 2, 6), (3, 2, 6)], lambda x: O.dot_product_attention(x[0], x[1], x[1]))
g.graph("op_binary_crossentropy", XY, lambda x: O.binary_crossentropy(O.sigmoid(x[0]), x[1], from_logits=True))
g.graph("op_categorical_crossentropy", XY, lambda x: O.categorical_crossentropy(O.softmax(x[0]), O.softmax(x[1])))
g.graph("op_sparse_categorical_crossentropy", [((4,), "int32"), (4, 6)],
        lambda x: O.sparse_categorical_crossentropy(O.minimum(x[0], 5), x[1], from_logits=True))
g.graph("op_depth_to_space", (2, 3, 4), lambda x: O.depth_to_space(x, 2))
g.graph("op_space_to_depth", (4, 6, 3), lambda x: O.space_to_depth(x, 2))
g.graph("op_unfold", (3, 6, 8), lambda x: O.unfold(x, 2))
g.graph("op_psnr", XY, lambda x: O.psnr(x[0], x[1], max_val=1.0) + x[0])

# Images.
g.graph("op_image_resize", IMAGE, lambda x: I.resize(x, (4, 5)))
g.graph("op_image_resize_pad", IMAGE, lambda x: I.resize(x, (4, 4), interpolation="nearest", pad_to_aspect_ratio=True))
g.graph("op_image_pad", IMAGE, lambda x: I.pad_images(x, 1, 2, target_height=10, target_width=12))
g.graph("op_image_crop", IMAGE, lambda x: I.crop_images(x, 1, 2, target_height=3, target_width=4))
g.graph("op_image_patches", IMAGE, lambda x: I.extract_patches(x, (2, 2)))
g.graph("op_image_gray", IMAGE, lambda x: I.rgb_to_grayscale(O.sigmoid(x)))
g.graph("op_image_hsv", IMAGE, lambda x: I.rgb_to_hsv(O.sigmoid(x)))
g.graph("op_image_rgb", IMAGE, lambda x: I.hsv_to_rgb(O.sigmoid(x)))
g.graph("op_image_blur", IMAGE, lambda x: I.gaussian_blur(x, (3, 3), (1.0, 1.0)))
g.graph("op_image_affine", IMAGE, lambda x: I.affine_transform(x, np.tile(np.array([1.0, 0.1, 0, 0, 0.9, 0, 0, 0], "float32"), (4, 1))))
g.graph("op_image_sobel", IMAGE, lambda x: I.sobel_edges(x)) if hasattr(I, "sobel_edges") else None

g.flush()

# Names and shapes of nodes.
g = Group("operation_graph")
g.graph("operations_beside_layers", [(6,), (6,)], lambda x: L.Add()([O.add(x[0], x[1]), O.multiply(L.Multiply()([x[0], x[1]]), x[0])]))
g.graph("operations_all_both", [(6,), (6,)],
        lambda x: [O.average(O.stack([O.subtract(x[0], x[1]), O.maximum(x[0], x[1]), O.minimum(x[0], x[1])], axis=1), axis=1),
                   O.softmax(O.reshape(O.concatenate([x[0], x[1]], axis=-1), (-1, 3, 4)))])
g.graph("operations_attention", [(4, 6), (3, 6)],
        lambda x: (lambda q, k, v: O.matmul(O.softmax(O.matmul(q, O.transpose(k, (0, 2, 1))) / 2.0), v))(L.Dense(5)(x[0]), L.Dense(5)(x[1]), L.Dense(5)(x[1])))
g.graph("operations_keywords", (4, 6), lambda x: O.where(condition=x > 0, x1=x, x2=O.negative(x=x)))
g.graph("operations_shared_depth", (6,), lambda x: (lambda a: L.Dense(4)(a) + L.Dense(4)(L.Dense(6)(a) * a))(L.Dense(6)(x)))
