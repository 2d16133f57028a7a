"""Convolution, pooling, preprocessing and augmentation layers."""
import numpy as np

from . import Group, K, L

g = Group("convolution")
for n, shape in ((1, (8, 4)), (2, (7, 8, 4)), (3, (5, 6, 4, 4))):
    conv, transpose = getattr(L, f"Conv{n}D"), getattr(L, f"Conv{n}DTranspose")
    g.layer(f"conv{n}d", shape, lambda conv=conv: conv(3, 2, activation="relu"))
    g.layer(f"conv{n}d_same_groups", shape, lambda conv=conv: conv(6, 3, strides=2, padding="same", groups=2, use_bias=False))
    g.layer(f"conv{n}d_dilated", shape, lambda conv=conv: conv(3, 2, dilation_rate=2))
    g.layer(f"conv{n}d_transpose", shape, lambda transpose=transpose: transpose(3, 2, strides=2))
    g.layer(f"conv{n}d_transpose_output_padding", shape,
            lambda transpose=transpose: transpose(3, 3, strides=2, padding="same", output_padding=0))
g.layer("conv1d_causal", (8, 4), lambda: L.Conv1D(3, 3, padding="causal"))
g.layer("separable_conv1d", (8, 4), lambda: L.SeparableConv1D(3, 2, depth_multiplier=2))
g.layer("separable_conv2d", (7, 8, 4), lambda: L.SeparableConv2D(3, 2, padding="same", use_bias=False))
g.layer("depthwise_conv1d", (8, 4), lambda: L.DepthwiseConv1D(2, depth_multiplier=2))
g.layer("depthwise_conv2d", (7, 8, 4), lambda: L.DepthwiseConv2D(2, strides=2, padding="same"))

g = Group("pooling")
for n, shape in ((1, (8, 3)), (2, (6, 8, 3)), (3, (4, 6, 4, 3))):
    for kind in ("Average", "Max"):
        name = kind.lower()
        pool, whole = getattr(L, f"{kind}Pooling{n}D"), getattr(L, f"Global{kind}Pooling{n}D")
        adaptive = getattr(L, f"Adaptive{kind}Pooling{n}D")
        g.layer(f"{name}_pooling{n}d", shape, lambda pool=pool: pool(2))
        g.layer(f"{name}_pooling{n}d_same", shape, lambda pool=pool: pool(3, strides=2, padding="same"))
        g.layer(f"global_{name}_pooling{n}d", shape, lambda whole=whole: whole())
        g.layer(f"global_{name}_pooling{n}d_keepdims", shape, lambda whole=whole: whole(keepdims=True))
        g.layer(f"adaptive_{name}_pooling{n}d", shape, lambda adaptive=adaptive: adaptive(2))
g.chain("masked_average_pooling", (5, 3), lambda: [L.Masking(), L.GlobalAveragePooling1D()])

g = Group("preprocessing")


def adapted(layer, data):
    layer.adapt(data)
    return layer


NUMBERS = np.arange(24, dtype="float32").reshape(4, 6) ** 1.5
g.layer("normalization_adapted", (6,), lambda: adapted(L.Normalization(), NUMBERS))
g.layer("normalization_no_axis", (6,), lambda: adapted(L.Normalization(axis=None), NUMBERS))
g.layer("normalization_given", (6,), lambda: L.Normalization(mean=1.5, variance=4.0))
g.layer("normalization_invert", (6,), lambda: L.Normalization(mean=[1.0, 2, 3, 4, 5, 6], variance=[1.0, 2, 3, 4, 5, 6], invert=True))
g.layer("discretization", (6,), lambda: L.Discretization(bin_boundaries=[-0.5, 0.0, 0.5]))
g.layer("discretization_adapted", (6,), lambda: adapted(L.Discretization(num_bins=4), NUMBERS / 50), weak=True)
g.layer("discretization_one_hot", (1,), lambda: L.Discretization(bin_boundaries=[-0.5, 0.0, 0.5], output_mode="one_hot"))
g.layer("category_encoding", ((3,), "int32"), lambda: L.CategoryEncoding(10, output_mode="multi_hot"))
g.graph("category_encoding_count", [((3,), "int32"), ((3,), "float32")],
        lambda x: L.CategoryEncoding(10, output_mode="count")(x[0], count_weights=x[1]))
g.layer("hashing", ((3,), "int32"), lambda: L.Hashing(7))
g.layer("hashing_salt", ((3,), "string"), lambda: L.Hashing(7, salt=[3, 5], mask_value="sun"))
g.graph("hashed_crossing", [((1,), "int32"), ((1,), "int32")], lambda x: L.HashedCrossing(9)(x))
g.layer("integer_lookup", ((3,), "int32"), lambda: L.IntegerLookup(vocabulary=[1, 4, 5, 7]))
g.layer("integer_lookup_multi_hot", ((3,), "int32"), lambda: L.IntegerLookup(vocabulary=[1, 4, 5, 7], output_mode="multi_hot"))
g.layer("integer_lookup_adapted", ((3,), "int32"), lambda: adapted(L.IntegerLookup(), np.array([1, 4, 4, 5, 7, 7, 7])))
g.layer("string_lookup", ((3,), "string"), lambda: L.StringLookup(vocabulary=["sun", "moon", "dust"]))
g.layer("string_lookup_adapted", ((3,), "string"), lambda: adapted(L.StringLookup(), ["sun", "moon", "moon", "dust"]))
g.layer("string_lookup_tf_idf", ((3,), "string"),
        lambda: L.StringLookup(vocabulary=["sun", "moon"], idf_weights=[0.4, 0.7], output_mode="tf_idf"))
g.layer("string_lookup_adapted_tf_idf", ((3,), "string"),
        lambda: adapted(L.StringLookup(output_mode="tf_idf"), [["sun"], ["moon"], ["moon"], ["dust"]]))
g.layer("text_vectorization", ((1,), "string"),
        lambda: L.TextVectorization(vocabulary=["sun", "moon", "dust"], output_sequence_length=3))
g.layer("text_vectorization_adapted", ((1,), "string"), lambda: adapted(L.TextVectorization(), ["sun moon", "moon dust"]))
g.layer("rescaling", (4, 4, 3), lambda: L.Rescaling(0.5, offset=-1.0))
g.layer("rescaling_many", (4, 4, 3), lambda: L.Rescaling([0.5, 2.0, 3.0], offset=[0.0, 1.0, -1.0]))
g.layer("resizing", (6, 8, 3), lambda: L.Resizing(4, 5))
g.layer("resizing_crop", (6, 8, 3), lambda: L.Resizing(4, 4, crop_to_aspect_ratio=True, interpolation="nearest"))
g.layer("resizing_pad", (6, 8, 3), lambda: L.Resizing(4, 4, pad_to_aspect_ratio=True, fill_value=0.5))
g.layer("resizing_antialias", (6, 8, 3), lambda: L.Resizing(4, 4, antialias=True))
g.layer("center_crop", (6, 8, 3), lambda: L.CenterCrop(4, 5))
g.add("pipeline", lambda: K.Sequential([L.Input((6, 8, 3)), L.Pipeline([L.Rescaling(0.5), L.CenterCrop(4, 4)])]))
g.layer("mel_spectrogram", (1600,), lambda: L.MelSpectrogram(fft_length=256, sequence_stride=128, num_mel_bins=8, sampling_rate=8000))
g.layer("stft_spectrogram", (800, 1), lambda: L.STFTSpectrogram(frame_length=64, frame_step=64, fft_length=64))
g.layer("stft_spectrogram_phase", (800, 1), lambda: L.STFTSpectrogram("real", 64, 48, 64, window="hann", scaling="density", periodic=True))

g = Group("augmentation")
IMAGE = (8, 8, 3)
TABLE = {
    "auto_contrast": lambda: L.AutoContrast(), "cut_mix": lambda: L.CutMix(),
    "clahe": lambda: L.ContrastLimitedAdaptiveHistogramEqualization(value_range=(0, 1)), "aug_mix": lambda: L.AugMix(),
    "mix_up": lambda: L.MixUp(), "rand_augment": lambda: L.RandAugment(), "solarization": lambda: L.Solarization(),
    "random_brightness": lambda: L.RandomBrightness(0.2), "random_color_degeneration": lambda: L.RandomColorDegeneration(0.3),
    "random_color_jitter": lambda: L.RandomColorJitter((0, 1)), "random_contrast": lambda: L.RandomContrast(0.3),
    "random_crop": lambda: L.RandomCrop(4, 5), "random_elastic": lambda: L.RandomElasticTransform(),
    "random_erasing": lambda: L.RandomErasing(), "random_flip": lambda: L.RandomFlip("horizontal"),
    "random_blur": lambda: L.RandomGaussianBlur(), "random_grayscale": lambda: L.RandomGrayscale(), "random_hue": lambda: L.RandomHue(0.2),
    "random_invert": lambda: L.RandomInvert(), "random_perspective": lambda: L.RandomPerspective(),
    "random_posterization": lambda: L.RandomPosterization(4), "random_rotation": lambda: L.RandomRotation(0.1),
    "random_saturation": lambda: L.RandomSaturation(0.2), "random_sharpness": lambda: L.RandomSharpness(0.2),
    "random_translation": lambda: L.RandomTranslation(0.1, 0.2),
    "random_zoom": lambda: L.RandomZoom(0.1, (0.1, 0.2)),
}
for name, make in TABLE.items():
    g.layer(name, IMAGE, make)
