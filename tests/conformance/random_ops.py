"""Random operations on tensors for random_zoo.py: TFOpLambda and SlicingOpLambda of tf.keras 2.15, or operations of Keras 3."""
import random_layers as rl
from random_layers import K, THREE, axis

if THREE:
    O = K.ops
else:
    import tensorflow as tf


def safe(x):
    """Positive, away from zero."""
    return (O.abs if THREE else tf.abs)(x) + 0.5


def slices(d, x):
    """A random index: slices, numbers, new axes and an ellipsis."""
    parts = [slice(None)]
    for size in x.shape[1:]:
        kind = d.random()
        if kind < 0.35 or not size:
            parts.append(slice(None))
        elif kind < 0.6:
            start = d.randrange(size)
            parts.append(slice(start if d.chance(0.6) else start - size, d.choice([None, size, -1 if start < size - 1 else None])))
        elif kind < 0.75:
            parts.append(slice(None, None, d.choice([2, -1, 3])))
        elif kind < 0.9:
            parts.append(d.choice([-1, d.randrange(size)]))
        else:
            parts += [None, slice(None)]
    if d.chance(0.2):
        parts = [*parts[: d.randint(1, len(parts))], ...]
    return x[tuple(parts)]


def scalar(d, x):
    number = d.choice([0.5, 2, -1.5, 3.0])
    return d.choice([lambda: x + number, lambda: number + x, lambda: x - number, lambda: number - x, lambda: x * number, lambda: number * x,
                     lambda: x / number, lambda: number / safe(x), lambda: safe(x) ** number, lambda: x ** 2, lambda: -x, lambda: abs(x),
                     lambda: x // number, lambda: x % number])()


def some_axis(d, x):
    return axis(d, len(x.shape))


def reduce_axes(d, x):
    return d.choice([some_axis(d, x), rl.axes(d, len(x.shape), 3), tuple(rl.axes(d, len(x.shape), 2))])


def reduced(d, x):
    kwargs = dict(axis=reduce_axes(d, x), keepdims=d.chance(0.5))
    if THREE:
        return getattr(O, d.choice("sum mean max min prod std var logsumexp amax amin any all count_nonzero".split()))(x, **kwargs)
    return getattr(tf, "reduce_" + d.choice("sum mean max min prod logsumexp".split()))(x, **kwargs) if d.chance(0.7) else \
        getattr(tf.math, "reduce_" + d.choice(["std", "variance", "euclidean_norm"]))(safe(x), **kwargs)


UNARY = ("abs sign square exp sin cos tanh floor ceil round sigmoid relu relu6 elu gelu selu silu softplus softsign softmax log_softmax "
         "leaky_relu tan sinh cosh arctan arcsinh expm1 reciprocal rsqrt sqrt log log1p erf log_sigmoid hard_sigmoid").split()
UNARY3 = ("cbrt trunc negative log2 log10 isnan isfinite celu hard_tanh hard_silu hard_shrink soft_shrink tanh_shrink squareplus sparsemax sparse_plus glu erfc exp2 "
          "cumsum cumprod sort argsort ravel nan_to_num deg2rad sinc logical_not signbit stop_gradient size ndim shape").split()
SAFE = {"reciprocal", "rsqrt", "sqrt", "log", "log1p", "log2", "log10"}
IN_TF = {"sin": "sin", "arctan": "math.atan", "arcsinh": "math.asinh", "ceil": "math.ceil", "hard_sigmoid": None, "reciprocal": "math.reciprocal"}


def tensorflow_of(name):
    if name in ("gelu selu elu silu softplus softsign softmax log_softmax leaky_relu relu relu6").split():
        return getattr(tf.nn, name)
    return getattr(tf.math, IN_TF.get(name, name).removeprefix("math.")) if hasattr(tf.math,
        IN_TF.get(name, name).removeprefix("math.")) else getattr(tf, name)


def unary(d, x):
    name = d.choice(UNARY + UNARY3 if THREE else [n for n in UNARY if n != "hard_sigmoid"])
    x = safe(x) if name in SAFE else x
    function = getattr(O, name) if THREE else tensorflow_of(name)
    if name in ("softmax", "log_softmax", "cumsum", "cumprod", "glu", "sort", "argsort", "sparsemax") and d.chance(0.5):
        return function(x, axis=some_axis(d, x))
    if name == "gelu":
        return function(x, approximate=d.chance(0.5))
    if name == "leaky_relu":
        return function(x, **{"negative_slope" if THREE else "alpha": d.choice([0.1, 0.3])})
    return function(x)


def shapes(d, x):
    """What changes shapes: more than layers can."""
    rank, where = len(x.shape), some_axis(d, x)
    order = [0, *d.sample(range(1, rank), rank - 1)]
    size = x.shape[where] or 1
    widths = [[0, 0], *[[d.randint(0, 2), d.randint(0, 1)] for _ in range(rank - 1)]]
    mode = d.choice(["constant", "reflect", "symmetric"])
    index = [d.randrange(size) for _ in range(d.randint(1, 3))]
    part = d.choice([n for n in (1, 2, 3, size) if size % n == 0])
    if THREE:
        one = d.choice([
            lambda: O.transpose(x, order), lambda: O.reshape(x, (-1, *[s or 1 for s in x.shape[1:]][::-1])), lambda: O.expand_dims(x, where),
                lambda: O.flip(x, axis=where),
            lambda: O.roll(x, d.randint(-2, 2), axis=where), lambda: O.repeat(x, 2, axis=where),
                lambda: O.tile(x, [1] + [d.randint(1, 2) for _ in order[1:]]),
            lambda: O.pad(x, widths, mode=mode), lambda: O.take(x, index, axis=where), lambda: O.split(x, part, axis=where)[-1],
                lambda: O.unstack(x, axis=where)[0],
            lambda: O.squeeze(O.expand_dims(x, where), where), lambda: O.moveaxis(x, where, 1), lambda: O.swapaxes(x, 1, where),
                lambda: O.argmax(x, axis=where, keepdims=d.chance(0.3)),
            lambda: O.top_k(x, 1)[0], lambda: O.diff(x, axis=where), lambda: O.stack([x, x * 2], axis=d.choice([1, -1])),
                lambda: O.concatenate([x, x + 1], axis=where),
            lambda: O.one_hot(O.argmax(x, axis=where), size), lambda: O.clip(x, -0.5, d.number(0, 2)),
                lambda: O.cast(O.cast(x * 3, "int32"), "float32"),
            lambda: O.where(x > 0.1, x, d.choice([0.0, x * 2])), lambda: O.norm(x, axis=where),
                lambda: O.normalize(x, axis=where, order=d.choice([1, 2])), lambda: O.tril(x),
                    lambda: O.broadcast_to(O.expand_dims(x, 1), (-1, 2, *x.shape[1:])),
            lambda: O.mean(x, axis=-1, keepdims=True) * x, lambda: O.array_split(x, 2, axis=where)[0], lambda: O.quantile(x, 0.3, axis=where),
                lambda: O.median(x, axis=where), lambda: O.average(x, axis=where)])
    else:
        one = d.choice([
            lambda: tf.transpose(x, order), lambda: tf.reshape(x, (-1, *[s or 1 for s in x.shape[1:]][::-1])), lambda: tf.expand_dims(x, where),
                lambda: tf.reverse(x, axis=[where]),
            lambda: tf.roll(x, d.randint(-2, 2), axis=where), lambda: tf.repeat(x, 2, axis=where),
                lambda: tf.tile(x, [1] + [d.randint(1, 2) for _ in order[1:]]),
            lambda: tf.pad(x, widths, mode=mode), lambda: tf.gather(x, index, axis=where), lambda: tf.split(x, part, axis=where)[-1],
                lambda: tf.unstack(x, axis=where)[0],
            lambda: tf.squeeze(tf.expand_dims(x, where), where), lambda: tf.argmax(x, axis=where),
                lambda: tf.stack([x, x * 2], axis=d.choice([1, -1])),
            lambda: tf.concat([x, x + 1], where), lambda: tf.one_hot(tf.argmax(x, axis=where), size),
                lambda: tf.clip_by_value(x, -0.5, d.number(0, 2)),
            lambda: tf.cast(tf.cast(x * 3, "int32"), "float32"), lambda: tf.where(x > 0.1, x, d.choice([0.0, x * 2])),
                lambda: tf.norm(x, axis=where, keepdims=d.chance(0.3)),
            lambda: tf.math.l2_normalize(x, axis=where), lambda: tf.cumsum(x, axis=where, exclusive=d.chance(0.3), reverse=d.chance(0.3)),
                lambda: tf.math.top_k(x, k=1)[0],
            lambda: tf.reduce_mean(x, -1, True) * x, lambda: tf.nn.avg_pool2d(x, 2, 1, "SAME"), lambda: tf.image.resize(x, (3, 4)),
                lambda: K.backend.mean(x, axis=where),
            lambda: K.backend.sum(x, axis=where, keepdims=True), lambda: K.activations.relu(x, max_value=1.0),
                lambda: K.backend.permute_dimensions(x, order), lambda: K.backend.l2_normalize(x, axis=where),
            lambda: tf.sort(x, axis=where), lambda: tf.math.cumprod(x, axis=where), lambda: tf.linalg.band_part(x, 1, 0),
                lambda: tf.strided_slice(x, [0, 0], [2, 1])])
    return one()


def plain(x):
    """Numbers that a layer can go on with."""
    kind = rl.kind_of(K.backend.standardize_dtype(x.dtype) if THREE else x.dtype.name)
    return x if kind == "float" else (O.cast if THREE else tf.cast)(x, "float32")


def one(d, x):
    return plain(d.choice([slices, scalar, reduced, unary, shapes])(d, x))


def two(d, x, y):
    """An operation on two tensors; shapes that broadcast."""
    names = "add subtract multiply maximum minimum".split()
    kind = d.random()
    if kind < 0.4:
        return getattr(O if THREE else tf, d.choice(names))(x, y)
    if kind < 0.55:
        return d.choice([lambda: x + y, lambda: x - y, lambda: x * y, lambda: x / safe(y), lambda: safe(x) ** y])()
    if kind < 0.7:
        return plain(d.choice([lambda: x > y, lambda: x <= y, lambda: (x > 0.1) & (y > 0) if not THREE else O.logical_and(x > 0.1, y > 0)])())
    if kind < 0.85:
        return (O.where if THREE else tf.where)(x > 0.1, x, y)
    if THREE:
        return d.choice([lambda: O.matmul(x, O.swapaxes(y, -1, -2)), lambda: O.arctan2(x, y), lambda: O.concatenate([x, y], axis=-1),
            lambda: O.logaddexp(x, y),
                         lambda: O.einsum("ab...,ab...->a...", x, y), lambda: O.mod(x, safe(y)), lambda: O.stack([x, y], axis=1),
                             lambda: O.squared_difference(x, y) if hasattr(O, "squared_difference") else O.hypot(x, y)])()
    return d.choice([lambda: tf.matmul(x, y, transpose_b=True), lambda: tf.atan2(x, y), lambda: tf.concat([x, y], -1),
        lambda: tf.math.squared_difference(x, y),
                     lambda: tf.einsum("ab...,ab...->a...", x, y), lambda: tf.math.floormod(x, safe(y)), lambda: tf.stack([x, y], axis=1),
                         lambda: tf.add_n([x, y])])()
