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
