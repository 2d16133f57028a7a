"""Random layers for random_zoo.py: random values of a layer's arguments that may be valid.

LAYERS, WHOLE and WORDS, which random_tables.py fills: class -> (ranks, function), where `ranks` are those of the tensors that it
takes, the batch counted, and `function(d, shape)` draws arguments. Those that the Keras which runs does not know are left out, so one
table serves Keras 2 and 3. What does not fit after all is for Keras itself to reject. A layer depends on the draws before it alone.
"""
import functools
import inspect
import random

import judge

K = judge.import_keras()
L = K.layers
THREE = K.__version__.startswith("3")
LAYERS, WHOLE, WORDS = {}, {}, {}  # of floats, whole numbers and texts
ACTIVATIONS = ("linear relu tanh sigmoid hard_sigmoid softmax elu selu gelu exponential softplus softsign swish mish relu6 leaky_relu "
               "log_softmax").split()
ACTIVATIONS3 = ("silu celu hard_shrink hard_tanh hard_silu hard_swish log_sigmoid soft_shrink sparse_plus sparse_sigmoid sparsemax squareplus "
                "tanh_shrink").split()
ALWAYS = {"name", "dtype", "trainable", "activity_regularizer", "implementation", "time_major", "input_length"}
INITIALIZERS = "zeros ones glorot_uniform he_normal lecun_uniform random_normal random_uniform truncated_normal variance_scaling".split()
OBJECTS = {"Constant": dict(value=0.3), "RandomNormal": dict(mean=0.1, stddev=0.2, seed=3), "VarianceScaling": dict(scale=2.0, mode="fan_out"),
           "TruncatedNormal": dict(stddev=0.1), "RandomUniform": dict(minval=-0.1, maxval=0.2), "HeUniform": {}, "Orthogonal": dict(gain=0.5)}
REGULARIZERS = {"L1": dict(l1=0.01), "L2": dict(l2=0.02), "L1L2": dict(l1=0.01, l2=0.03), "OrthogonalRegularizer": dict(factor=0.02)}
CONSTRAINTS = {"MaxNorm": dict(max_value=3.0), "NonNeg": {}, "UnitNorm": dict(axis=0), "MinMaxNorm": dict(min_value=0.1, max_value=2.0)}


class Draw(random.Random):
    """Seeded choices, by short names."""

    def chance(self, part):
        return self.random() < part

    def number(self, low, high):
        return round(self.uniform(low, high), 3)

    def some(self, part, value):
        """The value in `part` of all cases, else None."""
        return value if self.chance(part) else None


def axes(d, rank, most=2):
    """Some axes but the batch's, from the front or the back."""
    chosen = sorted(d.sample(range(1, rank), min(rank - 1, d.randint(1, most))))
    return [axis - rank if d.chance(0.4) else axis for axis in chosen]


def axis(d, rank):
    return axes(d, rank, 1)[0]


def activation(d):
    kind = d.random()
    if kind < 0.3:
        return None
    if kind < 0.75:
        return d.choice(ACTIVATIONS + (ACTIVATIONS3 if THREE else []))
    if kind < 0.85:
        return getattr(K.activations, d.choice(["relu", "tanh", "hard_sigmoid", "elu", "gelu", "softmax"]))
    name = d.choice(["LeakyReLU", "ELU", "ReLU", "Softmax", "PReLU", "ThresholdedReLU"])
    return make(d, name, (None, 4)) if hasattr(L, name) else "tanh"


def sizes(d, rank, low, high):
    """A size for every one of `rank - 2` axes, or one for all."""
    count = rank - 2
    return d.randint(low, high) if d.chance(0.4) else tuple(d.randint(low, high) for _ in range(count))


def first(d, part=0.04):
    """channels_first is rare: few of its kernels are there on a CPU."""
    return d.choices(["channels_first", "channels_last", None], [part, 0.15, 1 - part - 0.15])[0]


def channels(shape, kwargs):
    return (shape[1] if kwargs.get("data_format") == "channels_first" else shape[-1]) or 1


def moving(d, shape, transposed=False, depthwise=False):
    """Kernel, strides, dilation and padding of a convolution."""
    rank = len(shape)
    kwargs = dict(kernel_size=sizes(d, rank, 1, 3), padding=d.choice(["valid", "same", "same"]), data_format=first(d),
                  activation=activation(d), use_bias=d.chance(0.8))
    kind = d.random()
    if kind < 0.3:
        kwargs["strides"] = d.randint(2, 3) if depthwise and rank == 4 else sizes(d, rank, 1, 3)
    elif kind < 0.5:
        kwargs["dilation_rate"] = sizes(d, rank, 1, 2)
    if rank == 3 and not transposed and d.chance(0.25):
        kwargs["padding"] = "causal"
    if transposed and d.chance(0.3):
        kwargs["strides"] = sizes(d, rank, 2, 3)
        kwargs["output_padding"] = sizes(d, rank, 0, 1)
    return {key: value for key, value in kwargs.items() if value is not None}


def conv(d, shape):
    kwargs = moving(d, shape)
    groups = d.choice([g for g in (1, 2, 3) if channels(shape, kwargs) % g == 0])
    return dict(kwargs, filters=groups * d.randint(1, 3), groups=groups) if d.chance(0.5) else dict(kwargs, filters=d.randint(1, 5))


def transpose(d, shape):
    return dict(moving(d, shape, transposed=True), filters=d.randint(1, 4))


def depthwise(d, shape):
    return dict(moving(d, shape, depthwise=True), depth_multiplier=d.randint(1, 3))


def separable(d, shape):
    return dict(depthwise(d, shape), filters=d.randint(1, 4))


def local(d, shape):
    kwargs = dict(filters=d.randint(1, 4), kernel_size=sizes(d, len(shape), 1, 3), strides=sizes(d, len(shape), 1, 2), activation=activation(d),
                  use_bias=d.chance(0.8), implementation=d.choice([1, 1, 2, 3]))
    return dict(kwargs, padding="same") if kwargs["implementation"] > 1 and d.chance(0.5) else kwargs


def pool(d, shape):
    kwargs = dict(pool_size=sizes(d, len(shape), 1, 3), strides=d.some(0.5, sizes(d, len(shape), 1, 3)), padding=d.choice(["valid", "same"]))
    return dict(kwargs, data_format=first(d))


def pairs(d, rank, low, high):
    """What cropping and padding take: a number, one an axis, or a pair an axis."""
    count = rank - 2
    if count == 1:
        return d.choice([d.randint(low, high), (d.randint(low, high), d.randint(low, high))])
    kind = d.randint(0, 2)
    one = lambda: d.randint(low, high)
    return one() if kind == 0 else tuple(one() for _ in range(count)) if kind == 1 else tuple((one(), one()) for _ in range(count))


def recurrent(d, shape, gates=True):
    kwargs = dict(units=d.randint(2, 5), activation=activation(d), use_bias=d.chance(0.8), dropout=d.choice([0.0, 0.2]),
                  recurrent_dropout=d.choice([0.0, 0.0, 0.2]), return_sequences=d.chance(0.6), go_backwards=d.chance(0.25), unroll=d.chance(0.15))
    if gates:
        kwargs.update(recurrent_activation=d.choice(["sigmoid", "hard_sigmoid", "tanh", "relu", "linear", "softmax"]),
            implementation=d.choice([1, 2]))
    if gates and d.chance(0.3):
        kwargs.update(activation="tanh", recurrent_activation="sigmoid")
    return dict(kwargs, return_state=d.chance(0.15), stateful=bool(shape[0]) and d.chance(0.5))


def gru(d, shape):
    return dict(recurrent(d, shape), reset_after=d.chance(0.5))


def lstm(d, shape):
    return dict(recurrent(d, shape), unit_forget_bias=d.chance(0.5), time_major=d.chance(0.02))


def cell(d):
    name = d.choice(["LSTMCell", "GRUCell", "SimpleRNNCell"])
    kwargs = {"LSTMCell": lstm, "GRUCell": gru, "SimpleRNNCell": lambda d, s: recurrent(d, s, False)}[name](d, (None, 4, 3))
    kwargs.pop("time_major", None)
    return made(d, name, kwargs)


def cells(d):
    count = d.choice([1, 1, 2, 3])
    if count == 1:
        return cell(d)
    parts = [cell(d) for _ in range(count)]
    return made(d, "StackedRNNCells", dict(cells=parts)) if d.chance(0.5) else parts


def any_cell(d, shape):
    kwargs = {key: value for key, value in recurrent(d, shape).items() if key.startswith(("return", "go_", "unroll", "stateful"))}
    return dict(kwargs, cell=cells(d), zero_output_for_mask=d.chance(0.2))


def conv_lstm(d, shape):
    rank = len(shape) - 1
    kwargs = dict(filters=d.randint(1, 3), kernel_size=sizes(d, rank, 1, 3), padding=d.choice(["valid", "same"]), data_format=first(d, 0.05),
                  activation=activation(d), use_bias=d.chance(0.8), return_sequences=d.chance(0.5), go_backwards=d.chance(0.3),
                  return_state=d.chance(0.1), unit_forget_bias=d.chance(0.5), stateful=bool(shape[0]) and d.chance(0.5), dropout=d.choice([0.0, 0.3]))
    if d.chance(0.6):
        kwargs["recurrent_activation"] = d.choice(["sigmoid", "hard_sigmoid", "tanh"])
    if d.chance(0.4):
        kwargs[d.choice(["strides", "dilation_rate"])] = sizes(d, rank, 1, 2)
    return {key: value for key, value in kwargs.items() if value is not None}


def bidirectional(d, shape):
    name = d.choice(["LSTM", "GRU", "SimpleRNN", "RNN"])
    layer = make(d, name, shape)
    mode = d.choice(["concat", "sum", "mul", "ave", None])
    if d.chance(0.8):
        return dict(layer=layer, merge_mode=mode)
    config = dict(layer.get_config(), go_backwards=not layer.go_backwards)
    config.pop("name")
    return dict(layer=layer, backward_layer=type(layer).from_config(config), merge_mode=mode)


def distributed(d, shape):
    return dict(layer=any_layer(d, (shape[0], *shape[2:]), "float32"))


def spectral(d, shape):
    return dict(layer=make(d, {2: "Dense", 3: "Conv1D", 4: "Conv2D"}[len(shape)], shape), power_iterations=d.randint(1, 3))


def batch_norm(d, shape):
    where = axis(d, len(shape)) if d.chance(0.4) else -1
    return dict(axis=[where] if d.chance(0.15) and not THREE else where, momentum=d.number(0.5, 0.99), epsilon=d.choice([1e-3, 1e-5, 0.1]),
                center=d.chance(0.7), scale=d.chance(0.7), synchronized=d.chance(0.1))


def layer_norm(d, shape):
    where = axes(d, len(shape)) if d.chance(0.5) else axis(d, len(shape)) if d.chance(0.5) else -1
    return dict(axis=where, epsilon=d.choice([1e-3, 1e-5, 0.1]), center=d.chance(0.7), scale=d.chance(0.7))


def group_norm(d, shape):
    where = axis(d, len(shape)) if d.chance(0.3) else -1
    size = shape[where] or 1  # of one number alone nothing is left but rounding
    return dict(axis=where, groups=d.choice([g for g in (1, 2, 3, size) if size % g == 0 and (len(shape) > 2 or g < size)]),
        epsilon=d.choice([1e-3, 0.05]),
                center=d.chance(0.7), scale=d.chance(0.7))


def normalization(d, shape):
    """Given statistics, or adapted ones."""
    where = d.choice([-1, None, len(shape) - 1, *axes(d, len(shape))])
    kwargs = dict(axis=where, invert=d.chance(0.2))
    if d.chance(0.4):
        size = 1 if where is None else shape[where] or 1
        kwargs.update(mean=[d.number(-1, 1) for _ in range(size)], variance=[d.number(0.3, 2) for _ in range(size)])
        if size == 1:
            kwargs.update(mean=kwargs["mean"][0], variance=kwargs["variance"][0])
    return kwargs


def reshape(d, shape):
    total = functools.reduce(lambda a, b: a * (b or 1), shape[1:], 1)
    first_size = d.choice([n for n in range(1, total + 1) if total % n == 0])
    target = [first_size, total // first_size]
    if d.chance(0.3):
        second = d.choice([n for n in range(1, target[1] + 1) if target[1] % n == 0])
        target[1:] = [second, target[1] // second]
    if d.chance(0.4) or None in shape[1:]:
        target[d.randrange(len(target))] = -1
    return dict(target_shape=tuple(target[: 1 if d.chance(0.1) and target[0] == -1 else None]))


def einsum(d, shape):
    letters = "abcde"[: len(shape)]
    kind = d.randint(0, 2)
    if kind == 0:
        return dict(equation=f"{letters},{letters[-1]}x->{letters[:-1]}x", output_shape=(*[None] * (len(shape) - 2), d.randint(2, 4)),
                    bias_axes=d.choice([None, "x"]), activation=activation(d))
    if kind == 1:
        return dict(equation=f"...{'y'},yx->...x", output_shape=d.randint(2, 4), bias_axes=d.choice([None, "x"]), activation=activation(d))
    return dict(equation=f"{letters},{letters[-1]}xy->{letters[:-1]}xy", output_shape=(*[None] * (len(shape) - 2), 2, d.randint(2, 3)),
                bias_axes=d.choice([None, "x", "xy", "y"]), activation=activation(d))


def relu(d, shape):
    return dict(max_value=d.some(0.5, d.number(0.3, 3)), negative_slope=d.choice([0.0, 0.2, 1.5]), threshold=d.choice([0.0, 0.2, 0.5]))


def resizing(d, shape):
    ratio = {d.choice(["crop_to_aspect_ratio", "pad_to_aspect_ratio"]): True} if d.chance(0.4) else {}
    return dict(ratio, height=d.randint(2, 9), width=d.randint(2, 9), data_format=first(d, 0.1) if THREE else None, antialias=d.chance(0.2),
                interpolation=d.choice(["bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic"]),
                **(dict(fill_value=d.number(0, 1)) if THREE else {}))


def noise_shape(d, shape):
    return dict(rate=d.number(0, 0.5), noise_shape=d.some(0.2, (None, *[1] * (len(shape) - 1))), seed=d.some(0.3, 5))


# At inference nothing, so that one of them now and then is enough; and what has more arguments than the others.
DULL, RICH, OF_DULL, OF_RICH = ("Dropout", "Noise", "Random", "Identity", "ActivityRegularization", "Lambda"), ("LSTM", "GRU", "RNN", "Conv",
    "Bidirectional"), 0.1, 2.5
TABLES = {"float": LAYERS, "int": WHOLE, "string": WORDS}


def kind_of(dtype):
    return "string" if dtype == "string" else "int" if "int" in dtype else "float" if "float" in dtype else dtype


@functools.lru_cache(None)
def arguments(name):
    return tuple(inspect.signature(getattr(L, name).__init__).parameters)


def extras(d, name):
    """Initializers, regularizers and constraints, by the names of arguments."""
    for argument in arguments(name):
        for end, part, texts, objects, module in (("initializer", 0.08, INITIALIZERS, OBJECTS, K.initializers),
            ("regularizer", 0.06, ["l1", "l2"], REGULARIZERS, K.regularizers),
                                                  ("constraint", 0.06, ["non_neg", "unit_norm"], CONSTRAINTS, K.constraints)):
            if argument.endswith("_" + end) and argument != "activity_regularizer" and d.chance(part):
                kind = d.choice(sorted(k for k in objects if k != "OrthogonalRegularizer" or name == "Dense"))
                yield argument, d.choice(texts) if d.chance(0.5) else getattr(module, kind)(**objects[kind])


def made(d, name, kwargs):
    """The layer with what its class knows of the arguments."""
    known = {key: value for key, value in kwargs.items() if key in arguments(name) or key in ALWAYS - ({"implementation", "time_major", "input_length"} if THREE else set())}
    known.update(extras(d, name))
    if d.chance(0.08):
        known["trainable"] = False
    if d.chance(0.02):
        known["dtype"] = "float64"
    if name.startswith("Spatial"):
        known.pop("trainable", None)
    return getattr(L, name)(**known)


def make(d, name, shape, table=LAYERS):
    return made(d, name, table[name][1](d, shape))


def fitting(shape, dtype):
    table = TABLES.get(kind_of(dtype), {})
    return table, [name for name, (ranks, _) in table.items() if len(shape) in ranks and hasattr(L, name)]


def any_layer(d, shape, dtype):
    table, names = fitting(shape, dtype)
    weights = [OF_DULL if any(part in name for part in DULL) else OF_RICH if any(part in name for part in RICH) else 1 for name in names]
    return make(d, d.choices(names, weights)[0], shape, table)
