"""Builds SavedModels and checkpoints of TensorFlow: small models, saved and run by real tf.keras 2.15.

    savedmodel_zoo.py OUT_DIR [NAME-FILTER]     NAME-FILTER: a regular expression on the id

`<form>_<case>.tar` is a folder as TensorFlow wrote it, `.npz` what the model predicts, and `.json` its architecture where the
folder does not hold it. Most cases are the zoo's (cases/); models in the middle of training come from ../fixtures/training, whose
references count for them. MANIFEST.tsv has a line a folder: `expect` is `right`, `trained`,
`guessed` (right when a class of the user's is taken for what its layers make) or `refused:<text of the reason>`.
"""
import pathlib
import re
import shutil
import sys
import tarfile
import tempfile
import traceback
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import zoo  # sets up TensorFlow

import numpy as np
import tensorflow as tf

import cases
import samples

K, L = tf.keras, tf.keras.layers
TRAINING = pathlib.Path(__file__).resolve().parents[1] / "fixtures" / "training"
COLUMNS = ["id", "group", "expect", "tolerance"]
# Of each group of the zoo so many cases, evenly spread.
GROUPS = {"core": 6, "activation": 8, "convolution": 14, "normalization": 10, "recurrent": 10, "cells": 8, "bidirectional": 6, "conv_lstm": 3,
          "attention": 4, "multi_head_attention": 5, "nested": 10, "shared": 4, "functional": 6, "sequential": 5, "time_distributed": 5,
          "lookup": 16, "category": 8, "image": 4, "dtype": 4, "merge": 4, "op": 6, "reshaping": 3, "mask": 4, "constraint": 2, "cudnn": 4}
TRAINED = ("new_sgd_momentum", "new_adam", "new_adam_amsgrad", "new_rmsprop_centered", "new_nadam", "new_ftrl", "new_adafactor",
           "legacy_sgd", "legacy_sgd_momentum", "legacy_adam", "legacy_adam_amsgrad", "legacy_rmsprop_centered", "legacy_adamax",
           "legacy_nadam", "legacy_adadelta", "legacy_adagrad", "legacy_ftrl", "model_nested", "model_frozen", "model_lstm", "model_attention",
           "model_bidirectional", "model_branches")


def evenly(items, n):
    return [items[i * len(items) // n] for i in range(min(n, len(items)))]


def chosen():
    table = cases.load_all()
    for group, n in GROUPS.items():
        fit = [case for case in table.values() if case.group == group and case.expect == "right" and not (case.archive or case.optimizer)]
        yield from evenly(fit, n)
    # What was learnt, which no .h5 holds or 2.15 itself does not restore from one.
    yield from (case for case in table.values() if "adapted" in case.id and (case.archive or not case.reloads))


def pack(folder, path):
    """A folder as a tar that depends on nothing but its files."""
    def plain(member):
        member.mtime, member.uid, member.gid, member.uname, member.gname, member.mode = 0, 0, 0, "", "", 0o644 | (member.isdir() and 0o111)
        return member
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.add(file, f"{path.stem}/{file.relative_to(folder)}", filter=plain)


def built(case):
    """(model, inputs, outputs, names) of a case of the zoo."""
    K.backend.clear_session()
    seed = zlib.crc32(case.id.encode())
    K.utils.set_random_seed(seed)
    model = case.build()
    if not case.keep:
        zoo.fill(model, np.random.default_rng(seed))
    names = zoo.input_names(model)
    inputs = samples.make_inputs([(list(t.shape), t.dtype.name) for t in model.inputs], seed=seed, **case.inputs)
    runs = model
    if case.twin:
        runs = case.twin()
        with tempfile.TemporaryDirectory() as folder:
            model.save(f"{folder}/m.h5")
            runs.load_weights(f"{folder}/m.h5")
    runs.reset_states()
    outputs = zoo.predict(runs, inputs, names)
    runs.reset_states()
    return model, inputs, outputs, names


class Maker:
    def __init__(self, out, pattern):
        self.out, self.pattern, self.rows = out, pattern, []

    def wants(self, id):
        return re.search(self.pattern, id)

    def make(self, id, group, save, sample=None, expect="right", tolerance=1e-5, architecture=None):
        """`save(folder)` writes the files."""
        if not self.wants(id):
            return
        with tempfile.TemporaryDirectory() as folder:
            save(pathlib.Path(folder))
            pack(pathlib.Path(folder), self.out / f"{id}.tar")
        if sample:
            samples.write(self.out / f"{id}.npz", *sample)
        if architecture:
            (self.out / f"{id}.json").write_text(architecture.to_json())
        self.rows.append([id, group, expect, f"{tolerance:g}"])
        print(id, flush=True)

    def case(self, i, case):
        forms = {f"saved_{case.id}": i % 2 == 0, f"bare_{case.id}": i % 2 == 1, f"weights_{case.id}": i % 3 == 0,
                 f"object_{case.id}": i % 12 == 1, f"export_{case.id}": i % 9 == 4}
        if case.twin:  # no graph runs it here
            forms = {f"weights_{case.id}": True}
        forms = {id: due for id, due in forms.items() if due and self.wants(id)}
        if not forms:
            return
        model, *sample = built(case)
        told = dict(sample=sample, tolerance=case.tolerance)
        for id in forms:
            form = id.split("_")[0]
            # A checkpoint of a layer that learnt its vocabulary does not hold it.
            lost = form in ("weights", "object") and re.search("adapted", id) and re.search("lookup|vectorization", id)
            told["expect"] = "refused:vocabulary" if lost else "right"
            if form in ("saved", "bare"):
                self.make(id, form, lambda folder: model.save(folder, save_format="tf", save_traces=form == "saved", include_optimizer=False), **told)
            elif form == "weights" and model.weights:
                self.make(id, form, lambda folder: model.save_weights(folder / "weights.ckpt", save_format="tf"), architecture=model, **told)
            elif form == "object" and model.weights:
                self.make(id, form, lambda folder: tf.train.Checkpoint(net=model, extra=tf.Variable(3.0)).write(str(folder / "ckpt")), architecture=model, **told)
            elif form == "export" and model.weights and not any(t.dtype == tf.string for t in model.inputs):
                self.make(id, form, lambda folder: model.export(folder), architecture=model, **told)

    def trained(self, id):
        """A model in the middle of its training."""
        if not self.wants(f"trained_{id}"):
            return
        K.backend.clear_session()
        model = K.models.load_model(TRAINING / f"{id}.h5")
        sample = sample_of(model) if id.startswith("legacy") else None
        self.make(f"trained_{id}", "trained", lambda folder: model.save(folder, save_format="tf"), sample, expect="trained")

    def others(self):
        for id, group, make, expect in others():
            if self.wants(id):
                K.backend.clear_session()
                save, sample, architecture = make()
                # The only one of reduced precision.
                self.make(id, group, save, sample, expect, 1e-2 if id == "mixed" else 1e-5, architecture)


def small():
    K.utils.set_random_seed(5)
    x = L.Input((4,), name="in_0")
    return K.Model(x, L.Dense(2, name="last")(L.Dense(3, activation="relu", name="first")(x)))


def sample_of(model):
    inputs = samples.make_inputs([(list(t.shape), t.dtype.name) for t in model.inputs], seed=5)
    return inputs, zoo.predict(model, inputs, zoo.input_names(model)), zoo.input_names(model)


def subclassed():
    class Own(K.Model):
        def __init__(self):
            super().__init__()
            self.first, self.last = L.Dense(3), L.Dense(2)

        def call(self, x):
            return self.last(self.first(x))
    model = Own()
    model(np.zeros((2, 4), "float32"))
    return lambda folder: model.save(folder, save_format="tf"), None, None


@K.utils.register_keras_serializable("My")
class Scale(L.Layer):
    def build(self, shape):
        self.factor = self.add_weight("factor", (shape[-1],), initializer="ones")

    def call(self, x):
        return x * self.factor


def custom():
    x = L.Input((4,))
    model = K.Model(x, L.Dense(2)(Scale()(x)))
    return lambda folder: model.save(folder, save_format="tf"), None, None


def module():
    class Own(tf.Module):
        def __init__(self):
            super().__init__()
            self.w = tf.Variable(np.ones((4, 2), "float32"), name="w")

        @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32)])
        def __call__(self, x):
            return x @ self.w
    made = Own()
    return lambda folder: tf.saved_model.save(made, str(folder)), None, None


def plain(given):
    """tf.saved_model.save() of a Keras model: no metadata, but the edges of its objects."""
    def make():
        model = small()
        return lambda folder: tf.saved_model.save(model, str(folder)), sample_of(model) if given else None, model if given else None
    return make


def exported():
    model = small()
    return lambda folder: model.export(folder), None, None


def reading():
    """A graph that reads a file of the machine it runs on."""
    class Own(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((), tf.string)])
        def __call__(self, name):
            return tf.io.read_file(name)
    made = Own()
    return lambda folder: tf.saved_model.save(made, str(folder)), None, None


def side_by_side():
    """As a training loop keeps it: the model and its optimizer, which are not below each other."""
    model = small()
    model.compile(K.optimizers.Adam(0.01), "mse")
    model.train_on_batch(np.ones((4, 4), "float32"), np.ones((4, 2), "float32"))
    kept = tf.train.Checkpoint(step=tf.Variable(3), model=model, optimizer=model.optimizer)
    return lambda folder: kept.save(str(folder / "ckpt")), sample_of(model), model


def at_the_root():
    """The model is the root of the checkpoint, which counts beside its layers how often it was saved."""
    model = small()
    model.compile(K.optimizers.Adam(0.01), "mse")
    model.train_on_batch(np.ones((4, 4), "float32"), np.ones((4, 2), "float32"))
    return lambda folder: tf.train.Checkpoint(model).save(str(folder / "ckpt")), sample_of(model), model


def estimated():
    """What an estimator made of a model exports for serving: a graph of TensorFlow 1, and a checkpoint of objects with a step among them."""
    model = small()
    model.compile(K.optimizers.SGD(0.0), "mse")
    sample = sample_of(model)

    def serve():
        x = tf.compat.v1.placeholder(tf.float32, (None, 4))
        return tf.estimator.export.ServingInputReceiver({"in_0": x}, {"in_0": x})

    def save(folder):
        with tempfile.TemporaryDirectory() as aside:
            made = K.estimator.model_to_estimator(model, model_dir=f"{aside}/model")
            made.train(lambda: tf.data.Dataset.from_tensors(({"in_0": np.zeros((4, 4), "float32")}, np.zeros((4, 2), "float32"))))
            shutil.copytree(made.export_saved_model(f"{aside}/exported", serve).decode(), folder, dirs_exist_ok=True)
    return save, sample, model


class Trainer(K.Model):
    """A class of a user's that computes what its layers do, and trains by code of its own."""

    def train_step(self, data):
        return {}


def users_class():
    x = L.Input((4,), name="in_0")
    inner = Trainer(x, L.Dense(3, activation="relu")(x), name="inner")
    y = L.Input((4,), name="in_0")
    model = Trainer(y, L.Dense(2)(inner(y)))
    return lambda folder: model.save(folder, save_format="tf"), sample_of(model), None


class Dense(L.Dense):
    """A class of a user's that is called as that of Keras, and computes with a variable more."""

    def build(self, shape):
        super().build(shape)
        self.scale = tf.Variable(2.0)

    def call(self, x):
        return super().call(x) * self.scale


def extra(kind):
    """Variables beside those of the layers: on the model and on a layer, for nobody; or one that a layer computes with."""
    def make():
        x = L.Input((4,), name="in_0")
        model = K.Model(x, kind(2, name="last")(L.Dense(3, activation="relu", name="first")(x)))
        if kind is L.Dense:
            model.steps, model.get_layer("first").note = tf.Variable(7), tf.Variable([1.0, 2.0])
        return lambda folder: model.save(folder, save_format="tf"), sample_of(model), None
    return make


def beside(id):
    """A model in the middle of a training that holds its optimizer by itself."""
    def make():
        trained = K.models.load_model(TRAINING / f"{id}.h5")
        alone = K.Model(trained.inputs, trained.outputs)
        kept = tf.train.Checkpoint(step=tf.Variable(3), model=alone, optimizer=trained.optimizer)
        return lambda folder: kept.save(str(folder / "ckpt")), None, None
    return make


def pair(twins):
    """Two models in one checkpoint: with other shapes, or one and its copy."""
    def make():
        first = small()
        x = L.Input((4,), name="in_0")
        second = small() if twins else K.Model(x, L.Dense(5, name="last")(L.Dense(3, activation="relu", name="first")(x)))
        second.set_weights([w + 1 for w in second.get_weights()])
        kept = tf.train.Checkpoint(first_optimizer=K.optimizers.Adam(0.01), first=first, second=second)
        return lambda folder: kept.save(str(folder / "ckpt")), None if twins else sample_of(second), second
    return make


def stateful(form):
    def make():
        model = K.Sequential([L.Input((5, 3), batch_size=4, name="in_0"), L.LSTM(3, stateful=True, return_sequences=True), L.GRU(2, stateful=True)])
        sample = sample_of(model)
        model.reset_states()
        if form == "saved":
            return lambda folder: model.save(folder, save_format="tf"), sample, None
        return lambda folder: model.save_weights(folder / "w", save_format="tf"), sample, model
    return make


def part_of(value):
    """An initializer that gives a slice its part of a value."""
    def initialize(shape, dtype=None, partition_info=None):
        start = partition_info.var_offset if partition_info else [0] * value.ndim
        return tf.constant(value[tuple(slice(a, a + n) for a, n in zip(start, shape))], dtype)
    return initialize


def session(given, parts):
    """What tf.compat.v1.train.Saver writes: variables by name, in `parts` slices each."""
    def make():
        model = small()
        values = {v.name.split(":")[0]: v.numpy() for v in model.weights}

        def save(folder):
            graph = tf.Graph()
            with graph.as_default(), tf.compat.v1.Session(graph=graph) as run:
                split = tf.compat.v1.fixed_size_partitioner(parts) if parts > 1 else None
                for name, value in values.items():
                    tf.compat.v1.get_variable(name, value.shape, partitioner=split, initializer=part_of(value))
                tf.compat.v1.get_variable("global_step", (), dtype=tf.int64, initializer=tf.zeros_initializer())
                run.run(tf.compat.v1.global_variables_initializer())
                tf.compat.v1.train.Saver().save(run, str(folder / "model.ckpt"), write_meta_graph=False)
        return save, sample_of(model) if given else None, model if given else None
    return make


def first_graph():
    """A SavedModel of TensorFlow 1: no objects."""
    def save(folder):
        folder.rmdir()
        graph = tf.Graph()
        with graph.as_default(), tf.compat.v1.Session(graph=graph) as run:
            x = tf.compat.v1.placeholder(tf.float32, (None, 4))
            w = tf.compat.v1.get_variable("W", (4, 2), use_resource=True)
            run.run(tf.compat.v1.global_variables_initializer())
            tf.compat.v1.saved_model.simple_save(run, str(folder), {"x": x}, {"y": x @ w})
    return save, None, None


def vocabulary_lost():
    layer = L.StringLookup(output_mode="int")
    layer.adapt(tf.constant(["a", "b"]))
    model = K.Sequential([L.Input((1,), dtype="string"), layer, L.Embedding(4, 2)])
    return lambda folder: model.save_weights(folder / "w", save_format="tf"), None, model


def file_vocabulary():
    """A table that was made of a file: it stands in assets/."""
    path = pathlib.Path(tempfile.mkdtemp()) / "words.txt"
    path.write_text("sun\nmoon\nstar\n")
    x = L.Input((3,), dtype="string", name="in_0")
    model = K.Model(x, L.Embedding(5, 2)(L.StringLookup(vocabulary=str(path))(x)))
    words = np.array([["sun", "moon", "star"], ["star", "void", "sun"], ["moon", "moon", "dust"], ["void", "star", "star"]])
    return lambda folder: model.save(folder, save_format="tf"), ([words], zoo.predict(model, [words], ["in_0"]), ["in_0"]), None


def policy():
    K.mixed_precision.set_global_policy("mixed_float16")
    model = small()
    K.mixed_precision.set_global_policy("float32")
    model.compile(K.mixed_precision.LossScaleOptimizer(K.optimizers.Adam(0.01)), "mse")
    model.train_on_batch(np.ones((4, 4), "float32"), np.ones((4, 2), "float32"))
    return lambda folder: model.save(folder, save_format="tf"), sample_of(model), None


def others():
    yield "mixed", "saved", policy, "right"
    yield "file_vocabulary", "saved", file_vocabulary, "right"
    yield "plain_given", "given", plain(True), "right"
    yield "session_given", "given", session(True, 1), "right"
    yield "session_slices_given", "given", session(True, 2), "right"
    yield "object_optimizer", "object", side_by_side, "right"
    yield "estimated_given", "given", estimated, "right"
    yield "object_root", "object", at_the_root, "right"
    yield "plain", "refused", plain(False), "refused:no Keras metadata"
    yield "export", "refused", exported, "refused:model.export"
    yield "subclassed", "refused", subclassed, "refused:Python code"
    yield "custom", "refused", custom, "refused:Scale"
    yield "module", "refused", module, "refused:tf.Module"
    yield "reading", "refused", reading, "refused:ReadFile"
    yield "session", "refused", session(False, 1), "refused:first/kernel"
    yield "first_graph", "refused", first_graph, "refused:TensorFlow 1"
    yield "users_class", "users", users_class, "guessed"
    yield "beside_new_adam", "beside", beside("new_adam"), "trained"
    yield "beside_legacy_adam", "beside", beside("legacy_adam"), "trained"
    yield "pair_second", "beside", pair(False), "right"
    yield "pair_twins", "beside", pair(True), "refused:fit the architecture"
    yield "stateful_saved", "stateful", stateful("saved"), "right"
    yield "stateful_weights", "stateful", stateful("weights"), "right"
    yield "with_extra", "aside", extra(L.Dense), "right"
    yield "with_extra_used", "aside", extra(Dense), "refused:belong to no layer"
    yield "vocabulary_lost", "refused", vocabulary_lost, "refused:vocabulary"


def write_manifest(path, rows):
    old = [line.split("\t") for line in path.read_text().splitlines()[1:]] if path.exists() else []
    merged = {row[0]: row for row in [*old, *rows]}
    path.write_text("\n".join("\t".join(row) for row in [COLUMNS, *(merged[id] for id in sorted(merged))]) + "\n")


def main(out, pattern=""):
    directory = pathlib.Path(out)
    directory.mkdir(parents=True, exist_ok=True)
    maker, dropped = Maker(directory, pattern), 0
    jobs = [(maker.case, (i, case)) for i, case in enumerate(chosen())] + [(maker.trained, (id,)) for id in TRAINED] + [(maker.others, ())]
    for job, arguments in jobs:
        try:
            job(*arguments)
        except Exception as error:
            dropped += 1
            print(f"DROPPED {arguments}: {type(error).__name__}: {str(error).strip()[:200]}", flush=True)
            if pattern:
                traceback.print_exc()
        write_manifest(directory / "MANIFEST.tsv", maker.rows)
    print(f"{len(maker.rows)} folders, {dropped} dropped")


if __name__ == "__main__":
    main(*sys.argv[1:3])
