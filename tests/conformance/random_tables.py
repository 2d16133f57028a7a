"""Every built-in layer class for random_zoo.py: the ranks of the tensors that it takes, the batch counted, and what draws its arguments."""
from random_layers import (LAYERS, THREE, WHOLE, WORDS, activation, any_cell, axes, axis, batch_norm, bidirectional, conv, conv_lstm, depthwise,
    distributed, einsum, first,
                           group_norm, gru, layer_norm, local, lstm, noise_shape, normalization, pairs, pool, recurrent, relu, reshape, resizing,
                               separable, sizes, spectral, transpose)

ANY, FLAT, SEQUENCE, IMAGE, VOLUME = (2, 3, 4, 5), (2,), (3,), (4,), (5,)


def lookup(d, mask, vocabulary):
    return dict(vocabulary=vocabulary, num_oov_indices=d.choice([1, 1, 1, 2, 3, 0]), mask_token=d.choice([None, mask[0]]),
                output_mode=d.choice(["int", "int", "one_hot", "multi_hot", "count"]), pad_to_max_tokens=d.chance(0.2), max_tokens=d.some(0.2, 12))


LAYERS.update({
    "Dense": (ANY, lambda d, s: dict(units=d.randint(1, 6), activation=activation(d), use_bias=d.chance(0.8))),
    "EinsumDense": ((2, 3, 4), einsum), "Activation": (ANY, lambda d, s: dict(activation=activation(d) or "relu")),
    "ReLU": (ANY, relu), "LeakyReLU": (ANY, lambda d, s: {"negative_slope" if THREE else "alpha": d.choice([0.3, 0.05, 0.0, 1.3])}),
    "ELU": (ANY, lambda d, s: dict(alpha=d.number(0.2, 2))),
        "PReLU": (ANY, lambda d, s: dict(shared_axes=d.some(0.6, [a % len(s) for a in axes(d, len(s))]))),
    "ThresholdedReLU": (ANY, lambda d, s: dict(theta=d.number(0.1, 1))),
        "Softmax": (ANY, lambda d, s: dict(axis=d.choice([-1, axis(d, len(s)), axes(d, len(s))]))),
    "BatchNormalization": (ANY, batch_norm), "LayerNormalization": (ANY, layer_norm), "GroupNormalization": ((2, 3, 4), group_norm),
    "RMSNormalization": (ANY, lambda d, s: dict(axis=d.choice([-1, axis(d, len(s)), axes(d, len(s))]), epsilon=d.choice([1e-6, 1e-2]))),
    "UnitNormalization": (ANY, lambda d, s: dict(axis=d.choice([-1, axis(d, len(s)), axes(d, len(s))]))), "Normalization": (ANY, normalization),
    "SpectralNormalization": ((2, 3, 4), spectral), "Dropout": (ANY, noise_shape), "GaussianNoise": (ANY, lambda d, s: dict(stddev=d.number(0, 1))),
    "GaussianDropout": (ANY, lambda d, s: dict(rate=d.number(0, 0.5))), "AlphaDropout": (ANY, noise_shape),
    "SpatialDropout1D": (SEQUENCE, lambda d, s: dict(rate=0.3)), "SpatialDropout2D": (IMAGE, lambda d, s: dict(rate=0.3, data_format=first(d))),
    "SpatialDropout3D": (VOLUME, lambda d, s: dict(rate=0.3, data_format=first(d))),
    "ActivityRegularization": (ANY, lambda d, s: dict(l1=d.number(0, 0.1), l2=d.choice([0.0, 0.02]))),
    "Flatten": (ANY, lambda d, s: dict(data_format=first(d, 0.3))), "Reshape": (ANY, reshape), "Identity": (ANY, lambda d, s: {}),
    "Permute": (ANY, lambda d, s: dict(dims=tuple(d.sample(range(1, len(s)), len(s) - 1)))),
        "RepeatVector": (FLAT, lambda d, s: dict(n=d.randint(1, 5))),
    "Rescaling": (ANY, lambda d, s: dict(scale=d.choice([d.number(-2, 2), [d.number(0.5, 2) for _ in range(s[-1] or 1)]]), offset=d.choice([0.0, d.number(-1, 1)]))),
    "Masking": (SEQUENCE, lambda d, s: dict(mask_value=d.choice([0.0, 0.0, 0.5]))),
    "Conv1D": (SEQUENCE, conv), "Conv2D": (IMAGE, conv), "Conv3D": (VOLUME, conv), "Conv1DTranspose": (SEQUENCE, transpose),
    "Conv2DTranspose": (IMAGE, transpose), "Conv3DTranspose": (VOLUME, transpose), "DepthwiseConv1D": (SEQUENCE, depthwise),
    "DepthwiseConv2D": (IMAGE, depthwise), "SeparableConv1D": (SEQUENCE, separable), "SeparableConv2D": (IMAGE, separable),
    "LocallyConnected1D": (SEQUENCE, local), "LocallyConnected2D": (IMAGE, local),
    **{f"{kind}Pooling{n}D": ((n + 2,), pool) for kind in ("Max", "Average") for n in (1, 2, 3)},
    **{f"Global{kind}Pooling{n}D": ((n + 2,), lambda d, s: dict(data_format=first(d, 0.3), keepdims=d.chance(0.4))) for kind in ("Max",
        "Average") for n in (1, 2, 3)},
    **{f"Adaptive{kind}Pooling{n}D": ((n + 2,), lambda d, s: dict(output_size=sizes(d, len(s), 1, 4), data_format=first(d))) for kind in ("Max",
        "Average") for n in (1, 2, 3)},
    **{f"Cropping{n}D": ((n + 2,), lambda d, s: dict(cropping=pairs(d, len(s), 0, 1), data_format=first(d))) for n in (1, 2, 3)},
    **{f"ZeroPadding{n}D": ((n + 2,), lambda d, s: dict(padding=pairs(d, len(s), 0, 2), data_format=first(d))) for n in (1, 2, 3)},
    **{f"UpSampling{n}D": ((n + 2,), lambda d, s: dict(size=sizes(d, len(s), 1, 3), data_format=first(d),
                                                     **(dict(interpolation=d.choice(["nearest", "bilinear",
                                                         "bicubic"])) if len(s) == 4 else {}))) for n in (1, 2, 3)},
    "Resizing": (IMAGE, resizing), "CenterCrop": (IMAGE, lambda d, s: dict(height=d.randint(2, 9), width=d.randint(2, 9), data_format=first(d) if THREE else None)),
    "RandomCrop": (IMAGE, lambda d, s: dict(height=d.randint(2, 5), width=d.randint(2, 5))),
    "RandomFlip": (IMAGE, lambda d, s: dict(mode=d.choice(["horizontal", "vertical"]))),
        "RandomRotation": (IMAGE, lambda d, s: dict(factor=0.2, fill_mode=d.choice(["reflect", "constant"]))),
    "RandomZoom": (IMAGE, lambda d, s: dict(height_factor=(0.1, 0.3))),
        "RandomTranslation": (IMAGE, lambda d, s: dict(height_factor=0.1, width_factor=(-0.1, 0.2))),
    "RandomContrast": (IMAGE, lambda d, s: dict(factor=0.3)), "RandomBrightness": (IMAGE, lambda d, s: dict(factor=0.3)),
    "RandomHeight": (IMAGE, lambda d, s: dict(factor=0.2)), "RandomWidth": (IMAGE, lambda d, s: dict(factor=0.2)),
    "RandomGrayscale": (IMAGE, lambda d, s: dict(factor=0.3)), "RandomErasing": (IMAGE, lambda d, s: {}),
        "RandomShear": (IMAGE, lambda d, s: dict(x_factor=0.1)),
    "RandomInvert": (IMAGE, lambda d, s: {}), "RandomHue": (IMAGE, lambda d, s: dict(factor=0.2)),
    "LSTM": (SEQUENCE, lstm), "GRU": (SEQUENCE, gru), "SimpleRNN": (SEQUENCE, lambda d, s: recurrent(d, s, False)), "RNN": (SEQUENCE, any_cell),
    "ConvLSTM1D": ((4,), conv_lstm), "ConvLSTM2D": ((5,), conv_lstm), "Bidirectional": (SEQUENCE, bidirectional),
        "TimeDistributed": ((3, 4, 5), distributed),
    "Discretization": (ANY, lambda d, s: dict(bin_boundaries=[-0.5, 0.1, d.number(0.3, 1)])),
    "STFTSpectrogram": (SEQUENCE, lambda d, s: dict(mode=d.choice(["log", "magnitude", "psd", "real", "imag"]), frame_length=4, frame_step=d.randint(1, 3), fft_length=d.choice([4, 8]), padding=d.choice(["valid", "same"]))),
})
WHOLE.update({
    "Embedding": ((2, 3), lambda d, s: dict(input_dim=d.randint(10, 12), output_dim=d.randint(2, 5), mask_zero=d.chance(0.5))),
    "ReversibleEmbedding": ((2,), lambda d, s: dict(input_dim=10, output_dim=3, tie_weights=d.chance(0.5))),
    "CategoryEncoding": ((2,), lambda d, s: dict(num_tokens=d.randint(10, 12), output_mode=d.choice(["multi_hot", "count", "one_hot"]))),
    "IntegerLookup": ((2, 3), lambda d, s: lookup(d, [d.randint(1, 9) for _ in range(2)], [1, 2, 3, 5, 8, 7])),
    "Hashing": ((2, 3), lambda d, s: dict(num_bins=d.randint(2, 7), salt=d.choice([None, 3, [2, 9]]), mask_value=d.choice([None, 0]))),
})
WORDS.update({
    "StringLookup": ((2, 3), lambda d, s: lookup(d, ["sun"], ["moon", "star", "dust", "void"])),
    "Hashing": ((2, 3), lambda d, s: dict(num_bins=d.randint(2, 7), salt=d.choice([None, 3, [2, 9]]), mask_value=d.choice([None, "sun"]))),
    "TextVectorization": ((2,), lambda d, s: dict(vocabulary=["moon", "star", "dust", "sun"], output_sequence_length=d.choice([None, 3]),
                                                 standardize=d.choice([None, "lower", "lower_and_strip_punctuation"]),
                                                 output_mode=d.choice(["int", "multi_hot", "count"]), split=d.choice(["whitespace", "character"]),
                                                 ngrams=d.choice([None, None, 2]))),
})
