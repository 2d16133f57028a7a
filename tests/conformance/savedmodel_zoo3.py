"""Builds checkpoints of Keras 3 models, as tf.train.Checkpoint writes them: run in Keras 3.15 on TensorFlow.

    savedmodel_zoo3.py OUT_DIR      keras3_<id>.tar, .json, .npz and lines of MANIFEST.tsv, beside those of savedmodel_zoo.py
"""
import os
import pathlib
import sys
import tarfile
import tempfile

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", TF_ENABLE_ONEDNN_OPTS="0", KERAS_BACKEND="tensorflow")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import keras
import numpy as np
import tensorflow as tf

import samples

L = keras.layers


def functional():
    x = L.Input((6,))
    return keras.Model(x, L.Dense(2)(L.Add()([L.Dense(4)(x), L.BatchNormalization()(L.Dense(4)(x))])))


def recurrent():
    """Keras does not track the cells of a StackedRNNCells: they are not in the file."""
    return keras.Sequential([L.Input((5, 6)), L.Bidirectional(L.LSTM(3, return_sequences=True)), L.Dropout(0.3),
                             L.RNN(L.StackedRNNCells([L.LSTMCell(3), L.GRUCell(2)]))])


def attention():
    """With an operation between the layers, which counts as one."""
    x = L.Input((5, 6))
    return keras.Model(x, L.Dense(2)(L.MultiHeadAttention(2, 3)(x, x) + 1.0))


def nested():
    x, inner = L.Input((6,)), keras.Sequential([L.Input((6,)), L.Dense(4), L.BatchNormalization()])
    return keras.Model(x, L.Dense(2)(inner(x)))


def convolution():
    return keras.Sequential([L.Input((6, 6, 2)), L.SeparableConv2D(3, 2), L.PReLU(), L.Conv2DTranspose(2, 3), L.LayerNormalization(), L.Flatten()])


def export():
    """What model.export() writes has each variable twice, and the state of a seed."""
    x = L.Input((4,), name="x")
    first = L.Dense(3)(x)
    return keras.Model(x, L.LSTM(2)(L.Reshape((3, 1))(L.Add()([first, L.Dense(3)(first)]))))


def make(out, name, model, trained):
    x = np.random.default_rng(1).normal(size=(4, *model.input_shape[1:])).astype("f4")
    if trained:
        model.compile(keras.optimizers.Adam(0.01), "mse")
        model.fit(x, np.zeros(model(x).shape), verbose=0)
    saved = tf.train.Checkpoint(net=model, optimizer=model.optimizer) if trained else tf.train.Checkpoint(model)
    with tempfile.TemporaryDirectory() as folder, tarfile.open(out / f"{name}.tar", "w", format=tarfile.USTAR_FORMAT) as archive:
        if name == "keras3_export":
            model.export(folder, verbose=False)
        else:
            saved.write(f"{folder}/ckpt")
        for path in sorted(path for path in pathlib.Path(folder).rglob("*") if path.is_file()):
            file = path.relative_to(folder)
            member = archive.gettarinfo(path, f"{name}/{file}")
            member.mtime, member.uid, member.gid, member.uname, member.gname, member.mode = 0, 0, 0, "", "", 0o644
            with open(f"{folder}/{file}", "rb") as data:
                archive.addfile(member, data)
    (out / f"{name}.json").write_text(model.to_json())
    samples.write(out / f"{name}.npz", [x], samples.flat(model.predict(x, verbose=0)), ["x"])
    expect = "refused:there is no object for the GRUCell" if name == "keras3_recurrent" else "right"
    return f"{name}\tkeras3\t{expect}\t1e-05"


def main(out):
    out = pathlib.Path(out)
    models = {"functional": functional, "recurrent": recurrent, "attention": attention, "nested": nested, "convolution": convolution, "export": export}
    keras.utils.set_random_seed(5)
    rows = [make(out, f"keras3_{name}", build(), name == "functional") for name, build in models.items()]
    manifest = out / "MANIFEST.tsv"
    head, *old = manifest.read_text().splitlines()
    manifest.write_text("\n".join([head, *sorted([line for line in old if not line.startswith("keras3_")] + rows)]) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
