"""Adds `old_*` to the SavedModels: what tf.keras 2.1 (Python 3.7), 2.4 and tf_keras 2.21 save otherwise than 2.15.

    savedmodel_age.py OUT_DIR [NAME-FILTER]

In 2.4 vocabularies stand in tables that are saved with the variables, and layers that draw numbers have a state of their own among
them; in 2.1 the InputLayer of a Sequential has a number among its layers, and operations are layers. In 2.21 layers have arguments that came after 2.15.
"""
import os
import pathlib
import re
import sys
import tarfile
import tempfile

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", TF_USE_LEGACY_KERAS="1")

import numpy as np
import tensorflow as tf

import samples

K, L = tf.keras, tf.keras.layers
P = getattr(L.experimental, "preprocessing", None)
COLUMNS = ["id", "group", "expect", "tolerance"]


def text():
    layer = P.TextVectorization(max_tokens=20, output_sequence_length=4)
    layer.adapt(np.array(["the sun is up", "the moon is down", "sun and moon"]))
    model = K.Sequential([K.Input((1,), dtype="string", name="in_0"), layer, L.Embedding(20, 3), L.GlobalAveragePooling1D()])
    return model, [np.array([["the sun"], ["moon is gone"], ["down, down!"], [""]])]


def words():
    names, numbers = L.Input((1,), dtype="string", name="in_0"), L.Input((1,), dtype="int64", name="in_1")
    by_name, by_number = P.StringLookup(mask_token=None, num_oov_indices=2), P.IntegerLookup(max_values=9)
    by_name.adapt(np.array([["a"], ["b"], ["a"], ["c"]]))
    by_number.adapt(np.array([[5], [7], [7]]))
    joined = L.Concatenate()([L.Embedding(8, 3)(by_name(names)), L.Embedding(9, 2)(by_number(numbers))])
    return K.Model([names, numbers], L.Flatten()(joined)), [np.array([["a"], ["c"], ["z"], ["b"]]), np.array([[5], [7], [9], [0]])]


def counted_words(mode):
    def build():
        layer = P.TextVectorization(max_tokens=12, output_mode=mode, ngrams=2 if mode == "count" else None)
        layer.adapt(np.array(["the sun is up", "the moon is down", "sun and moon"]))
        model = K.Sequential([K.Input((1,), dtype="string", name="in_0"), layer, L.Dense(3)])
        return model, [np.array([["the sun"], ["moon is gone"], ["down, down!"], [""]])]
    return build


def known_words():
    """Nothing but the vocabulary has a number."""
    names, numbers = L.Input((2,), dtype="string", name="in_0"), L.Input((2,), dtype="int64", name="in_1")
    by_name, by_number = P.StringLookup(num_oov_indices=0), P.IntegerLookup(num_oov_indices=0)
    by_name.adapt(np.array([["a"], ["b"], ["a"], ["c"]]))
    by_number.adapt(np.array([[5], [7], [7]]))
    joined = L.Concatenate()([L.Embedding(8, 3)(by_name(names)), L.Embedding(9, 2)(by_number(numbers))])
    return K.Model([names, numbers], L.Flatten()(joined)), [np.array([["a", "c"], ["c", "b"], ["b", "a"], ["b", ""]]), np.array([[5, 7], [7, 7], [7, 5], [0, 0]])]


def augmented():
    x = L.Input((8, 8, 3), name="in_0")
    h = P.RandomRotation(0.1)(P.RandomFlip("horizontal")(x))
    return K.Model(x, L.SeparableConv2D(2, 3)(h)), samples.make_inputs([([None, 8, 8, 3], "float32")])


class Chain(K.Sequential):
    """A class of a user's that adds nothing to what it computes."""


def chain():
    return Chain([L.Dense(3, activation="relu", input_shape=(4,)), L.Dense(2)]), samples.make_inputs([([None, 4], "float32")])


def counted():
    model = K.Sequential([L.Conv1D(4, 3, input_shape=(6, 2)), L.BatchNormalization(), L.Bidirectional(L.LSTM(3)), L.Dense(2)])
    return model, samples.make_inputs([([None, 6, 2], "float32")])


def exported():
    """export_saved_model() keeps the architecture among the assets."""
    model = K.Sequential([L.Conv1D(4, 3, input_shape=(6, 2)), L.BatchNormalization(), L.Flatten(), L.Dense(2)])
    model.compile("adam", "mse")
    model.train_on_batch(np.ones((4, 6, 2), "float32"), np.ones((4, 2), "float32"))
    return model, samples.make_inputs([([None, 6, 2], "float32")])


def operations():
    x, y = L.Input((4,), name="in_0"), L.Input((4,), name="in_1")
    base = K.Sequential([L.Dense(3, input_shape=(4,))], name="base")
    return K.Model([x, y], L.Dense(2)(tf.abs(base(x) - base(y)))), samples.make_inputs([([None, 4], "float32")] * 2)


def late_arguments():
    x = L.Input((4, 4, 6), name="in_0")
    h = L.Reshape((16, 6))(L.RandomContrast(0.2)(L.RandomFlip("horizontal")(x)))
    return K.Model(x, L.Dense(3)(L.MultiHeadAttention(2, 4)(h, h))), samples.make_inputs([([None, 4, 4, 6], "float32")])


def pack(folder, path):
    """A folder as a tar that depends on nothing but its files."""
    def plain(member):
        member.mtime, member.uid, member.gid, member.uname, member.gname, member.mode = 0, 0, 0, "", "", 0o644
        return member
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.add(file, f"{path.stem}/{file.relative_to(folder)}", filter=plain)


def make(out, id, build, form):
    K.backend.clear_session()
    tf.random.set_seed(5)
    model, inputs = build()
    outputs = model.predict(inputs if len(inputs) > 1 else inputs[0])  # an export spoils the model
    with tempfile.TemporaryDirectory() as folder:
        if form == "saved":
            model.save(folder, save_format="tf")
        elif form == "exported":
            from tensorflow.python.keras.saving.saved_model_experimental import export_saved_model
            export_saved_model(model, folder)
        else:
            model.save_weights(f"{folder}/weights.ckpt", save_format="tf")
            (out / f"{id}.json").write_text(model.to_json())
        pack(pathlib.Path(folder), out / f"{id}.tar")
    samples.write(out / f"{id}.npz", inputs, [outputs], [f"in_{i}" for i in range(len(inputs))])
    print(id, flush=True)
    return [id, "old", EXPECT.get(id, "right"), "1e-05"]


# What it has learnt to weigh words by stands in a layer below it.
EXPECT = {"old_chain": "guessed", "old_text_tf_idf": "refused:vocabulary"}
CASES_2_1 = {"old_counted": (counted, "saved"), "old_counted_weights": (counted, "weights"), "old_operations": (operations, "saved")}
CASES_2_4 = {"old_text": (text, "saved"), "old_words": (words, "saved"), "old_words_weights": (words, "weights"),
             "old_text_binary": (counted_words("binary"), "saved"), "old_text_count": (counted_words("count"), "saved"),
             "old_text_tf_idf": (counted_words("tf-idf"), "saved"), "old_known_words": (known_words, "saved"),
             "old_exported": (exported, "exported"), "old_augmented": (augmented, "saved"), "old_chain": (chain, "saved")}
CASES_2_21 = {"old_late_arguments": (late_arguments, "saved")}
CASES = {"2.1.": CASES_2_1, "2.21": CASES_2_21}.get(tf.__version__[:4], CASES_2_4)


def main(out, pattern=""):
    directory = pathlib.Path(out)
    rows = [make(directory, id, *case) for id, case in CASES.items() if re.search(pattern, id)]
    path = directory / "MANIFEST.tsv"
    old = [line.split("\t") for line in path.read_text().splitlines()[1:]] if path.exists() else []
    merged = {row[0]: row for row in [*old, *rows]}
    path.write_text("\n".join("\t".join(row) for row in [COLUMNS, *(merged[id] for id in sorted(merged))]) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:3])
