"""Operations of TensorFlow called on Keras tensors: TFOpLambda, SlicingOpLambda and their kin."""
from . import Group, K, L, tf

g = Group("op", expect="refused:TFOpLambda", note="has an exact equal in Keras 3 operations: right is as good")
NONE = dict(note="no equal in Keras 3 operations")
NO_RELOAD = dict(reloads=False, note="2.15 does not read its own file back")
CONSTANT = dict(expect="refused:constant", reloads=False, note="a constant in the list of a merge layer: 2.15 does not read its own file back")
VEC, PAIR, SEQ = (6,), [(6,), (6,)], (4, 6)


def one(name, function, spec=VEC, **options):
    """The operation between two Dense layers."""
    g.graph(f"op_{name}", spec, lambda x: L.Dense(4)(function(L.Dense(6)(x))), **options)


def two(name, function, **options):
    g.graph(f"op_{name}", PAIR, lambda x: L.Dense(4)(function(L.Dense(6)(x[0]), L.Dense(6)(x[1]))), **options)


def bare(name, function, spec=VEC, **options):
    g.graph(f"op_{name}", spec, function, **options)


one("add_scalar", lambda x: x + 1.5)
one("radd_scalar", lambda x: 1.5 + x)
one("subtract_scalar", lambda x: x - 0.5)
one("rsubtract_scalar", lambda x: 1.0 - x)
one("multiply_scalar", lambda x: 2.0 * x)
one("divide_scalar", lambda x: x / 3.0)
one("rdivide_scalar", lambda x: 1.0 / (tf.abs(x) + 1.0))
one("power_scalar", lambda x: x ** 2)
one("negative", lambda x: -x)
two("add", lambda a, b: a + b)
two("subtract", lambda a, b: a - b)
two("multiply", lambda a, b: a * b)
two("divide", lambda a, b: a / (tf.abs(b) + 1.0))
two("maximum", tf.maximum)
two("minimum", tf.minimum)
two("squared_difference", tf.math.squared_difference)
two("matmul", lambda a, b: tf.matmul(a[:, None], b[:, :, None])[:, 0])
two("matmul_transposed", lambda a, b: tf.matmul(a[:, None], b[:, None], transpose_b=True)[:, 0])
two("concat", lambda a, b: tf.concat([a, b], axis=-1))
two("stack", lambda a, b: tf.stack([a, b], axis=1))
two("where", lambda a, b: tf.where(a > 0, a, b))
two("add_n", lambda a, b: tf.add_n([a, b]))
UNARY = {"abs": tf.abs, "sign": tf.sign, "square": tf.square, "exp": tf.exp, "sin": tf.sin, "cos": tf.cos, "tanh": tf.tanh,
         "sigmoid": tf.sigmoid, "floor": tf.floor, "ceil": tf.math.ceil, "round": tf.round, "erf": tf.math.erf,
         "sqrt_abs": lambda x: tf.sqrt(tf.abs(x)), "rsqrt": lambda x: tf.math.rsqrt(tf.abs(x) + 1.0), "log": lambda x: tf.math.log(tf.abs(x) + 1.0),
         "log1p": lambda x: tf.math.log1p(tf.abs(x)), "relu": tf.nn.relu, "relu6": tf.nn.relu6, "leaky_relu": tf.nn.leaky_relu, "elu": tf.nn.elu,
         "gelu": tf.nn.gelu, "selu": tf.nn.selu, "silu": tf.nn.silu, "softplus": tf.nn.softplus, "softmax": tf.nn.softmax, "log_softmax": tf.nn.log_softmax,
         "l2_normalize": lambda x: tf.math.l2_normalize(x, axis=-1), "clip_by_value": lambda x: tf.clip_by_value(x, -0.5, 0.5),
         "cumsum": lambda x: tf.cumsum(x, axis=1), "identity": tf.identity, "stop_gradient": tf.stop_gradient}
for name, function in UNARY.items():
    one(name, function)
for name in ("sum", "mean", "max", "min", "prod"):
    one(f"reduce_{name}", lambda x, name=name: getattr(tf, f"reduce_{name}")(x, axis=1), SEQ)
one("reduce_mean_keepdims", lambda x: tf.reduce_mean(x, axis=[1], keepdims=True), SEQ)
bare("argmax", lambda x: tf.argmax(L.Dense(6)(x), axis=-1))
one("reshape", lambda x: tf.reshape(x, (-1, 2, 3)))
one("transpose", lambda x: tf.transpose(x, (0, 2, 1)), SEQ)
one("expand_dims", lambda x: tf.expand_dims(x, axis=1))
one("squeeze", lambda x: tf.squeeze(tf.expand_dims(x, axis=1), axis=1))
one("tile", lambda x: tf.tile(x, [1, 2]))
one("repeat", lambda x: tf.repeat(x, 2, axis=1))
one("reverse", lambda x: tf.reverse(x, axis=[1]))
one("pad", lambda x: tf.pad(x, [[0, 0], [1, 2]]))
one("gather", lambda x: tf.gather(x, [2, 0, 1], axis=1))
one("split", lambda x: tf.split(x, 2, axis=1)[1])
one("unstack", lambda x: tf.unstack(x, axis=1)[2], SEQ)
one("cast", lambda x: tf.cast(tf.cast(x * 4.0, "int32"), "float32"))
one("slice_columns", lambda x: x[:, 1:4])
one("slice_step", lambda x: x[:, ::2])
one("slice_last", lambda x: x[:, -1], SEQ)
one("slice_new_axis", lambda x: x[:, None])
one("zeros_like", lambda x: x + tf.zeros_like(x))
bare("one_hot", lambda x: tf.one_hot(x, 10), ((4,), "int32"))
bare("greater", lambda x: tf.cast(L.Dense(6)(x) > 0.1, "float32"))
bare("logical_and", lambda x: (lambda y: tf.cast(tf.logical_and(y > -0.3, y < 0.3), "float32"))(L.Dense(6)(x)))
bare("image_resize", lambda x: tf.image.resize(x, (6, 5)), (3, 4, 2))
bare("depth_to_space", lambda x: tf.nn.depth_to_space(L.Conv2D(4, 1)(x), 2), (3, 3, 2))
bare("avg_pool2d", lambda x: tf.nn.avg_pool2d(x, 2, 2, "VALID"), (4, 4, 2))
bare("shape", lambda x: tf.reshape(x, (tf.shape(x)[0], 24)), SEQ, **NONE)
one("einsum", lambda x: tf.einsum("bij->bji", x), SEQ, **NO_RELOAD)
one("reduce_variance", lambda x: tf.math.reduce_variance(x, axis=1), SEQ)
one("reduce_std", lambda x: tf.math.reduce_std(x, axis=1), SEQ)
bare("backend_sum", lambda x: K.backend.sum(L.Dense(6)(x), axis=-1, keepdims=True))
bare("abs_difference_siamese", lambda x: (lambda d: L.Dense(2)(tf.abs(d(x[0]) - d(x[1]))))(L.Dense(6)), PAIR)
bare("scaled_dot_attention", lambda x: (lambda q, k, v: tf.matmul(tf.nn.softmax(tf.matmul(q, k, transpose_b=True) / 2.0), v))(L.Dense(4)(x), L.Dense(4)(x), L.Dense(4)(x)), SEQ)
bare("in_nested", lambda x: L.Dense(3)((lambda t: K.Model(t, L.Dense(6)(t) * 2.0 + t))(L.Input(VEC))(x)))
bare("constant_in_add_layer", lambda x: L.Add()([L.Dense(6)(x), tf.constant([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])]), **CONSTANT)
bare("constant_first", lambda x: L.Subtract()([tf.constant([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]]), L.Dense(6)(x)]), **CONSTANT)
bare("mish_by_hand", lambda x: (lambda y: y * tf.math.tanh(tf.math.softplus(y)))(L.Dense(6)(x)))
bare("loop_states", lambda x: (lambda h: tf.stack(h, axis=1))([L.Dense(3)(x[:, i]) for i in range(3)]), SEQ)

# One model a function that 2.15 names in a file. Functions that call another one are saved under the other's name.
V1 = tf.compat.v1
INT, GRID = ((4,), "int32"), (4, 4, 2)
LOST = dict(reloads=False, note="2.15 leaves the second operand out of the file")
SIX, KERNEL = [0.5, -1.0, 1.5, 2.0, -0.5, 1.0], [[[[0.5, -1.0], [0.25, 0.75]], [[1.0, 0.5], [-0.5, 0.1]]], [[[0.3, 0.2], [-0.7, 0.4]], [[0.9, -0.2], [0.6, -0.4]]]]


def as_float(x):
    return tf.cast(x, "float32")


two("math_add", tf.add)
one("bias_add", lambda x: tf.nn.bias_add(x, SIX))
one("backend_bias_add", lambda x: K.backend.bias_add(x, tf.constant(SIX)))
two("realdiv", lambda a, b: tf.realdiv(a, tf.abs(b) + 1.0))
two("v1_div", lambda a, b: V1.div(a, tf.abs(b) + 1.0))
two("divide_no_nan", lambda a, b: tf.math.divide_no_nan(a, tf.nn.relu(b)))
one("floordiv_scalar", lambda x: x // 0.3)
bare("floordiv_int", lambda x: L.Dense(3)(as_float(x // 3)), INT)
one("mod_scalar", lambda x: x % 0.7)
bare("mod_int", lambda x: L.Dense(3)(as_float(tf.math.mod(x, 3))), INT)
two("atan2", tf.math.atan2)
two("accumulate_n", lambda a, b: tf.math.accumulate_n([a, b, a]))
one("greater_equal", lambda x: as_float(x >= 0.1))
one("less_equal", lambda x: as_float(x <= 0.1))
two("greater_equal_two", lambda a, b: as_float(tf.greater_equal(a, b)))
one("equal", lambda x: as_float(tf.equal(tf.nn.relu(x), 0.0)))
one("not_equal", lambda x: as_float(tf.not_equal(tf.nn.relu(x), 0.0)))
bare("equal_int", lambda x: L.Dense(3)(as_float(tf.equal(x, 3))), INT, inputs=dict(limit=5))
bare("eq_operator", lambda x: L.Dense(3)(as_float(x == 3)), INT, inputs=dict(limit=5), **LOST)
one("ne_operator", lambda x: as_float(tf.nn.relu(x) != 0.0), **LOST)
two("logical_or", lambda a, b: as_float((a > 0.1) | (b > 0.1)))
two("logical_xor", lambda a, b: as_float(tf.math.logical_xor(a > 0.1, b > 0.1)))
one("logical_not", lambda x: as_float(~(x > 0.1)))
one("is_nan", lambda x: as_float(tf.math.is_nan(tf.sqrt(x))))
one("is_inf", lambda x: as_float(tf.math.is_inf(tf.math.log(tf.nn.relu(x)))))
one("is_finite", lambda x: as_float(tf.math.is_finite(tf.math.log(tf.nn.relu(x)))))
MORE = {"expm1": tf.math.expm1, "tan": lambda x: tf.tan(x * 0.3), "asin": lambda x: tf.asin(tf.tanh(x) * 0.9), "acos": lambda x: tf.acos(tf.tanh(x) * 0.9),
        "atan": tf.atan, "sinh": tf.sinh, "cosh": tf.cosh, "asinh": tf.asinh, "acosh": lambda x: tf.acosh(tf.abs(x) + 1.1),
        "atanh": lambda x: tf.atanh(tf.tanh(x) * 0.9), "rint": lambda x: tf.math.rint(x * 3.0), "reciprocal": lambda x: tf.math.reciprocal(tf.abs(x) + 1.0),
        "softsign": tf.nn.softsign, "v1_softmax": V1.nn.softmax, "v1_log_softmax": V1.nn.log_softmax, "log_sigmoid": tf.math.log_sigmoid,
        "convert_to_tensor": tf.convert_to_tensor, "ensure_shape": lambda x: tf.ensure_shape(x, (None, 6)), "ones_like": lambda x: x + tf.ones_like(x),
        "v1_zeros_like": lambda x: x + V1.zeros_like(x), "v1_ones_like": lambda x: x + V1.ones_like(x),
        "cumprod": lambda x: tf.math.cumprod(x, axis=1), "sort": lambda x: tf.sort(x, axis=1), "roll": lambda x: tf.roll(x, 2, 1),
        "reduce_logsumexp": lambda x: tf.reduce_logsumexp(x, axis=1, keepdims=True), "norm": lambda x: tf.norm(x, axis=1, keepdims=True),
        "reduce_euclidean_norm": lambda x: tf.math.reduce_euclidean_norm(x, axis=1, keepdims=True), "slice": lambda x: tf.slice(x, [0, 1], [-1, 3]),
        "top_k": lambda x: tf.math.top_k(x, 3)[0], "top_k_indices": lambda x: as_float(tf.math.top_k(x, 3)[1]),
        "reduce_any": lambda x: as_float(tf.reduce_any(x > 0.9, axis=1, keepdims=True)), "reduce_all": lambda x: as_float(tf.reduce_all(x > -0.9, axis=1, keepdims=True)),
        "moments": lambda x: tf.concat(tf.nn.moments(x, axes=[1], keepdims=True), axis=1), "v1_where": lambda x: V1.where(x > 0, x, x * 2.0),
        "ones_like_dtype": lambda x: x + as_float(tf.ones_like(x, dtype="int32"))}
for name, function in MORE.items():
    one(name, function)
one("norm_sequence", lambda x: tf.norm(x, axis=1), SEQ)
one("logsumexp_sequence", lambda x: tf.reduce_logsumexp(x, axis=1), SEQ)
one("matrix_transpose", tf.linalg.matrix_transpose, SEQ)
one("tensordot", lambda x: tf.tensordot(x, [[0.5, 1.0], [1.5, -1.0], [0.2, 0.3], [-0.4, 0.6], [1.0, 0.0], [0.7, 0.8]], axes=1), SEQ)
bare("argmin", lambda x: tf.argmin(L.Dense(6)(x), axis=-1))
bare("top_k_both", lambda x: list(tf.math.top_k(L.Dense(6)(x), 2)))
bare("flip_left_right", lambda x: L.Conv2D(2, 2)(tf.image.flip_left_right(x)), GRID)
bare("flip_up_down", lambda x: L.Conv2D(2, 2)(tf.image.flip_up_down(x)), GRID)
bare("v1_depth_to_space", lambda x: V1.nn.depth_to_space(L.Conv2D(4, 1)(x), 2), (3, 3, 2))
bare("space_to_depth", lambda x: L.Conv2D(3, 1)(tf.nn.space_to_depth(x, 2)), GRID)
bare("v1_space_to_depth", lambda x: L.Conv2D(3, 1)(V1.nn.space_to_depth(x, 2)), GRID)
bare("max_pool2d", lambda x: tf.nn.max_pool2d(x, 2, 2, "VALID"), GRID)
bare("max_pool2d_same", lambda x: tf.nn.max_pool2d(x, [3, 2], [2, 1], "SAME"), GRID)
bare("v1_max_pool", lambda x: V1.nn.max_pool(x, [1, 2, 2, 1], [1, 2, 2, 1], "VALID"), GRID)
bare("v1_avg_pool", lambda x: V1.nn.avg_pool(x, [1, 2, 2, 1], [1, 1, 1, 1], "SAME"), GRID)
bare("backend_pool", lambda x: K.backend.pool2d(x, (2, 2), padding="same", pool_mode="avg"), GRID)
bare("avg_pool", lambda x: tf.nn.avg_pool(x, 2, 2, "VALID"), GRID)
bare("conv2d", lambda x: tf.nn.conv2d(x, KERNEL, 1, "SAME"), GRID)
bare("v1_conv2d_strides", lambda x: V1.nn.conv2d(x, KERNEL, [1, 2, 2, 1], "VALID"), GRID)
