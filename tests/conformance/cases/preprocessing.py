"""Preprocessing layers, as they are at inference."""
from . import Group, K, L, tf

g = Group("image")
IMAGE = (5, 6, 3)
ABSENT_METHOD = dict(expect="refused:interpolation", note="Keras 3 lacks this interpolation; it fails at the first call, not at load")
g.layer("rescaling", IMAGE, lambda: L.Rescaling(2.0))
g.layer("rescaling_offset", IMAGE, lambda: L.Rescaling(1 / 127.5, offset=-1.0))
g.layer("rescaling_per_channel", IMAGE, lambda: L.Rescaling([0.5, 1.0, 2.0], offset=[0.1, 0.2, 0.3]))
g.chain("rescaling_experimental_conv", IMAGE, lambda: [L.experimental.preprocessing.Rescaling(0.5), L.Conv2D(2, 3), L.Flatten(), L.Dense(3)])
for name in ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic"):
    options = ABSENT_METHOD if name in ("gaussian", "mitchellcubic") else {}
    g.layer(f"resizing_{name}_down", (9, 8, 2), lambda name=name: L.Resizing(4, 3, interpolation=name), **options)
    g.layer(f"resizing_{name}_up", (3, 4, 2), lambda name=name: L.Resizing(7, 6, interpolation=name), **options)
g.layer("resizing_crop", (9, 6, 2), lambda: L.Resizing(4, 4, crop_to_aspect_ratio=True))
g.layer("resizing_crop_wide", (5, 9, 2), lambda: L.Resizing(4, 3, crop_to_aspect_ratio=True, interpolation="nearest"))
g.layer("center_crop", (7, 8, 2), lambda: L.CenterCrop(3, 4))
g.layer("center_crop_larger", (3, 8, 2), lambda: L.CenterCrop(5, 4))
g.layer("random_crop", (7, 8, 2), lambda: L.RandomCrop(3, 4))
g.layer("random_crop_larger", (3, 4, 2), lambda: L.RandomCrop(6, 5))
RANDOM = [("flip", lambda: L.RandomFlip()), ("flip_horizontal", lambda: L.RandomFlip("horizontal", seed=3)),
          ("rotation", lambda: L.RandomRotation(0.2)), ("rotation_constant", lambda: L.RandomRotation((-0.1, 0.2), fill_mode="constant", interpolation="nearest")),
          ("zoom", lambda: L.RandomZoom(0.3)), ("zoom_both", lambda: L.RandomZoom((-0.2, 0.3), (0.1, 0.2), fill_mode="wrap")),
          ("translation", lambda: L.RandomTranslation(0.2, 0.3)), ("translation_nearest", lambda: L.RandomTranslation((-0.2, 0.1), 0.1, fill_mode="nearest")),
          ("contrast", lambda: L.RandomContrast(0.2)), ("contrast_pair", lambda: L.RandomContrast((0.1, 0.3), seed=2)),
          ("brightness", lambda: L.RandomBrightness(0.2)), ("brightness_unit", lambda: L.RandomBrightness((-0.1, 0.3), value_range=(0.0, 1.0)))]
for name, make in RANDOM:
    g.chain(f"random_{name}", IMAGE, lambda make=make: [make(), L.Conv2D(2, 3)])
ABSENT = dict(note="the identity at inference; a right rewrite is as good")
for name in ("Height", "Width"):
    g.chain(f"random_{name.lower()}", IMAGE, lambda name=name: [getattr(L, f"Random{name}")(0.2), L.Dense(2)],
            expect=f"refused:Random{name}", **ABSENT)
    g.chain(f"random_{name.lower()}_pair", IMAGE, lambda name=name: [getattr(L, f"Random{name}")((-0.1, 0.3), interpolation="nearest"), L.GlobalMaxPooling2D()],
            expect=f"refused:Random{name}", **ABSENT)
g.chain("augmentation_chain", IMAGE, lambda: [L.RandomFlip(), L.RandomRotation(0.1), L.RandomZoom(0.1), L.Rescaling(0.5), L.Conv2D(3, 3), L.Flatten(), L.Dense(3)])

g = Group("category")
INTS, WORDS = ((4,), "int64"), ((3,), "string")
for mode in ("multi_hot", "count", "one_hot"):
    shape = ((1,), "int64") if mode == "one_hot" else INTS
    g.layer(f"category_encoding_{mode}", shape, lambda mode=mode: L.CategoryEncoding(num_tokens=10, output_mode=mode))
g.graph("category_encoding_weighted", [INTS, (4,)], lambda x: L.CategoryEncoding(num_tokens=10, output_mode="count")(x[0], count_weights=x[1]))
g.layer("hashing", WORDS, lambda: L.Hashing(5))
g.layer("hashing_salt", WORDS, lambda: L.Hashing(5, salt=7))
g.layer("hashing_salts_mask", WORDS, lambda: L.Hashing(6, salt=[3, 4], mask_value="void"))
g.layer("hashing_ints", INTS, lambda: L.Hashing(5))
g.layer("hashing_one_hot", ((1,), "string"), lambda: L.Hashing(5, output_mode="one_hot"))
g.layer("hashing_multi_hot", WORDS, lambda: L.Hashing(5, output_mode="multi_hot"))
g.layer("hashed_crossing", [((1,), "string"), ((1,), "int64")], lambda: L.HashedCrossing(7))
g.layer("hashed_crossing_one_hot", [((1,), "string"), ((1,), "int64")], lambda: L.HashedCrossing(7, output_mode="one_hot"))
BINS = dict(bin_boundaries=[-0.5, 0.0, 0.4, 1.5])
g.layer("discretization", (4,), lambda: L.Discretization(**BINS))
g.layer("discretization_one_hot", (1,), lambda: L.Discretization(output_mode="one_hot", **BINS))
g.layer("discretization_multi_hot", (4,), lambda: L.Discretization(output_mode="multi_hot", **BINS))
g.layer("discretization_count", (4,), lambda: L.Discretization(output_mode="count", **BINS))
g.chain("discretization_embedding", (4,), lambda: [L.Discretization(**BINS), L.Embedding(5, 3)])


def adapted_discretization(**options):
    layer = L.Discretization(num_bins=4, **options)
    layer.adapt([[-1.0], [-0.4], [0.0], [0.3], [0.5], [0.9], [1.4], [2.0]])
    return layer


LOST = dict(keep=True, reloads=False, expect="refused:Discretization", note="right is as good; 2.15 does not restore the boundaries from its own file, though the summary is in it")
g.layer("discretization_adapted", (4,), adapted_discretization, **LOST)
g.layer("discretization_adapted_one_hot", (1,), lambda: adapted_discretization(output_mode="one_hot"), **LOST)

g = Group("lookup")
NUMBERS, KNOWN = [3, 5, 7, 8], ["sun", "moon", "star", "comet"]
g.layer("integer_lookup", INTS, lambda: L.IntegerLookup(vocabulary=NUMBERS))
g.layer("integer_lookup_two_oov", INTS, lambda: L.IntegerLookup(vocabulary=NUMBERS, num_oov_indices=2))
g.layer("integer_lookup_mask", INTS, lambda: L.IntegerLookup(vocabulary=NUMBERS, mask_token=0))
g.layer("integer_lookup_invert", INTS, lambda: L.IntegerLookup(vocabulary=NUMBERS, invert=True), inputs=dict(limit=5))
g.layer("integer_lookup_multi_hot", INTS, lambda: L.IntegerLookup(vocabulary=NUMBERS, output_mode="multi_hot"))
g.layer("integer_lookup_tf_idf", INTS, lambda: L.IntegerLookup(vocabulary=NUMBERS, output_mode="tf_idf", idf_weights=[0.5, 1.0, 1.5, 2.0]), keep=True)
g.layer("string_lookup", WORDS, lambda: L.StringLookup(vocabulary=KNOWN))
g.layer("string_lookup_mask", WORDS, lambda: L.StringLookup(vocabulary=KNOWN, mask_token="", oov_token="[OOV]"))
g.layer("string_lookup_two_oov", WORDS, lambda: L.StringLookup(vocabulary=KNOWN, num_oov_indices=2))
g.layer("string_lookup_one_hot", ((1,), "string"), lambda: L.StringLookup(vocabulary=KNOWN, output_mode="one_hot"))
g.layer("string_lookup_count", WORDS, lambda: L.StringLookup(vocabulary=KNOWN, output_mode="count"))
g.layer("string_lookup_tf_idf", WORDS, lambda: L.StringLookup(vocabulary=KNOWN, output_mode="tf_idf", idf_weights=[0.5, 1.0, 1.5, 2.0]), keep=True)
g.layer("string_lookup_invert", INTS, lambda: L.StringLookup(vocabulary=KNOWN, invert=True), inputs=dict(limit=5))
g.layer("string_lookup_unicode", WORDS, lambda: L.StringLookup(vocabulary=["søl", "月", "star", "comet"]))
g.chain("string_lookup_embedding", WORDS, lambda: [L.StringLookup(vocabulary=KNOWN, mask_token=""), L.Embedding(6, 3), L.Flatten(), L.Dense(2)])
TEXT = ((1,), "string")
g.layer("text_vectorization", TEXT, lambda: L.TextVectorization(vocabulary=KNOWN))
g.layer("text_vectorization_length", TEXT, lambda: L.TextVectorization(vocabulary=KNOWN, output_sequence_length=4))
g.layer("text_vectorization_multi_hot", TEXT, lambda: L.TextVectorization(vocabulary=KNOWN, output_mode="multi_hot"))
g.layer("text_vectorization_count", TEXT, lambda: L.TextVectorization(vocabulary=KNOWN, output_mode="count", pad_to_max_tokens=True, max_tokens=9))
g.layer("text_vectorization_tf_idf", TEXT, lambda: L.TextVectorization(vocabulary=KNOWN, output_mode="tf_idf", idf_weights=[0.5, 1.0, 1.5, 2.0]), keep=True)
g.layer("text_vectorization_characters", TEXT, lambda: L.TextVectorization(vocabulary=list("sunmot"), split="character", standardize="lower"))
g.layer("text_vectorization_ngrams", TEXT, lambda: L.TextVectorization(vocabulary=KNOWN, ngrams=2, standardize=None))
g.chain("text_vectorization_lstm", TEXT, lambda: [L.TextVectorization(vocabulary=KNOWN, output_sequence_length=3), L.Embedding(6, 3, mask_zero=True), L.LSTM(3)])


def adapted(layer, data):
    layer.adapt(data)
    return layer


SEEN = ["star sun", "sun moon", "comet star sun", "sun"]
WORDS_SEEN, NUMBERS_SEEN = " ".join(SEEN).split(), [[5], [3], [3], [8], [5], [3]]
LEARNT = dict(keep=True, archive=True, note="2.15 saves a learnt vocabulary in .keras only")
g.layer("string_lookup_adapted", WORDS, lambda: adapted(L.StringLookup(), WORDS_SEEN), **LEARNT)
g.layer("string_lookup_adapted_mask", WORDS, lambda: adapted(L.StringLookup(mask_token="", num_oov_indices=2), WORDS_SEEN), **LEARNT)
g.layer("string_lookup_adapted_count", WORDS, lambda: adapted(L.StringLookup(output_mode="count", max_tokens=4), WORDS_SEEN), **LEARNT)
g.layer("string_lookup_adapted_tf_idf", WORDS, lambda: adapted(L.StringLookup(output_mode="tf_idf", num_oov_indices=2), [[w] for w in WORDS_SEEN]), **LEARNT)
g.layer("string_lookup_adapted_unicode", WORDS, lambda: adapted(L.StringLookup(), ["s\u00f8l", "\u6708", "star", "comet"]), **LEARNT)
g.layer("integer_lookup_adapted", INTS, lambda: adapted(L.IntegerLookup(), NUMBERS_SEEN), **LEARNT)
g.layer("integer_lookup_adapted_multi_hot", INTS, lambda: adapted(L.IntegerLookup(output_mode="multi_hot"), NUMBERS_SEEN), **LEARNT)
g.layer("text_vectorization_adapted", TEXT, lambda: adapted(L.TextVectorization(), SEEN), **LEARNT)
g.layer("text_vectorization_adapted_multi_hot", TEXT, lambda: adapted(L.TextVectorization(output_mode="multi_hot", ngrams=2), SEEN), **LEARNT)
g.layer("text_vectorization_adapted_tf_idf", TEXT, lambda: adapted(L.TextVectorization(output_mode="tf_idf"), SEEN), **LEARNT)
g.chain("text_vectorization_adapted_dense", TEXT, lambda: [adapted(L.TextVectorization(output_mode="count"), SEEN), L.Dense(2)], **LEARNT)
g.chain("nested_text_vectorization_adapted", TEXT, lambda: [
    K.Sequential([L.Input(*TEXT[:1], dtype="string"), adapted(L.TextVectorization(output_sequence_length=3), SEEN)]), L.Embedding(9, 2), L.Flatten(), L.Dense(2)], **LEARNT)
g.graph("text_vectorization_adapted_and_lookup", TEXT, lambda x: L.Concatenate()([
    adapted(L.TextVectorization(output_mode="count"), SEEN)(x), L.StringLookup(vocabulary=KNOWN, output_mode="one_hot")(x)]), **LEARNT)
g.graph("string_lookup_adapted_two", [WORDS, WORDS], lambda x: L.Concatenate()([
    adapted(L.StringLookup(), WORDS_SEEN)(x[0]), adapted(L.StringLookup(), ["void", "void", "star", "dust"])(x[1])]), **LEARNT)
g.chain("integer_lookup_counts_normalized", INTS, lambda: [L.IntegerLookup(vocabulary=[1, 3, 4, 7], output_mode="count"), L.LayerNormalization(), L.Dense(2)])
