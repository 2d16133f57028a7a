"""Makes .keras archives of zoo cases as releases of Keras 2 write them, with what those predict.

    archive.py OUT PREFIX [FILTER]      in tf.keras 2.11-2.15, or in tf_keras by TF_USE_LEGACY_KERAS=1
    archive.py --windows OUT PREFIX     beside each file of PREFIX that CHOSEN names, one as Windows writes it; any Python with h5py
    archive.py --linux FROM TO          a copy of an archive from Windows as other systems write it

For each case: OUT/<PREFIX>_<id>.keras, OUT/<PREFIX>_<id>.npz and a line of OUT/MANIFEST.tsv. PREFIX 215 gets every class of the
zoo at least once, every other one the cases of CHOSEN. What 2.15 cannot save, or reads back as another model, is passed over.
"""
import csv
import io
import json
import os
import pathlib
import re
import shutil
import sys
import zipfile
import zlib

HERE = pathlib.Path(__file__).resolve().parent
COLUMNS = ["id", "group", "classes", "expect", "note", "tolerance", "keras"]
# Containers, numbering, private attributes, parts of parts, named datasets, models in models.
CHOSEN = ["dense", "batch_norm", "batch_norm_twins", "mha_self", "bidirectional_lstm_concat", "bidirectional_backward_other_class",
          "rnn_stacked_lstm", "rnn_stacked_mixed", "time_distributed_dense", "time_distributed_functional", "nested_functional",
          "nested_sequential", "nested_three_deep", "nested_shares_layer", "nested_twice_chained", "nested_sequential_lazy", "shared_at_depths",
          "shared_siamese", "shared_lstm", "sequential_by_call", "sequential_frozen_first", "string_lookup", "string_lookup_tf_idf",
          "string_lookup_adapted", "string_lookup_adapted_two", "string_lookup_adapted_mask", "string_lookup_adapted_tf_idf", "integer_lookup_adapted", "text_vectorization_adapted",
          "text_vectorization_adapted_tf_idf", "nested_text_vectorization_adapted",
          "text_vectorization_adapted_dense", "text_vectorization_adapted_and_lookup", "text_vectorization_adapted_multi_hot", "normalization_adapted", "discretization_adapted",
          "conv_lstm2d", "spectral_norm_dense", "separable2d", "mixed_float16_dense", "hard_lstm_recurrent", "train_adam",
          "train_loss_crossentropy_object"]
# What 2.15 reads back as another model, though the file holds all of it.
ODD = {"discretization_adapted", "spectral_norm_dense", "string_lookup_adapted_tf_idf"}


def cover():
    """One case for each class of the zoo, the plainest that has it."""
    with (HERE.parent / "fixtures/zoo/MANIFEST.tsv").open() as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    found = {}
    for row in sorted(rows, key=lambda row: len(row["classes"])):
        if not row["id"].startswith("old_"):
            for name in row["classes"].split(","):
                found.setdefault(name, row["id"])
    return set(found.values())


def class_names(archive):
    import zoo
    config = json.loads(archive.read("config.json"))
    return sorted(set(zoo.class_names(config)) - zoo.DEFAULTS)


def save(model, path):
    """Of a name that begins with the release, as all of these do."""
    if path.name > "213":
        return model.save(path)
    if path.name > "212":
        return model.save(path, save_format="keras_v3")
    from keras.saving.experimental import saving_lib
    return saving_lib.save_model(model, str(path))


def load(path):
    import zoo
    if path.name > "212":
        return zoo.K.models.load_model(path, compile=False)
    from keras.saving.experimental import saving_lib
    return saving_lib.load_model(str(path))


def reread(case, path, inputs, outputs, names):
    """Why this Keras does not read its own file as it was, or None."""
    import samples
    import zoo
    try:
        again = zoo.predict(load(path), inputs, names)
    except Exception as error:
        return f"{type(error).__name__}: {str(error).strip()[:200]}"
    worst, scale = samples.difference(again, outputs)
    good = samples.equal(worst, scale, zoo.RELOAD if case.tolerance < 1e-3 else 1e-3)
    return None if good else f"differs by {worst:.3g} of {scale:.3g}"


def make(case, directory, prefix):
    import numpy as np
    import samples
    import zoo
    zoo.K.backend.clear_session()
    seed = zlib.crc32(case.id.encode())
    zoo.K.utils.set_random_seed(seed)
    model = case.build()
    if not case.keep:
        zoo.fill(model, np.random.default_rng(seed))
    path = directory / f"{prefix}_{case.id}.keras"
    save(model, path)
    names = zoo.input_names(model)
    inputs = samples.make_inputs([(list(t.shape), t.dtype.name) for t in model.inputs], seed=seed, **case.inputs)
    model.reset_states()
    outputs = zoo.predict(model, inputs, names)
    if not all(np.isfinite(o).all() for o in outputs if o.dtype.kind == "f") or (samples.weak(outputs) and not case.weak):
        raise zoo.Dropped("outputs that show nothing")
    zoo.K.backend.clear_session()
    why = reread(case, path, inputs, outputs, names)
    if why and case.id not in ODD:
        raise zoo.Dropped(f"reads its own file as another model: {why}")
    samples.write(directory / f"{prefix}_{case.id}.npz", inputs, outputs, names)
    with zipfile.ZipFile(path) as archive:
        version = json.loads(archive.read("metadata.json"))["keras_version"]
        row = [f"{prefix}_{case.id}", prefix, ",".join(class_names(archive)), case.expect, case.note, f"{case.tolerance:g}", version]
    return row


def read_rows(path):
    return [line.split("\t") for line in path.read_text().splitlines()[1:]] if path.exists() else []


def write_rows(path, rows):
    kept = {row[0]: row for row in rows}
    path.write_text("\n".join("\t".join(row) for row in [COLUMNS] + [kept[id] for id in sorted(kept)]) + "\n")


def make_all(directory, prefix, pattern=""):
    import tensorflow as tf
    import cases
    directory.mkdir(parents=True, exist_ok=True)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    wanted = set(CHOSEN) | (cover() if prefix == "215" else set())
    rows, dropped = read_rows(directory / "MANIFEST.tsv"), 0
    for case in cases.load_all().values():
        if case.id not in wanted or case.twin or not re.search(pattern, case.id):
            continue
        try:
            rows.append(make(case, directory, prefix))
        except Exception as error:
            dropped += 1
            for suffix in (".keras", ".npz"):
                (directory / f"{prefix}_{case.id}{suffix}").unlink(missing_ok=True)
            print(f"DROPPED {prefix}_{case.id}: {type(error).__name__}: {str(error).strip()[:300]}", flush=True)
        write_rows(directory / "MANIFEST.tsv", rows)
    print(f"{len(rows)} archives, {dropped} dropped")


def windows_weights(data):
    """The weights with groups named as os.path.join does on Windows: all of the path is the name of a member of the root."""
    import h5py
    image = io.BytesIO()
    with h5py.File(io.BytesIO(data)) as old, h5py.File(image, "w") as new:
        def take(name, item):
            if name.split("/")[-1] == "vars":
                above = name.rsplit("/", 1)[0].replace("/", "\\") if "/" in name else ""
                old.copy(item, new.require_group(above) if above else new, "vars")
        old.visititems(take)
    return image.getvalue()


def windows(directory, prefix):
    rows = read_rows(directory / "MANIFEST.tsv")
    for row in [row for row in rows if row[1] == prefix and row[0][len(prefix) + 1:] in CHOSEN]:
        id = f"{prefix}w_{row[0][len(prefix) + 1:]}"
        with zipfile.ZipFile(directory / f"{row[0]}.keras") as old, zipfile.ZipFile(directory / f"{id}.keras", "w") as new:
            for name in old.namelist():
                data = old.read(name)
                new.writestr(zipfile.ZipInfo(name), windows_weights(data) if name == "model.weights.h5" else data)
        shutil.copyfile(directory / f"{row[0]}.npz", directory / f"{id}.npz")
        rows.append([id, f"{prefix}w"] + row[2:])
    write_rows(directory / "MANIFEST.tsv", rows)


def linux_weights(data):
    """The weights of a file from Windows with groups in groups, as other systems write and read them."""
    import h5py
    image = io.BytesIO()
    with h5py.File(io.BytesIO(data)) as old, h5py.File(image, "w") as new:
        for name in old:
            above, _, last = name.replace("\\", "/").rpartition("/")
            new.require_group(above or "/")
            if last in (new[above] if above else new):
                for below in old[name]:
                    old.copy(old[name][below], new[f"{above}/{last}"], below)
            else:
                old.copy(old[name], new[above] if above else new, last)
    return image.getvalue()


def linux(source, target):
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(zipfile.ZipInfo(name), linux_weights(data) if name == "model.weights.h5" else data)


def main(arguments):
    sys.path.insert(0, str(HERE))
    os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", TF_ENABLE_ONEDNN_OPTS="0")
    if arguments[0] == "--linux":
        return linux(*arguments[1:3])
    if arguments[0] == "--windows":
        return windows(pathlib.Path(arguments[1]), arguments[2])
    return make_all(pathlib.Path(arguments[0]), *arguments[1:3])


if __name__ == "__main__":
    main(sys.argv[1:])
