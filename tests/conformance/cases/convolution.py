"""Convolution and pooling layers."""
from . import Group, K, L

g = Group("convolution")
SPACE = {1: (7,), 2: (7, 6), 3: (5, 4, 4)}
KERNEL = {1: 3, 2: (3, 2), 3: (2, 3, 2)}


def conv_cases(rank):
    conv, shape, kernel = getattr(L, f"Conv{rank}D"), SPACE[rank] + (3,), KERNEL[rank]
    yield "", shape, lambda: conv(4, kernel)
    yield "same_relu", shape, lambda: conv(4, kernel, padding="same", activation="relu")
    yield "strides", shape, lambda: conv(4, kernel, strides=2, padding="same")
    yield "no_bias", shape, lambda: conv(4, kernel, use_bias=False)
    yield "dilated", shape, lambda: conv(4, 2, dilation_rate=2)
    yield "groups", SPACE[rank] + (4,), lambda: conv(4, kernel, groups=2)


def transpose_cases(rank):
    conv, shape, kernel = getattr(L, f"Conv{rank}DTranspose"), tuple(d - 3 for d in SPACE[rank]) + (3,), KERNEL[rank]
    yield "", shape, lambda: conv(4, kernel)
    yield "same_strides", shape, lambda: conv(4, kernel, strides=2, padding="same", activation="relu")
    yield "output_padding", shape, lambda: conv(4, 3, strides=2, output_padding=1)
    yield "no_bias", shape, lambda: conv(4, kernel, use_bias=False)


for rank in (1, 2, 3):
    for kind, cases in (("", conv_cases), ("_transpose", transpose_cases)):
        for name, shape, make in cases(rank):
            g.layer("_".join(filter(None, [f"conv{rank}d{kind}", name])), shape, make)
g.layer("conv1d_causal", (7, 3), lambda: L.Conv1D(4, 3, padding="causal"))
g.layer("conv1d_causal_dilated", (7, 3), lambda: L.Conv1D(4, 2, padding="causal", dilation_rate=2, activation="relu"))
g.layer("conv1d_free_length", (None, 3), lambda: L.Conv1D(4, 3))
g.layer("conv2d_free_size", (None, None, 3), lambda: L.Conv2D(4, 3), inputs=dict(free=7))
g.layer("conv2d_transpose_dilated", (4, 4, 3), lambda: L.Conv2DTranspose(4, 2, dilation_rate=2))
g.layer("conv2d_last_explicit", (5, 5, 3), lambda: L.Conv2D(4, 3, data_format="channels_last"))
g.chain("conv2d_stack", (8, 8, 3), lambda: [L.Conv2D(3, 3, activation="relu"), L.MaxPooling2D(), L.Conv2D(3, 3), L.Flatten(), L.Dense(4)])
g.chain("conv2d_twins", (6, 6, 3), lambda: [L.Conv2D(3, 3, padding="same"), L.Conv2D(3, 3, padding="same"), L.Conv2D(3, 3, padding="same")])
for rank in (1, 2):
    depthwise, separable, shape = getattr(L, f"DepthwiseConv{rank}D"), getattr(L, f"SeparableConv{rank}D"), SPACE[rank] + (3,)
    g.layer(f"depthwise{rank}d", shape, lambda d=depthwise: d(3))
    g.layer(f"depthwise{rank}d_multiplier", shape, lambda d=depthwise: d(3, depth_multiplier=2, activation="relu"))
    g.layer(f"depthwise{rank}d_strides", shape, lambda d=depthwise: d(3, strides=2, padding="same", use_bias=False))
    g.layer(f"depthwise{rank}d_dilated", shape, lambda d=depthwise: d(2, dilation_rate=2))
    g.layer(f"separable{rank}d", shape, lambda s=separable: s(4, 3))
    g.layer(f"separable{rank}d_multiplier", shape, lambda s=separable: s(4, 3, depth_multiplier=2, activation="relu", padding="same"))
    g.layer(f"separable{rank}d_no_bias", shape, lambda s=separable: s(4, 2, use_bias=False, dilation_rate=2))
g.layer("separable1d_causal", (7, 3), lambda: L.SeparableConv1D(4, 3, padding="causal"))
g.layer("separable1d_causal_dilated", (7, 3), lambda: L.SeparableConv1D(4, 3, padding="causal", dilation_rate=2, activation="tanh"))
g.layer("separable1d_strides", (7, 3), lambda: L.SeparableConv1D(4, 3, strides=2))

g = Group("pooling")
for rank in (1, 2, 3):
    for kind in ("Max", "Average"):
        pool, shape, id = getattr(L, f"{kind}Pooling{rank}D"), SPACE[rank] + (2,), f"{kind.lower()}_pooling{rank}d"
        g.layer(id, shape, lambda p=pool: p())
        g.layer(f"{id}_same", shape, lambda p=pool: p(3, strides=2, padding="same"))
        if rank > 1:
            g.layer(f"{id}_sizes", shape, lambda p=pool, r=rank: p(tuple(range(1, r + 1)), strides=(2,) * r))
        whole = getattr(L, f"Global{kind}Pooling{rank}D")
        g.layer(f"global_{id}", shape, lambda p=whole: p())
        g.layer(f"global_{id}_keepdims", shape, lambda p=whole: p(keepdims=True))
        g.layer(f"global_{id}_first", (2,) + SPACE[rank], lambda p=whole: p(data_format="channels_first"))
g.layer("max_pooling1d_strides_one", (6, 3), lambda: L.MaxPooling1D(3, strides=1))
g.layer("average_pooling2d_free", (None, None, 2), lambda: L.AveragePooling2D((2, 3)))

g = Group("channels_first", note="TensorFlow on a CPU needs oneDNN for it; the reference is the channels_last layer between two transpositions")
FIRST = [("conv1d", 1, lambda **o: L.Conv1D(4, 3, **o)), ("conv2d", 2, lambda **o: L.Conv2D(4, (3, 2), **o)),
         ("conv2d_same_strides", 2, lambda **o: L.Conv2D(4, 3, strides=2, padding="same", activation="relu", **o)),
         ("conv2d_no_bias", 2, lambda **o: L.Conv2D(4, 3, use_bias=False, **o)), ("conv3d", 3, lambda **o: L.Conv3D(4, 2, **o)),
         ("conv2d_transpose", 2, lambda **o: L.Conv2DTranspose(4, (3, 2), **o)), ("conv3d_transpose", 3, lambda **o: L.Conv3DTranspose(2, 2, **o)),
         ("depthwise2d", 2, lambda **o: L.DepthwiseConv2D(3, depth_multiplier=2, **o)), ("separable2d", 2, lambda **o: L.SeparableConv2D(4, 3, **o)),
         ("max_pooling1d", 1, lambda **o: L.MaxPooling1D(2, **o)), ("max_pooling2d", 2, lambda **o: L.MaxPooling2D((2, 3), **o)),
         ("average_pooling2d", 2, lambda **o: L.AveragePooling2D(2, padding="same", **o)), ("max_pooling3d", 3, lambda **o: L.MaxPooling3D(2, **o)),
         ("up_sampling2d", 2, lambda **o: L.UpSampling2D((2, 3), **o)), ("cropping2d", 2, lambda **o: L.Cropping2D(((1, 0), (0, 2)), **o))]


def as_is(rank, make):
    x = L.Input((3,) + SPACE[rank])
    return K.Model(x, make(name="first", data_format="channels_first")(x))


def turned(rank, make):
    x = L.Input((3,) + SPACE[rank])
    to_last, to_first = list(range(2, rank + 2)) + [1], [rank + 1] + list(range(1, rank + 1))
    return K.Model(x, L.Permute(to_first)(make(name="first", data_format="channels_last")(L.Permute(to_last)(x))))


for name, rank, make in FIRST:
    g.add(f"first_{name}", lambda r=rank, m=make: as_is(r, m), twin=lambda r=rank, m=make: turned(r, m))
