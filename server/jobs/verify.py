# SPDX-License-Identifier: Apache-2.0
"""Does a converted model predict what the original predicts? Run where each of them is at home:

    python verify.py record OLD     in the environment of the original: seeded inputs, its outputs, into verify.npz
    python verify.py compare NEW    in that of the result: the same inputs, and how far its outputs are from those

OLD and NEW are a .keras, .h5, .onnx, a SavedModel or a model.json of TensorFlow.js (or a folder, .tar or .zip with one of these in
it); weights take --architecture FILE, what to_json() gave. A .safetensors and a .npz run nowhere: NEW may be one of them, and its
tensors alone are compared. Needs NumPy and what runs the model: Keras, tf.keras or tf_keras, ONNX
Runtime, TensorFlow, or Node where it finds the package @tensorflow/tfjs (npm install @tensorflow/tfjs). Both commands also hold the
tensors against the checksums of the conversion's report: those of SHA-256 (checksum=sha256) by Python alone, others with the
package xxhash. A model that takes text needs --inputs FILE for record.

Exit status: 0 equal, 1 not equal, 2 it cannot be told.
"""
from __future__ import print_function

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile

import numpy as np

REPORT = None
BATCH = 4
SMALLEST = 1e-3  # outputs that are all smaller count as this


class Unknown(Exception):
    """What cannot be told, and why."""


def is_text(value):
    return value.dtype.kind in "OSU"


def flat(value):
    """The tensors of a structure, dictionaries in the order of their keys."""
    if isinstance(value, dict):
        return [one for key in sorted(value) for one in flat(value[key])]
    if isinstance(value, (list, tuple)):
        return [one for part in value for one in flat(part)]
    return [np.asarray(value)]


def plain(dtype):
    return str(getattr(dtype, "name", dtype)).replace("_ref", "")


class Keras(object):
    def __init__(self, path, architecture):
        self.keras = import_keras()
        self.model = self.load(path, architecture)
        inputs = self.model.inputs
        self.names = [str(getattr(one, "name", "")).split(":")[0] for one in inputs]
        self.specs = [(shape_of(one), plain(one.dtype)) for one in inputs]
        self.limit = min([size for size in map(rows_of, layers_of(self.model)) if size] or [0])

    def load(self, path, architecture):
        models = self.keras.models
        if architecture:
            with open(architecture) as file:
                model = models.model_from_json(file.read())
            model.load_weights(path)
            return model
        try:
            return models.load_model(path, compile=False)
        except TypeError:  # before 2.1
            return models.load_model(path)

    def predict(self, inputs):
        names = [name.split("/")[-1] for name in self.names]
        taken = getattr(self.model, "_inputs_struct", getattr(self.model, "_nested_inputs", None))
        if isinstance(taken, dict):
            inputs = {key: dict(zip(names, inputs))[key] for key in taken}
        elif len(inputs) == 1:
            inputs = inputs[0]
        if any(dtype == "string" for _, dtype in self.specs):  # which predict() takes in no release
            import tensorflow
            outputs = self.model(tensorflow.nest.map_structure(tensorflow.constant, inputs), training=False)
            return flat(tensorflow.nest.map_structure(lambda one: one.numpy(), outputs))
        return flat(self.model.predict(inputs, batch_size=BATCH, verbose=0))

    def tensors(self):
        return self.model.get_weights()


class Onnx(object):
    def __init__(self, path, architecture):
        import onnxruntime
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        kinds = {"tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16", "tensor(bool)": "bool"}
        inputs = self.session.get_inputs()
        self.names = [one.name for one in inputs]
        self.specs = [([size if isinstance(size, int) else None for size in one.shape], kinds.get(one.type, one.type[7:-1])) for one in inputs]
        self.limit = 0

    def predict(self, inputs):
        return flat(self.session.run(None, {name: value.astype("O") if is_text(value) else value for name, value in zip(self.names, inputs)}))

    def tensors(self):
        return None


class SavedModel(object):
    def __init__(self, path, architecture):
        import tensorflow
        self.tensorflow, self.loaded = tensorflow, tensorflow.saved_model.load(path)  # which owns the function's variables
        self.function = self.loaded.signatures["serving_default"]
        taken = self.function.structured_input_signature[1]
        self.names = sorted(taken)
        self.specs = [(taken[name].shape.as_list(), taken[name].dtype.name) for name in self.names]
        self.limit = 0

    def predict(self, inputs):
        fed = {name: self.tensorflow.constant(value) for name, value in zip(self.names, inputs)}
        return flat({key: value.numpy() for key, value in self.function(**fed).items()})

    def tensors(self):
        return None


# Reads a job, {"model": path of a model.json, "feeds": the inputs or null}; says what the model takes, or gives.
NODE = r"""
const fs = require('fs'), path = require('path'), tf = require('@tensorflow/tfjs');
const job = JSON.parse(fs.readFileSync(0, 'utf8')), folder = path.dirname(job.model);
async function load() {
  const document = JSON.parse(fs.readFileSync(job.model, 'utf8'));
  const specs = [].concat(...document.weightsManifest.map(group => group.weights));
  const paths = [].concat(...document.weightsManifest.map(group => group.paths));
  const bytes = Uint8Array.from(Buffer.concat(paths.map(name => fs.readFileSync(path.join(folder, name)))));
  return {modelTopology: document.modelTopology, weightSpecs: specs, weightData: bytes.buffer};
}
async function main() {
  await tf.setBackend('cpu');
  const model = await tf.loadLayersModel({load});
  const specs = model.inputs.map(one => [one.name, one.shape, one.dtype]);
  if (!job.feeds) return specs;
  const feeds = job.feeds.map((one, i) => tf.tensor(one.data, one.shape, specs[i][2]));
  return [].concat(model.predict(feeds.length === 1 ? feeds[0] : feeds)).map(one => [one.shape, Array.from(one.dataSync(), String)]);
}
console.warn = console.log = () => {};
main().then(result => process.stdout.write(JSON.stringify(result)), error => { console.error(error.message); process.exit(1); });
"""


class TensorFlowJs(object):
    def __init__(self, path, architecture):
        self.path = os.path.abspath(path)
        taken = self.run(None)
        self.names = [name for name, _, _ in taken]
        self.specs = [(shape, dtype) for _, shape, dtype in taken]
        self.limit = 0

    def run(self, feeds):
        job = json.dumps({"model": self.path, "feeds": feeds}).encode()
        try:
            node = subprocess.Popen(["node", "-e", NODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        except OSError:
            raise Unknown("a model of TensorFlow.js needs Node, and there is no program node")
        said, error = node.communicate(job)
        if node.returncode:
            lines = error.decode("utf-8", "replace").strip().splitlines()
            raise Unknown("Node: " + ([line for line in lines if "Error" in line] + lines[-1:] + ["it failed"])[0])
        return json.loads(said.decode("utf-8"))

    def predict(self, inputs):
        feeds = [{"shape": value.shape, "data": value.ravel().tolist()} for value in inputs]
        return [np.array([float(one) for one in data], "float32").reshape(shape) for shape, data in self.run(feeds)]

    def tensors(self):
        return None


class Arrays(object):
    """Tensors alone, which nothing runs."""

    def __init__(self, path, architecture):
        self.path = path

    def tensors(self):
        if self.path.endswith(".npz"):
            with np.load(self.path) as file:
                return [file[name] for name in file.files]
        with open(self.path, "rb") as file:
            data = file.read()
        end = 8 + int(np.frombuffer(data[:8], "<u8")[0])
        header = json.loads(data[8:end].decode("utf-8"))
        header.pop("__metadata__", None)
        places = [one["data_offsets"] for one in header.values()]
        return [np.frombuffer(data[end + first:end + last], "uint8") for first, last in places]


def import_keras():
    """As TF_USE_LEGACY_KERAS says; before 2.6 what is in TensorFlow, and before that what is alone."""
    if os.environ.get("TF_USE_LEGACY_KERAS") in ("1", "true", "True"):
        import tf_keras
        return tf_keras
    try:
        import keras
    except ImportError:
        from tensorflow import keras
    return keras


def layers_of(layer):
    below = list(getattr(layer, "layers", None) or []) + [getattr(layer, "layer", None)]
    return [one for part in below if part is not None for one in [part] + layers_of(part)]


def rows_of(layer):
    """How many rows an Embedding has; 0 for what is none."""
    return int(layer.input_dim or 0) if type(layer).__name__ == "Embedding" else 0


def shape_of(tensor):
    shape = getattr(tensor, "_keras_shape", None) or tensor.shape
    return [None if size is None or str(size) in ("?", "None") else int(size) for size in shape]


def unpacked(path):
    """The folder at a path, or one with what is packed there; None for other files."""
    if os.path.isdir(path):
        return path
    packed = zipfile.ZipFile if zipfile.is_zipfile(path) else tarfile.open if tarfile.is_tarfile(path) else None
    if path.endswith(".keras") or not packed:
        return None
    folder = tempfile.mkdtemp()
    with packed(path) as archive:
        archive.extractall(folder)
    return folder


def open_model(path, architecture):
    if not os.path.exists(path):
        raise Unknown("there is no " + path)
    if path.endswith((".npz", ".safetensors")):
        return Arrays(path, architecture)
    folder = unpacked(path)
    for at, below, files in os.walk(folder) if folder else ():
        below[:] = [name for name in below if name != "node_modules"]
        if "saved_model.pb" in files:
            return SavedModel(at, architecture)
        if "model.json" in files:
            return TensorFlowJs(os.path.join(at, "model.json"), architecture)
    if folder:
        raise Unknown("there is no saved_model.pb and no model.json in " + path)
    kinds = {".onnx": Onnx, ".json": TensorFlowJs}
    return kinds.get(os.path.splitext(path)[1], Keras)(path, architecture)


def make_inputs(model, free):
    """Seeded: numbers of both signs, whole ones where an Embedding takes them; the last row ends in zeros, as padding does."""
    random, made = np.random.RandomState(7), []
    for shape, dtype in model.specs:
        size = [shape[0] or BATCH] + [free if one is None else one for one in shape[1:]]
        if dtype == "string":
            raise Unknown("the model takes text: give inputs by --inputs")
        if dtype == "bool":
            value = random.randint(0, 2, size)
        elif "int" in dtype or model.limit:
            value = random.randint(1, max(2, min(model.limit or 10, 1000)), size)
        else:
            value = random.uniform(-1, 1, size)
        if len(size) > 1 and size[1] > 1:
            value[-1, size[1] // 2 + 1:] = 0
        made.append(value.astype(dtype if "int" in dtype or dtype in ("bool", "float64") else "float32"))
    return made


def hash_of(algorithm):
    if algorithm == "sha256":
        return lambda data: hashlib.sha256(data).hexdigest()
    try:
        import xxhash
    except ImportError:
        return None
    return lambda data: xxhash.xxh3_128_hexdigest(data)


def check_tensors(model, side):
    """Whether the model has every tensor of the report; None where nobody knows."""
    rows = [row for row in (REPORT or {}).get("tensors", []) if row["layer"] and row["target"] and not row["target"].startswith("optimizer")]
    wanted = [row["checksum"][side] for row in rows if (row.get("checksum") or {}).get(side)]
    values = model.tensors()
    if not wanted or values is None:
        print("tensors: not checked, %s" % ("the report has no checksums" if not wanted else "a model of this kind does not give them"))
        return None
    digest = hash_of(wanted[0]["algorithm"])
    if not digest:
        print("tensors: not checked, the report's checksums are %s: install xxhash, or convert with checksum=sha256" % wanted[0]["algorithm"])
        return None
    there = {digest(np.ascontiguousarray(value).tobytes()) for value in values}
    missing = [row for row, sum in zip(rows, wanted) if sum["value"] not in there]
    print("tensors: %d of %d are those of the report" % (len(wanted) - len(missing), len(wanted)))
    for row in missing[:10]:
        print("  other values than in the report: %s" % row["source"])
    return not missing


def fitting(model, inputs):
    """The inputs, where the model takes such."""
    taken, given = [tuple(shape) for shape, _ in model.specs], [value.shape for value in inputs]
    if len(taken) != len(given) or not all(len(shape) == len(size) and all(a in (None, b) for a, b in zip(shape, size))
                                           for shape, size in zip(taken, given)):
        raise Unknown("the model takes inputs of the shapes %s, and is given %s" % (taken, given))
    return inputs


def text(value):
    """Texts as an .npz holds them."""
    if value.dtype.kind not in "OS":
        return value
    return np.array([one.decode("utf-8") if isinstance(one, bytes) else one for one in value.ravel()]).reshape(value.shape)


def gap_of(one, wish):
    """The largest difference, and of what; of texts, whether they are the same."""
    if is_text(one) or is_text(wish):
        return float(not np.array_equal(text(one), text(wish))), 1.0
    one, wish = one.astype("float64"), wish.astype("float64")
    return np.max(np.abs(one - wish)) if one.size else 0.0, max(SMALLEST, np.max(np.abs(wish)) if wish.size else 0.0)


def record(options):
    model = open_model(options.model, options.architecture)
    if isinstance(model, Arrays):
        raise Unknown("%s holds tensors alone, and nothing that computes outputs" % options.model)
    check_tensors(model, "before")
    if options.inputs:
        with np.load(options.inputs) as given:
            inputs = [given[name] for name in given.files]
    else:
        inputs = make_inputs(model, options.size)
    outputs = model.predict(fitting(model, inputs))
    kept = {"names": np.array(model.names), "path": np.array(os.path.basename(options.model))}
    kept.update(("in%d" % i, value) for i, value in enumerate(inputs))
    kept.update(("out%d" % i, text(value)) for i, value in enumerate(outputs))
    np.savez(options.record, **kept)
    print("%s: %d inputs and %d outputs of %s" % (options.record, len(inputs), len(outputs), options.model))
    return 0


def numbered(kept, prefix):
    return [kept[prefix + str(i)] for i in range(len(kept.files)) if prefix + str(i) in kept.files]


def by_name(model, names, inputs):
    """The kept inputs in the model's order: by their names where it has the same, else as they stand."""
    if sorted(names) == sorted(model.names) and len(set(names)) == len(names):
        return [inputs[names.index(name)] for name in model.names]
    return inputs


def compare(options):
    model = open_model(options.model, options.architecture)
    checked = check_tensors(model, "after")
    if isinstance(model, Arrays):
        print("outputs: not compared, %s holds tensors alone: kferry convert makes a model of it again, which can be" % options.model)
        return {True: 0, False: 1, None: 2}[checked]
    same = checked is not False
    with np.load(options.record) as kept:
        inputs, wanted, names = numbered(kept, "in"), numbered(kept, "out"), [str(name) for name in kept["names"]]
    outputs = model.predict(fitting(model, by_name(model, names, inputs)))
    if [one.shape for one in outputs] != [one.shape for one in wanted]:
        print("outputs: shapes %s, recorded %s" % ([one.shape for one in outputs], [one.shape for one in wanted]))
        return 1
    for i, (one, wish) in enumerate(zip(outputs, wanted)):
        gap, scale = gap_of(one, wish)
        ok = bool(gap <= options.tolerance * scale)  # never of what is no number
        same = same and ok
        print("output %d: largest difference %.3g of %.3g: %s" % (i, gap, scale, "equal" if ok else "NOT EQUAL"))
    return 0 if same else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["record", "compare"])
    parser.add_argument("model")
    parser.add_argument("--record", default="verify.npz", metavar="FILE", help="what record writes and compare reads")
    parser.add_argument("--architecture", metavar="FILE", help="of weights that come without one")
    parser.add_argument("--inputs", metavar="FILE", help="an .npz with the model's inputs in their order, for record")
    parser.add_argument("--size", type=int, default=16, help="of free axes")
    parser.add_argument("--tolerance", type=float, default=1e-5, help="of the largest output; quantized models need more")
    options = parser.parse_args()
    try:
        return {"record": record, "compare": compare}[options.command](options)
    except (Unknown, ImportError, IOError) as error:
        print("cannot be told: %s" % error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
